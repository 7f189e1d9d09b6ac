"""One team, one period, one invoice: what is in it, and that it is made once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from meter import bill, checks, invoices, teams
from meter.billable import read, whole
from meter.errors import (
    Busy,
    CurrencyMismatch,
    InvoiceExists,
    NoSubscription,
    PeriodNotOver,
    Unpriced,
)
from meter.model import Event
from meter.rating.book import parse_book
from meter.rating.needs import Needs
from meter.rating.periods import Period, previous_month
from meter.subscriptions import store, timeline
from tests.billing.house import END, NOW, OCTOBER, SELLER, START, House, make_team

PARALLEL = 8


async def test_lines_members_and_total(house: House) -> None:
    """Lines are priced, shares follow usage, what belongs to nobody is a row, and all add up."""
    await house.used("tokens.input", "6548", "alice")
    await house.used("tokens.input", "1000", None)
    await house.used("tokens.output", "108", "bob")
    made = await house.invoice()

    assert [(line.price, line.quantity, line.amount) for line in made.lines] == [
        ("tokens_input", Decimal(7548), Decimal("0.11")),
        ("tokens_output", Decimal(108), Decimal("0.00")),
    ]
    assert [(row.member, row.amount, row.usage) for row in made.members] == [
        ("alice", Decimal("0.10"), {"tokens.input": Decimal(6548)}),
        ("bob", Decimal("0.00"), {"tokens.output": Decimal(108)}),
        (None, Decimal("0.01"), {"tokens.input": Decimal(1000)}),
    ]
    assert made.total == Decimal("0.11")
    assert made.exact == Decimal("0.11808")
    assert (made.number, made.status, made.currency, made.plan) == ("HM-000001", "open", "USD", "credits/payg")
    assert (made.issued_at, made.due_at) == (NOW, NOW + timedelta(days=7))
    assert (made.seller, made.customer.email) == (SELLER, "pay@example.com")
    assert made.meters["tokens.input"] == ("Input tokens", "token")


async def test_what_is_read_back_is_what_was_rated(house: House) -> None:
    """Storing loses no digit, no step and no order."""
    await house.used("tokens.input", "0.000000000001", "zoe")
    await house.used("tokens.output", "123456789012345.123456789012", "Adam")
    async with house.pool.connection() as conn:
        draft = await bill.price(conn, house.team, OCTOBER)
    made = await house.invoice()
    assert (made.lines, made.members) == (draft.rated.lines, draft.rated.members)
    assert (made.period, made.total, made.exact) == (OCTOBER, draft.rated.total, draft.rated.exact)


async def test_made_once_however_often_it_is_asked_for(house: House) -> None:
    """The second time answers the first invoice, with late usage left for later."""
    await house.used("tokens.input", "1000000")
    first = await house.billed()
    await house.used("tokens.input", "999", "late")
    again = await house.billed()
    assert (first.created, again.created) == (True, False)
    assert again.public_id == first.public_id
    assert (await house.invoice()).total == Decimal("15.00")


async def test_made_once_by_many_at_a_time(house: House) -> None:
    """Eight at once make one invoice, and all hear the same."""
    await house.used("tokens.input", "1000000")
    outcomes = await asyncio.gather(*(house.billed() for _ in range(PARALLEL)))
    assert sorted(outcome.created for outcome in outcomes) == [False] * (PARALLEL - 1) + [True]
    assert len({outcome.public_id for outcome in outcomes}) == 1


async def test_numbers_have_no_gaps_with_teams_side_by_side(house: House) -> None:
    """Teams billed in parallel, some refused at the last moment, get 1, 2, 3, …."""
    houses = [await make_team(house.pool, house.ingest, "credits/payg") for _ in range(20)]
    for number, each in enumerate(houses):
        await each.used("network" if number % 5 == 0 else "tokens.input", "1000")
    outcomes = await asyncio.gather(*(each.billed() for each in houses), return_exceptions=True)
    assert sum(isinstance(outcome, Unpriced) for outcome in outcomes) == 4
    async with house.pool.connection() as conn:
        made = await invoices.list_invoices(conn, None, None, 100)
        findings = await checks.run(conn, NOW)
    assert sorted(each.number or "" for each in made) == [f"HM-{n:06d}" for n in range(1, 17)]
    assert [finding for finding in findings if not finding.holds] == []


async def test_overlapping_periods_are_refused(house: House) -> None:
    """No moment is billed twice, whichever way it is cut; neighbours are fine."""
    await house.invoice()
    for start, end in ((START, END - timedelta(days=1)), (START + timedelta(days=1), END + timedelta(days=1))):
        with pytest.raises(InvoiceExists, match="HM-000001"):
            await house.billed(Period(start, end, "UTC"))
    assert (await house.billed(Period(END, END + timedelta(days=1), "UTC"))).created
    assert (await house.billed(Period(START - timedelta(days=1), START, "UTC"))).created


async def test_overlaps_are_refused_at_once_too(house: House) -> None:
    """Two different periods that overlap, asked for at the same moment: one is made."""
    periods = [Period(START, END - timedelta(hours=hours), "UTC") for hours in range(PARALLEL)]
    outcomes = await asyncio.gather(*(house.billed(period) for period in periods), return_exceptions=True)
    assert sum(isinstance(outcome, InvoiceExists) for outcome in outcomes) == PARALLEL - 1


async def test_a_period_must_be_over(house: House) -> None:
    """Billing the running month is refused; pricing it is not."""
    running = Period(END, datetime(2026, 12, 1, tzinfo=UTC), "UTC")
    with pytest.raises(PeriodNotOver):
        await house.billed(running)
    async with house.pool.connection() as conn:
        assert (await bill.price(conn, house.team, running)).rated.total == 0
        assert await invoices.list_invoices(conn, house.team.id, None, 10) == []


async def test_usage_without_a_price_stops_the_invoice(house: House) -> None:
    """Unpriced is an alarm that names meters, never zero; what the plan leaves unbilled on purpose is fine."""
    await house.used("requests", "5")
    await house.used("cpu", "2")
    with pytest.raises(Unpriced, match=r"no price for cpu$") as refused:
        await house.billed()
    assert refused.value.members["meters"] == [{"meter": "cpu", "quantity": "2"}]
    await house.put_on("cloud/payg")
    assert (await house.invoice()).plan == "cloud/payg"


async def test_internal_keys_and_meters_not_for_sale_are_not_billed(house: House) -> None:
    """What runs under an internal key costs nothing; nor do meters the catalogue does not sell."""
    await house.used("tokens.input", "2000")
    internal = await house.internal()
    await internal.used("tokens.input", "5000000", day=8)
    await internal.used("network", "5")
    await house.used("cpu.used", "3")
    made = await house.invoice()
    assert [(line.price, line.quantity) for line in made.lines] == [("tokens_input", Decimal(2000))]
    assert [(row.member, row.usage) for row in made.members] == [(None, {"tokens.input": Decimal(2000)})]


async def test_edges_cut_events_where_they_lie(house: House) -> None:
    """A custom period counts from its first instant up to but not including its last, to the microsecond."""
    start = START.replace(hour=9, minute=7, second=30)
    end = start + timedelta(hours=3)
    tick = timedelta(microseconds=1)
    times = (start - tick, start, end - tick, end)
    await house.sent(*(Event(time=at, meter="tokens.input", quantity=Decimal(10**n)) for n, at in enumerate(times, 3)))
    made = await house.invoice(Period(start, end, "UTC"))
    assert made.lines[0].quantity == Decimal(10**4 + 10**5)


async def test_a_tier_pays_for_the_highest_quarter_of_the_team(house: House) -> None:
    """Two services at 3 and 2 cores at once peak at 5: three over Basic's two; memory in GB likewise."""
    basic = await make_team(house.pool, house.ingest, "cloud/basic")
    at = START.replace(day=9, hour=10, minute=15)
    held = [
        Event(time=at, meter=meter, quantity=Decimal(level), service=service, duration_seconds=Decimal(900))
        for meter, level, service in (("cpu", "3", "a"), ("cpu", "2", "b"), ("memory", "6.5", "a"))
    ]
    await basic.sent(*held)
    await (await basic.internal()).sent(msgspec.structs.replace(held[0], id="unbilled"))
    await basic.used("cpu", "0.25", "a", day=10)  # core-hours: one core for a quarter, or four for less
    made = await basic.invoice()
    peaks = {line.price: (line.quantity, line.billed_quantity, line.amount) for line in made.lines}
    assert peaks == {
        "base_fee": (1, 1, Decimal("29.99")),
        "cpu_peak": (5, 3, Decimal("0.30")),
        "memory_peak": (Decimal("6.5"), Decimal("2.5"), Decimal("0.13")),
    }


async def test_a_quarter_that_is_cut_belongs_to_what_comes_after(house: House) -> None:
    """A peak in it is in one of two periods that meet there, and not in both."""
    basic = await make_team(house.pool, house.ingest, "cloud/basic")
    at = START.replace(day=9, hour=10, minute=15)
    await basic.sent(
        Event(time=at + timedelta(minutes=9), meter="cpu", quantity=Decimal(15), duration_seconds=Decimal(300))
    )
    edge = at + timedelta(minutes=7)
    peaks = []
    async with basic.pool.connection() as conn:
        for period in (Period(START, edge, "UTC"), Period(edge, END, "UTC")):
            draft = await bill.price(conn, basic.team, period)
            peaks.append([line.quantity for line in draft.rated.lines if line.price == "cpu_peak"])
    assert peaks == [[], [5]]


async def test_storage_is_by_the_calendar_month(house: House) -> None:
    """310 GB held for one day of October are 10 GB-months, all free; the same in November are more."""
    stored = await make_team(house.pool, house.ingest, "cloud/payg")
    for day in (START, END):
        at = day + timedelta(days=3)
        await stored.sent(
            Event(time=at, meter="storage", quantity=Decimal(310), duration_seconds=Decimal(86_400), service="disk")
        )
    october = await stored.invoice()
    assert [(line.quantity, line.amount) for line in october.lines] == [(Decimal(10), Decimal("0.00"))]
    november = await stored.invoice(Period(END, END + timedelta(days=10), "UTC"))
    assert november.lines[0].quantity == Decimal("10.333333333333")
    assert november.lines[0].amount == Decimal("0.03")


async def test_the_plan_is_that_of_the_end_of_the_period(house: House) -> None:
    """Its name is on the invoice; what lies before any plan goes by the first."""
    changed = NOW + timedelta(days=3)
    await house.put_on("credits/starter", changed)
    found = {}
    async with house.pool.connection() as conn:
        for end in (changed - timedelta(days=1), changed + timedelta(days=1), START):
            draft = await bill.price(conn, house.team, Period(end - timedelta(days=20), end, "UTC"))
            found[end] = draft.plan
    assert list(found.values()) == ["credits/payg", "credits/starter", "credits/payg"]


async def test_changing_plans_leaves_a_history_without_overlaps(house: House) -> None:
    """Many changes at one instant and at once are one after the other."""
    plans = ["cloud/payg", "cloud/basic", "credits/starter", "calls/pro"] * 2

    await asyncio.gather(*(house.put_on(plan) for plan in plans))
    async with house.pool.connection() as conn:
        findings = {finding.name: finding.rows for finding in await checks.run(conn, NOW)}
        log = await store.read(conn, house.team.id)
    assert findings["subscription_changes_follow_a_start"] == []
    (stretch,) = timeline.stretches(log.standing)
    assert stretch.plan in plans


async def test_a_team_billed_in_another_currency_has_no_plan_until_there_is_one(house: House) -> None:
    """Nothing is converted: no default plan, an explicit one refused, no invoice."""
    euro = await make_team(house.pool, house.ingest, None, currency="EUR")
    with pytest.raises(NoSubscription):
        await euro.billed()
    with pytest.raises(CurrencyMismatch):
        await euro.put_on("cloud/payg")


async def test_months_are_the_teams_own(house: House) -> None:
    """The default period is last month by the team's clock."""
    eastern = await make_team(house.pool, house.ingest, "credits/payg", timezone="Pacific/Auckland")
    async with house.pool.connection() as conn:
        found = await bill.default_period(conn, eastern.team, NOW)
    assert found == previous_month(NOW, "Pacific/Auckland")
    assert found.start == datetime(2026, 9, 30, 11, tzinfo=UTC)


async def test_prices_are_kept_as_they_were(house: House) -> None:
    """The book's text is stored once, and reading it again gives the version that the invoice names."""
    made = await house.invoice()
    await house.billed(Period(END, END + timedelta(days=1), "UTC"))
    async with house.pool.connection() as conn:
        kept = await (await conn.execute("select book, version, content from price_version")).fetchall()
    assert [(book, version) for book, version, _ in kept] == [("credits", made.price_version)]
    assert parse_book(kept[0][2], "kept").version == made.price_version


async def test_the_snapshot_names_the_data(house: House) -> None:
    """Every event is in the invoice exactly when its transaction is visible in the stored snapshot."""
    await house.used("tokens.input", "1000")
    await house.billed()
    await house.used("tokens.input", "7", "late")
    async with house.pool.connection() as conn:
        rows = await conn.execute(
            "select e.quantity, pg_visible_in_snapshot(e.received, i.data_snapshot) "
            "from usage_event as e cross join invoice as i order by e.quantity"
        )
        assert await rows.fetchall() == [(Decimal(7), False), (Decimal(1000), True)]


async def test_reading_needs_no_usage(house: House) -> None:
    """A team that used nothing is read as nothing, and as never changed."""
    async with house.pool.connection() as conn:
        found = await read(conn, house.team.id, OCTOBER, whole(OCTOBER, Needs((("cpu", "peak"),), {}, {})))
    assert (found.usage, found.meters, found.as_of) == ((), {}, None)


async def test_a_zone_changed_in_between_stops_the_invoice(house: House) -> None:
    """Its period begins at the old midnight; the next one would overlap it or leave a gap. Asked again it is made."""
    async with house.pool.connection() as conn:
        prepared = await bill.prepare(conn, house.team, OCTOBER, NOW)
        async with conn.transaction():
            there = await teams.lock(conn, house.team)
            await teams.edit(conn, there, there.name, "Asia/Tokyo", None)
        with pytest.raises(Busy):
            await bill.conclude(conn, prepared, SELLER, NOW)
        moved = await teams.get(conn, house.team.public_id)
        assert moved is not None
        made = await bill.generate(conn, moved, previous_month(NOW, moved.timezone), SELLER, NOW)
    assert made.created
