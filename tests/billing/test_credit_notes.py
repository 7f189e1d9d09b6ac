"""A final invoice is taken back by credit notes: numbered, exact, once, and where the money is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import psycopg
import pytest

from meter import checks, invoices
from meter import database as databases
from meter.audit import Actor
from meter.credit_notes import make, store
from meter.credit_notes.store import CreditNote, Which
from meter.credit_notes.wanted import OfLine, To, Wanted
from meter.errors import CreditRefused, InvoiceState
from meter.ingest import Ingest
from meter.invoices import Invoice
from meter.invoicing import change, settled
from meter.invoicing.settled import Settlement
from meter.invoicing.states import Closed
from meter.ledger import accounts, history
from meter.ledger import store as wallets
from meter.ledger.acts import Deposit, Said, put_in
from meter.model import Event
from tests.billing.conftest import CONNECTIONS, PAST_DAYS
from tests.billing.house import NOW, START, House
from tests.billing.tariff import make_desk
from tests.billing.verifying import BOOK

OPERATOR = Actor("system", NOW)
TEN, TWELVE = Decimal(10), Decimal(12)
NOTHING = Decimal(0)
PARALLEL = 6


@pytest.fixture(name="billed")
async def fixture_billed(any_database: str) -> AsyncIterator[tuple[House, Invoice]]:
    """Answer a team and its invoice of October, on each engine: 31.00 and 10.00 at 20 %, in all 49.20 EUR."""
    async with databases.pool(any_database, CONNECTIONS) as pool:
        desk = await make_desk(pool, Ingest(pool, PAST_DAYS), "UTC", "tariff/small", "2026-10-01T00:00Z", BOOK)
        sent = [("ann", 150), ("bob", 50)]
        for member, calls in sent:
            time = START.replace(day=7)
            await desk.house.sent(Event(time=time, meter="requests", quantity=Decimal(calls), member=member))
        made = await desk.house.invoice()
        assert made.total == Decimal("49.20"), made.lines
        yield desk.house, made


async def credited(house: House, invoice: Invoice, to: To | None = None, **asked: object) -> CreditNote:
    """Make a credit note."""
    wanted = Wanted(invoice, "correction", to=to, **asked)  # type: ignore[arg-type]
    async with house.pool.connection() as conn, conn.transaction():
        return (await make.make(conn, wanted, OPERATOR)).note


async def now(house: House, invoice: Invoice) -> Invoice:
    """Answer the invoice as it is by now."""
    async with house.pool.connection() as conn:
        found = await invoices.get(conn, invoice.public_id, None)
    assert found is not None
    return found


async def closed(house: House, invoice: Invoice, to: Closed) -> None:
    """Say what became of the invoice."""
    async with house.pool.connection() as conn, conn.transaction():
        await change.close(conn, invoice.public_id, to, "why", NOW)


async def balance(house: House) -> Decimal:
    """Answer what is in the team's account, nothing where there is none."""
    async with house.pool.connection() as conn:
        account = (await wallets.find(conn, house.team.id)).get(None)
        return Decimal(0) if account is None else (await wallets.look(conn, account.id)).balance


async def killed(house: House, invoice: Invoice) -> None:
    """Make a credit note on a connection that the server ends before the commit."""
    async with house.pool.connection() as conn, conn.transaction():
        await make.make(conn, Wanted(invoice, "correction", amount=TEN), OPERATOR)
        async with house.pool.connection() as other:
            await other.execute("select pg_terminate_backend(%s)", (conn.info.backend_pid,))
        await conn.execute("select 1")


async def all_hold(house: House) -> None:
    """See that every invariant holds."""
    async with house.pool.connection() as conn:
        assert [each for each in await checks.run(conn, NOW) if not each.holds] == []


async def test_an_open_invoice_is_credited_until_it_is_paid(billed: tuple[House, Invoice]) -> None:
    """A part lowers what is to pay; all of it is paid by the last credit note, and nobody gets a receipt."""
    house, invoice = billed
    first = await credited(house, invoice, lines=(OfLine(1, Decimal("10.00")),))
    assert (first.number, first.net, first.tax, first.total) == ("CN-000001", TEN, Decimal(2), TWELVE)
    assert (first.to_invoice, first.to_balance, first.to_refund) == (TWELVE, NOTHING, NOTHING)
    after = await now(house, invoice)
    assert (after.status, after.to_pay, after.total) == ("open", Decimal("37.20"), invoice.total)
    assert [(each.kind, each.amount, each.description) for each in after.settlements] == [
        ("credit_note", TWELVE, "Credited by CN-000001")
    ]
    rest = await credited(house, invoice)
    assert (rest.number, rest.total) == ("CN-000002", Decimal("37.20"))
    after = await now(house, invoice)
    assert (after.status, after.to_pay, after.closed_note) == ("paid", NOTHING, "credited by CN-000002")
    assert [each.number for each in after.credit_notes] == ["CN-000001", "CN-000002"]
    with pytest.raises(CreditRefused, match="nothing of this is left"):
        await credited(house, invoice)
    async with house.pool.connection() as conn:
        kinds = await (await conn.execute("select kind, count(*) from mail group by kind order by kind")).fetchall()
    assert kinds == [("credit_note_1", 2), ("credit_note_2", 2), ("invoice", 2)]
    await all_hold(house)


async def test_what_was_paid_goes_into_the_account(billed: tuple[House, Invoice]) -> None:
    """Which is opened for it; or it is said to be given back by other ways. Never more than was paid."""
    house, invoice = billed
    await closed(house, invoice, "paid")
    note = await credited(house, invoice, amount=Decimal("10.00"))
    assert (note.total, note.to_balance) == (TWELVE, TWELVE)
    assert await balance(house) == 12
    async with house.pool.connection() as conn:
        account = (await wallets.find(conn, house.team.id))[None]
        (booked,) = await history.transactions(conn, account.id, history.Wanted(), 10)
    assert (booked.kind, booked.amount, booked.source) == ("credit_adjustment", TWELVE, f"credit_note/{note.public_id}")
    elsewhere = await credited(house, invoice, to="refund", lines=(OfLine(2, Decimal("1.00")),))
    assert (elsewhere.to_refund, await balance(house)) == (Decimal("1.20"), TWELVE)
    with pytest.raises(CreditRefused, match=r"0\.00 is left to pay"):
        await credited(house, invoice, to="invoice", amount=Decimal("1.00"))
    assert (await now(house, invoice)).to_pay == 0
    await all_hold(house)


async def test_nothing_of_an_open_invoice_was_paid_yet(billed: tuple[House, Invoice]) -> None:
    """So nothing goes into the account, and nothing is given back; nor more off it than is to pay."""
    house, invoice = billed
    elsewhere: tuple[To, ...] = ("balance", "refund")
    for to in elsewhere:
        with pytest.raises(CreditRefused, match="was paid for the invoice") as refused:
            await credited(house, invoice, to=to, amount=Decimal("10.00"))
        assert refused.value.members["reason"] == "no_room"
    await closed(house, invoice, "uncollectible")
    await credited(house, invoice, to="invoice")
    assert (await now(house, invoice)).status == "paid"
    assert await balance(house) == 0
    await all_hold(house)


async def test_what_paid_a_part_comes_back(billed: tuple[House, Invoice]) -> None:
    """Of 49.20, 40.00 by credits: all of it credited takes 9.20 off, and puts 40.00 back."""
    house, invoice = billed
    async with house.pool.connection() as conn, conn.transaction():
        account = await accounts.opened(conn, house.team, None, OPERATOR)
        given = await put_in(conn, house.team, account, Deposit("credit_grant", Decimal(1)), Said(), OPERATOR)
        paid = Settlement("credits", Decimal("40.00"), "Paid by credits", given.transaction.public_id, NOW)
        await settled.add(conn, invoice.id, paid)
    note = await credited(house, invoice)
    assert (note.to_invoice, note.to_balance) == (Decimal("9.20"), Decimal("40.00"))
    assert (await now(house, invoice)).status == "paid"


async def test_members_parts_add_up(billed: tuple[House, Invoice]) -> None:
    """Calls are ann's and bob's, the fee nobody's, with their tax."""
    house, invoice = billed
    note = await credited(house, invoice, amount=Decimal("20.50"))
    async with house.pool.connection() as conn:
        stored = await store.get(conn, note.public_id or invoice.public_id, None)
    assert stored is not None
    assert stored == note
    parts = {(line.line, share.member): share.amount for line in stored.lines for share in line.members}
    assert parts == {(1, None): Decimal("18.60"), (2, "ann"): Decimal("4.50"), (2, "bob"): Decimal("1.50")}


async def test_two_at_once_are_one_after_the_other(billed: tuple[House, Invoice]) -> None:
    """Each wants 10.00 of 41.00: four get it, numbers have no gaps, and the rest hear what is left."""
    house, invoice = billed
    asked = (credited(house, invoice, amount=Decimal("10.00")) for _ in range(PARALLEL))
    found = await asyncio.gather(*asked, return_exceptions=True)
    made = [each for each in found if isinstance(each, CreditNote)]
    refused = [each for each in found if isinstance(each, CreditRefused)]
    assert (len(made), len(refused)) == (4, PARALLEL - 4), found
    assert {each.number for each in made} == {f"CN-00000{at}" for at in range(1, 5)}
    assert (await now(house, invoice)).to_pay == Decimal("1.20")
    await all_hold(house)


async def test_a_kill_in_the_middle_leaves_nothing(billed: tuple[House, Invoice]) -> None:
    """The server ends the connection before the commit: no number is lost, and it can be made again."""
    house, invoice = billed
    await closed(house, invoice, "paid")
    with pytest.raises(psycopg.OperationalError):
        await killed(house, invoice)
    assert await balance(house) == 0
    async with house.pool.connection() as conn:
        assert await store.list_notes(conn, None, Which(), None) == []
    again = await credited(house, invoice, amount=Decimal("10.00"))
    assert (again.number, await balance(house)) == ("CN-000001", TWELVE)
    await all_hold(house)


async def test_the_database_refuses_more_and_any_change(billed: tuple[House, Invoice]) -> None:
    """Whoever writes: a second of the same lines, or a change of what is there."""
    house, invoice = billed
    note = await credited(house, invoice, lines=(OfLine(1),))
    written = note._replace(public_id=invoice.public_id, id=None)
    async with house.pool.connection() as conn:
        with pytest.raises(psycopg.errors.CheckViolation):
            async with conn.transaction():
                await store.write(conn, written)
        for change_of in (
            "update credit_note set total = 1",
            "delete from credit_note_line",
            "truncate credit_note_share",
        ):
            with pytest.raises(psycopg.errors.RestrictViolation, match="written once"):
                async with conn.transaction():
                    await conn.execute(change_of)


async def test_a_credited_invoice_is_not_voided(billed: tuple[House, Invoice]) -> None:
    """What is left of it is credited; and a void one or a draft is not credited."""
    house, invoice = billed
    await credited(house, invoice, amount=Decimal("1.00"))
    with pytest.raises(InvoiceState, match="CN-000001 takes a part of it back"):
        await closed(house, invoice, "void")
    assert (await now(house, invoice)).status == "open"


async def test_what_is_void_is_not_credited(billed: tuple[House, Invoice]) -> None:
    """Nothing of it is owed."""
    house, invoice = billed
    await closed(house, invoice, "void")
    with pytest.raises(InvoiceState, match="void"):
        await credited(house, invoice)


async def test_an_account_in_credits_takes_their_worth(billed: tuple[House, Invoice]) -> None:
    """At 0.01 EUR each 12.00 are 1,200 credits."""
    house, invoice = billed
    await closed(house, invoice, "paid")
    async with house.pool.connection() as conn, conn.transaction():
        terms = accounts.Terms(accounts.CREDITS, credit_price=Decimal("0.01"))
        await accounts.put(conn, house.team, None, terms, OPERATOR)
    await credited(house, invoice, amount=Decimal("10.00"))
    assert await balance(house) == 1200
    await all_hold(house)


async def test_a_preview_keeps_nothing(billed: tuple[House, Invoice]) -> None:
    """It says what would be, and the first that is made has the first number."""
    house, invoice = billed
    async with house.pool.connection() as conn, conn.transaction():
        shown = await make.preview(conn, Wanted(invoice, "goodwill"), OPERATOR)
    assert (shown.number, shown.total) == (None, invoice.total)
    assert (await credited(house, invoice)).number == "CN-000001"
