"""How a team stands: months with their sums, what is to pay, what comes next; on each engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter import bill, billing_history, billing_summary, invoices, teams
from meter.billing_history import Billed, month_edges
from meter.billing_summary import Summary
from meter.errors import CurrencyMismatch
from meter.invoices import Invoice
from meter.invoicing import change, settled
from meter.invoicing.settled import Settlement
from meter.invoicing.states import Closed
from meter.model import Event, Team
from meter.rating.periods import month_period
from meter.settings import Settings
from meter.usage_summary import Owed
from tests.api.site import settings_for
from tests.billing.house import NOW, SELLER, House, make_team

DUE = timedelta(days=7)


@pytest.fixture
def settings(any_database: str, tmp_path: Path) -> Settings:
    """Answer plain settings."""
    return settings_for(any_database, tmp_path)


async def billed(house: House, month: int, millions: int, *, draft: bill.Until | None = None) -> Invoice:
    """Answer the invoice of a month of 2026: 15 USD for each million of tokens."""
    period = month_period(datetime(2026, month, 15, tzinfo=UTC), house.team.timezone)
    await house.sent(
        Event(time=period.start, meter="tokens.input", quantity=Decimal(1_000_000 * millions), id=f"{period.start}")
    )
    async with house.pool.connection() as conn:
        prepared = await bill.prepare(conn, house.team, period, NOW)
        made = await bill.conclude(conn, prepared, SELLER, NOW, draft=draft)
        found = await invoices.get(conn, made.public_id, house.team.id)
    assert found is not None
    return found


async def closed(house: House, invoice: Invoice, to: Closed, at: datetime = NOW) -> None:
    """Say what became of an invoice."""
    async with house.pool.connection() as conn, conn.transaction():
        await change.close(conn, invoice.public_id, to, "for a test", at)


async def settle(house: House, invoice: Invoice, kind: settled.Kind, amount: str) -> None:
    """Settle a part of an invoice."""
    async with house.pool.connection() as conn:
        await settled.add(conn, invoice.id, Settlement(kind, Decimal(amount), "for a test", uuid4(), NOW))


async def test_months_with_and_without_invoices(house: House) -> None:
    """The running one first; sums of what is final and not void; zeros where nothing was billed."""
    june, july, august, september = [await billed(house, month, n) for n, month in enumerate((6, 7, 8, 9), 1)]
    await billed(house, 10, 5, draft=bill.Until(None))
    await closed(house, june, "paid")
    await closed(house, july, "void")
    await closed(house, august, "uncollectible")
    await settle(house, september, "credits", "10.00")
    await settle(house, september, "credit_note", "5.00")
    async with house.pool.connection() as conn:
        found = await billing_history.read(conn, house.team, 7, NOW)
        short = await billing_history.read(conn, house.team, 1, NOW)
    assert [f"{month.start:%m}" for month in found] == ["11", "10", "09", "08", "07", "06", "05"]
    assert [sums.currency for month in found for sums in month.sums] == ["USD"] * 7
    shown = {f"{month.start:%m}": tuple(map(str, month.sums[0][3:])) for month in found}
    assert shown == {  # total, paid, credited, outstanding, uncollectible
        "11": ("0.00", "0.00", "0.00", "0.00", "0.00"),
        "10": ("0.00", "0.00", "0.00", "0.00", "0.00"),
        "09": ("60.00", "10.00", "5.00", "45.00", "0.00"),
        "08": ("45.00", "0.00", "0.00", "0.00", "45.00"),
        "07": ("0.00", "0.00", "0.00", "0.00", "0.00"),
        "06": ("15.00", "15.00", "0.00", "0.00", "0.00"),
        "05": ("0.00", "0.00", "0.00", "0.00", "0.00"),
    }
    counted = {f"{month.start:%m}": {name for name, count in month.invoices.items() if count} for month in found}
    assert counted == {
        "11": set(),
        "10": {"draft"},
        "09": {"open"},
        "08": {"uncollectible"},
        "07": {"void"},
        "06": {"paid"},
        "05": set(),
    }
    assert [month.start for month in short] == [found[0].start]


async def test_months_are_the_teams_own(house: House) -> None:
    """A period that begins at midnight in Kathmandu is of that month there, and of no other team."""
    there = await make_team(house.pool, house.ingest, "credits/payg", "Asia/Kathmandu")
    await billed(there, 10, 1)
    async with house.pool.connection() as conn:
        own = await billing_history.read(conn, there.team, 3, NOW)
        others = await billing_history.read(conn, house.team, 3, NOW)
    assert [str(month.sums[0].total) for month in own] == ["0.00", "15.00", "0.00"]
    assert own[1].start == datetime(2026, 9, 30, 18, 15, tzinfo=UTC)
    assert all(month.sums[0].total == 0 for month in others)


@pytest.mark.parametrize("zone", ["UTC", "Africa/Cairo", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe"])
def test_month_edges_meet(zone: str) -> None:
    """Each begins at midnight of the first, where the one before ends."""
    edges = month_edges(ZoneInfo(zone), 24, NOW)
    assert len(edges) == 25
    assert edges[-2] <= NOW < edges[-1]
    local = [edge.astimezone(ZoneInfo(zone)) for edge in edges]
    assert [(at.year * 12 + at.month) - (local[0].year * 12 + local[0].month) for at in local] == list(range(25))
    assert {at.day for at in local} == {1}


AMOUNTS = st.decimals("-9999", "99999", places=2)
ROWS = st.builds(
    lambda month, currency, status, net, tax, paid, credited: (month, currency, status, net, tax, paid, credited),
    st.integers(0, 2),
    st.sampled_from(["USD", "EUR", "JPY"]),
    st.sampled_from(["draft", "open", "paid", "void", "uncollectible"]),
    *[AMOUNTS] * 4,
)


@given(st.lists(ROWS, max_size=12))
def test_sums_add_up(rows: list[tuple[int, str, invoices.Status, Decimal, Decimal, Decimal, Decimal]]) -> None:
    """Net and tax are the total, and so is what was paid, credited, given up and is still to pay: to the cent."""
    edges = month_edges(ZoneInfo("UTC"), 3, NOW)
    billed = [
        Billed(edges[month], currency, status, 1, net, net + tax, net + tax - paid - credited, credited)
        for month, currency, status, net, tax, paid, credited in rows
    ]
    found = billing_history.history(edges, billed, "CHF")
    assert [month.start for month in found] == edges[:-1][::-1]
    assert sum(sum(month.invoices.values()) for month in found) == len(rows)
    for month in found:
        assert [each.currency for each in month.sums] == (sorted({row[1] for row in rows}) or ["CHF"])
        for each in month.sums:
            assert each.net + each.tax == each.total
            assert each.paid + each.credited + each.outstanding + each.uncollectible == each.total
    final = [row for row in rows if row[2] not in {"draft", "void"}]
    for currency in {row[1] for row in rows}:
        total = sum(each.total for month in found for each in month.sums if each.currency == currency)
        assert total == sum(row[3] + row[4] for row in final if row[1] == currency)


async def standing(house: House, settings: Settings, now: datetime = NOW, team: Team | None = None) -> Summary:
    """Answer how the team stands."""
    async with house.pool.connection() as conn:
        return await billing_summary.read(conn, team or house.team, settings, now)


async def test_what_is_to_pay_and_was_paid(house: House, settings: Settings) -> None:
    """Overdue from the day it is due, less what credits paid; paid in this year and in no other."""
    august, september, october = [await billed(house, month, n) for n, month in enumerate((8, 9, 10), 1)]
    await closed(house, august, "paid", NOW)
    await settle(house, september, "credits", "12.50")
    (now,) = (await standing(house, settings)).balances
    assert now[1:] == (2, Decimal("62.50"), 0, Decimal(0), Decimal("27.50"))
    (later,) = (await standing(house, settings, NOW + DUE + timedelta(seconds=1))).balances
    assert later[1:] == (2, Decimal("62.50"), 2, Decimal("62.50"), Decimal("27.50"))
    next_year = await standing(house, settings, NOW.replace(year=2027))
    assert (next_year.year, next_year.balances[0].paid) == (2027, Decimal(0))
    await closed(house, october, "void")
    found = await standing(house, settings)
    assert found.balances[0][1:3] == (1, Decimal("17.50"))
    assert found.last is not None
    assert found.last.public_id == september.public_id


async def test_the_year_begins_at_the_teams_midnight(house: House, settings: Settings) -> None:
    """Paid in the first hours of Kathmandu's year, which in London is the old one still."""
    there = await make_team(house.pool, house.ingest, "credits/payg", "Asia/Kathmandu")
    invoice = await billed(there, 10, 1)
    new_year = datetime(2026, 12, 31, 18, 15, tzinfo=UTC)
    await closed(there, invoice, "paid", new_year)
    old = await standing(there, settings, new_year - timedelta(seconds=1))
    new = await standing(there, settings, new_year)
    assert [(each.year, each.balances[0].paid) for each in (old, new)] == [(2026, 0), (2027, Decimal("15.00"))]


async def test_what_comes_next(house: House, settings: Settings) -> None:
    """The running period, by the settings' hours and its costs by now; but first a draft that waits to be final."""
    await house.sent(Event(time=NOW, meter="tokens.input", quantity=Decimal(3_000_000)))
    coming = (await standing(house, settings)).coming
    assert coming is not None
    end = datetime(2026, 12, 1, tzinfo=UTC)
    assert (coming.period.end, coming.made_at, coming.final_at) == (
        end,
        end + timedelta(hours=1),
        end + timedelta(hours=24),
    )
    assert isinstance(coming.owed, Owed)
    assert coming.owed.draft.document.total == Decimal("45.00")
    none = msgspec.structs.replace(settings, invoice_grace_hours=0, bill_after_hours=5)
    at_once = (await standing(house, none)).coming
    assert at_once is not None
    assert at_once.made_at == at_once.final_at == end + timedelta(hours=5)
    final_at = NOW + timedelta(hours=3)
    await billed(house, 9, 1, draft=bill.Until(None))  # nobody knows when, so it is not the next
    draft = await billed(house, 10, 2, draft=bill.Until(final_at))
    waiting = (await standing(house, settings)).coming
    assert waiting is not None
    assert waiting.draft is not None
    assert (waiting.draft.public_id, waiting.final_at, waiting.owed) == (draft.public_id, final_at, None)


async def test_teams_without_a_plan_or_with_one_in_other_money(house: House, settings: Settings) -> None:
    """Nothing comes next of the first; of the second nobody can say how much."""
    owner = teams.Person("alice", "alice@example.com")
    async with house.pool.connection() as conn, conn.transaction():
        bare = await teams.create(conn, "Bare", owner, "UTC", "EUR", None, NOW)
    found = await standing(house, settings, team=bare)
    assert (found.balances, found.last, found.coming) == ((), None, None)
    odd = await standing(house, settings, team=msgspec.structs.replace(house.team, currency="EUR"))
    assert odd.coming is not None
    assert isinstance(odd.coming.owed, CurrencyMismatch)
    async with house.pool.connection() as conn:
        months = await billing_history.read(conn, bare, 2, NOW)
    assert [each.currency for month in months for each in month.sums] == ["EUR", "EUR"]
