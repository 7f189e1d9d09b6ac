"""A year in a minute or two: teams of every kind, billed as days go by, and reckoned apart from the product."""

from __future__ import annotations

from pathlib import Path

import pytest

from meter.migrate import Engine
from tests.billing.year.generate import Wanted
from tests.billing.year.running import a_year

pytestmark = pytest.mark.slow
WANTED: dict[Engine, Wanted] = {"postgres": Wanted(20, events=(30, 100)), "timescale": Wanted(12, events=(10, 40))}
"""Every plan, zone, anchor and currency in both; where the engine is not the question, more of it."""


async def test_a_year_comes_to_what_was_reckoned(
    engine: Engine, any_database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every invoice line by line, revenue by currency, numbers without gaps, and a doctor that finds nothing."""
    line = await a_year(any_database, tmp_path, WANTED[engine], verify_each=10)
    with capsys.disabled():
        print(f"\n{line}")  # noqa: T201 - how much it was is for who runs it
