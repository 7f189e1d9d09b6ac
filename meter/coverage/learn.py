"""Learns how often series report, from their last points, events or quarters; and learns again now and then."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import LiteralString, NamedTuple

from meter.coverage import rhythm
from meter.database import Connection
from meter.windows import DAY, ORIGIN
from sql import statement

MOST = 2_000
AGAIN = timedelta(hours=1)
SOON = timedelta(minutes=1)
"""A series of the last hour is looked at this often until its rhythm shows."""

POINTS = 60
SPANS = (timedelta(days=1), timedelta(hours=2))
MAX_EVENTS = 200_000
"""Events of a team that are read to learn from: of the longest of SPANS that has no more."""

LONG = timedelta(days=14)
"""What reports too seldom for SPANS is learned from its quarters of this time."""


class Learned(NamedTuple):
    """Seconds between reports, and what they were learned from: points, events or quarters."""

    seconds: int
    learned_from: str


async def learn(conn: Connection, now: datetime) -> int:
    """Looks for the rhythm of series that are due, MOST at a time; of how many one was found."""
    asked = {"again": now - AGAIN, "soon": now - SOON, "young": now - AGAIN, "most": MOST}
    rows = await (await conn.execute(statement("list_unlearned"), asked)).fetchall()
    together: defaultdict[tuple[int, datetime], list[int]] = defaultdict(list)
    for team_id, series, last_quarter in rows:
        together[team_id, _until(last_quarter, now)].append(series)
    found: dict[int, Learned] = {}
    for (team_id, until), mine in together.items():
        found |= await _of_team(conn, team_id, mine, until)
    learned = {
        "series": list(found),
        "seconds": [each.seconds for each in found.values()],
        "learned_from": [each.learned_from for each in found.values()],
    }
    await conn.execute(statement("keep_learned"), learned | {"now": now})
    in_vain = [series for _, series, _ in rows if series not in found]
    await conn.execute(statement("keep_looked"), {"series": in_vain, "now": now})
    return len(found)


def _until(last_quarter: datetime | None, now: datetime) -> datetime:
    """Where to look back from: now, or the end of the day with the last data."""
    return now if last_quarter is None else min(now, last_quarter - (last_quarter - ORIGIN) % DAY + DAY)


async def _of_team(conn: Connection, team_id: int, series: Sequence[int], until: datetime) -> dict[int, Learned]:
    """The rhythms of a team's series: by what is exact first, by what is there for the rest."""
    found: dict[int, Learned] = {}
    asked = {"team_id": team_id, "series": list(series), "since": until - SPANS[0], "until": until, "most": POINTS}
    found |= await _of_samples(conn, "list_stream_samples", "points", asked)
    since = await _readable(conn, team_id, until)
    if since is not None:
        rest = [each for each in series if each not in found]
        found |= await _of_samples(conn, "list_samples", "events", asked | {"series": rest, "since": since})
    rest = [each for each in series if each not in found]
    quarters = await conn.execute(statement("list_sampled_quarters"), asked | {"series": rest, "since": until - LONG})
    for number, events, last_at in await quarters.fetchall():
        seconds = rhythm.of_quarters(events, [float(each) for each in last_at])
        if seconds is not None:
            found[number] = Learned(seconds, "quarters")
    return found


async def _of_samples(
    conn: Connection, name: LiteralString, learned_from: str, asked: dict[str, object]
) -> dict[int, Learned]:
    if not asked["series"]:
        return {}
    rows = await (await conn.execute(statement(name), asked)).fetchall()
    rhythms = {series: rhythm.of_samples(instants) for series, instants in rows}
    return {series: Learned(seconds, learned_from) for series, seconds in rhythms.items() if seconds is not None}


async def _readable(conn: Connection, team_id: int, until: datetime) -> datetime | None:
    """Since when a team's events before an instant are few enough to be read; None where there are too many."""
    for span in SPANS:
        asked = {"team_id": team_id, "since": until - span, "until": until}
        (events,) = (await (await conn.execute(statement("count_recent_events"), asked)).fetchall())[0]
        if events <= MAX_EVENTS:
            return until - span
    return None
