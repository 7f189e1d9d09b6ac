"""Minutes under fire: `make soak`."""
