"""What was decided about subscriptions, and what follows from it."""
