"""What the chart of an invoice shows: the usage that is billed, by local days, on each engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from meter import billed_days
from meter.billed_days import Days, days_of
from meter.model import Event
from meter.rating.periods import Period, month_period
from tests.billing.house import OCTOBER, House

BERLIN = "Europe/Berlin"


async def read(house: House, period: Period, *meters: str) -> list[Days]:
    """The days of a period as the document asks for them."""
    async with house.pool.connection() as conn:
        return await billed_days.read(conn, house.team.id, period, meters)


async def test_days_come_to_what_is_billed(house: House) -> None:
    """Calls counted, tokens added, storage over the seconds of its month; in the order asked, unknown ones left out."""
    await house.used("tokens.input", "100", day=1)
    await house.used("tokens.input", "23.5", "bob", day=1)
    await house.used("tokens.input", "1", day=31)
    await house.used("storage", "10", day=7)
    internal = await house.internal()
    await internal.used("tokens.input", "999", "carol", day=2)
    found = await read(house, OCTOBER, "storage", "no.such", "tokens.input")
    assert [(each.meter, each.window, len(each.starts)) for each in found] == [
        ("storage", "day", 31),
        ("tokens.input", "day", 31),
    ]
    storage, tokens = found
    assert {n: q for n, q in enumerate(tokens.quantities, 1) if q} == {1: Decimal("123.5"), 31: Decimal(1)}
    assert {n: q for n, q in enumerate(storage.quantities, 1) if q} == {7: Decimal(10)}


async def test_a_day_is_a_local_day(house: House) -> None:
    """The one with 25 hours as well; the hour that comes twice belongs to it both times."""
    period = month_period(datetime(2026, 10, 15, tzinfo=UTC), BERLIN)
    zone = ZoneInfo(BERLIN)
    first = datetime(2026, 10, 24, 22, tzinfo=UTC)  # midnight of the 25th, when clocks go back
    hours = [first + timedelta(hours=at) for at in range(25)]
    await house.sent(*(Event(id=f"{at}", time=at, meter="tokens.input", quantity=Decimal(1)) for at in hours))
    (days,) = await read(house, period, "tokens.input")
    assert [(start.astimezone(zone).day, q) for start, q in zip(days.starts, days.quantities, strict=True) if q] == [
        (25, Decimal(25))
    ]
    assert len(days.starts) == 31


async def test_a_long_period_is_told_by_weeks(house: House) -> None:
    """Weeks begin on Monday; the first is what the period has of it."""
    year = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC), "UTC")
    await house.used("tokens.input", "5", day=1)
    await house.used("tokens.input", "7", day=31)
    (days,) = await read(house, year, "tokens.input")
    assert days.window == "week"
    used = {start.date().isoformat(): q for start, q in zip(days.starts, days.quantities, strict=True) if q}
    assert used == {"2026-09-28": Decimal(5), "2026-10-26": Decimal(7)}
    window, starts = days_of(year)
    assert (window, starts[0], starts[1].weekday()) == ("week", year.start, 0)
