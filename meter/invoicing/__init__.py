"""What becomes of an invoice: which status follows which, who changes it, and when a draft is made final."""
