"""The ledger, pure: wallets as values."""
