"""What a balance pays of invoices when they become final: once, whoever comes at the same moment, and given back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest

from meter import bill
from meter.errors import InvoiceState
from meter.ledger.accounts import Terms
from meter.mail import outbox
from meter.rating.periods import Period
from tests.billing.house import NOW, OCTOBER, SELLER, START, House
from tests.billing.purse import Purse, settlements

SEPTEMBER = Period(datetime(2026, 9, 1, tzinfo=UTC), START, "UTC")
CUT = START + timedelta(days=5)
TOKENS = "tokens.input"


@pytest.fixture
async def purse(house: House) -> Purse:
    """Answer a team on credits/payg that used 1,000,000 input tokens in October: 15.00."""
    await house.used(TOKENS, "1000000", "ann")
    return Purse(house)


async def test_a_balance_pays_an_invoice(purse: Purse) -> None:
    """All of 15.00 of the 20.00 there are: paid at once, with one letter, which is the invoice."""
    await purse.put("20")
    made = await purse.invoice(OCTOBER)
    assert (made.status, made.closed_note, made.to_pay) == ("paid", "paid from credits", Decimal(0))
    assert settlements(made) == [("credits", Decimal("15.00"))]
    assert (await purse.wallet()).balance == 5
    *_, paid = await purse.booked()
    assert (paid.kind, paid.amount, paid.description) == ("usage_deduction", Decimal(-15), f"Invoice {made.number}")
    assert made.settlements[0].source == paid.public_id
    async with purse.pool.connection() as conn:
        mails = await outbox.listed(conn, purse.house.team.id, made.public_id, None, 10)
    assert {each.kind for each in mails} == {"invoice"}
    await purse.holds()


async def test_it_pays_as_far_as_it_goes(purse: Purse) -> None:
    """10.00 of 15.00; the rest is to be paid by somebody, and the invoice is open until then."""
    await purse.put("10")
    made = await purse.invoice(OCTOBER)
    assert (made.status, made.to_pay, settlements(made)) == ("open", Decimal(5), [("credits", Decimal(10))])
    paid = await purse.close(made, "paid")
    assert (paid.status, (await purse.wallet()).balance) == ("paid", Decimal(0))
    await purse.holds()


async def test_what_is_not_there_pays_nothing(purse: Purse) -> None:
    """Of a team without an account, with an empty one, and with credits for other meters."""
    september = await purse.invoice(SEPTEMBER)
    assert (september.status, settlements(september)) == ("open", [])
    await purse.put("20", meters=("tts",))
    made = await purse.invoice(OCTOBER)
    assert (made.status, made.to_pay, settlements(made)) == ("open", Decimal(15), [])
    await purse.holds()


async def test_credits_at_a_price_pay_exactly(purse: Purse) -> None:
    """100,000 credits at 0.0001 are 10.00, and 250,000.5 for input tokens 25.00005: those go first and suffice."""
    await purse.open(Terms("credits", Decimal("0.0001")))
    await purse.put("100000")
    await purse.put("250000.5", priority=1, meters=(TOKENS,))
    made = await purse.invoice(OCTOBER)
    assert (made.status, settlements(made)) == ("paid", [("credits", Decimal(15))])
    assert (await purse.wallet()).balance == Decimal("200000.5")
    await purse.holds()


async def test_an_account_in_another_currency_pays_nothing(purse: Purse) -> None:
    """Nothing is converted."""
    await purse.open(Terms("EUR"))
    await purse.put("100")
    made = await purse.invoice(OCTOBER)
    assert (made.status, settlements(made)) == ("open", [])


async def test_what_calls_reserved_is_not_touched(purse: Purse) -> None:
    """Of 20.00 a call holds 12.00: 8.00 pay, and the call finds what it was promised."""
    await purse.put("20")
    assert await purse.hold(TOKENS, "12")
    made = await purse.invoice(OCTOBER)
    assert settlements(made) == [("credits", Decimal(8))]
    wallet = await purse.wallet()
    assert (wallet.balance, wallet.reserved) == (Decimal(12), Decimal(12))


async def test_invoices_share_one_wallet(purse: Purse) -> None:
    """Made at the same moment, while a call reserves: together they take what there is, and no more."""
    await purse.house.used(TOKENS, "500000", day=1)
    await purse.put("20")
    first, second = Period(START, CUT, "UTC"), Period(CUT, OCTOBER.end, "UTC")
    made, held = await asyncio.gather(
        asyncio.gather(*(purse.invoice(period) for period in (first, second, SEPTEMBER, first))),
        purse.hold(TOKENS, "1"),
    )
    assert [each.total for each in made[:2]] == [Decimal("7.50"), Decimal("15.00")]
    assert made[0].public_id == made[3].public_id
    wallet = await purse.wallet()
    assert sum(each.amount for bill in made[:3] for each in bill.settlements) == 20 - wallet.balance
    assert wallet.balance == wallet.reserved == (1 if held else 0)
    await purse.holds(but="reservations_hold_what_is_reserved")


async def test_one_that_is_cut_off_leaves_nothing(purse: Purse) -> None:
    """Its session ends while it waits for the wallet: no number, no booking; made again it is there once."""
    await purse.put("20")
    async with purse.pool.connection() as holder:
        async with holder.transaction():
            await holder.execute("select from account_standing for update")
            making = asyncio.create_task(purse.invoice(OCTOBER))
            pid = None
            while pid is None:
                found = await holder.execute(
                    "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
                )
                pid = await found.fetchone()
                await asyncio.sleep(0)
            await holder.execute("select pg_terminate_backend(%s)", pid)
            with pytest.raises(psycopg.OperationalError):
                await making
        left = await (await holder.execute("select count(*) from invoice")).fetchone()
        assert left == (0,)
    assert (await purse.wallet()).balance == 20
    made = await purse.invoice(OCTOBER)
    assert (made.number, made.status, (await purse.wallet()).balance) == ("HM-000001", "paid", Decimal(5))
    await purse.holds()


@pytest.mark.parametrize("credits_", ["20", "10"])
async def test_a_void_invoice_gives_back(purse: Purse, credits_: str) -> None:
    """Paid in part, or wholly: each grant has back what was taken of it, once, and the period may be billed again."""
    await purse.put(credits_)
    before = await purse.wallet()
    made = await purse.invoice(OCTOBER)
    void = await purse.close(made, "void")
    assert (void.status, settlements(void)) == ("void", settlements(made))
    after = await purse.wallet()
    assert (after.balance, after.lots, after.spent) == (before.balance, before.lots, before.spent)
    await purse.close(made, "void")
    assert (await purse.wallet()).balance == Decimal(credits_)
    again = await purse.invoice(OCTOBER)
    assert (again.number, settlements(again)) == ("HM-000002", settlements(made))
    await purse.holds()


async def test_what_somebody_paid_is_not_void(purse: Purse) -> None:
    """In part by credits, the rest by transfer: a credit note gives that back, nothing else."""
    await purse.put("10")
    made = await purse.close(await purse.invoice(OCTOBER), "paid")
    with pytest.raises(InvoiceState):
        await purse.close(made, "void")
    async with purse.pool.connection() as conn:
        with pytest.raises(psycopg.errors.RestrictViolation):
            await conn.execute("update invoice set status = 'void'")


async def test_a_draft_takes_nothing(purse: Purse) -> None:
    """Until it is final the balance is the team's."""
    await purse.put("20")
    async with purse.pool.connection() as conn:
        prepared = await bill.prepare(conn, purse.house.team, OCTOBER, NOW)
        await bill.conclude(conn, prepared, SELLER, NOW, draft=bill.Until(None))
    assert (await purse.wallet()).balance == 20
    made = await purse.invoice(OCTOBER)
    assert (made.status, (await purse.wallet()).balance) == ("paid", Decimal(5))
