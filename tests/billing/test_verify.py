"""An invoice made again from raw events: it agrees in its own snapshot, and what changed since is named."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from msgspec.structs import replace

from meter import bill, billable, invoices
from meter import database as databases
from meter.corrections.decide import Amendment
from meter.ingest import Ingest
from meter.mapping.route import Mapped
from meter.model import Event, SeriesKey
from meter.rating.needs import Needs
from meter.rating.periods import Period
from meter.verify import compare, raw
from sql import statement
from tests.billing.conftest import CONNECTIONS, PAST_DAYS
from tests.billing.house import NOW, OCTOBER, SELLER, START, House
from tests.billing.tariff import Desk, at, make_desk
from tests.billing.verifying import BOOK, checked, drafted, place_of, verdict
from tests.contract import test_points
from tests.contract.correcting import change, named, put_back
from tests.contract.keeping import retained, settings, settled
from tests.contract.place import ask

BERLIN = "Europe/Berlin"  # on 25 October 2026 its clocks go back at three
DEARER = BOOK.replace('"0.10"', '"0.30"').replace('"2.00"', '"5.00"')


@pytest.fixture(name="desk")
async def fixture_desk(any_database: str) -> AsyncIterator[Desk]:
    """Answer a desk in Berlin, in a database of its own, on each engine."""
    async with databases.pool(any_database, CONNECTIONS) as pool:
        ingest = Ingest(pool, PAST_DAYS)
        yield await make_desk(pool, ingest, BERLIN, "tariff/small", "2026-10-01T00:00+02:00", BOOK)


def odd(number: int, start: datetime, end: datetime) -> list[Event]:
    """Make facts and samples at odd instants around a range, some over its ends and the quarters'."""
    dice = Random(f"odd {number}")  # noqa: S311 - the same each time
    found = []
    for n in range(150):
        when = start + (end - start) * dice.random() + timedelta(microseconds=dice.randrange(10**6))
        edge = dice.choice((start, end)) + timedelta(seconds=dice.randrange(-600, 601))
        bare = Event(id=f"{number}-{n}", time=edge if n % 5 == 0 else when, member=dice.choice("ab"))
        quantity = Decimal(dice.randrange(1, 10**9)).scaleb(-6)
        if n % 2:
            seconds = Decimal(dice.randrange(60, 5000))
            found.append(replace(bare, meter="cpu", quantity=quantity, duration_seconds=seconds))
        else:
            found.append(replace(bare, meter=dice.choice(("requests", "tokens.input")), quantity=quantity))
    return found


async def test_raw_events_come_to_what_buckets_say(house: House) -> None:
    """Whatever bounds cut quarters and samples: sums, events, levels and times of day are the same, part by part."""
    start, end = START.replace(day=3, hour=7, minute=11, second=13), START.replace(day=29, hour=22, minute=3)
    period = Period(start, end, BERLIN)
    await house.sent(*odd(1, start, end))
    needs = Needs((("cpu", "peak"), ("cpu", "p95")), {}, {"requests": (0, 140, 420), "cpu": (0, 140)})
    asked = billable.whole(period, needs)
    for _ in range(2):
        async with house.pool.connection() as conn, conn.transaction():
            await conn.execute(statement("begin_reading"))
            buckets = await billable.read(conn, house.team.id, period, asked)
            assert compare.usage(buckets, await raw.read(conn, house.team.id, period, asked)) == ()
            then = await raw.read(conn, house.team.id, period, asked, buckets.data_snapshot)
            assert then._replace(as_of=None) == (await raw.read(conn, house.team.id, period, asked))._replace(
                as_of=None
            )
        assert sum(row.events or 0 for row in buckets.usage) > 100
        async with house.pool.connection() as conn:
            await settled(conn)


async def test_an_invoice_agrees_with_its_events(house: House) -> None:
    """As long as nothing comes, nothing changed either."""
    await house.used("tokens.input", "6548", "alice")
    await house.used("tokens.output", "108000", "bob")
    found = await verdict(house, await house.invoice())
    assert (found.state, found.lines, found.total) == ("agrees", (), Decimal("4.96"))
    assert found.since is not None
    assert (found.since.came, found.since.lines, found.since.total) == ((), (), found.total)


async def test_what_comes_later_is_named(house: House) -> None:
    """Late, voided, amended, undone: the invoice agrees all along, and each change is told by line and to the cent."""
    for id_, quantity, member in (("one", 1_000_000, "ann"), ("two", 2_000_000, "bob"), ("three", 3_000_000, "ann")):
        await house.sent(
            Event(id=id_, time=START.replace(day=20), meter="tokens.input", quantity=quantity, member=member)
        )
    made = await house.invoice()
    assert made.total == Decimal("90.00")

    async def told() -> tuple[list[tuple[str, int, int]], list[tuple[int | None, Decimal, bool]], Decimal]:
        found = await verdict(house, made)
        assert (found.state, found.total, found.lines) == ("agrees", Decimal("90.00"), ())
        assert found.since is not None
        lines = [(each.line, each.amount, each.shares) for each in found.since.lines]
        return [each[:] for each in found.since.came], lines, found.since.total

    assert await told() == ([], [], Decimal("90.00"))
    await house.used("tokens.input", "500000", "cid", day=21)
    assert await told() == ([("tokens.input", 1, 0)], [(1, Decimal("7.50"), True)], Decimal("97.50"))
    voided = await change(place_of(house), [named("one")])
    assert await told() == ([("tokens.input", 1, 1)], [(1, Decimal("-7.50"), True)], Decimal("82.50"))
    await change(place_of(house), [named("two")], Amendment(quantity=Decimal(1_000_000), member="eve"))
    assert await told() == ([("tokens.input", 1, 2)], [(1, Decimal("-22.50"), True)], Decimal("67.50"))
    await put_back(place_of(house), voided.public_id)
    assert await told() == ([("tokens.input", 1, 2)], [(1, Decimal("-7.50"), True)], Decimal("82.50"))
    await house.used("tokens.output", "1000000", "cid", day=21)
    assert (await told())[1] == [(1, Decimal("-7.50"), True), (None, Decimal("45.00"), False)]


async def test_levels_taxes_and_prices_of_their_time(desk: Desk) -> None:
    """Peaks, tiers, months and the time of day over a clock that goes back, by two versions of prices and with tax."""
    house = desk.house
    change_at = at("2026-10-25T02:47:11.5+01:00")
    await desk.applies(DEARER, change_at)
    (october,) = await desk.periods("2026-10-10T00:00Z", "2026-10-11T00:00Z")
    await house.sent(*odd(2, october.start, october.end), *odd(3, change_at - timedelta(hours=3), change_at))
    over = october.end + timedelta(seconds=400)
    await house.sent(Event(time=over, meter="storage", quantity=7, duration_seconds=Decimal(3 * 86400)))
    assert await checked(house, await drafted(house, october)) == ()
    made = await house.invoice(october)
    assert {line.measure for line in made.lines} >= {"total", "peak"}
    assert len({line.price_version for line in made.lines}) == 2
    assert (await verdict(house, made)).state == "agrees"
    await house.sent(
        Event(time=october.start, meter="cpu", quantity=90_000, duration_seconds=Decimal(900), member="late"),
        Event(time=october.start + timedelta(minutes=30), meter="cpu", quantity=900_000, duration_seconds=Decimal(900)),
    )
    found = await verdict(house, made)
    assert (found.state, found.lines) == ("agrees", ())
    assert found.since is not None
    assert [each[:3] for each in found.since.came] == [("cpu", 1, 0)]
    assert [each.meter for each in found.since.lines] == ["cpu"]
    (cores,) = found.since.lines
    assert cores.stored is not None
    assert cores.now is not None
    assert cores.now.quantity > cores.stored.quantity


async def test_prices_and_decisions_of_later_say_nothing(desk: Desk) -> None:
    """A version that is put in force from before the period, and a coupon that is given later, leave it as it was."""
    await desk.calls("2026-10-20T12:00Z", 300)
    (october,) = await desk.periods("2026-10-10T00:00Z", "2026-10-11T00:00Z")
    made = await desk.invoiced(october)
    assert (await verdict(desk.house, made)).state == "agrees"
    await desk.applies(DEARER, at("2026-11-01T00:00+01:00"))
    assert (await verdict(desk.house, made)).state == "agrees"


async def test_fees_in_advance_and_drafts_agree_too(desk: Desk) -> None:
    """The invoice of the fees, a draft of the period that takes them off again, and what that becomes."""
    await desk.applies(
        BOOK.replace('prorate = "time"', 'prorate = "time"\nbilled = "advance"', 1), at("2026-10-20T00:00Z")
    )
    await desk.calls("2026-10-21T12:00Z", 300)
    house, (october,) = desk.house, await desk.periods("2026-10-10T00:00Z", "2026-10-11T00:00Z")
    async with house.pool.connection() as conn:
        fees = await bill.generate(conn, house.team, october, SELLER, NOW, bill.ADVANCE)
        prepared = await bill.prepare(conn, house.team, october, NOW)
        draft = await bill.conclude(conn, prepared, SELLER, NOW, draft=bill.Until(None))
        made = [await invoices.get(conn, each.public_id, None) for each in (fees, draft)]
    for each in [*made, await house.invoice(october)]:
        assert each is not None
        assert each.lines
        assert (await verdict(house, each)).state == "agrees"
    assert any(line.kind == "advance" for line in (await house.invoice(october)).lines)


async def test_a_bucket_that_is_wrong_is_found_before_it_is_billed(house: House) -> None:
    """What the buckets say and no event does is named, with both figures; the invoice of it differs."""
    await house.used("tokens.input", "1000000", "ann", day=20)
    await house.used("tokens.output", "1000000", "ann", day=3)
    async with house.pool.connection() as conn:
        await settled(conn)
    draft = await drafted(house)
    assert await checked(house, draft) == ()
    made = await house.invoice()
    async with house.pool.connection() as conn:
        await ask(conn, "spoil_events", {"by": 7, "until": START.replace(day=5)})
    (wrong,) = await checked(house, draft)
    assert (wrong.meter, wrong.member, wrong.buckets, wrong.raw) == (
        "tokens.output",
        "ann",
        (Decimal(1_000_000), 1),
        (Decimal(1_000_007), 1),
    )
    found = await verdict(house, made)
    assert found.state == "differs"
    assert [each.meter for each in found.lines] == ["tokens.output"]


async def test_what_came_after_a_draft_is_no_difference(house: House) -> None:
    """Late events and voids between a draft and its check are not of it."""
    await house.sent(Event(id="one", time=START.replace(day=20), meter="tokens.input", quantity=10))
    draft = await drafted(house)
    await house.used("tokens.input", "5", day=20)
    await change(place_of(house), [named("one")])
    assert await checked(house, draft) == ()


async def test_where_raw_events_are_gone_it_says_so(house: House) -> None:
    """What retention dropped can't be counted again: unverifiable, since when is told."""
    await house.used("tokens.input", "1000000", "ann", day=2)
    made = await house.invoice()
    async with house.pool.connection() as conn:
        await settled(conn)
    await retained(place_of(house), settings())
    found = await verdict(house, made)
    assert (found.state, found.total, found.since) == ("unverifiable", None, None)
    assert found.until is not None
    assert found.until > START


async def test_points_that_rewrite_are_told_apart(house: House) -> None:
    """A late point of a counter takes rows away that the invoice counted; that is no difference of the invoice."""
    way = Mapped(
        "rules[0]", SeriesKey("tokens.input", "ann", None, ()), "counter", Decimal(1), Decimal(1), "hold", 1,
        trusts_starts=True,
    )  # fmt: skip
    hours = [-19 * 24 * 3600, -19 * 24 * 3600 + 7200]
    whole = test_points.stream([(hours[0], 100), (hours[1], 900)])
    place = place_of(house)
    await test_points.send(place, way, whole)
    made = await house.invoice(Period(OCTOBER.start, OCTOBER.end, "UTC"))
    assert (await verdict(house, made)).state == "agrees"
    await test_points.send(place, way, test_points.stream([(hours[0] + 3600, 400)]))
    found = await verdict(house, made)
    assert (found.state, "tokens.input" in found.why) == ("unverifiable", True)
    assert await checked(house, await drafted(house)) == ()
