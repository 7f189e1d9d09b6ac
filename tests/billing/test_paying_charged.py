"""Usage that is charged as it happens: once the invoice is final, what is billed of it was charged, to the digit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from meter import database as databases
from meter.ingest import Ingest
from meter.invoices import Invoice
from meter.ledger import charging
from meter.ledger.accounts import Terms
from meter.model import Event
from meter.rating.money import exact
from tests.billing.conftest import CONNECTIONS, PAST_DAYS
from tests.billing.house import NOW
from tests.billing.purse import Purse, settlements
from tests.billing.tariff import Desk, at, make_desk

CALLS, TOKENS = "requests", "tokens.input"
BOOK = """
name = "tariff"
title = "Tariff"
currency = "EUR"
taxes = { rates = [{ name = "VAT", percent = 19 }] }

[plans.now]
title = "Now"
base_fee = "10.00"
charge = "immediate"
[plans.now.prices]
calls = { title = "Calls", meter = "requests", unit = "call", unit_amount = "0.0033333", included = 100 }
tokens = { title = "Tokens", meter = "tokens.input", unit = "token", unit_amount = "0.0000007" }

[plans.ahead]
title = "Ahead"
charge = "prepaid"
[plans.ahead.prices]
calls = { title = "Calls", meter = "requests", unit = "call", unit_amount = "0.0033333" }
tokens = { title = "Tokens", meter = "tokens.input", unit = "token", unit_amount = "0.0000007" }

[plans.later]
title = "Later"
base_fee = "10.00"
[plans.later.prices]
calls = { title = "Calls", meter = "requests", unit = "call", unit_amount = "0.0033333", included = 100 }
tokens = { title = "Tokens", meter = "tokens.input", unit = "token", unit_amount = "0.0000007" }
"""
SINCE = "2026-09-01T00:00:00+02:00"
MIDDLE = "2026-10-14T09:30:00+02:00"


@pytest.fixture
async def desk(any_database: str) -> AsyncIterator[Desk]:
    """Answer a team in Paris that is charged as it uses since September, on each engine."""
    async with databases.pool(any_database, CONNECTIONS) as pool:
        yield await make_desk(pool, Ingest(pool, PAST_DAYS), "Europe/Paris", "tariff/now", SINCE, BOOK)


async def used(desk: Desk, calls: int, tokens: int, when: str = MIDDLE) -> None:
    """Use so many of both."""
    await desk.house.sent(
        Event(time=at(when), meter=CALLS, quantity=Decimal(calls), member="ann"),
        Event(time=at(when), meter=TOKENS, quantity=Decimal(tokens)),
    )


async def charge(desk: Desk, when: str = MIDDLE) -> None:
    """Charge what is due, as the worker does."""
    async with desk.pool.connection() as conn:
        await charging.charge(conn, desk.house.team, [at(when)], NOW)


async def months(desk: Desk) -> list[Invoice]:
    """Make the invoices of September and October."""
    periods = await desk.periods(SINCE, "2026-11-01T00:00:00+01:00")
    return [await Purse(desk.house).invoice(period) for period in periods]


@exact()
def by_hand(calls: int, tokens: int, included: int = 100) -> Decimal:
    """Answer what usage costs before anything is rounded."""
    return (calls - included) * Decimal("0.0033333") + tokens * Decimal("0.0000007")


async def test_billed_is_charged_to_the_digit(desk: Desk) -> None:
    """What usage took is exact; then the account is asked for the rest of the lines and their tax, and no more."""
    purse = Purse(desk.house)
    await purse.open(Terms("EUR", floor=None))
    await purse.put("100")
    await used(desk, 1_234, 56_789)
    await charge(desk)
    before = await purse.wallet()
    assert before.spent == by_hand(1_234, 56_789) == Decimal("3.8197145")
    _, october = await months(desk)
    fee, calls, tokens = october.settled
    assert [fee.total, calls.total, tokens.total] == [Decimal("11.90"), Decimal("4.50"), Decimal("0.05")]
    billed = calls.total + tokens.total
    assert settlements(october) == [("charged", billed), ("credits", Decimal("11.90"))]
    assert (october.status, october.closed_note) == ("paid", "charged as it was used, paid from credits")
    after = await purse.wallet()
    september = Decimal("11.90")  # its fee, with tax
    assert after.balance == 100 - september - fee.total - billed
    assert after.spent == before.spent + september + fee.total
    rounding = next(each for each in await purse.booked() if each.source.endswith(f"{october.public_id}/rounding"))
    assert rounding.amount == before.spent - billed
    await purse.holds()


async def test_what_no_worker_charged_yet_is_charged_first(desk: Desk) -> None:
    """The account, which is opened for it, is asked for the usage and then for its rounding; nothing comes later."""
    await used(desk, 1_234, 56_789)
    _, october = await months(desk)
    purse = Purse(desk.house)
    booked = await purse.booked()
    assert sum(-each.amount for each in booked if each.source.startswith("follow/")) == by_hand(1_234, 56_789)
    await charge(desk)
    assert len(await purse.booked()) == len(booked)
    assert settlements(october) == [("charged", Decimal("4.55"))]
    assert (october.status, october.to_pay) == ("open", Decimal("11.90"))
    assert (await purse.wallet()).balance == Decimal("-4.55")
    await purse.holds()


async def test_what_is_charged_later_is_the_next_invoices(desk: Desk) -> None:
    """Usage that came after its invoice: the account has back what was charged, until an invoice bills it."""
    purse = Purse(desk.house)
    await used(desk, 300, 0, "2026-09-10T10:00:00+02:00")
    september, _ = await months(desk)
    assert settlements(september) == [("charged", Decimal("0.80"))]  # 0.67 and 19 %
    await used(desk, 100, 0, "2026-09-11T10:00:00+02:00")
    await charge(desk, "2026-09-11T10:00:00+02:00")
    assert (await purse.wallet()).balance == Decimal("-0.80") - Decimal("0.33333")
    await used(desk, 100, 0, "2026-11-11T10:00:00+01:00")
    later = NOW + timedelta(days=20)
    [november] = await desk.periods("2026-11-02T00:00:00+01:00", "2026-11-30T23:00:00+01:00")
    await purse.invoice(november, now=later)
    assert (await purse.wallet()).balance == Decimal("-0.80")
    await purse.holds()


async def test_a_void_invoice_leaves_what_was_charged(desk: Desk) -> None:
    """The rounding is taken back, the usage is not; billed again it comes to the same."""
    purse = Purse(desk.house)
    await used(desk, 1_234, 56_789)
    _, october = await months(desk)
    await purse.close(october, "void")
    assert (await purse.wallet()).balance == -by_hand(1_234, 56_789)
    _, again = await months(desk)
    assert (again.public_id != october.public_id, settlements(again)) == (True, settlements(october))
    assert (await purse.wallet()).balance == Decimal("-4.55")
    await purse.holds()


async def test_a_part_of_a_period_bills_its_part(any_database: str) -> None:
    """Of what a month was charged each of its two invoices bills what its lines come to."""
    async with databases.pool(any_database, CONNECTIONS) as pool:
        desk = await make_desk(pool, Ingest(pool, PAST_DAYS), "Europe/Paris", "tariff/ahead", SINCE, BOOK)
        purse = Purse(desk.house)
        await used(desk, 200, 0, "2026-10-02T10:00:00+02:00")
        await used(desk, 300, 0, "2026-10-20T10:00:00+02:00")
        [_, october] = await desk.periods(SINCE, "2026-11-01T00:00:00+01:00")
        cut = at("2026-10-10T00:00:00+02:00")
        parts = [replace(october, end=cut), replace(october, start=cut)]
        made = [await purse.invoice(part) for part in parts]
        assert [settlements(each) for each in made] == [[("charged", Decimal("0.80"))], [("charged", Decimal("1.19"))]]
        assert (await purse.wallet()).balance == -(Decimal("0.80") + Decimal("1.19"))
        await purse.holds()


async def test_by_invoice_nothing_is_charged(any_database: str) -> None:
    """The same usage on a plan that is paid by invoice: what is to pay is the total."""
    async with databases.pool(any_database, CONNECTIONS) as pool:
        desk = await make_desk(pool, Ingest(pool, PAST_DAYS), "Europe/Paris", "tariff/later", SINCE, BOOK)
        await used(desk, 1_234, 56_789)
        _, october = await months(desk)
        assert (october.total, october.to_pay, settlements(october)) == (Decimal("16.45"), Decimal("16.45"), [])
