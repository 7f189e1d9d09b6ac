"""Usage that changed after its invoice: the pure part."""
