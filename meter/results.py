"""What did analytics find out before anybody asked? One table for all of its jobs: due, made, read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from meter.database import Connection
from meter.model import Team
from sql import statement

LATELY: Final = timedelta(hours=25)
"""How old what is shown may be: it is made anew within the hour where data came, and within a day where none did."""

MOST_COUNTED: Final = 10_000
"""So many that are due are counted; that there are more says enough, and to count a million takes its time."""

ENROLLED_AT_ONCE: Final = 10_000


class Due(NamedTuple):
    """A subject to look at: of which data its result is and when it was made, and when the team's data last changed."""

    team: Team
    subject: str
    as_of: datetime | None
    made_at: datetime | None
    changed_at: datetime | None


class Result(NamedTuple):
    """What was found out: from data that had last changed at `as_of`, at `made_at`, in the turn `run` of its job.

    `coverage` is the share of what was expected that was there, None where nobody knows how much that is.
    """

    as_of: datetime | None
    made_at: datetime
    run: UUID
    coverage: Decimal | None
    body: dict[str, Any]


async def enrol_metered(conn: Connection, job: str, now: datetime) -> int:
    """Lets a job look at each meter of each team that has usage of it and that adds up; how many are new.

    At most ENROLLED_AT_ONCE: the next turn goes on.
    """
    asked = {"job": job, "now": now, "most": ENROLLED_AT_ONCE}
    return (await conn.execute(statement("enrol_metered_results"), asked)).rowcount


async def due(conn: Connection, job: str, now: datetime, rows: int) -> list[Due]:
    """What a job has to look at by now, who waits longest first."""
    asked = {"job": job, "now": now, "rows": rows}
    found = await (await conn.execute(statement("list_due_results"), asked)).fetchall()
    return [_due(row) for row in found]


def _due(row: Sequence[Any]) -> Due:
    *team, subject, as_of, made_at, changed_at = row
    return Due(Team(*team), subject, as_of, made_at, changed_at)


async def count_due(conn: Connection, job: str, now: datetime) -> int:
    """How many subjects a job has to look at by now; MOST_COUNTED + 1 stands for all that are more."""
    asked = {"job": job, "now": now, "most": MOST_COUNTED + 1}
    row = await (await conn.execute(statement("count_due_results"), asked)).fetchone()
    return 0 if row is None else int(row[0])


def counted(due: int) -> str:
    """What `count_due` found, in words."""
    return f"more than {MOST_COUNTED:,}" if due > MOST_COUNTED else f"{due:,}"


async def keep(conn: Connection, team_id: int, job: str, subject: str, made: Result, due_at: datetime) -> None:
    """Writes what was found out, in place of what was before; it is looked at again at `due_at`."""
    named = made._asdict() | {"team_id": team_id, "job": job, "subject": subject, "due_at": due_at}
    named["body"] = msgspec.json.encode(made.body).decode()
    await conn.execute(statement("keep_result"), named)


async def postpone(conn: Connection, team_id: int, job: str, subject: str, due_at: datetime, why: str = "") -> None:
    """Leaves what there is, to be looked at again at `due_at`; `why` where nothing could be found out."""
    named = {"team_id": team_id, "job": job, "subject": subject, "due_at": due_at, "why": why}
    await conn.execute(statement("postpone_result"), named)


async def get(conn: Connection, team_id: int, job: str, subject: str) -> Result | None:
    """What a job found out about a subject; None before it did."""
    asked = {"team_id": team_id, "job": job, "subject": subject}
    row = await (await conn.execute(statement("get_result"), asked)).fetchone()
    return None if row is None else Result(*row)


async def of_subjects(conn: Connection, team_id: int, job: str, subjects: Sequence[str]) -> dict[str, Result]:
    """What a job found out about each of some subjects; those that it did not are left out."""
    asked = {"team_id": team_id, "job": job, "subjects": list(subjects)}
    rows = await (await conn.execute(statement("list_results"), asked)).fetchall()
    return {subject: Result(*row) for subject, *row in rows}
