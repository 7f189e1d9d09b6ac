"""The year in full: 200 teams, more of everything than `make test` has time for, on each engine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.billing.year.generate import Wanted
from tests.billing.year.running import a_year

pytestmark = [pytest.mark.soak, pytest.mark.database]
TEAMS = int(os.environ.get("METER_TEST_YEAR_TEAMS", "200"))
SEED = int(os.environ.get("METER_TEST_SOAK_SEED", "1"))


async def test_two_hundred_teams_come_to_what_was_reckoned(
    any_database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the year of `make test`: every invoice, revenue by currency, numbers without gaps, a doctor at ease."""
    line = await a_year(any_database, tmp_path, Wanted(TEAMS, SEED), verify_each=20)
    with capsys.disabled():
        print(f"\n{line}")  # noqa: T201 - how much it was is for who runs it
