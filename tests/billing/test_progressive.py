"""Invoices before a period is over, at a threshold: once each, and all of a period together are what one would be."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from meter import bill, checks, invoices, thresholds
from meter.corrections.decide import Amendment
from meter.explain import invoice as explained
from meter.invoices import Invoice
from meter.invoicing import change as closing
from meter.invoicing import final, threshold
from meter.invoicing.run import Told
from meter.model import Event
from meter.prices.apply import apply
from meter.prices.store import Source
from meter.rating.book import parse_book
from meter.rating.periods import Period
from meter.settings import Settings
from meter.subscriptions import store
from meter.subscriptions.changes import ChangePlan, Decided, Decision, GiveCoupon, Start
from meter.thresholds import Threshold
from tests.api.site import settings_for
from tests.billing.house import NOW, SELLER, House, make_team
from tests.billing.test_advance import in_dollars
from tests.billing.verifying import place_of, verdict
from tests.contract.correcting import change, named
from tests.contract.place import until

BOOK = """
name = "studio"
title = "Studio"
currency = "USD"
unbilled = ["response_time"]

[coupons.tenth]
percent = 10
duration = "forever"

[[taxes.rates]]
name = "VAT"
percent = 20

[plans.small]
title = "Small"
base_fee = "30.00"

[plans.small.prices.calls]
title = "Calls"
meter = "requests"
unit = "call"
model = "graduated"
included = 100
tiers = [{ up_to = 5_000, unit_amount = "0.10" }, { unit_amount = "0.05" }]

[plans.small.prices.tokens]
title = "Tokens"
meter = "tokens.input"
unit = "token"
unit_amount = "0.002"

[plans.ahead]
title = "Ahead"
base_fee = "30.00"
charge = "immediate"
prices.calls = { title = "Calls", meter = "requests", unit = "call", unit_amount = "0.10" }

[plans.large]
title = "Large"
base_fee = "60.00"
prices.calls = { title = "Calls", meter = "requests", unit = "call", unit_amount = "0.20" }
"""
BEGUN = datetime(2026, 9, 1, tzinfo=UTC)
NOVEMBER = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC), "UTC")


class Studio:
    """A team on studio/small since September with a threshold, and the worker's job."""

    def __init__(self, house: House, settings: Settings) -> None:
        """Looks by these settings."""
        self.house = house
        self._settings = settings
        self._sent = 0

    async def threshold(self, amount: str | None, *, recurring: bool = True) -> None:
        """Set the threshold."""
        wanted = Threshold(amount=None if amount is None else Decimal(amount), recurring=recurring)
        async with self.house.pool.connection() as conn:
            await thresholds.put(conn, self.house.team.id, wanted, NOW)

    async def used(self, at: datetime, calls: int, member: str = "ann", meter: str = "requests") -> Event:
        """Ingest calls of an instant."""
        self._sent += 1
        event = Event(id=f"e{self._sent}", time=at, meter=meter, quantity=Decimal(calls), member=member)
        await self.house.sent(event)
        return event

    async def turn(self, now: datetime) -> list[Told]:
        """Answer what came of a turn, invoices with their lines."""
        async with self.house.pool.connection() as conn:
            told = await threshold.turn(conn, self._settings, now)
            return [
                each
                if each.invoice is None
                else each._replace(invoice=await invoices.get(conn, each.invoice.public_id, each.team.id))
                for each in told
            ]

    async def closed(self, period: Period = NOVEMBER) -> Invoice:
        """Make the period's own invoice, proved from raw events."""
        async with self.house.pool.connection() as conn:
            prepared = await final.prepare(conn, self.house.team, period, period.end)
            made = await bill.conclude(conn, prepared, SELLER, period.end)
            found = await invoices.get(conn, made.public_id, self.house.team.id)
        assert found is not None
        return found

    async def listed(self) -> list[Invoice]:
        """Answer all invoices with their lines, oldest first."""
        async with self.house.pool.connection() as conn:
            found = (await invoices.list_invoices(conn, self.house.team.id, None, 100))[::-1]
            whole = [await invoices.get(conn, each.public_id, self.house.team.id) for each in found]
        return [each for each in whole if each is not None]

    async def broken(self) -> list[str]:
        """Answer the checks that found something."""
        async with self.house.pool.connection() as conn:
            return [finding.name for finding in await checks.run(conn, NOW) if not finding.holds]


@pytest.fixture
async def studio(house: House, any_database: str, tmp_path: Path) -> Studio:
    """Answer a team with a threshold of 100.00, on each engine."""
    async with house.pool.connection() as conn:
        await apply(conn, parse_book(BOOK, "studio.toml"), Source(BOOK, {}), BEGUN, "t", BEGUN)
    here = await make_team(house.pool, house.ingest, None, currency="EUR")
    here = here._replace(team=await in_dollars(here))
    await decided(here, BEGUN, Start("studio/small"))
    made = Studio(here, settings_for(any_database, tmp_path))
    await made.threshold("100.00")
    return made


async def decided(house: House, at: datetime, decision: Decision) -> None:
    """Decide something, at the instant from which it holds."""
    async with house.pool.connection() as conn, conn.transaction():
        await store.append(conn, house.team.id, [Decided(at, decision)], "tests", at)


def day(number: int, hour: int = 12, minute: int = 0) -> datetime:
    """Answer an instant of November."""
    return datetime(2026, 11, number, hour, minute, tzinfo=UTC)


def lines(invoice: Invoice) -> list[tuple[str, str, str]]:
    """Kind, price and amount of each line."""
    return [(line.kind, line.price, str(line.amount)) for line in invoice.lines]


async def test_an_invoice_is_made_as_soon_as_the_threshold_is_reached(studio: Studio) -> None:
    """1,099 calls are 99.90 and no reason; one more in the next quarter is: at its end, final, due, told."""
    await studio.used(day(3), 1_099)
    assert await studio.turn(day(3, 12, 14)) == []  # its quarter is not over
    assert await studio.turn(day(3, 12, 20)) == []
    await studio.used(day(3, 12, 31), 1)
    assert await studio.turn(day(3, 12, 44)) == []
    (told,) = await studio.turn(day(3, 12, 45))
    made = told.invoice
    assert made is not None
    assert (made.reason, made.period, made.status) == (
        "progressive",
        Period(NOVEMBER.start, day(3, 12, 45), "UTC"),
        "open",
    )
    assert (made.total, lines(made)) == (Decimal("120.00"), [("usage", "calls", "100.00")])
    assert made.due_at is not None
    assert made.number is not None
    assert await studio.turn(day(3, 13)) == []
    assert (await verdict(studio.house, made)).state == "agrees"
    assert await studio.broken() == []
    async with studio.house.pool.connection() as conn:
        entries = await (await conn.execute("select action from audit_entry where action like 'invoice%'")).fetchall()
        mails = await (await conn.execute("select count(*) from mail")).fetchall()
    assert (entries, mails) == ([("invoice.finalize",)], [(2,)])  # to the owner and the billing address


async def test_a_month_of_three_and_its_own_come_to_one(studio: Studio) -> None:
    """Over a tier's end, with a percent off and taxes, a correction and late usage between: verified and explained."""
    await decided(studio.house, NOVEMBER.start, GiveCoupon("studio/tenth"))
    first = await studio.used(day(3), 1_500)
    assert len(await studio.turn(day(3, 13))) == 1
    await studio.used(day(8), 3_000, "bob")
    assert len(await studio.turn(day(8, 13))) == 1
    await studio.used(day(2), 40_000, "eve", "tokens.input")  # late
    await change(place_of(studio.house), [named(first.id or "")], Amendment(quantity=Decimal(1_400)))
    await studio.used(day(14), 2_500)
    assert len(await studio.turn(day(14, 13))) == 1
    await studio.used(day(17), 200)
    assert await studio.turn(day(17, 13)) == []  # 9.00
    last = await studio.closed()
    *before, _ = await studio.listed()
    assert [each.reason for each in before] == ["progressive"] * 3
    # 7,100 calls, 100 of them free: 500.00 and 100.00; tokens 80.00; the fee 30.00. Of 710.00, 90 % and 20 % on top
    assert sum(each.total for each in (*before, last)) == await alone(studio) == Decimal("766.80")
    assert all([(await verdict(studio.house, each)).state == "agrees" for each in (*before, last)])
    assert [line.kind for line in last.lines] == ["base_fee", "usage", "usage", "progressive", "progressive"]
    assert await studio.broken() == []
    async with studio.house.pool.connection() as conn:
        told = await explained.explain(conn, last)
    assert all(each.as_written for each in told.lines)
    said = [each.says for each in (*told.sums, *(said for line in told.lines for said in line.steps))]
    assert any(f"With {before[-1].number}" in each for each in said)
    assert all(any(f"{each.number} billed usage" in sentence for sentence in said) for each in before)


async def alone(studio: Studio) -> Decimal:
    """Answer what one invoice of the month comes to where nothing was billed before."""
    async with studio.house.pool.connection() as conn:
        draft = await bill.price(conn, studio.house.team, NOVEMBER)
    _, whole = bill.owed(draft.agreement, draft.billable)
    return whole.total


async def test_what_is_void_is_not_taken_off(studio: Studio) -> None:
    """The second took the first off, which is void then: the next one bills it again, and all that stand are one."""
    await studio.used(day(3), 1_500)
    ((first,), _) = await studio.turn(day(3, 13)), await studio.used(day(4), 1_500)
    ((second,), _) = await studio.turn(day(4, 13)), await studio.used(day(5), 1_500)
    assert first.invoice is not None
    assert second.invoice is not None
    async with studio.house.pool.connection() as conn, conn.transaction():
        await closing.close(conn, first.invoice.public_id, "void", "a mistake", NOW)
    (third,) = await studio.turn(day(5, 13))
    assert third.invoice is not None
    assert lines(third.invoice) == [
        ("usage", "calls", "440.00"),
        ("progressive", "calls", "-290.00"),
        ("progressive", "calls", "140.00"),
    ]
    last = await studio.closed()
    assert second.invoice.total + third.invoice.total + last.total == await alone(studio)
    assert all(
        [(await verdict(studio.house, each)).state == "agrees" for each in (first.invoice, second.invoice, last)]
    )
    assert await studio.broken() == []


async def test_one_that_does_not_recur_is_for_the_first_time_in_a_period(studio: Studio) -> None:
    """A thousand dollars more wait for the month's end; the month after has its own."""
    await studio.threshold("100.00", recurring=False)
    await studio.used(datetime(2026, 10, 5, tzinfo=UTC), 5_000)
    assert len(await studio.turn(datetime(2026, 10, 5, 1, tzinfo=UTC))) == 1
    await studio.used(datetime(2026, 10, 6, tzinfo=UTC), 5_000)
    assert await studio.turn(datetime(2026, 10, 6, 1, tzinfo=UTC)) == []
    await studio.used(day(5), 5_000)
    assert len(await studio.turn(day(5, 13))) == 1


async def test_without_a_threshold_nothing_is_billed_early(studio: Studio) -> None:
    """Taken away, it is no more; set again, what was used meanwhile is billed."""
    await studio.threshold(None)
    await studio.used(day(3), 5_000)
    assert await studio.turn(day(3, 13)) == []
    await studio.threshold("100.00")
    assert len(await studio.turn(day(3, 13, 30))) == 1


async def test_what_is_charged_as_it_happens_is_not_waited_for(studio: Studio) -> None:
    """Its account pays at once."""
    await decided(studio.house, day(1), ChangePlan("studio/ahead"))
    await studio.used(day(3), 5_000)
    assert await studio.turn(day(3, 13)) == []


async def test_quiet_teams_are_not_looked_at(studio: Studio) -> None:
    """Three looks after the last change there is nothing new, until something comes."""
    await studio.used(day(3), 10)
    looked = [await looks(studio, day(3, 13, 15 * n)) for n in range(4)]
    assert looked == [1, 2, 3, 3]
    await studio.used(day(3), 10)
    assert await looks(studio, day(3, 14)) == 1


async def looks(studio: Studio, now: datetime) -> int:
    """Take a turn and answer how often the team was looked at since its data changed."""
    assert await studio.turn(now) == []
    async with studio.house.pool.connection() as conn:
        ((found,),) = await (await conn.execute("select looks from billing_threshold")).fetchall()
    return int(found)


async def test_a_part_that_was_billed_by_hand_is_not_billed_again(studio: Studio) -> None:
    """Half of the month has its invoice, which took off what was billed before; the rest waits."""
    await studio.used(day(3), 1_500)
    (told,) = await studio.turn(day(3, 13))
    half = Period(NOVEMBER.start, day(10, 0), "UTC")
    first = await studio.closed(half)
    assert told.invoice is not None
    assert told.invoice.total + first.total == Decimal(140 + 30) * Decimal("1.2")
    await studio.used(day(12), 5_000)
    assert await studio.turn(day(12, 13)) == []
    assert await studio.broken() == []


async def test_who_can_not_be_billed_is_told(studio: Studio) -> None:
    """Usage without a price is an alarm, and the invoice comes when it has one."""
    await studio.used(day(3), 5_000)
    await studio.used(day(3), 1, meter="network")
    (told,) = await studio.turn(day(3, 13))
    assert (told.came, told.why.partition(":")[0]) == ("failed", "unpriced_usage")
    assert await studio.broken() == ["invoices_that_are_due_exist"]
    text = BOOK.replace('unbilled = ["', 'unbilled = ["network", "')
    async with studio.house.pool.connection() as conn:
        await apply(conn, parse_book(text, "studio.toml"), Source(text, {}), BEGUN, "t", BEGUN)
    (told,) = await studio.turn(day(3, 13, 15))
    assert told.came == "billed"
    assert await studio.broken() == []


async def test_a_change_of_plan_goes_on_from_there(studio: Studio) -> None:
    """What was used on the first plan, and was billed, stays as it was."""
    await studio.used(day(3), 1_500)
    (told,) = await studio.turn(day(3, 13))
    await decided(studio.house, day(4), ChangePlan("studio/large"))
    await studio.used(day(5), 1_000)
    (more,) = await studio.turn(day(5, 13))
    assert told.invoice is not None
    assert more.invoice is not None
    assert lines(more.invoice) == [
        ("usage", "calls", "140.00"),
        ("usage", "calls", "200.00"),
        ("progressive", "calls", "-140.00"),
    ]
    last = await studio.closed()
    assert told.invoice.total + more.invoice.total + last.total == await alone(studio)
    assert (await verdict(studio.house, more.invoice)).state == "agrees"


async def test_several_workers_make_one_invoice_of_each_crossing(studio: Studio) -> None:
    """At the same moment, and one of them a quarter of an hour behind."""
    await studio.used(day(3), 1_500)
    turns = [studio.turn(day(3, 13, 15 * (n % 2))) for n in range(6)]
    told = [each for turn in await asyncio.gather(*turns) for each in turn]
    billed = [each for each in told if each.came == "billed"]
    assert len(billed) == 1
    assert all(each.why.startswith("busy: ") for each in told if each.came == "failed")
    assert await studio.turn(day(3, 13, 30)) == []
    assert [each.total for each in await studio.listed()] == [Decimal("168.00")]
    assert await studio.broken() == []


TEAMS = 12
TURN = """
import asyncio, os, sys
from datetime import datetime
from meter.database import pool
from meter.invoicing.threshold import turn
from meter.settings import load

async def main():
    async with pool(os.environ["DATABASE_URL"], 1) as there, there.connection() as conn:
        await turn(conn, load(os.environ), datetime.fromisoformat(sys.argv[1]))

asyncio.run(main())
"""


async def test_a_turn_that_is_killed_goes_on_where_it_was(studio: Studio, any_database: str, tmp_path: Path) -> None:
    """Killed again and again, two at a time at last: one invoice for each team, and no number lost."""
    houses = [studio.house] + [await another(studio) for _ in range(TEAMS - 1)]
    for each in houses:
        await each.sent(Event(id="e", time=day(3), meter="requests", quantity=Decimal(1_500)))
    run = [sys.executable, "-c", TURN, day(3, 13).isoformat()]
    around = os.environ | {"DATABASE_URL": any_database, "METER_DATA_DIR": str(tmp_path)}
    for wanted in (2, 5):
        process = started(run, around)

        async def is_there(wanted: int = wanted) -> bool:
            return await made(studio) >= wanted

        await until(is_there)
        process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(process.wait)
    last = [started(run, around) for _ in range(2)]
    assert [await asyncio.to_thread(each.wait) for each in last] == [0, 0]
    await studio.turn(day(3, 13, 1))  # who was in the other's way a moment ago
    assert await made(studio) == TEAMS
    assert await studio.broken() == []


def started(run: list[str], around: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a turn."""
    return subprocess.Popen(run, env=around)


async def another(studio: Studio) -> House:
    """Make one more team like the first, with the threshold."""
    here = await make_team(studio.house.pool, studio.house.ingest, None, currency="EUR")
    here = here._replace(team=await in_dollars(here))
    await decided(here, BEGUN, Start("studio/small"))
    async with here.pool.connection() as conn:
        await thresholds.put(conn, here.team.id, Threshold(amount=Decimal(100)), NOW)
    return here


async def made(studio: Studio) -> int:
    """Answer how many invoices there are of all teams."""
    async with studio.house.pool.connection() as conn:
        return len(await invoices.list_invoices(conn, None, None, 100))
