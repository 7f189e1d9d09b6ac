"""What takes back an invoice that is final: a part of it or all, into which a credit note is made and where it goes."""
