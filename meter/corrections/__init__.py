"""Corrections: events voided, amended and put back, with who, why and how they were; a history that only grows.

`decide` is pure: what becomes of which row. `find` looks up what is asked for, `write` changes it in one transaction,
`moved` says which hours and invoices it moves, `history` reads corrections back.
"""
