"""What was given comes off an invoice before tax, what was bought pays after it: booked, given back, and explained."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal

import pytest

from meter import bill, invoices
from meter import database as databases
from meter.explain.invoice import explain
from meter.ingest import Ingest
from meter.invoices import Invoice
from meter.invoicing.foresee import foreseen
from meter.rating.periods import Period
from tests.billing.conftest import CONNECTIONS, PAST_DAYS
from tests.billing.house import NOW, OCTOBER, SELLER
from tests.billing.purse import Purse, settlements
from tests.billing.tariff import make_desk
from tests.billing.test_adjustments import IN_DECEMBER, NOVEMBER, calls, final_of, looked
from tests.billing.verifying import BOOK, place_of, verdict
from tests.contract.correcting import change, named

SOON = NOW + timedelta(days=1)


@asynccontextmanager
async def owing(database: str) -> AsyncIterator[Purse]:
    """A team that owes 86.00 for October before 20 % of tax: 31.00, 500 calls at 0.10 and 100 at 0.05; 300 by `one`."""
    async with databases.pool(database, CONNECTIONS) as pool:
        desk = await make_desk(pool, Ingest(pool, PAST_DAYS), "UTC", "tariff/small", "2026-10-01T00:00Z", BOOK)
        await calls(desk.house, "one", 300, "ann")
        await calls(desk.house, "two", 400, "bob")
        yield Purse(desk.house)


@pytest.fixture
async def purse(any_database: str) -> AsyncIterator[Purse]:
    """Answer a team that owes 86.00 for October before tax."""
    async with owing(any_database) as found:
        yield found


def sums(invoice: Invoice) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    """Answer the lines, what came off them, tax and total of an invoice."""
    assert invoice.sums is not None
    return invoice.sums.subtotal, invoice.sums.coupons_total, invoice.sums.tax, invoice.total


def money(*amounts: str) -> tuple[Decimal, ...]:
    """Answer amounts."""
    return tuple(map(Decimal, amounts))


async def left(purse: Purse) -> list[tuple[int, Decimal]]:
    """Answer what is left of each grant, by its priority."""
    return [(lot.priority, lot.left) for lot in (await purse.wallet()).lots]


async def verified(purse: Purse, invoice: Invoice) -> None:
    """See that an invoice made again from raw events is the same."""
    assert (await verdict(purse.house, invoice)).state == "agrees"


async def test_gifts_come_off_before_tax_and_purchases_pay_after(purse: Purse) -> None:
    """86.00 less 50.00 is 36.00, with a fifth 43.20; 30.00 that were bought pay of that, and 13.20 are left."""
    await purse.put("30", priority=1)
    await purse.put("50", "credit_grant", title="Spring")
    made = await purse.invoice(OCTOBER)
    assert sums(made) == money("86.00", "50.00", "7.20", "43.20")
    assert settlements(made) == [("credits", Decimal(30))]
    assert (made.status, made.to_pay) == ("open", Decimal("13.20"))
    assert made.sums is not None
    (gift,) = made.sums.promotions
    assert (gift.title, gift.off, gift.amount) == ("Spring", *money("50.00", "50.00"))
    *_, given, paid = await purse.booked()
    assert (given.kind, given.amount, given.source) == (
        "usage_deduction",
        Decimal(-50),
        f"invoice/{made.public_id}/promotions",
    )
    assert (paid.amount, paid.source) == (Decimal(-30), f"invoice/{made.public_id}")
    assert (await purse.wallet()).balance == 0
    await verified(purse, made)
    await purse.holds()


async def test_a_gift_may_be_all_of_it(purse: Purse) -> None:
    """Nothing is taxed, so nothing is left to pay: it is paid, has no settlement, and may be void."""
    await purse.put("100", "credit_grant")
    made = await purse.invoice(OCTOBER)
    assert sums(made) == money("86.00", "86.00", "0.00", "0.00")
    assert (made.status, made.closed_note, settlements(made)) == ("paid", "covered by promotional credits", [])
    assert (await purse.wallet()).balance == 14
    void = await purse.close(made, "void")
    assert (void.status, (await purse.wallet()).balance) == ("void", Decimal(100))
    again = await purse.invoice(OCTOBER)
    assert (again.total, (await purse.wallet()).balance) == money("0.00", "14")
    await verified(purse, again)
    await purse.holds()


async def test_gifts_keep_their_order_and_their_lines(purse: Purse) -> None:
    """The smaller priority first: 10.00 for all, then 100.00 for calls alone, which takes what is left of those."""
    await purse.put("100", "credit_grant", priority=2, meters=("requests",))
    await purse.put("10", "credit_grant", priority=1)
    await purse.put("7", "credit_grant", priority=3, effective_at=SOON)
    made = await purse.invoice(OCTOBER)
    # 10.00 are spread over 86.00: of 55.00 for calls 48.60 are left, down to a cent.
    assert sums(made) == money("86.00", "58.60", "5.48", "32.88")
    assert sorted(await left(purse)) == [(2, Decimal("51.40")), (3, Decimal(7))]
    await purse.holds()


async def test_what_calls_reserved_is_not_given(purse: Purse) -> None:
    """Of 50.00 a call holds 12.00."""
    await purse.put("50", "credit_grant")
    assert await purse.hold("requests", "12")
    made = await purse.invoice(OCTOBER)
    assert sums(made) == money("86.00", "38.00", "9.60", "57.60")
    assert (await purse.wallet()).balance == 12


async def test_a_draft_says_what_credits_would_pay(purse: Purse) -> None:
    """As a preview does: nothing is booked, and when it is final it comes to that."""
    await purse.put("20")
    await purse.put("50.009", "credit_grant")
    async with purse.pool.connection() as conn:
        priced = await bill.price(conn, purse.house.team, OCTOBER)
        seen = await foreseen(conn, priced, NOW)
        prepared = await bill.prepare(conn, purse.house.team, OCTOBER, NOW)
        made = await bill.conclude(conn, prepared, SELLER, NOW, draft=bill.Until(None))
    draft = await purse.found(made.public_id)
    assert draft.sums is not None
    assert (priced.document.total, seen.document.total, draft.total) == money("103.20", "43.20", "43.20")
    assert [(each.kind, each.amount) for each in seen.expected] == [("credits", Decimal(20))]
    assert (draft.sums.expected, draft.sums.promotions) == (seen.expected, seen.promotions)
    assert (draft.settlements, draft.to_pay, (await purse.wallet()).balance) == ((), draft.total, Decimal("70.009"))
    final = await purse.invoice(OCTOBER)
    assert (final.public_id, final.total, final.to_pay) == (draft.public_id, *money("43.20", "23.20"))
    assert (final.sums and final.sums.expected, (await purse.wallet()).balance) == ((), Decimal("0.009"))
    await purse.holds()


async def test_less_usage_gives_gifts_back(purse: Purse) -> None:
    """Of 86.00 that a gift paid 35.00 were not used: they are the gift's again, and no money; void has all back."""
    await purse.put("90", "credit_grant")
    october = await final_of(purse.house, OCTOBER)
    assert (october.total, (await purse.wallet()).balance) == money("0.00", "4")
    await change(place_of(purse.house), [named("two")], None)
    (found,) = await looked(purse.house)
    assert (found.delta.total, (await purse.wallet()).balance) == money("0.00", "39.00")
    assert await left(purse) == [(100, Decimal("39.00"))]
    assert await looked(purse.house) == []
    await purse.holds()
    await purse.close(october, "void")
    assert await left(purse) == [(100, Decimal("90.00"))]
    await purse.holds()


async def test_more_usage_is_taxed(purse: Purse) -> None:
    """What came late is by the terms of its own period: 100 calls at 0.05 with a fifth, though there is a gift."""
    await purse.put("86", "credit_grant")
    await final_of(purse.house, OCTOBER)
    await calls(purse.house, "late", 100, "cid")
    (found,) = await looked(purse.house)
    assert found.delta.total == Decimal("6.00")
    await purse.put("100", "credit_grant")
    november = await final_of(purse.house, NOVEMBER, IN_DECEMBER)
    assert sums(november) == money("36.00", "31.00", "1.00", "6.00")
    await verified(purse, november)
    await purse.holds()


async def test_a_gift_of_a_part_is_of_the_whole(purse: Purse) -> None:
    """By the 25th 55.00 less 40.00 with a fifth are 18.00, then 37.20; both are 86.00 less 40.00. Void, it is back."""
    await purse.put("40", "credit_grant")
    so_far = Period(OCTOBER.start, OCTOBER.start.replace(day=25), "UTC")
    part = await purse.invoice(so_far, bill.PROGRESSIVE)
    assert sums(part) == money("55.00", "40.00", "3.00", "18.00")
    october = await final_of(purse.house, OCTOBER)
    assert (october.total, part.total + october.total) == money("37.20", "55.20")
    assert october.sums is not None
    assert [(each.off, each.amount) for each in october.sums.promotions] == [money("40.00", "0.00")]
    await verified(purse, october)
    await purse.holds()
    await purse.close(part, "void")
    assert (await purse.wallet()).balance == 40
    (found,) = await looked(purse.house)
    assert (found.delta.total, (await purse.wallet()).balance) == money("66.00", "40")
    await purse.holds()


async def test_a_list_knows_what_is_left_to_pay(purse: Purse) -> None:
    """As the invoice by itself does: open, and paid."""
    await purse.put("30")
    made = [await purse.invoice(OCTOBER)]
    made.append(await purse.invoice(NOVEMBER, now=IN_DECEMBER))
    made[1] = await purse.close(made[1], "paid")
    async with purse.pool.connection() as conn:
        listed = await invoices.list_invoices(conn, purse.house.team.id, None, 10)
    assert [each.to_pay for each in listed] == [each.to_pay for each in reversed(made)] == list(money("0.00", "73.20"))


async def test_an_explanation_has_gifts_by_their_titles(purse: Purse) -> None:
    """And no credit note where none was made."""
    await purse.put("50", "credit_grant", title="Spring")
    made = await purse.invoice(OCTOBER)
    async with purse.pool.connection() as conn:
        found = await explain(conn, made)
    assert [each.says for each in found.sums if each.step.name == "grant"] == [
        "Promotional credit Spring: at most all of 86 EUR on 2 lines: 50 EUR off."
    ]
    assert found.credit_notes == ()
