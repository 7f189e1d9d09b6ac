"""What grants have back they have once: of parts that are void, of less usage, and of both at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from meter import bill
from meter.audit import Actor
from meter.database import Connection
from meter.errors import Busy
from meter.invoicing import change as changes
from meter.ledger import acts
from meter.ledger.acts import Said
from meter.ledger.store import find
from meter.model import Event
from meter.rating.periods import Period
from tests.billing.house import NOW, OCTOBER, SELLER
from tests.billing.purse import Purse, settlements
from tests.billing.test_adjustments import IN_DECEMBER, NOVEMBER, agree, calls, final_of, looked
from tests.billing.test_promotional import left, money, owing, sums
from tests.billing.verifying import place_of
from tests.contract.correcting import change, named

SO_FAR = Period(OCTOBER.start, OCTOBER.start.replace(day=25), "UTC")
FOR_CALLS = ("requests",)


WAITING = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


async def waits(conn: Connection) -> None:
    """Come back as soon as somebody waits for what another holds."""
    waiting = None
    while waiting is None:
        waiting = await (await conn.execute(WAITING)).fetchone()
        await asyncio.sleep(0)


@pytest.fixture
async def purse(any_database: str) -> AsyncIterator[Purse]:
    """Answer a team that owes 31.00 for October, and 55.00 for calls: 20.00 for `one`, the rest for `two`."""
    async with owing(any_database) as found:
        yield found


async def test_a_void_part_gives_no_more_than_is_left(purse: Purse) -> None:
    """The part took 55.00, of which a look at October gave back 35.00: void, it has 20.00 to give."""
    await purse.put("55", "credit_grant", meters=FOR_CALLS)
    part = await purse.invoice(SO_FAR, bill.PROGRESSIVE)
    await final_of(purse.house, OCTOBER)
    await change(place_of(purse.house), [named("two")], None)
    await looked(purse.house)
    assert await left(purse) == [(100, Decimal(35))]
    await purse.close(part, "void")
    assert await left(purse) == [(100, Decimal(55))]
    (found,) = await looked(purse.house)
    assert (found.delta.total, await left(purse)) == (Decimal("24.00"), [(100, Decimal(55))])
    await purse.holds()


async def test_what_the_whole_period_gave_back_is_not_the_part_s(purse: Purse) -> None:
    """As October itself gave 35.00 back; nothing comes twice where the part is void after it."""
    await purse.put("55", "credit_grant", meters=FOR_CALLS)
    part = await purse.invoice(SO_FAR, bill.PROGRESSIVE)
    await change(place_of(purse.house), [named("two")], None)
    october = await final_of(purse.house, OCTOBER)
    assert october.sums is not None
    assert [(each.off, each.amount) for each in october.sums.promotions] == [money("20.00", "-35.00")]
    await purse.close(part, "void")
    assert await left(purse) == [(100, Decimal(55))]
    (found,) = await looked(purse.house)
    assert (found.delta.total, await left(purse)) == (Decimal("24.00"), [(100, Decimal(55))])
    await purse.holds()


async def test_two_grants_of_two_invoices(purse: Purse) -> None:
    """Of 40.00 and 15.00, 35.00 are back; the void part has 20.00 of its 40.00 to give, and October needs none."""
    await purse.put("40", "credit_grant", meters=FOR_CALLS, priority=1)
    part = await purse.invoice(SO_FAR, bill.PROGRESSIVE)
    await purse.put("15", "credit_grant", meters=FOR_CALLS, priority=2)
    await final_of(purse.house, OCTOBER)
    assert await left(purse) == []
    await change(place_of(purse.house), [named("two")], None)
    await looked(purse.house)
    assert await left(purse) == [(1, Decimal(20)), (2, Decimal(15))]
    await purse.close(part, "void")
    assert await left(purse) == [(1, Decimal(40)), (2, Decimal(15))]
    (found,) = await looked(purse.house)  # the part's 18.00, and 20.00 with a fifth
    assert found.delta.total == Decimal("42.00")
    assert await looked(purse.house) == []
    await purse.holds()


async def test_a_part_that_gave_back_is_void_after_the_one_that_took(purse: Purse) -> None:
    """What it gave back was of no other that stands: it stays with the grant. Each void, the grant is whole again."""
    await purse.put("55", "credit_grant", meters=FOR_CALLS)
    took = await purse.invoice(SO_FAR, bill.PROGRESSIVE)
    await change(place_of(purse.house), [named("two")], None)
    gave = await purse.invoice(Period(OCTOBER.start, OCTOBER.start.replace(day=27), "UTC"), bill.PROGRESSIVE)
    assert await left(purse) == [(100, Decimal(35))]
    await purse.close(took, "void")
    october = await final_of(purse.house, OCTOBER)
    assert (october.total, await left(purse)) == (Decimal("37.20"), [(100, Decimal(35))])
    await purse.close(gave, "void")
    assert await left(purse) == [(100, Decimal(35))]
    await purse.close(october, "void")
    assert await left(purse) == [(100, Decimal(55))]
    await purse.holds()


async def test_a_part_that_gave_back_is_void_before_the_one_that_took(purse: Purse) -> None:
    """The other way round the one that took stands for all of it, until it is void, too."""
    await purse.put("55", "credit_grant", meters=FOR_CALLS)
    took = await purse.invoice(SO_FAR, bill.PROGRESSIVE)
    await change(place_of(purse.house), [named("two")], None)
    gave = await purse.invoice(Period(OCTOBER.start, OCTOBER.start.replace(day=27), "UTC"), bill.PROGRESSIVE)
    await purse.close(gave, "void")
    assert await left(purse) == []
    await purse.close(took, "void")
    assert await left(purse) == [(100, Decimal(55))]
    await purse.holds()


async def test_what_is_reversed_by_hand_is_not_given_back(purse: Purse) -> None:
    """The grant has all 55.00 already when less was used."""
    await purse.put("55", "credit_grant", meters=FOR_CALLS)
    await final_of(purse.house, OCTOBER)
    *_, taken = await purse.booked()
    async with purse.pool.connection() as conn, conn.transaction():
        account = (await find(conn, purse.house.team.id))[None]
        await acts.reverse(conn, purse.house.team, account, taken.public_id, Said("a mistake"), Actor("system", NOW))
    await change(place_of(purse.house), [named("two")], None)
    (found,) = await looked(purse.house)
    assert (found.delta.total, await left(purse)) == (Decimal("0.00"), [(100, Decimal(55))])
    await purse.holds()


async def test_what_a_used_up_gift_has_back_is_no_money(purse: Purse) -> None:
    """In November it has 35.00 back, and 12.00 for calls of October are there with their tax: they are to pay."""
    await final_of(purse.house, OCTOBER)
    at = NOVEMBER.start.replace(day=10)
    for id_, quantity in (("three", 300), ("four", 400)):
        event = Event(id=id_, time=at, meter="requests", quantity=quantity, member="ann")
        await purse.house.sent(event)
    await purse.put("55", "credit_grant", meters=FOR_CALLS)
    so_far = Period(NOVEMBER.start, NOVEMBER.start.replace(day=15), "UTC")
    await purse.invoice(so_far, bill.PROGRESSIVE, IN_DECEMBER)
    assert await left(purse) == []
    await change(place_of(purse.house), [named("four", "requests", at)], None)
    await calls(purse.house, "late", 200, "cid")
    november = await final_of(purse.house, NOVEMBER, IN_DECEMBER)
    assert (november.total, settlements(november)) == (Decimal("49.20"), [])
    assert await left(purse) == [(100, Decimal(35))]
    await purse.holds()


async def test_a_part_is_void_while_the_period_is_billed(purse: Purse) -> None:
    """October was prepared with what the part took: who comes second sees that it is void, and asks once more."""
    await purse.put("55", "credit_grant", meters=FOR_CALLS)
    part = await purse.invoice(SO_FAR, bill.PROGRESSIVE)
    await change(place_of(purse.house), [named("two")], None)
    async with purse.pool.connection() as conn, purse.pool.connection() as other:
        prepared = await bill.prepare(conn, purse.house.team, OCTOBER, NOW)
        async with other.transaction():
            await changes.close(other, part.public_id, "void", "why", NOW)
            second = asyncio.create_task(bill.conclude(conn, prepared, SELLER, NOW))
            await waits(other)
        with pytest.raises(Busy):
            await second
    october = await purse.invoice(OCTOBER)
    assert (sums(october), await left(purse)) == (money("51.00", "20.00", "6.20", "37.20"), [(100, Decimal(35))])
    await purse.holds()


async def test_an_invoice_is_void_while_it_is_looked_at(purse: Purse) -> None:
    """What less usage gives back is not given beside all that the void invoice gives."""
    await agree(purse.house, "credit_note")
    await purse.put("90", "credit_grant")
    october = await final_of(purse.house, OCTOBER)
    await change(place_of(purse.house), [named("two")], None)
    async with purse.pool.connection() as other:
        async with other.transaction():
            await changes.close(other, october.public_id, "void", "why", NOW)
            second = asyncio.create_task(looked(purse.house))
            await waits(other)
        assert await second == []
    assert await left(purse) == [(100, Decimal(90))]
    await purse.holds()
