"""What would everybody have paid by other prices? The old side is billing itself, the new one is computed by hand."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from meter import billable
from meter.agreement import agreed
from meter.billable import Billable
from meter.model import Event
from meter.prices import store as prices
from meter.prices.store import Source
from meter.rating.book import parse_book
from meter.simulation import readings
from meter.simulation.question import Question
from meter.simulation.readings import Wanted
from meter.simulation.result import Compared, Paid, Progress
from meter.subscriptions import store
from sql import statement
from tests.billing.house import NOW, House
from tests.billing.simulating import (
    AUGUST,
    MONTHS,
    ask,
    billed,
    busy,
    many,
    put_in_force,
    shop,
    started,
    subscribed,
)


@pytest.fixture(name="special")
async def fixture_special(house: House) -> House:
    """Answer a team with which something else was agreed, the book in force."""
    special = await subscribed(house, started())
    await busy(special)
    await put_in_force(house, shop(special.team.public_id))
    return special


async def test_the_old_side_is_what_billing_makes(house: House, special: House) -> None:
    """For overrides, coupons, zones, changes, a cancellation, seats and a late start: to the cent, each period."""
    made = [special, *await many(house)]
    found = await ask(house, shop(special.team.public_id, fee="60.00"))
    for each in made:
        result = found.teams[each.team.public_id]
        assert isinstance(result, Compared), result
        assert [period.paid.old for period in result.periods] == await billed(each, result)
        assert sum(period.paid.old for period in result.periods) == result.paid.old
        assert sum(price.paid.old for price in result.prices) == result.paid.old
        assert sum(price.paid.new for price in result.prices) == result.paid.new
    assert len(found.teams) == len(made)
    assert found.progress[-1] == Progress(len(made), len(made))
    (usd,) = found.totals.currencies
    paid = [found.paid(each.team) for each in made]
    assert usd.paid == Paid(sum((each.old for each in paid), Decimal(0)), sum((each.new for each in paid), Decimal(0)))
    for names in (usd.plans, usd.meters):
        assert sum(each.paid.old for each in names) == usd.paid.old
        assert sum(each.paid.new for each in names) == usd.paid.new
    assert (usd.teams, usd.pays_less, usd.pays_more + usd.unchanged) == (len(made), 0, len(made))
    assert {each.name for each in usd.plans} == {"shop/basic", "shop/pro"}


async def test_the_present_book_changes_nothing(house: House, special: House) -> None:
    """For nobody, also where it is written as another version, which is rated anew."""
    made = [special, *await many(house)]
    same = shop(special.team.public_id)
    again = Source(same.text.replace('title = "Basic"', 'title = "Basic, as ever"'), {})
    for draft in (same, again):
        found = await ask(house, draft)
        assert [found.paid(each.team).difference for each in made] == [0] * len(made)
        (usd,) = found.totals.currencies
        assert (usd.unchanged, usd.paid.old, usd.paid.percent) == (len(made), usd.paid.new, Decimal("0.00"))


async def test_one_price_by_hand(house: House) -> None:
    """3,000 tokens of which 1,000 are free go from a cent to a cent and a half, in each of two months."""
    await put_in_force(house, shop())
    cheap, idle = await subscribed(house, started()), await subscribed(house, started())
    for month in (9, 10):
        await cheap.sent(Event(time=datetime(2026, month, 5, tzinfo=UTC), meter="tokens.input", quantity=Decimal(3000)))
    found = await ask(house, shop(tokens="0.015"), months=3)
    # August to October: three fees of 10, and twice 2,000 tokens
    assert found.paid(cheap.team) == Paid(Decimal("70.00"), Decimal("90.00"))
    assert found.paid(cheap.team).percent == Decimal("28.57")
    assert found.paid(idle.team) == Paid(Decimal("30.00"), Decimal("30.00"))
    (usd,) = found.totals.currencies
    assert (usd.teams, usd.pays_more, usd.unchanged, usd.paid) == (2, 1, 1, Paid(Decimal(100), Decimal(120)))
    assert {each.name: each.paid.difference for each in usd.meters} == {"": 0, "tokens.input": 20}
    cheaper = await ask(house, shop(tokens="0.0025"), months=1)
    assert cheaper.paid(cheap.team) == Paid(Decimal("30.00"), Decimal("15.00"))
    assert (cheaper.paid(cheap.team).verdict, cheaper.paid(idle.team).verdict) == ("pays_less", "unchanged")


async def test_a_price_that_asks_for_finer_usage(house: House) -> None:
    """Only the draft goes by the time of day; what is in force is rated by usage as billing reads it."""
    await put_in_force(house, shop())
    zone = await subscribed(house, started("shop/pro"), timezone="Asia/Kathmandu")
    at = datetime(2026, 10, 5, 2, tzinfo=UTC)  # a quarter to eight in Kathmandu
    for hours in (0, 1):
        await zone.sent(Event(time=at + timedelta(hours=hours), meter="requests", quantity=Decimal(10)))
        await zone.sent(Event(time=at + timedelta(hours=hours), meter="tokens.input", quantity=Decimal(1000)))
    draft = shop().text.replace(
        'model = "graduated", tiers = [\n  { up_to = 5000, unit_amount = "0.01" }, { unit_amount = "0.005" }]',
        'model = "time_of_day", rates = [\n  { from = "12:00", to = "08:00", unit_amount = "0.02" }], '
        'otherwise = { unit_amount = "0.03" }',
    )
    assert draft != shop().text
    found = await ask(house, Source(draft, {}), months=1)
    # 10 calls at night and 10 by day; 2,000 tokens of one tier, or 1,000 of each rate
    assert found.paid(zone.team) == Paid(Decimal("73.00"), Decimal("103.00"))


async def test_a_price_that_goes_by_members(house: House) -> None:
    """Usage of all members is not made one where the draft tells them apart."""
    await put_in_force(house, shop())
    one = await subscribed(house, started())
    for member in ("ann", "bob"):
        at = datetime(2026, 10, 5, tzinfo=UTC)
        await one.sent(Event(time=at, meter="tokens.input", quantity=Decimal(1000), member=member))
    draft = shop().text.replace(
        'unit_amount = "0.01", included = 1000',
        'model = "matrix", rates = [{ when = { member = "ann" }, unit_amount = "0.02" }, '
        '{ when = {}, unit_amount = "0.01", title = "Others" }]',
    )
    found = await ask(house, Source(re.sub("\\[\\[overrides(.|\n)*", "", draft), {}), months=1)
    assert found.paid(one.team) == Paid(Decimal("20.00"), Decimal("40.00"))


def rows(found: Billable) -> list[list[str]]:
    """The usage of each part, in an order of its own."""
    return [sorted(map(repr, part)) for part in (*found.parts, found.outside)]


async def test_readings_are_what_billing_reads(house: House, special: House) -> None:
    """Many periods at once give the usage of each to the digit, whoever else asks for something finer."""
    made = await many(house)
    for each in (special, made[1], made[4]):
        async with each.pool.connection() as conn, conn.transaction():
            await conn.execute(statement("begin_reading"))
            books, log = await prices.read(conn), await store.read(conn, each.team.id)
            periods = Question(shop(), MONTHS, NOW).periods(each.team, log.standing)
            drafted = books.drafted(parse_book(shop(night="0.30").text, "shop.toml"))
            moved = Question(shop(), MONTHS, NOW, moves={"shop/basic": "shop/pro"}).moved(log.standing)
            asked = [agreed(each.team, log.standing, books, period).asked for period in periods]
            finer = [agreed(each.team, moved, drafted, period).asked for period in periods]
            wanted = [Wanted(*both) for both in zip(periods * 2, asked + finer, strict=True)]
            together = await readings.read(conn, each.team.id, wanted)
            for (period, own), found in zip(wanted, together, strict=True):
                alone = await billable.read(conn, each.team.id, period, own)
                assert rows(found) == rows(alone)


async def test_moves_are_as_if_it_had_been_so_all_along(house: House) -> None:
    """Whoever is on one plan is rated by another; others are as they were."""
    await put_in_force(house, shop())
    one = await subscribed(house, started())
    other = await subscribed(house, started("shop/pro"))
    for each in (one, other):
        await each.sent(Event(time=datetime(2026, 10, 5, tzinfo=UTC), meter="tokens.input", quantity=Decimal(2000)))
    found = await ask(house, shop(), months=2, moves={"shop/basic": "shop/pro"})
    assert found.paid(one.team) == Paid(Decimal("30.00"), Decimal("120.00"))
    assert found.paid(other.team) == Paid(Decimal("120.00"), Decimal("120.00"))
    (usd,) = found.totals.currencies
    plans = {each.name: each.paid for each in usd.plans}
    assert plans == {"shop/basic": Paid(Decimal(30), Decimal(0)), "shop/pro": Paid(Decimal(120), Decimal(240))}
    # from a book that the draft is not: whoever is moved into it is looked at too
    await house.sent(Event(time=datetime(2026, 10, 5, tzinfo=UTC), meter="tokens.input", quantity=Decimal(1000)))
    moved = await ask(house, shop(), months=1, moves={"credits/payg": "shop/basic"}, only=[house.team])
    assert moved.paid(house.team) == Paid(Decimal("0.02"), Decimal("10.00"))


async def test_months_before_a_team_was_there(house: House) -> None:
    """Are looked at where something was used in them: billing would price that by the first plan."""
    await put_in_force(house, shop())
    late = await subscribed(house, started(at=NOW - timedelta(days=40)))
    backfilled = await subscribed(house, started(at=NOW - timedelta(days=40)))
    await backfilled.sent(Event(time=AUGUST, meter="tokens.input", quantity=Decimal(1100)))
    found = await ask(house, shop(tokens="0.02"))
    for each, months in ((late, 1), (backfilled, 3)):
        result = found.teams[each.team.public_id]
        assert isinstance(result, Compared)
        assert [period.paid.old for period in result.periods] == await billed(each, result)
        assert result.periods[-1].end == datetime(2026, 11, 1, tzinfo=UTC)
        assert len(result.periods) == months
