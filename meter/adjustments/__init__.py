"""What becomes of usage that changes after its invoice is final: found, told, and billed or given back by a policy."""
