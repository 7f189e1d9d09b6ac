"""A year in a minute or two: teams of every kind, billed as days go by, and reckoned apart from the product."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from meter.migrate import Engine
from tests.billing.year import closing, generate
from tests.billing.year.generate import CLOSED, Wanted
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


def test_a_year_has_gifts_in_every_way() -> None:
    """For one meter, for a time, several at once; of fees ahead and then of their month; given back by both ways."""
    customers = list(generate.customers(WANTED["postgres"]))
    year = closing.reckoned(customers, generate.prices(), CLOSED - timedelta(days=1))
    invoices = [(name, owed) for name, issued in year.items() for _, owed in issued.invoices if owed.given]
    gifts = {(each.name, gift.name): gift for each in customers for gift in each.credits if gift.name}
    used = [gifts[name, gift] for name, owed in invoices for gift, _ in owed.given]
    assert any(gift.meters for gift in used)
    assert any(gift.expires is not None for gift in used)
    assert any(len(owed.given) > 1 for _, owed in invoices)
    ahead = {(name, owed.start) for name, owed in invoices if owed.reason == "advance"}
    assert any((name, owed.start) in ahead for name, owed in invoices if owed.reason == "period")
    assert any(amount < 0 for _, owed in invoices for _, amount in owed.given)
    assert any(issued.back for issued in year.values())
    assert any(issued.left for issued in year.values())
