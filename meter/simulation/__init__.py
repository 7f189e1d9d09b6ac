"""What would everybody have paid by other prices? Months of real usage rated twice: as agreed, and by a draft."""
