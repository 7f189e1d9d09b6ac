"""The one place where calls are let through: each batch is decided and booked in one transaction.

What a batch touches is held and read at once, pure code decides about all of it in turn, and what follows is written
before anybody is answered. Everybody holds reservations, then counters, then accounts, each in the order of ids, so
nobody deadlocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from time import monotonic
from typing import TypeVar
from uuid import UUID

from meter.authorize import away, held, prepare
from meter.authorize.answers import AuthorizeAnswer
from meter.authorize.batch import ATTEMPTS, CROSSED, StaleError, book
from meter.authorize.prepare import Names, Wanted
from meter.authorize.requests import Answer, Ask, Asked, Release, Released, Request, Reservation, Settle, Settled
from meter.authorize.terms import Terms
from meter.authorize.terms_known import TermsCache
from meter.database import Connection, Pool, lent
from meter.errors import Busy, LimitsUnavailable, Problem
from meter.ingest import Ingest
from meter.lanes import Lanes
from meter.limits import store as limits
from meter.limits.path import CounterKey
from meter.model import Team

Told = TypeVar("Told", Asked, Settled, Released)
LANES = 2
MOST_COUNTERS = 200_000
LATELY_S = 2.0
LOST = "nothing was reserved or booked; ask again"


class Desk:
    """The one way to ask, one per process: remembers terms, names and counters, and gathers what comes at once."""

    def __init__(self, pool: Pool, ingest: Ingest, past_days: int, lanes: int = LANES) -> None:
        """Decides through `pool`, stores events as `ingest` does; an event's time may lie `past_days` back."""
        self._pool = pool
        self._ingest = ingest
        self._past = timedelta(days=past_days)
        self._lanes: Lanes[Request, Answer] = Lanes(self._work, lanes)
        self._terms = TermsCache()
        self._names = Names()
        self._counters: dict[tuple[int, CounterKey], int] = {}
        self._answered = float("-inf")

    async def ask(self, asked: Ask) -> Asked:
        """Whether a call may go on, and what is reserved for it. Raises EventsRefused, Busy."""
        return await self._put(Asked, asked.team.id, asked)

    def unchecked(self, asked: Ask) -> AuthorizeAnswer:
        """The answer while nobody can be asked, by what was known last. Raises LimitsUnavailable, EventsRefused."""
        if asked.caller.internal:
            return away.unchecked(None, None)
        terms = self._terms.remembered(asked.team.id)
        if terms is None:
            raise LimitsUnavailable("what limits there are is not known here yet; ask again")
        return away.unchecked(terms, prepare.guessed(self._names, terms, asked))

    def is_overloaded(self) -> bool:
        """Whether a database that answered lately is only slow now: nothing passes unlooked at then."""
        return monotonic() - self._answered < LATELY_S

    async def settle(self, asked: Settle) -> Settled:
        """Stores the event of a call and books it, in one commit.

        Raises NotFound, EventsRefused, ReservationClosed and Busy.
        """
        return await self._put(Settled, asked.team.id, asked)

    async def release(self, team: Team, reservation: UUID, now: datetime) -> Released:
        """Gives back what was reserved for a call. Raises NotFound, ReservationClosed and Busy."""
        return await self._put(Released, team.id, Release(team.id, reservation, now))

    async def close(self) -> None:
        """Waits until all that was asked is answered."""
        await self._lanes.close()

    async def _put(self, kind: type[Told], team_id: int, request: Request) -> Told:
        answer = await self._lanes.put(team_id, request)
        if not isinstance(answer, kind):
            raise TypeError(f"a {type(request).__name__} came to a {type(answer).__name__}")
        return answer

    async def _work(self, batch: Sequence[Request]) -> Sequence[Answer | Problem]:
        """Answers a batch. One that others got in the way of begins again."""
        async with lent(self._pool, LOST) as conn:
            for _ in range(ATTEMPTS):
                wanted = await self._prepare(conn, batch)
                good = [each for each in wanted if isinstance(each, Wanted)]
                try:
                    done = iter(await book(conn, good, await self._ids(conn, good), max(each.at for each in batch)))
                except StaleError as stale:
                    self._terms.forget(stale.teams)
                    self._forget(stale.counters)
                except CROSSED:
                    continue
                else:
                    self._answered = monotonic()
                    return [next(done) if isinstance(each, Wanted) else each for each in wanted]
        raise Busy(f"others asked for the same at this very moment; {LOST}")

    async def _prepare(self, conn: Connection, batch: Sequence[Request]) -> list[Wanted | Problem]:
        """What each request needs; one that is wrong is refused by itself."""
        known = [each.reservation for each in batch if not isinstance(each, Ask)]
        found = await held.find(conn, known) if known else {}
        wanted: list[Wanted | Problem] = []
        for each in batch:
            try:
                wanted.append(await self._want(conn, each, found))
            except Problem as problem:
                if isinstance(problem, Busy):
                    raise
                wanted.append(problem)
        return wanted

    async def _want(self, conn: Connection, request: Request, found: dict[UUID, Reservation]) -> Wanted:
        match request:
            case Ask():
                terms = await self._terms.of(conn, request.team)
                return await prepare.ask(conn, self._names, terms, request)
            case Settle():
                terms = await self._terms.of(conn, request.team)
                wanted = prepare.settle(terms, request, found.get(request.reservation), self._past)
                wires = await self._ingest.wired(conn, terms.team.id, request.caller, wanted.rows, terms.meters)
                return wanted._replace(wires=tuple(wires))
            case Release():
                return prepare.release(request, found.get(request.reservation))

    async def _ids(self, conn: Connection, wanted: Sequence[Wanted]) -> dict[tuple[int, CounterKey], int]:
        """The counters of a batch, by team and key; those that are missing are made."""
        ids: dict[tuple[int, CounterKey], int] = {}
        for each in wanted:
            if each.terms is None or each.use is None:
                continue
            keys = {(each.terms.team.id, key) for key in each.keys}
            if not keys <= self._counters.keys():
                await self._make(conn, each.terms, each)
            ids.update((key, self._counters[key]) for key in keys)
        return ids

    def _forget(self, ids: Sequence[int]) -> None:
        gone = frozenset(ids)
        self._counters = {key: one for key, one in self._counters.items() if one not in gone}

    async def _make(self, conn: Connection, terms: Terms, wanted: Wanted) -> None:
        if len(self._counters) >= MOST_COUNTERS:
            self._counters.clear()
        made = await limits.ensure(conn, terms.team, wanted.path, wanted.request.at)
        self._counters.update({(terms.team.id, key): number for key, number in made.items()})
