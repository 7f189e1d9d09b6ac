"""A year of teams of every kind, billed by the product and reckoned once more apart from it."""
