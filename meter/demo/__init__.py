"""What does a product full of usage look like? `run` makes one over HTTP, like a user; `history` invents its past."""
