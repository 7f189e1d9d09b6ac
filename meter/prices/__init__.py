"""Which prices are in force, since when, and how do they change? Books as code, their versions kept for ever."""
