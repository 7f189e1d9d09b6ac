-- What the daemon would do by itself after so many changes.

analyze
