"""The demo: its invented history, and the whole of it from nothing."""
