"""The package: what is in the wheel, and that it runs where nothing else of ours is."""
