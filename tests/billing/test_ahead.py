"""Fees billed before their period, by the worker: once in each, never of a trial, and not of what ended meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from meter import checks, invoices
from meter.invoices import Invoice
from meter.invoicing import change, watch
from meter.invoicing.run import Issuing
from meter.prices.apply import apply
from meter.prices.store import Source
from meter.rating.book import parse_book
from meter.subscriptions.changes import Cancel, ChangePlan, Start
from tests.api.site import settings_for
from tests.billing.house import House, make_team
from tests.billing.test_advance import BOOK, decided, in_dollars, lines
from tests.billing.test_watch import listed

AFTER, GRACE, HOUR = timedelta(hours=1), timedelta(hours=24), timedelta(hours=1)
DECEMBER, JANUARY = datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
TRIAL = """
[plans.trial]
title = "Trial"
trial = true
trial_days = 10
then = "small"
"""


class Office:
    """A team without a plan yet, and the worker that bills it."""

    def __init__(self, house: House, issuing: Issuing) -> None:
        """Issues as the worker does."""
        self.house, self._issuing = house, issuing

    async def turn(self, now: datetime) -> list[tuple[str, str, str]]:
        """Answer what came of a turn for the team: how, and why the invoice was made and what it comes to."""
        async with self.house.pool.connection() as conn:
            told = await watch.turn(conn, self._issuing, AFTER, now)
        return [
            (each.came, *((each.invoice.reason, str(each.invoice.total)) if each.invoice else ("", each.why)))
            for each in told
            if each.team.id == self.house.team.id
        ]

    async def made(self) -> list[Invoice]:
        """Answer all invoices of the team with their lines, oldest first."""
        ids = [each.public_id for each in await listed(self.house)]
        async with self.house.pool.connection() as conn:
            found = [await invoices.get(conn, each, self.house.team.id) for each in ids]
        return [each for each in found if each is not None]


@pytest.fixture
async def office(house: House, any_database: str, tmp_path: Path) -> Office:
    """Answer a team that pays in dollars, and a book whose fees are billed ahead."""
    text = BOOK + TRIAL
    async with house.pool.connection() as conn:
        await apply(conn, parse_book(text, "office.toml"), Source(text, {}), DECEMBER - 60 * GRACE, "tests", DECEMBER)
    here = await make_team(house.pool, house.ingest, None, currency="EUR")
    here = here._replace(team=await in_dollars(here))
    return Office(here, Issuing(settings_for(any_database, tmp_path), GRACE))


async def test_fees_are_billed_once_when_their_month_has_begun(office: Office) -> None:
    """A draft for a day, then final; the month's own invoice takes it off; the next month has one again."""
    await decided(office.house, DECEMBER, Start("office/small"))
    assert await office.turn(DECEMBER) == [("draft", "advance", "31.00")]
    assert await office.turn(DECEMBER + HOUR) == []
    assert await office.turn(DECEMBER + GRACE) == [("billed", "advance", "31.00")]
    assert await office.turn(DECEMBER + 2 * GRACE) == []
    assert await office.turn(JANUARY + GRACE) == [("billed", "period", "0.00"), ("billed", "advance", "31.00")]
    assert [lines(each) for each in await office.made()] == [
        [("base_fee", "base_fee", "31.00")],
        [("base_fee", "base_fee", "31.00"), ("advance", "base_fee", "-31.00")],
        [("base_fee", "base_fee", "31.00")],
    ]
    async with office.house.pool.connection() as conn:
        assert [each.name for each in await checks.run(conn, JANUARY + GRACE) if not each.holds] == []


async def test_a_trial_is_over_before_anything_is_billed(office: Office) -> None:
    """Ten free days; then the fee of the days that are left, in advance."""
    over = DECEMBER + timedelta(days=10)
    await decided(office.house, DECEMBER, Start("office/trial"))
    await decided(office.house, over, ChangePlan("office/small", ends_trial=True))
    for now in (DECEMBER, over - HOUR):
        assert await office.turn(now) == []
    assert await office.turn(over) == [("billed", "advance", "21.00")]


async def test_a_draft_of_what_ended_is_discarded(office: Office) -> None:
    """Who leaves on the first day has one invoice: of that day."""
    await decided(office.house, DECEMBER, Start("office/small"))
    assert await office.turn(DECEMBER) == [("draft", "advance", "31.00")]
    await decided(office.house, DECEMBER + timedelta(hours=12), Cancel())
    assert await office.turn(DECEMBER + timedelta(hours=13)) == [("draft", "period", "0.50")]
    assert await office.turn(DECEMBER + GRACE) == []
    assert [each.reason for each in await office.made()] == ["period"]
    assert await office.turn(DECEMBER + 2 * GRACE) == [("billed", "period", "0.50")]


async def test_what_is_cut_short_later_is_taken_off_and_not_billed_again(office: Office) -> None:
    """An end that is decided after the fee was billed: none is billed ahead once more; the rest is given back."""
    await decided(office.house, DECEMBER, Start("office/small"))
    await office.turn(DECEMBER + GRACE)
    end = DECEMBER + timedelta(days=10)
    await decided(office.house, end, Cancel())
    assert await office.turn(DECEMBER + 3 * GRACE) == []
    assert await office.turn(end + GRACE) == [("billed", "period", "-21.00")]


async def test_a_plan_without_such_fees_has_none(office: Office, house: House) -> None:
    """Nothing is made, and nobody looks again in that month."""
    await decided(office.house, DECEMBER, Start("office/small"))
    await office.turn(DECEMBER + GRACE)
    other = await make_team(house.pool, house.ingest, "credits/payg")
    assert await office.turn(DECEMBER + 2 * GRACE) == []
    async with house.pool.connection() as conn:
        rows = await (
            await conn.execute("select ahead from billing_watch where team_id = %s", (other.team.id,))
        ).fetchall()
    assert rows == [(DECEMBER,)]


async def test_one_that_is_void_is_not_made_again(office: Office) -> None:
    """By whoever said so; the month's invoice has all of it then."""
    await decided(office.house, DECEMBER, Start("office/small"))
    await office.turn(DECEMBER + GRACE)
    (ahead,) = await office.made()
    async with office.house.pool.connection() as conn, conn.transaction():
        await change.close(conn, ahead.public_id, "void", "wrong", DECEMBER + GRACE)
    assert await office.turn(DECEMBER + 2 * GRACE) == []
    assert await office.turn(JANUARY + GRACE) == [("billed", "period", "31.00"), ("billed", "advance", "31.00")]
    assert ahead.total == Decimal(31)
