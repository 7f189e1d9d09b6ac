"""Backfills in contract tests: begun, compared, applied and taken back at a place, in small slices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from meter.audit import Actor, actor_of
from meter.backfill import book, difference, work
from meter.backfill.book import Step
from meter.backfill.model import Backfill, Mode, Order, Phase, State, Tally
from meter.backfill.stage import Staging
from meter.backfill.work import Pace
from meter.labels import Filter
from meter.model import Event, Receipt
from tests.contract.place import NOW, PAST_DAYS, Place

SLICES = Pace(turn_s=20.0, pause=0.0, rows=3)
OVER: dict[Step, State] = {"compare": "compared", "apply": "applied", "undo": "undone"}


def actor(place: Place) -> Actor:
    """Answer who asks."""
    return actor_of(place.caller, NOW, "a request")


async def begun(
    place: Place,
    span: tuple[datetime, datetime],
    *meters: str,
    mode: Mode = "replace",
    filters: tuple[Filter, ...] = (),
) -> UUID:
    """Begin a backfill and answer its id."""
    order = Order(mode, *span, meters, filters, "the collector was broken")
    async with place.pool.connection() as conn, conn.transaction():
        return (await book.create(conn, place.team.id, place.caller, actor(place), order)).public_id


async def bring(place: Place, backfill: UUID, events: Sequence[Event], request: str | None = None) -> Receipt:
    """Bring events of the source."""
    async with place.pool.connection() as conn:
        return await Staging(PAST_DAYS).take(conn, place.team, backfill, events, NOW, request)


async def ask_for(place: Place, backfill: UUID, what: Step) -> None:
    """Ask for a step."""
    async with place.pool.connection() as conn, conn.transaction():
        await book.step(conn, place.team.id, backfill, what, actor(place))


async def run(place: Place, pace: Pace = SLICES) -> None:
    """Have a worker do what is asked for."""
    async with place.pool.connection() as conn:
        await work.turn(conn, NOW, pace)


async def done(place: Place, backfill: UUID, what: Step, pace: Pace = SLICES) -> Tally:
    """Have a step done, and answer what became of how many events."""
    phases: dict[Step, Phase] = {"compare": "comparing", "apply": "applying", "undo": "undoing"}
    await ask_for(place, backfill, what)
    await run(place, pace)
    found = await seen(place, backfill)
    assert found.state == OVER[what], found
    async with place.pool.connection() as conn:
        return (await book.tallies(conn, [found.id])).get((found.id, phases[what]), Tally())


async def seen(place: Place, backfill: UUID) -> Backfill:
    """Answer a backfill."""
    async with place.pool.connection() as conn:
        return await book.get(conn, place.team.id, backfill)


async def hours(place: Place, backfill: UUID, *, whole: bool = False) -> list[difference.Hour]:
    """Answer the difference."""
    found = await seen(place, backfill)
    async with place.pool.connection() as conn:
        return await difference.hours(conn, place.team, found, None, 1_000, whole=whole)


async def left(place: Place, backfill: UUID, phase: Phase) -> list[difference.Left]:
    """Answer what a phase has left alone."""
    found = await seen(place, backfill)
    async with place.pool.connection() as conn:
        return await difference.left(conn, found, phase)
