"""What the running period's invoice comes to by forecasts: rated with tiers and fees, by what is known of meters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from psycopg import AsyncConnection

from analytics import run
from meter import bill, results, spend
from meter.bill import Draft
from meter.database import Connection
from meter.errors import NotRateable, Problem
from meter.expected import BANDS
from meter.model import Event
from meter.past import JOB
from meter.prices.apply import apply
from meter.prices.store import Source
from meter.rating.book import parse_book
from meter.rating.periods import Period
from meter.rating.usage import Usage
from meter.spend import Spend
from tests.billing.house import NOW, House, make_team

HOUR = timedelta(hours=1)
NOVEMBER = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC), "UTC")
BOOK = """
name = "studio"
title = "Studio"
currency = "USD"

[plans.solo]
title = "Solo"
base_fee = "20"
unbilled = ["tokens.input"]

[plans.solo.prices.calls]
title = "Calls"
meter = "requests"
unit = "request"
model = "graduated"
tiers = [
  { up_to = "10000", unit_amount = "0.01" },
  { unit_amount = "0.001" },
]
"""


@pytest.fixture(name="studio")
async def fixture_studio(house: House) -> House:
    """Answer a team on a plan with a fee and two tiers."""
    async with house.pool.connection() as conn:
        await apply(conn, parse_book(BOOK, "studio.toml"), Source(BOOK, {}), NOVEMBER.start, "tests", NOW)
    return await make_team(house.pool, house.ingest, "studio/solo")


async def used(here: House, hours: int, until: datetime = NOW, member: str = "ann") -> None:
    """Ingest ten calls in each of so many hours."""
    times = (until - number * HOUR for number in range(1, hours + 1))
    await here.sent(
        *(Event(id=f"{member} {at}", time=at, meter="requests", quantity=Decimal(10), member=member) for at in times)
    )


async def asked(here: House, now: datetime = NOW) -> tuple[Draft, Spend | Problem | None]:
    """Answer the running period by now, and where it ends, or why that can't be told."""
    async with here.pool.connection() as conn:
        draft = await bill.price(conn, here.team, NOVEMBER)
        return draft, await spend.read(conn, here.team, draft, now)


async def looked(here: House, now: datetime = NOW) -> tuple[Draft, Spend | None]:
    """Answer the running period by now, and where it ends."""
    draft, found = await asked(here, now)
    assert not isinstance(found, Problem), found
    return draft, found


async def works(here: House, now: datetime = NOW) -> None:
    """Let the worker make its forecasts."""
    async with here.pool.connection() as conn:
        await run.forecasts_turn(conn, now)


async def test_it_is_rated_with_tiers_and_fees(studio: House) -> None:
    """Ten calls an hour come to 7,200 in November: below the tier's end, 72.00 and the fee."""
    await used(studio, 24 * 17 + 12)
    assert (await looked(studio))[1] is None
    await works(studio)
    draft, found = await looked(studio)
    assert draft.document.total == Decimal("42.00") + Decimal("20.00")
    assert found is not None
    assert (found.currency, found.mean, found.without) == ("USD", Decimal("92.00"), ())
    assert found.low95 is not None
    assert found.high95 is not None
    assert found.low95 <= found.mean <= found.high95


async def test_beyond_a_tier_usage_costs_what_it_costs_there(studio: House) -> None:
    """Twice as much is 14,400 calls: 10,000 at a cent and the rest at a tenth of it."""
    for member in ("ann", "bob"):
        await used(studio, 24 * 17 + 12, member=member)
    await works(studio)
    _, found = await looked(studio)
    assert found is not None
    assert found.mean == Decimal("20.00") + Decimal("100.00") + Decimal("4.40")


async def test_what_internal_keys_use_is_expected_and_not_billed(studio: House) -> None:
    """Half of what is still to come is billable, as half of what was used is."""
    await used(studio, 24 * 17 + 12)
    inside = await studio.internal()
    await used(inside, 24 * 17 + 12, member="bob")
    await works(studio)
    _, found = await looked(studio)
    assert found is not None
    assert found.mean == Decimal("92.00")


async def test_more_than_was_forecast_is_not_taken_back(studio: House) -> None:
    """Usage that came since counts, if it is above all that was expected."""
    await used(studio, 24 * 17 + 12)
    await works(studio)
    await studio.sent(Event(id="burst", time=NOW, meter="requests", quantity=Decimal(50_000)))
    draft, found = await looked(studio)
    assert found is not None
    assert found.mean == draft.document.total


async def test_old_forecasts_and_those_of_another_period_say_nothing(studio: House) -> None:
    """A worker that stopped days ago knows nothing of now."""
    await used(studio, 24 * 17 + 12)
    await works(studio)
    assert (await looked(studio, NOW + 26 * HOUR))[1] is None


async def expects(here: House, meter: str, mean: str) -> None:
    """Let the forecast of a meter come to so much, all of its bands too."""
    edges = dict.fromkeys(("mean", *BANDS), mean)
    async with here.pool.connection() as conn:
        there = await results.get(conn, here.team.id, JOB, meter)
        assert there is not None
        body = there.body | {"total": there.body["total"] | edges}
        await results.keep(conn, here.team.id, JOB, meter, there._replace(body=body), NOW)


@pytest.mark.parametrize("mean", [f"1{'0' * 28}", f"1{'0' * 300}"])
async def test_usage_that_can_not_be_priced_is_a_problem(studio: House, mean: str) -> None:
    """More than a number of ours holds, and than any holds: that is said, and the period is priced all the same."""
    await used(studio, 24)
    await works(studio)
    await expects(studio, "requests", mean)
    draft, found = await asked(studio)
    assert draft.document.total == Decimal("20.00") + Decimal("2.40")
    assert isinstance(found, NotRateable)
    assert found.detail.startswith("what is expected can't be priced: ")


def test_money_that_grows_is_cut_where_it_never_ends() -> None:
    """Three calls of a dollar that become seven: four more of 4/3 of it, to as many places as money may have."""
    row = Usage("requests", Decimal(3), money=Decimal(1))
    (more,) = spend._more([[row]], "requests", Decimal(3), Decimal(7))
    assert more.quantity == Decimal(4)
    assert more.money == Decimal("1." + "3" * 20)


async def test_meters_are_read_together(studio: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many statements for three meters as for one."""
    await used(studio, 24)
    await works(studio)
    one = await statements(studio, monkeypatch)
    for meter in ("tokens.input", "network"):
        times = (NOW - number * HOUR for number in range(1, 24))
        await studio.sent(*(Event(id=f"{meter} {at}", time=at, meter=meter, quantity=Decimal(5)) for at in times))
    await works(studio, NOW + 2 * HOUR)
    draft, found = await asked(studio, NOW + 2 * HOUR)
    assert isinstance(found, Spend)
    assert (len(draft.billable.meters), found.without) == (3, ())
    assert await statements(studio, monkeypatch, NOW + 2 * HOUR) == one


async def statements(here: House, monkeypatch: pytest.MonkeyPatch, now: datetime = NOW) -> int:
    """Answer how many statements the forecast of the period takes."""
    done = 0
    whole = AsyncConnection.execute

    async def counted(self: Connection, *args: Any, **kwargs: Any) -> Any:
        nonlocal done
        done += 1
        return await whole(self, *args, **kwargs)

    async with here.pool.connection() as conn:
        draft = await bill.price(conn, here.team, NOVEMBER)
        with monkeypatch.context() as patch:
            patch.setattr(AsyncConnection, "execute", counted)
            assert isinstance(await spend.read(conn, here.team, draft, now), Spend)
    return done
