"""An invoice is a draft until it is final: written anew as often as one likes, numbered once, then closed one way."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from meter import bill, checks, invoices
from meter.errors import InvoiceExists, InvoiceState, NotFound, Problem, UsageDiffers
from meter.invoices import Invoice, Wanted
from meter.invoicing import change, final
from meter.invoicing.states import Closed
from meter.rating.periods import Period
from tests.billing.house import NOW, OCTOBER, SELLER, START, House
from tests.contract.keeping import settled
from tests.contract.place import ask

PARALLEL = 8


async def kept(house: House, *, final: bool = False) -> Invoice:
    """Write the draft of October, anew where it is there, or make it final."""
    async with house.pool.connection() as conn:
        prepared = await bill.prepare(conn, house.team, OCTOBER, NOW)
        until = None if final else bill.Until(NOW + timedelta(days=1))
        made = await bill.conclude(conn, prepared, SELLER, NOW, draft=until)
        found = await invoices.get(conn, made.public_id, house.team.id)
    assert found is not None
    return found


async def closed(house: House, invoice: Invoice, to: Closed, note: str = "why") -> Invoice:
    """Say what became of an invoice."""
    async with house.pool.connection() as conn:
        async with conn.transaction():
            await change.close(conn, invoice.public_id, to, note, NOW)
        found = await invoices.get(conn, invoice.public_id, house.team.id)
    assert found is not None
    return found


async def test_a_draft_is_written_anew_until_it_is_final(house: House) -> None:
    """Late usage gets in, the id stays; final, it has a number, and the next bill is that invoice."""
    await house.used("tokens.input", "1000000", "ann")
    first = await kept(house)
    assert (first.status, first.number, first.issued_at) == ("draft", None, None)
    assert first.finalise_at == NOW + timedelta(days=1)
    await house.used("tokens.input", "1000000", "bob")
    second = await kept(house)
    assert second.public_id == first.public_id
    assert [first.total, second.total] == [Decimal("15.00"), Decimal("30.00")]
    assert {share.member for share in second.members} == {"ann", "bob"}
    final = await kept(house, final=True)
    assert (final.public_id, final.status, final.number) == (first.public_id, "open", "HM-000001")
    assert (final.total, final.lines, final.members) == (second.total, second.lines, second.members)
    assert not (await house.billed()).created
    async with house.pool.connection() as conn:
        assert [finding for finding in await checks.run(conn, NOW) if not finding.holds] == []


async def test_a_bill_makes_the_draft_final(house: House) -> None:
    """Whoever bills the period finds the draft and numbers it."""
    draft = await kept(house)
    made = await house.billed()
    assert (made.public_id, made.created) == (draft.public_id, True)


async def test_a_draft_is_made_final_once(house: House) -> None:
    """By however many at the same moment; one number is given."""
    await house.used("tokens.input", "1000000")
    await kept(house)
    made = await asyncio.gather(*(kept(house, final=True) for _ in range(PARALLEL)))
    assert {each.number for each in made} == {"HM-000001"}
    async with house.pool.connection() as conn:
        assert len(await invoices.list_invoices(conn, house.team.id, None, 10)) == 1
        assert [finding for finding in await checks.run(conn, NOW) if not finding.holds] == []


async def test_a_draft_stands_in_the_way_of_what_overlaps_it(house: House) -> None:
    """As an invoice does; discarded, it does not."""
    draft = await kept(house)
    other = Period(START + timedelta(days=1), OCTOBER.end + timedelta(days=1), "UTC")
    with pytest.raises(InvoiceExists, match="a draft bills"):
        await house.billed(other)
    async with house.pool.connection() as conn:
        async with conn.transaction():
            await change.discard(conn, draft.public_id, house.team.id)
        assert await invoices.get(conn, draft.public_id, None) is None
    assert (await house.billed(other)).created


async def test_discarded_or_final_not_both(house: House) -> None:
    """At the same moment one of them comes first, and the other hears of it."""

    async def discarded(invoice: Invoice) -> str:
        async with house.pool.connection() as conn, conn.transaction():
            await change.discard(conn, invoice.public_id, house.team.id)
        return "discarded"

    async def final() -> str:
        return (await kept(house, final=True)).status

    for _ in range(4):
        draft = await kept(house)
        if draft.status != "draft":
            break
        found = await asyncio.gather(discarded(draft), final(), return_exceptions=True)
        assert all(isinstance(each, Problem | str) for each in found), found
        async with house.pool.connection() as conn:
            there = await invoices.list_invoices(conn, house.team.id, None, 10)
        assert len(there) <= 1
        assert all(each.status == "open" and each.number for each in there)


@pytest.mark.parametrize("to", ["paid", "void", "uncollectible"])
async def test_what_becomes_of_an_invoice(house: House, to: Closed) -> None:
    """It says when and why; said again it stays; a draft can't be closed."""
    draft = await kept(house)
    with pytest.raises(InvoiceState, match="a draft"):
        await closed(house, draft, to)
    await kept(house, final=True)
    there = await closed(house, draft, to, "by hand")
    assert (there.status, there.closed_at, there.closed_note) == (to, NOW, "by hand")
    again = await closed(house, draft, to, "another word")
    assert again.closed_note == "by hand"
    with pytest.raises(InvoiceState):
        async with house.pool.connection() as conn, conn.transaction():
            await change.discard(conn, draft.public_id, house.team.id)


async def test_paid_is_paid_and_void_is_void(house: House) -> None:
    """What was given up may still be paid or voided."""
    await house.used("tokens.input", "1000000")
    made = await house.invoice()
    await closed(house, made, "uncollectible")
    paid = await closed(house, made, "paid")
    for to in ("void", "uncollectible"):
        with pytest.raises(InvoiceState, match="it is paid"):
            await closed(house, paid, to)


async def test_a_void_period_is_billed_again(house: House) -> None:
    """With a number of its own; the void one keeps its."""
    await house.used("tokens.input", "1000000")
    first = await house.invoice()
    await closed(house, first, "void")
    await house.used("tokens.input", "1000000", "ann")
    second = await house.invoice()
    assert [first.number, second.number] == ["HM-000001", "HM-000002"]
    assert [first.total, second.total] == [Decimal("15.00"), Decimal("30.00")]
    async with house.pool.connection() as conn:
        assert [finding for finding in await checks.run(conn, NOW) if not finding.holds] == []
        with pytest.raises(NotFound):
            await change.lock(conn, first.public_id, house.team.id + 1)


async def test_the_list_tells_states_apart(house: House) -> None:
    """What is overdue is open, and due before now."""
    made = await house.invoice()
    assert made.due_at is not None
    async with house.pool.connection() as conn:

        async def listed(*states: invoices.State, after: timedelta = timedelta()) -> int:
            wanted = Wanted(states, NOW + after)
            return len(await invoices.list_invoices(conn, house.team.id, None, 10, wanted))

        week = made.due_at - NOW + timedelta(seconds=1)
        assert [await listed("open"), await listed("overdue"), await listed("draft", "void")] == [1, 0, 0]
        assert [await listed("overdue", after=week), await listed("open", after=week)] == [1, 1]
        await closed(house, made, "paid")
        assert [await listed("overdue", after=week), await listed("paid", after=week)] == [0, 1]


async def test_nothing_is_final_that_raw_events_do_not_say(house: House) -> None:
    """A bucket that differs stops the invoice, with where; put right, it is made."""
    await house.used("tokens.input", "1000000", "ann", day=3)
    await house.used("tokens.input", "5", "bob", day=20)
    async with house.pool.connection() as conn:
        await settled(conn)
        await ask(conn, "spoil_events", {"by": 7, "until": START.replace(day=5)})
        with pytest.raises(UsageDiffers, match=r"tokens\.input") as refused:
            await final.prepare(conn, house.team, OCTOBER, NOW)
        where = {"meter": "tokens.input", "member": "ann", "service": None, "counted": "1000000", "raw": "1000007"}
        assert refused.value.members["differences"] == [where]
        await ask(conn, "spoil_events", {"by": -7, "until": START.replace(day=5)})
        assert isinstance(await final.prepare(conn, house.team, OCTOBER, NOW), bill.Draft)
