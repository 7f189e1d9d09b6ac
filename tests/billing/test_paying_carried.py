"""An invoice below zero: what it gives back lies on the account, and pays the next one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from meter.invoices import Invoice
from meter.ledger.accounts import Terms
from meter.rating.periods import Period
from meter.subscriptions.changes import Cancel, Start
from tests.billing.house import NOW, House
from tests.billing.purse import Purse, settlements
from tests.billing.test_advance import MIDDLE, OCTOBER, decided, office

__all__ = ["office"]  # a fixture
HALF = Period(OCTOBER.start, MIDDLE, "UTC")
NOVEMBER = Period(OCTOBER.end, datetime(2026, 12, 1, tzinfo=UTC), "UTC")


async def given_back(office: House) -> Invoice:
    """Cancel in the middle of October, whose fee was billed before it: half of it is too much."""
    purse = Purse(office)
    await purse.invoice(OCTOBER, "advance")
    await decided(office, MIDDLE, Cancel())
    return await purse.invoice(HALF)


async def test_what_is_below_zero_pays_the_next(office: House) -> None:
    """15.50 are carried, into an account that is opened for it; of November's fee of 31.00 they are half."""
    purse = Purse(office)
    made = await given_back(office)
    assert (made.total, made.to_pay) == (Decimal("-15.50"), Decimal(0))
    assert (made.status, made.closed_note) == ("paid", "carried to the account")
    assert settlements(made) == [("carried", Decimal("-15.50"))]
    assert [(each.kind, each.amount) for each in await purse.booked()] == [("credit_adjustment", Decimal("15.50"))]
    await purse.holds()
    await decided(office, NOVEMBER.start, Start("office/small"))
    following = await purse.invoice(NOVEMBER, "advance")
    assert (following.total, following.to_pay) == (Decimal(31), Decimal("15.50"))
    assert (await purse.wallet()).balance == 0
    await purse.holds()


async def test_it_is_carried_in_the_accounts_unit(office: House) -> None:
    """At 0.0001 a credit they are 155,000 credits."""
    purse = Purse(office)
    await purse.open(Terms("credits", Decimal("0.0001")))
    await given_back(office)
    assert (await purse.wallet()).balance == 155_000
    await purse.holds()


async def test_another_currency_is_left_to_people(office: House) -> None:
    """An account in euros can't have dollars: the invoice stays open, and says what is owed to the team."""
    purse = Purse(office)
    await purse.open(Terms("EUR"))
    made = await given_back(office)
    assert (made.status, made.to_pay, settlements(made)) == ("open", Decimal("-15.50"), [])


@pytest.mark.parametrize("spent", ["0", "9.00"])
async def test_a_void_one_is_taken_again(office: House, spent: str) -> None:
    """What of it is used by then is owed."""
    purse = Purse(office)
    made = await given_back(office)
    if Decimal(spent):
        await purse.use("requests", spent)
    await purse.close(made, "void")
    await purse.close(made, "void")
    wallet = await purse.wallet()
    assert (wallet.balance, len(await purse.booked())) == (-Decimal(spent), 2 + bool(Decimal(spent)))
    await purse.holds(but="usage_is_charged_as_counted")


async def test_a_later_moment_changes_nothing(office: House) -> None:
    """Asked for again the invoice is what it was, and is booked once."""
    purse = Purse(office)
    made = await given_back(office)
    again = await purse.invoice(HALF, now=NOW + timedelta(hours=1))
    assert (again.public_id, len(await purse.booked())) == (made.public_id, 1)
