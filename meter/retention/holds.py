"""What must not be dropped yet? One line per reason, each a statement that says which teams, and since when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from meter.database import Connection
from sql import statement


class Hold(NamedTuple):
    """A reason to keep raw events: the statement that finds it between `since` and `until`, and in words."""

    name: LiteralString
    why: str


class Held(NamedTuple):
    """Something that holds a week back: why, whose it is (None: nobody's any more), since when, and of how many."""

    why: str
    team: UUID | None
    since: datetime
    teams: int

    def __str__(self) -> str:
        more = f" and {self.teams - 1:,} more" if self.teams > 1 else ""
        return f"team {self.team or '(gone)'}{more} {self.why} since {self.since:%Y-%m-%d %H:%M}"


HOLDS: tuple[Hold, ...] = (
    Hold("list_unbilled", "has usage that is to be billed and in no final invoice,"),
    Hold("list_waiting", "has quarters that wait to be rolled up,"),
    Hold("list_unfollowed", "has quarters that a job which follows the rolling up has still to look at,"),
    Hold("list_unlooked_days", "has days whose ids have still to be compared with those around,"),
    Hold("list_undecided", "has events held until somebody decides,"),
    Hold("list_open_backfills", "has a backfill under way,"),
    Hold("list_held_levels", "has a level that holds, not counted to its end yet,"),
)
"""Everything that keeps raw events from being dropped, beside their age."""


async def held(conn: Connection, since: datetime, until: datetime) -> Sequence[Held]:
    """What holds back the raw events of [since, until): of each reason the one that is oldest."""
    found = []
    for hold in HOLDS:
        row = await (await conn.execute(statement(hold.name), {"since": since, "until": until})).fetchone()
        if row is not None:
            found.append(Held(hold.why, *row))
    return found
