"""Given usage and a plan, what is owed? Pure and exact: no clock, no database, no float.

``models`` has one file per pricing model, ``adjust`` one per thing that happens to a price's amount before it is
rounded, ``document`` one per thing that happens to the sum of an invoice; ``order`` says in which order, and why.
"""
