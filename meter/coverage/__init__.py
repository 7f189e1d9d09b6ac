"""For how much of the time was there data, and who has fallen silent? What tells "no data" from zero."""
