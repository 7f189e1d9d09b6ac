"""Invoices make themselves: each period once, as a draft first, whoever was away; one team's trouble is its own."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from meter import bill, checks, invoices
from meter.invoices import Invoice
from meter.invoicing import watch
from meter.invoicing.run import Issuing, Told, revenue
from meter.model import Event
from meter.rating.periods import Period
from tests.api.site import settings_for
from tests.billing.house import NOW, SELLER, House, make_team
from tests.contract.place import until

AFTER, GRACE = timedelta(hours=1), timedelta(hours=24)
DUE = "invoices_that_are_due_exist"
NOVEMBER_ENDS = datetime.fromisoformat("2026-12-01T00:00:00Z")


class Watcher:
    """The worker's job, at any time one likes."""

    def __init__(self, house: House, url: str, data_dir: Path) -> None:
        """Issues by plain settings."""
        self._house = house
        self._issuing = Issuing(settings_for(url, data_dir), GRACE)

    async def turn(self, now: datetime) -> list[Told]:
        """Answer what came of a turn."""
        async with self._house.pool.connection() as conn:
            return await watch.turn(conn, self._issuing, AFTER, now)


@pytest.fixture
async def watcher(house: House, any_database: str, tmp_path: Path) -> Watcher:
    """Answer the job, which has seen the team once."""
    made = Watcher(house, any_database, tmp_path)
    assert await made.turn(NOW) == []
    return made


async def listed(house: House) -> list[Invoice]:
    """Answer all invoices, oldest first."""
    async with house.pool.connection() as conn:
        return (await invoices.list_invoices(conn, None, None, 100))[::-1]


async def broken(house: House) -> list[str]:
    """Answer the checks that found something."""
    async with house.pool.connection() as conn:
        return [finding.name for finding in await checks.run(conn, NOW) if not finding.holds]


async def test_a_period_is_drafted_after_its_end_and_final_a_day_later(house: House, watcher: Watcher) -> None:
    """Not an hour early; what comes late meanwhile is in it; each once."""
    await house.sent(house_event(1_000_000))
    assert await watcher.turn(NOVEMBER_ENDS + timedelta(minutes=59)) == []
    (draft,) = await watcher.turn(NOVEMBER_ENDS + AFTER)
    assert (draft.came, draft.invoice and draft.invoice.number) == ("draft", None)
    assert await watcher.turn(NOVEMBER_ENDS + timedelta(hours=2)) == []
    await house.sent(house_event(500_000))
    assert await watcher.turn(NOVEMBER_ENDS + timedelta(hours=23)) == []
    (final,) = await watcher.turn(NOVEMBER_ENDS + GRACE)
    assert final.came == "billed"
    assert await watcher.turn(NOVEMBER_ENDS + timedelta(hours=48)) == []
    (made,) = await listed(house)
    assert (made.number, made.status, made.total, made.period.end) == (
        "HM-000001",
        "open",
        Decimal("22.50"),
        NOVEMBER_ENDS,
    )
    assert revenue([draft, final])[0][1:] == (1, Decimal("22.50"))
    assert await broken(house) == []


def house_event(quantity: int) -> Event:
    """Answer an event of the eighteenth of November."""
    return Event(time=NOW, meter="tokens.input", quantity=Decimal(quantity), id=f"e{quantity}")


async def test_what_ended_while_nobody_watched_comes_in_order(house: House, watcher: Watcher) -> None:
    """Three months away: three invoices, final those whose grace is over."""
    back = datetime.fromisoformat("2027-02-01T02:00:00Z")
    told = await watcher.turn(back)
    assert [(each.came, each.period.end.month) for each in told] == [("billed", 12), ("billed", 1), ("draft", 2)]
    assert await watcher.turn(back) == []
    assert [each.number for each in await listed(house)] == ["HM-000001", "HM-000002", None]


async def test_trouble_of_one_team_is_its_own(house: House, watcher: Watcher) -> None:
    """Usage without a price stops that team alone, is an alarm, and is tried again."""
    other = await make_team(house.pool, house.ingest, "credits/payg")
    await watcher.turn(NOW)
    await house.used("network", "5", day=7)  # of October, which nobody bills
    await house.sent(msgspec.structs.replace(house_event(7), meter="network"))
    told = await watcher.turn(NOVEMBER_ENDS + GRACE)
    assert {each.team.id: each.came for each in told} == {house.team.id: "failed", other.team.id: "billed"}
    assert "unpriced_usage: " in next(each.why for each in told if each.came == "failed")
    assert await broken(house) == [DUE]
    assert await watcher.turn(NOVEMBER_ENDS + GRACE) == []  # it rests
    await house.put_on("cloud/payg", NOW)
    (again,) = await watcher.turn(NOVEMBER_ENDS + GRACE + timedelta(hours=1))
    assert again.came == "billed"
    assert await broken(house) == []


async def test_what_was_billed_in_parts_is_billed(house: House, watcher: Watcher) -> None:
    """By hand, meanwhile: with all of it there nothing is missed, with a part of it there is."""
    start, half = NOVEMBER_ENDS - timedelta(days=30), NOVEMBER_ENDS - timedelta(days=15)
    now = NOVEMBER_ENDS + GRACE

    async def billed(start: datetime, end: datetime) -> None:
        async with house.pool.connection() as conn:
            await bill.generate(conn, house.team, Period(start, end, "UTC"), SELLER, now)

    await billed(start, half)
    (told,) = await watcher.turn(now)
    assert (told.came, told.why.partition(":")[0]) == ("failed", "invoice_exists")
    assert await broken(house) == [DUE]
    await billed(half, NOVEMBER_ENDS)
    (told,) = await watcher.turn(now + timedelta(hours=1))
    assert (told.came, told.invoice) == ("there", None)
    assert await broken(house) == []


async def test_many_at_once_bill_each_period_once(house: House, watcher: Watcher) -> None:
    """The lease keeps jobs apart; should it fail, nobody is billed twice."""
    for _ in range(6):
        await make_team(house.pool, house.ingest, "credits/payg")
    await watcher.turn(NOW)
    told = await asyncio.gather(*(watcher.turn(NOVEMBER_ENDS + GRACE) for _ in range(4)))
    assert all(each.came in {"billed", "there"} for turn in told for each in turn)
    assert sorted(each.number or "" for each in await listed(house)) == [f"HM-{n:06d}" for n in range(1, 8)]
    assert await broken(house) == []


async def test_a_zone_turns_at_its_own_midnight(house: House, watcher: Watcher) -> None:
    """New Zealand's November is billed half a day before London's."""
    there = await make_team(house.pool, house.ingest, "credits/payg", "Pacific/Auckland")
    await watcher.turn(NOW)
    midnight = datetime.fromisoformat("2026-12-01T00:00:00+13:00")
    assert await watcher.turn(midnight + timedelta(minutes=59)) == []
    (told,) = await watcher.turn(midnight + AFTER)
    assert (told.team.id, told.came, told.period.end) == (there.team.id, "draft", midnight)


TEAMS = 12


def command(url: str, data_dir: Path) -> tuple[list[str], dict[str, str]]:
    """Answer `meter bill` of October and what it runs in."""
    run = [sys.executable, "-m", "meter", "bill", "--month", "2026-10", "--final", "--json"]
    return run, os.environ | {"DATABASE_URL": url, "METER_DATA_DIR": str(data_dir)}


def started(run: list[str], around: dict[str, str]) -> subprocess.Popen[str]:
    """Start a command whose output can be read."""
    return subprocess.Popen(run, env=around, stdout=subprocess.PIPE, text=True)


async def test_bill_goes_on_where_it_was_killed(house: House, any_database: str, tmp_path: Path) -> None:
    """Killed again and again, two at a time at last: one invoice for each team, no number lost, to the cent."""
    dice = random.Random(9)  # noqa: S311 - no secret
    houses = [house] + [await make_team(house.pool, house.ingest, "credits/payg") for _ in range(TEAMS - 1)]
    for number, each in enumerate(houses):
        await each.used("tokens.input", str(1_000_000 * (number + 1)), "ann")
    run, around = command(any_database, tmp_path)
    for _ in range(3):
        before = len(await listed(house))
        there = before + dice.randint(1, 3)
        process = started(run, around)

        async def is_there(wanted: int = there) -> bool:
            return len(await listed(house)) >= wanted

        await until(is_there)
        process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(process.communicate)
    last = [started(run, around) for _ in range(2)]
    said = [await asyncio.to_thread(each.communicate) for each in last]
    assert [each.returncode for each in last] == [0, 0]
    sums = [msgspec.json.decode(out.splitlines()[-1]) for out, _ in said]
    assert all(sum(each["came"].values()) == TEAMS for each in sums)
    made = await listed(house)
    assert sorted(each.number or "" for each in made) == [f"HM-{n:06d}" for n in range(1, TEAMS + 1)]
    totals = {each.team_id: each.total for each in made}
    assert totals == {each.team.id: Decimal(15) * (n + 1) for n, each in enumerate(houses)}
    assert await broken(house) == []


async def test_bill_says_who_could_not_be_billed(house: House, any_database: str, tmp_path: Path) -> None:
    """One line per team, the reason, and an exit code of its own."""
    await house.used("network", "5")
    other = await make_team(house.pool, house.ingest, "credits/payg")
    await other.used("tokens.input", "1000000")
    run, around = command(any_database, tmp_path)
    done = await asyncio.to_thread(subprocess.run, run, env=around, capture_output=True, text=True, check=False)
    *teams, sums = map(msgspec.json.decode, done.stdout.splitlines())
    assert [(each["came"], each["total"]) for each in teams] == [("failed", None), ("billed", "15.00")]
    assert teams[0]["why"].startswith("unpriced_usage: ")
    assert sums["revenue"] == [{"currency": "USD", "invoices": 1, "total": "15.00"}]
    assert done.returncode == 1
