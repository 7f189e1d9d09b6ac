"""The same months by what was agreed and by a draft: read a team's usage once, rate it twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from itertools import islice
from typing import Final

from psycopg.errors import QueryCanceled

from meter.billable import Billable
from meter.database import Connection
from meter.errors import NotFound, QueryTooSlow, RawDataGone
from meter.model import Team
from meter.prices import store as prices
from meter.simulation import readings
from meter.simulation.question import Question
from meter.simulation.result import Progress, TeamResult
from meter.simulation.twice import Months, Nothing, left_out, months_of, rated, used_only
from meter.subscriptions import store as subscriptions
from sql import statement

AT_ONCE: Final = 8
"""Teams that are replayed at a time: half a second of work, so that others who compute get their turn."""

AHEAD: Final = 2
PROGRESS_S: Final = 1.0

Work = Callable[[Sequence[Team]], Awaitable[list[TeamResult]]]


async def teams_of(conn: Connection, question: Question) -> list[Team]:
    """The teams that the draft or a move may be about, or those asked for.

    Raises NotFound for one asked for that there is not, BookError for a draft that can't be read.
    """
    asked = {
        "teams": None if question.teams is None else list(question.teams),
        "book": question.draft.name,
        "plans": list(question.moves),
    }
    rows = await (await conn.execute(statement("list_simulated_teams"), asked)).fetchall()
    teams = [Team(*row) for row in rows]
    if missing := set(question.teams or ()) - {team.public_id for team in teams}:
        raise NotFound(f"there is no team {min(missing)}")
    return teams


async def simulate(
    teams: Sequence[Team], work: Work, at_once: int = AT_ONCE, every_s: float = PROGRESS_S
) -> AsyncGenerator[Progress | TeamResult]:
    """What comes of each team as soon as it is known, and how far it is, every second at least.

    `work` replays some teams, here or in another process; some are ahead of those that are waited for. Teams that the
    draft turns out not to be about are left out.
    """
    parts = iter([teams[at : at + at_once] for at in range(0, len(teams), at_once)])
    working = {asyncio.ensure_future(work(part)): len(part) for part in islice(parts, AHEAD)}
    done = 0
    try:
        while working:
            finished, _ = await asyncio.wait(working, timeout=every_s, return_when=asyncio.FIRST_COMPLETED)
            for each in finished:
                done += working.pop(each)
                for part in islice(parts, 1):
                    working[asyncio.ensure_future(work(part))] = len(part)
                for result in each.result():
                    yield result
            yield Progress(done, len(teams))
    finally:
        for each in working:
            each.cancel()


async def replayed(conns: Sequence[Connection], teams: Sequence[Team], question: Question) -> list[TeamResult]:
    """What comes of some teams, in their order, each read in a snapshot of its own.

    One is rated while the next ones are read: so many at a time as there are connections.
    """
    waiting = iter(range(len(teams)))
    found: list[TeamResult | None] = [None] * len(teams)

    async def work(conn: Connection) -> None:
        for number in waiting:
            found[number] = await _replayed(conn, teams[number], question)

    async with asyncio.TaskGroup() as group:
        for conn in conns:
            group.create_task(work(conn))
    return [each for each in found if each is not None]


async def _replayed(conn: Connection, team: Team, question: Question) -> TeamResult | None:
    try:
        months, usage = await read(conn, team, question)
    except QueryCanceled:
        return left_out(team, QueryTooSlow("its usage takes too long to read; ask for fewer months"))
    if isinstance(months, Months):
        return await asyncio.to_thread(rated, months, usage)
    return left_out(team, months.why) if question.teams is not None or months.of_the_book else None


async def read(conn: Connection, team: Team, question: Question) -> tuple[Months | Nothing, list[Billable]]:
    """What is agreed with a team, and the usage of all its months.

    Where raw events that an edge cuts are gone that is the reason, and usage is that of whole quarters of an hour.
    """
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        books, log = await prices.read(conn), await subscriptions.read(conn, team.id)
        months = months_of(team, log.standing, books, question)
        if isinstance(months, Nothing):
            return months, []
        try:
            return months, await readings.read(conn, team.id, months.wanted, by_member=months.by_member)
        except RawDataGone as error:
            unread = used_only(months, error)
            return unread, await readings.read(conn, team.id, unread.wanted)
