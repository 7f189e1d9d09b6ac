"""What does usage tell us? One pure polars file per job, listed here; `run.py` alone does the I/O.

A job takes frames and `now`, never reads a clock, a file or a database, and answers with msgspec structs. Statistics
are floating point inside and leave rounded to `frames.number.DIGITS` digits; nothing here is ever money.
"""

from __future__ import annotations

from types import ModuleType

from analytics import breakdown, budgets, compare, forecasts, peaks, trends

JOBS: tuple[ModuleType, ...] = (breakdown, budgets, compare, forecasts, peaks, trends)
