"""What is kept for how long? Classes as data, what holds them back, and the steps that drop a week."""
