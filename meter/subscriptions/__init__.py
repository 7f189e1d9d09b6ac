"""What was decided about a team's subscription, and what follows from it. Pure: no I/O and no clock."""
