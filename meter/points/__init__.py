"""What do the points of a stream come to? Counters and levels become rows of usage, anew when a point is late."""
