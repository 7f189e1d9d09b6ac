"""Usage that changes after its invoice is final: found once, on the next invoice to the cent, or as the team agreed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from meter import audit, bill, checks, invoices
from meter import database as databases
from meter.adjustments import store, turn
from meter.adjustments.decide import Policy
from meter.adjustments.store import Adjustment, Came
from meter.corrections.decide import Amendment
from meter.credit_notes import store as notes
from meter.credit_notes.make import make
from meter.credit_notes.store import Which
from meter.credit_notes.wanted import Wanted as Credit
from meter.errors import InvoiceState
from meter.ingest import Ingest
from meter.invoices import Invoice
from meter.invoicing import change as changes
from meter.invoicing import final, settled
from meter.model import Event
from meter.rating.periods import Period
from tests.billing.conftest import CONNECTIONS, PAST_DAYS
from tests.billing.house import NOW, OCTOBER, SELLER, START, House
from tests.billing.tariff import Desk, make_desk
from tests.billing.verifying import BOOK, place_of, verdict
from tests.contract.correcting import change, named

NOVEMBER = Period(OCTOBER.end, datetime.fromisoformat("2026-12-01T00:00Z"), "UTC")
DECEMBER = Period(NOVEMBER.end, datetime.fromisoformat("2027-01-01T00:00Z"), "UTC")
IN_DECEMBER = NOVEMBER.end + timedelta(days=2)
IN_JANUARY = DECEMBER.end + timedelta(days=2)


@pytest.fixture(name="desk")
async def fixture_desk(any_database: str) -> AsyncIterator[Desk]:
    """Answer a team with tiers, fees and taxes, in a database of its own, on each engine."""
    async with databases.pool(any_database, CONNECTIONS) as pool:
        yield await make_desk(pool, Ingest(pool, PAST_DAYS), "UTC", "tariff/small", "2026-10-01T00:00Z", BOOK)


@pytest.fixture(name="house")
def fixture_house(desk: Desk) -> House:
    """Answer the team."""
    return desk.house


async def calls(house: House, id_: str, quantity: int, member: str, day: int = 20) -> None:
    """Make so many calls on a day of October."""
    await house.sent(Event(id=id_, time=START.replace(day=day), meter="requests", quantity=quantity, member=member))


async def final_of(house: House, period: Period, now: datetime = NOW) -> Invoice:
    """Make the invoice of a period final, as the worker does."""
    async with house.pool.connection() as conn:
        made = await bill.conclude(conn, await final.prepare(conn, house.team, period, now), SELLER, now)
        found = await invoices.get(conn, made.public_id, house.team.id)
    assert found is not None
    return found


async def looked(house: House, now: datetime = NOW) -> list[Adjustment]:
    """Answer what a look at the team's invoices finds."""
    async with house.pool.connection() as conn:
        return await turn.of_team(conn, house.team, now)


async def check(house: House) -> None:
    """See that nothing in the database contradicts anything."""
    async with house.pool.connection() as conn:
        assert [each for each in await checks.run(conn, NOW) if not each.holds] == []


async def agree(house: House, policy: Policy) -> None:
    """Agree with the team on what becomes of late usage."""
    async with house.pool.connection() as conn, conn.transaction():
        await store.agree(conn, house.team, policy, audit.Actor("system", NOW))


async def test_what_changed_is_on_the_next_invoice(house: House) -> None:
    """Late, voided and amended events of October: together both invoices are what October would have been."""
    for id_, quantity, member in (("one", 300, "ann"), ("two", 400, "bob")):
        await calls(house, id_, quantity, member)
    october = await final_of(house, OCTOBER)
    assert october.total == Decimal("103.20")  # 31 + 500 at 0.10 + 100 at 0.05, with a fifth
    assert await looked(house) == []
    await calls(house, "late", 100, "cid")
    await change(place_of(house), [named("one")], Amendment(quantity=Decimal(500), member="ann"))
    (found,) = await looked(house)
    assert (found.number, found.outcome, found.came) == (1, "next_invoice", (Came("requests", 1, 1),))
    assert (found.before.total, found.after.total, found.delta.total) == tuple(
        map(Decimal, ("103.20", "121.20", "18.00"))
    )
    assert await looked(house) == []

    november = await final_of(house, NOVEMBER, IN_DECEMBER)
    (line,) = [each for each in november.lines if each.kind == "adjustment"]
    assert (line.quantity, line.amount) == (Decimal(300), Decimal("15.00"))
    assert (line.start, line.end) == (OCTOBER.start, OCTOBER.end)
    assert november.total == Decimal("37.20") + Decimal("18.00")
    assert sum(share.amount for share in line.members) == line.amount
    owed = {each.member: each.amount for each in november.members}
    shares = {each.member: each.amount for each in found.delta.members}
    assert {name: owed[name] for name in ("ann", "bob", "cid")} == {
        name: shares[name] for name in ("ann", "bob", "cid")
    }
    assert (await verdict(house, november)).state == "agrees"
    assert (await verdict(house, october)).state == "agrees"
    assert await looked(house, IN_DECEMBER) == []
    await check(house)


async def test_what_goes_back_and_forth_is_told_from_what_was_found(house: House) -> None:
    """Each look tells what came since the last one; both are on the invoice, and later changes on the one after it."""
    await calls(house, "one", 300, "ann")
    await final_of(house, OCTOBER)
    await calls(house, "late", 100, "bob")
    await looked(house)
    await change(place_of(house), [named("one")])
    (second,) = await looked(house)
    assert (second.number, second.delta.total) == (2, Decimal("-36.00"))  # 300 calls, at 0.10 with a fifth
    november = await final_of(house, NOVEMBER, IN_DECEMBER)
    assert november.total == Decimal("37.20") + Decimal("12.00") - Decimal("36.00")
    await calls(house, "later", 200, "bob", 3)
    december = await final_of(house, DECEMBER, IN_JANUARY)
    assert december.total == Decimal("37.20") + Decimal("24.00")
    assert (await verdict(house, december)).state == "agrees"
    await check(house)


async def test_void_invoices(house: House) -> None:
    """What a void invoice gave back waits for another; the invoice that it is of can't be voided meanwhile."""
    await calls(house, "one", 300, "ann")
    october = await final_of(house, OCTOBER)
    await calls(house, "late", 100, "bob")
    november = await final_of(house, NOVEMBER, IN_DECEMBER)
    async with house.pool.connection() as conn:
        with pytest.raises(InvoiceState, match=november.number):
            async with conn.transaction():
                await changes.close(conn, october.public_id, "void", "wrong", IN_DECEMBER)
        async with conn.transaction():
            await changes.close(conn, november.public_id, "void", "wrong", IN_DECEMBER)
    again = await final_of(house, NOVEMBER, IN_DECEMBER)
    assert again.public_id != november.public_id
    assert again.total == november.total == Decimal("37.20") + Decimal("12.00")
    await check(house)


async def test_what_of_a_void_invoice_is_not_billed(house: House) -> None:
    """A period that is billed again has all that came: what was found of the void invoice is nothing to anybody."""
    await calls(house, "one", 300, "ann")
    october = await final_of(house, OCTOBER)
    await calls(house, "late", 100, "bob")
    assert len(await looked(house)) == 1
    async with house.pool.connection() as conn, conn.transaction():
        await changes.close(conn, october.public_id, "void", "wrong", NOW)
    assert (await final_of(house, OCTOBER)).total == october.total + Decimal("12.00")
    assert (await final_of(house, NOVEMBER, IN_DECEMBER)).total == Decimal("37.20")
    await check(house)


async def test_written_off(house: House) -> None:
    """By that policy nobody pays what came late; what was too much is given back all the same."""
    await agree(house, "write_off")
    await calls(house, "one", 300, "ann")
    await final_of(house, OCTOBER)
    await calls(house, "late", 100, "bob")
    (found,) = await looked(house)
    assert (found.outcome, found.delta.total) == ("written_off", Decimal("12.00"))
    await change(place_of(house), [named("one")])
    (less,) = await looked(house)
    assert (less.outcome, less.delta.total) == ("next_invoice", Decimal("-36.00"))
    assert (await final_of(house, NOVEMBER, IN_DECEMBER)).total == Decimal("37.20") - Decimal("36.00")
    await check(house)


async def test_ten_look_at_once(house: House) -> None:
    """One of them writes the difference down."""
    await calls(house, "one", 300, "ann")
    await final_of(house, OCTOBER)
    await calls(house, "late", 100, "bob")
    found = await asyncio.gather(*(looked(house) for _ in range(CONNECTIONS - 1)))
    assert sum(map(len, found)) == 1


async def test_nothing_that_costs_anything(house: House) -> None:
    """A late event within the free units is no difference; one that moves shares of a line is."""
    await calls(house, "one", 40, "ann")
    await final_of(house, OCTOBER)
    await calls(house, "late", 10, "ann")
    assert await looked(house) == []


async def test_whose_it_is_moves(house: House) -> None:
    """An event that turns out to be another member's costs nothing more, and moves what each of them has to pay."""
    await calls(house, "one", 300, "ann")
    await calls(house, "two", 100, "bob")
    await final_of(house, OCTOBER)
    await change(place_of(house), [named("one")], Amendment(quantity=Decimal(300), member="bob"))
    (found,) = await looked(house)
    assert found.delta.total == 0
    assert {each.member: each.amount for each in found.delta.members} == {
        "ann": Decimal("-27.00"),
        "bob": Decimal("27.00"),
    }
    november = await final_of(house, NOVEMBER, IN_DECEMBER)
    assert november.total == Decimal("37.20")
    assert {each.member: each.amount for each in november.members if each.amount} == {
        None: Decimal("37.20"),
        "ann": Decimal("-27.00"),
        "bob": Decimal("27.00"),
    }
    await check(house)


async def test_by_credit_note(house: House) -> None:
    """What was billed too much is credited at once, off what is to pay; what is more goes on the next invoice."""
    await agree(house, "credit_note")
    await calls(house, "one", 300, "ann")
    await calls(house, "two", 200, "bob")
    october = await final_of(house, OCTOBER)
    assert october.total == Decimal("85.20")
    await change(place_of(house), [named("two")])
    (found,) = await looked(house)
    assert (found.outcome, found.delta.total) == ("credit_note", Decimal("-24.00"))
    async with house.pool.connection() as conn:
        (note,) = await notes.list_notes(conn, house.team.id, Which(invoice=october.public_id), None)
        settlements = await settled.read(conn, october.id)
    assert (note.public_id, note.total, note.net, note.reason) == (
        found.credit_note,
        Decimal("24.00"),
        Decimal("20.00"),
        "correction",
    )
    assert settled.to_pay(october.total, settlements) == Decimal("61.20")
    await calls(house, "late", 50, "cid")
    (more,) = await looked(house)
    assert (more.outcome, more.delta.total) == ("next_invoice", Decimal("6.00"))
    assert (await final_of(house, NOVEMBER, IN_DECEMBER)).total == Decimal("43.20")
    await check(house)


async def test_a_credit_note_takes_no_more_than_is_left(house: House) -> None:
    """Where people credited a line already, what was too much goes on the next invoice."""
    await agree(house, "credit_note")
    await calls(house, "one", 300, "ann")
    october = await final_of(house, OCTOBER)
    async with house.pool.connection() as conn, conn.transaction():
        await make(conn, Credit(october, "goodwill"), audit.Actor("system", NOW))
    await change(place_of(house), [named("one")])
    (found,) = await looked(house)
    assert (found.outcome, found.delta.total) == ("next_invoice", Decimal("-24.00"))
    await check(house)


async def test_fees_in_advance_that_are_void_by_now(desk: Desk) -> None:
    """What an invoice took off as billed before is owed after all where that was voided since."""
    house = desk.house
    ahead = BOOK.replace('prorate = "time"', 'prorate = "time"\nbilled = "advance"', 1)
    await desk.applies(ahead, START)
    async with house.pool.connection() as conn:
        fees = await bill.generate(conn, house.team, OCTOBER, SELLER, NOW, bill.ADVANCE)
    october = await final_of(house, OCTOBER)
    assert october.total == 0
    assert await looked(house) == []
    async with house.pool.connection() as conn, conn.transaction():
        await changes.close(conn, fees.public_id, "void", "wrong", NOW)
    (found,) = await looked(house)
    assert (found.outcome, found.delta.total, found.came) == ("next_invoice", Decimal("37.20"), ())
    assert await looked(house) == []
    await check(house)
