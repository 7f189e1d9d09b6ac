"""Fees that are billed before their period: whatever changes after, both invoices together are what is owed."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from meter import bill, invoices, teams
from meter.errors import Busy, InvoiceExists, PeriodNotOver
from meter.invoices import Invoice
from meter.model import Event, Team
from meter.prices.apply import apply
from meter.prices.store import Source
from meter.rating.book import parse_book
from meter.rating.periods import Period
from meter.subscriptions import store
from meter.subscriptions.changes import Cancel, ChangePlan, Decided, Decision, GiveCoupon, Start
from tests.billing.house import NOW, SELLER, House, make_team

BOOK = """
name = "office"
title = "Office"
currency = "USD"
unbilled = ["response_time"]

[coupons.tenth]
percent = 10
duration = "forever"

[coupons.half_of_small]
percent = 50
duration = "forever"
plans = ["small"]

[coupons.five]
amount = "5.00"
duration = "forever"

[plans.small]
title = "Small"
base_fee = "31"
prorate = "time"
billed = "advance"
prices.requests = { title = "Calls", meter = "requests", unit = "request", unit_amount = "0.01" }

[plans.large]
title = "Large"
base_fee = "62"
prorate = "time"
billed = "advance"
prices.requests = { title = "Calls", meter = "requests", unit = "request", unit_amount = "0.01" }
"""
BEGUN = datetime(2026, 9, 1, tzinfo=UTC)
MIDDLE = datetime(2026, 10, 16, 12, tzinfo=UTC)
OCTOBER = Period(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC), "UTC")


@pytest.fixture
async def office(house: House) -> House:
    """Answer a team on office/small since September, with 1,000 calls in October."""
    async with house.pool.connection() as conn:
        await apply(conn, parse_book(BOOK, "office.toml"), Source(BOOK, {}), BEGUN, "tests", NOW)
    here = await make_team(house.pool, house.ingest, None, currency="EUR")
    here = here._replace(team=await in_dollars(here))
    await decided(here, BEGUN, Start("office/small"))
    await here.sent(Event(time=MIDDLE, meter="requests", quantity=Decimal(1_000), member="ann"))
    return here


async def in_dollars(here: House) -> Team:
    """A team that began without a plan pays in dollars after all."""
    async with here.pool.connection() as conn:
        await conn.execute("update team set currency = 'USD' where id = %s", (here.team.id,))
        found = await teams.get(conn, here.team.public_id)
    assert found is not None
    return found


async def decided(here: House, at: datetime, decision: Decision) -> None:
    """Decide something, from an instant on."""
    async with here.pool.connection() as conn, conn.transaction():
        await store.append(conn, here.team.id, [Decided(at, decision)], "tests", NOW)


async def made(here: House, reason: bill.Reason, period: Period = OCTOBER, now: datetime = NOW) -> Invoice:
    """Make the invoice of a period for a reason."""
    async with here.pool.connection() as conn:
        outcome = await bill.generate(conn, here.team, period, SELLER, now, reason)
        found = await invoices.get(conn, outcome.public_id, here.team.id)
    assert found is not None
    return found


def lines(invoice: Invoice) -> list[tuple[str, str, str]]:
    """Kind, price and amount of each line."""
    return [(line.kind, line.price, str(line.amount)) for line in invoice.lines]


async def test_what_was_billed_in_advance_is_taken_off_again(office: House) -> None:
    """31.00 before October, and after it nothing but its calls: 10.00. Asked again both are the same."""
    before, after = await made(office, "advance"), await made(office, "period")
    assert lines(before) == [("base_fee", "base_fee", "31.00")]
    assert lines(after) == [
        ("base_fee", "base_fee", "31.00"),
        ("usage", "requests", "10.00"),
        ("advance", "base_fee", "-31.00"),
    ]
    assert [before.total, after.total] == [Decimal(31), Decimal(10)]
    assert {row.member: row.amount for row in after.members} == {"ann": 10, None: 0}
    again = [(await made(office, reason)).public_id for reason in (bill.PERIOD, bill.ADVANCE)]
    assert again == [after.public_id, before.public_id]


@pytest.mark.parametrize(
    ("change", "fee"),
    [
        (ChangePlan("office/large"), "46.50"),  # 15.5 of 31 days at 31.00 and at 62.00: 15.50 + 31.00
        (ChangePlan("office/large", unused="none"), "62.00"),  # 31.00 stay owed, and 31.00 for half of Large
        (ChangePlan("office/small"), "31.00"),
    ],
)
async def test_a_change_is_made_up_for_afterwards(office: House, change: ChangePlan, fee: str) -> None:
    """Both invoices together are the fees by the time served, and the calls."""
    before = await made(office, "advance")
    await decided(office, MIDDLE, change)
    after = await made(office, "period")
    assert [before.total, before.total + after.total] == [Decimal(31), Decimal(fee) + 10]


async def test_a_cancellation_gives_back_what_is_not_used(office: House) -> None:
    """Half of October was used: 15.50 of the 31.00, and the calls; nothing after it."""
    before = await made(office, "advance")
    await decided(office, MIDDLE, Cancel())
    after = await made(office, "period", Period(OCTOBER.start, MIDDLE, "UTC"))
    assert before.total + after.total == Decimal("15.50")  # the calls were made at the very instant of its end
    assert after.total == Decimal("-15.50")


async def test_coupons_are_given_once(office: House) -> None:
    """A tenth off of each invoice is a tenth of both; five dollars come off the last one alone."""
    for coupon in ("office/tenth", "office/five"):
        await decided(office, BEGUN, GiveCoupon(coupon))
    before, after = await made(office, "advance"), await made(office, "period")
    assert (before.total, after.total) == (Decimal("27.90"), Decimal("4.00"))  # 31 - 3.10; 10 - 1.00 - 5.00


async def test_a_coupon_for_a_plan_is_for_its_lines(office: House) -> None:
    """Half of what Small costs and nothing off of Large: 15.50 / 2 + 31.00 + calls at 10.00, all made on Large."""
    await decided(office, BEGUN, GiveCoupon("office/half_of_small"))
    await decided(office, MIDDLE, ChangePlan("office/large"))
    assert (await made(office, "period")).total == Decimal("48.75")


async def test_what_was_taxed_is_taken_off_with_its_tax(office: House) -> None:
    """31.00 and 6.20 of VAT before, 10.00 and 2.00 after, read back from the invoice as it is kept."""
    taxed = BOOK + '[[taxes.rates]]\nname = "VAT"\npercent = 20'
    async with office.pool.connection() as conn:
        await apply(conn, parse_book(taxed, "office.toml"), Source(taxed, {}), OCTOBER.start, "tests", NOW)
    before, after = await made(office, "advance"), await made(office, "period")
    assert (before.total, after.total) == (Decimal("37.20"), Decimal("12.00"))
    assert after.sums is not None
    assert [(tax.name, tax.amount) for tax in after.sums.taxes] == [("VAT", Decimal(2))]
    assert [line.total for line in after.settled] == [Decimal("37.20"), 12, Decimal("-37.20")]


async def test_what_its_period_has_billed_is_not_billed_in_advance(office: House) -> None:
    """October's invoice has its fee; nothing would take a second one off again."""
    assert (await made(office, "period")).total == 41
    with pytest.raises(InvoiceExists):
        await made(office, "advance")


async def test_fees_that_are_billed_meanwhile_are_not_billed_again(office: House) -> None:
    """October is priced, then its fee is billed in advance, then October's invoice is to be written: refused."""
    async with office.pool.connection() as conn:
        prepared = await bill.prepare(conn, office.team, OCTOBER, NOW)
    assert (await made(office, "advance")).total == 31
    async with office.pool.connection() as conn:
        with pytest.raises(Busy):
            await bill.conclude(conn, prepared, SELLER, NOW)
    assert (await made(office, "period")).total == 10


async def test_fees_are_owed_from_the_beginning_on(office: House) -> None:
    """Not before, and then while the period runs."""
    with pytest.raises(PeriodNotOver):
        await made(office, "advance", now=datetime(2026, 9, 30, tzinfo=UTC))
    assert (await made(office, "advance", now=OCTOBER.start)).total == 31


async def test_a_price_change_after_the_invoice_is_made_up_for(office: House) -> None:
    """The fee of Small is 93.00 from the middle on: 15.50 + 46.50 in all."""
    before = await made(office, "advance")
    dearer = BOOK.replace('base_fee = "31"', 'base_fee = "93"')
    async with office.pool.connection() as conn:
        await apply(conn, parse_book(dearer, "office.toml"), Source(dearer, {}), MIDDLE, "tests", NOW)
    after = await made(office, "period")
    assert before.total + after.total == 62 + 10
    assert {line.price_version for line in after.lines if line.kind == "base_fee"} != {after.price_version}


async def test_it_is_decided_by_a_team_too(office: House) -> None:
    """A team that is put on another plan now has its fee by the time served."""
    await office.put_on("office/large")
    async with office.pool.connection() as conn:
        draft = await bill.price(conn, office.team, Period(OCTOBER.end, datetime(2026, 12, 1, tzinfo=UTC), "UTC"))
    # 17.5 of 30 days at 31.00, 12.5 at 62.00
    assert [str(line.amount) for line in draft.rated.lines] == ["18.08", "25.83"]
