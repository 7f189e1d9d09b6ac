"""Looks at invoices that fail: told beside the invoice and by a check, and in nobody else's way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import psycopg
import pytest

import sql
from meter import bill, checks
from meter import database as databases
from meter.adjustments import turn
from meter.adjustments.look import look as whole
from meter.adjustments.store import Adjustment
from meter.database import Connection
from meter.errors import NoSubscription
from meter.ingest import Ingest
from meter.invoices import Invoice
from meter.invoicing import change as changes
from meter.invoicing import final
from meter.model import Event, Team
from tests.billing.conftest import CONNECTIONS, PAST_DAYS
from tests.billing.house import NOW, OCTOBER, SELLER, START, House, make_team

NAME = "invoices_are_looked_at_again"
TOMORROW = NOW + turn.EVERY + timedelta(seconds=1)


@pytest.fixture(name="house")
async def fixture_house(any_database: str) -> AsyncIterator[House]:
    """Answer a team in a database of its own, on each engine."""
    async with databases.pool(any_database, CONNECTIONS) as pool:
        yield await make_team(pool, Ingest(pool, PAST_DAYS), "credits/payg")


async def billed(house: House) -> Invoice:
    """Answer the team's invoice of October, after which more came."""
    await house.used("tokens.input", "1000000", "ann")
    async with house.pool.connection() as conn:
        await bill.conclude(conn, await final.prepare(conn, house.team, OCTOBER, NOW), SELLER, NOW)
    await house.sent(Event(id="late", time=START, meter="tokens.input", quantity=1_000_000, member="bob"))
    return await house.invoice()


async def told(conn: Connection) -> list[dict[str, object]]:
    """Answer what the check finds."""
    (found,) = await checks.run(conn, NOW, {NAME: sql.checks()[NAME]})
    return found.rows


def breaking(monkeypatch: pytest.MonkeyPatch, team: Team, error: Exception) -> None:
    """Let each look at a team's invoices end like this."""

    async def look(conn: Connection, whose: Team, invoice: Invoice, now: datetime) -> Adjustment | None:
        if whose.id == team.id:
            raise error
        return await whole(conn, whose, invoice, now)

    monkeypatch.setattr(turn, "look", look)


@pytest.mark.parametrize(
    ("error", "problem", "said"),
    [
        (NoSubscription("it never had a plan"), "no_subscription", "no_subscription: it never had a plan"),
        (ValueError("usage is negative"), "not_rateable", "not_rateable: usage is negative"),
        (KeyError("secret"), "internal", "internal: KeyError"),
    ],
)
async def test_a_look_that_fails_is_told_and_stops_no_other(
    house: House, monkeypatch: pytest.MonkeyPatch, error: Exception, problem: str, said: str
) -> None:
    """By its problem, until a look goes well; the other team's difference is found in the same turn."""
    mine = await billed(house)
    other = await make_team(house.pool, house.ingest, "credits/payg")
    theirs = await billed(other)
    async with house.pool.connection() as conn:
        with monkeypatch.context() as patch:
            breaking(patch, house.team, error)
            found = await turn.turn(conn, TOMORROW)
        assert [each.invoice_id for each in found] == [theirs.id]
        (row,) = await told(conn)
        assert (row["problem"], row["invoices"], row["teams"], row["said"]) == (problem, 1, 1, said)
        assert row["first"] == f"{mine.number} of {house.team.public_id}"
        assert await turn.turn(conn, TOMORROW) == []  # it rests for a day
        (late,) = await turn.turn(conn, TOMORROW + turn.EVERY + timedelta(seconds=1))
        assert late.invoice_id == mine.id
        assert await told(conn) == []


async def test_what_is_void_or_dropped_on_purpose_is_no_trouble(house: House) -> None:
    """Nobody can do anything about it."""
    mine = await billed(house)
    async with house.pool.connection() as conn:
        note = {"invoice_id": mine.id, "now": NOW}
        await conn.execute(sql.statement("record_invoice_look"), note | {"why": "raw_data_gone: gone"})
        assert await told(conn) == []
        await conn.execute(sql.statement("record_invoice_look"), note | {"why": "internal: KeyError"})
        assert len(await told(conn)) == 1
        async with conn.transaction():
            await changes.close(conn, mine.public_id, "void", "for a test", NOW)
        assert await told(conn) == []


async def test_a_database_that_is_away_fails_the_turn(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says nothing about the invoice, which is looked at by the next turn."""
    await billed(house)
    async with house.pool.connection() as conn:
        with monkeypatch.context() as patch:
            breaking(patch, house.team, psycopg.OperationalError("gone"))
            with pytest.raises(psycopg.OperationalError):
                await turn.turn(conn, TOMORROW)
        assert await told(conn) == []
        assert len(await turn.turn(conn, TOMORROW)) == 1
