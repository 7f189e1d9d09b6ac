"""Backfills: what a source says a team has used in a range, held against what is stored, applied and taken back.

`stage` takes the source in, `decide` is pure: what becomes of which event. `walk` reads both sides slice by slice, and
`compare`, `apply` and `undo` each do one slice in one transaction; `work` puts them on the worker's clock. `book` keeps
who asked for what, `difference` reads what was found.
"""
