"""What would a book change if it were put in force? What it says otherwise, whom that reaches, and their money."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from msgspec.structs import replace

from meter.database import Connection
from meter.errors import Problem
from meter.model import Team
from meter.prices import store
from meter.prices.apply import Holder, check, check_taxes
from meter.prices.schedule import Schedule
from meter.rating.book import Book, Plan
from meter.rating.book_diff import Difference, diff
from meter.simulation.apart import Database, some
from meter.simulation.compare import Summing
from meter.simulation.question import Question
from meter.simulation.replay import simulate, teams_of
from meter.simulation.result import Progress, TeamResult, Totals
from meter.usage import LATEST
from meter.windows import ORIGIN, QUARTER
from sql import statement

Kind = Literal["plan", "add-on", "coupon", "taxes", "exchange"]
How = Literal["new", "gone", "changed"]
_KINDS: Final[tuple[tuple[Kind, str], ...]] = (("add-on", "addons"), ("coupon", "coupons"))


class Reach(NamedTuple):
    """Something that becomes another one, and how many teams have it at that instant, or are to have it later."""

    kind: Kind
    name: str
    how: How
    teams: int


class Effect(NamedTuple):
    """What a book would change from `since` on, until another version takes over at `until` (None: none does).

    `old_version` is None of a book that was not there; `refused` says why it can't be put in force from then on.
    """

    book: str
    old_version: str | None
    version: str
    since: datetime
    until: datetime | None
    differences: tuple[Difference, ...]
    reaches: tuple[Reach, ...]
    refused: Problem | None

    @property
    def changes(self) -> bool:
        """Whether it is another version than the one that is in force then."""
        return self.old_version != self.version

    @property
    def is_on_the_grid(self) -> bool:
        """Whether usage is known there without raw events: a change inside of a quarter of an hour cuts it."""
        return (self.since - ORIGIN) % QUARTER == QUARTER * 0


async def effect(conn: Connection, book: Book, since: datetime) -> Effect:
    """What putting a book in force from an instant on would change; all read in one snapshot, nothing written."""
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        books = await store.read(conn)
        refused = await _refused(conn, books, book, since)
        rows = await conn.execute(statement("list_subscribed_names"), {"book": book.name, "since": since})
        holders = [Holder(*row) for row in await rows.fetchall()]
    there = books.in_force(book.name, since)
    old = None if there is None else there.book
    if old is not None and old.version == book.version:
        return Effect(book.name, old.version, book.version, since, None, (), (), None)
    until = books.next_after(book.name, since)
    return Effect(
        book=book.name,
        old_version=None if old is None else old.version,
        version=book.version,
        since=since,
        until=until,
        differences=diff(old, book),
        reaches=tuple(_reaches(books, book, since, until, holders)),
        refused=refused,
    )


async def _refused(conn: Connection, books: Schedule, book: Book, since: datetime) -> Problem | None:
    try:
        check_taxes(book)
        await check(conn, books, book, since)
    except Problem as problem:
        return problem
    return None


def _reaches(
    books: Schedule, book: Book, since: datetime, until: datetime | None, holders: Sequence[Holder]
) -> Iterator[Reach]:
    there = books.in_force(book.name, since)
    old = None if there is None else there.book
    having: defaultdict[tuple[str, str], set[UUID]] = defaultdict(set)
    for each in holders:
        having[each.kind, each.name].add(each.team)
    for name in _names({} if old is None else old.plans, book.plans):
        teams = having["plan", name]
        how = _how(None if old is None else _bare(old.plans.get(name)), _bare(book.plans.get(name)))
        if how not in ("new", "gone"):
            teams = {team for team in teams if _touches(books, book, name, team, (since, until or LATEST))}
        if how is not None or teams:
            yield Reach("plan", f"{book.name}/{name}", how or "changed", len(teams))
    for kind, field in _KINDS:
        before, after = ({} if old is None else getattr(old, field)), getattr(book, field)
        for name in _names(before, after):
            if how := _how(before.get(name), after.get(name)):
                yield Reach(kind, f"{book.name}/{name}", how, len(having[kind, name]))
    everybody = {each.team for each in holders if each.kind == "plan"}
    if how := _how(None if old is None else old.taxes, book.taxes):
        yield Reach("taxes", book.name, how, len(everybody))
    if how := _how((None if old is None else old.exchange) or None, book.exchange or None):
        yield Reach("exchange", book.name, how, len(everybody))


def _names(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*new, *old)))


def _how(old: object, new: object) -> How | None:
    if old == new:
        return None
    return "new" if old is None else "gone" if new is None else "changed"


def _bare(plan: Plan | None) -> Plan | None:
    """A plan without the name of its version, which is another one with each word that changes."""
    return None if plan is None else replace(plan, book_version="")


def _touches(books: Schedule, book: Book, plan: str, team: UUID, time: tuple[datetime, datetime]) -> bool:
    """Whether the plan becomes another one for a team, with what was agreed with it, at any moment of a time."""
    edges = books.edges(f"{book.name}/{plan}", team, *time) | set(book.edges_for(team, *time))
    for at in (time[0], *edges):
        there = books.in_force(book.name, at)
        if there is None or plan not in there.book.plans or plan not in book.plans:
            return True
        if _bare(there.book.plan_for(plan, team, at)) != _bare(book.plan_for(plan, team, at)):
            return True
    return False


class Money(NamedTuple):
    """What came of each team's real usage by what is in force and by the book, and of all together."""

    results: tuple[TeamResult, ...]
    totals: Totals


async def money(
    conn: Connection, database: Database, question: Question, told: Callable[[Progress], None] = lambda _: None
) -> Money:
    """Rates the last periods of every team that the book is about, both ways; `told` hears how far it is.

    Usage is read by connections of its own to `database`. Raises BookError for a draft that can't be read.
    """
    teams = await teams_of(conn, question)
    results: list[TeamResult] = []
    summing = Summing()

    async def work(part: Sequence[Team]) -> list[TeamResult]:
        return await asyncio.to_thread(some, database, question, part)

    async for each in simulate(teams, work):
        if isinstance(each, Progress):
            told(each)
        else:
            results.append(each)
            summing.take(each)
    return Money(tuple(results), summing.totals())
