"""Rows that nobody asks for after a while: results of analytics, reports of billing runs, and mail that is done."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, LiteralString, NamedTuple

from meter.database import Connection
from meter.settings import Settings
from sql import statement

AT_ONCE: Final = 5_000
"""So many rows go in one transaction."""
RUNS_AT_ONCE: Final = 20
"""A billing run takes the rows of its teams along."""


class Rows(NamedTuple):
    """How many rows of each kind."""

    results: int = 0
    billing_runs: int = 0
    mail: int = 0


DROPS: Final[dict[str, tuple[LiteralString, int]]] = {
    "results": ("drop_results", AT_ONCE),
    "billing_runs": ("drop_billing_runs", RUNS_AT_ONCE),
    "mail": ("drop_mail", AT_ONCE),
}
"""By which statement each kind goes, and how many at once."""


def _before(settings: Settings, now: datetime) -> dict[str, datetime | None]:
    """Until when rows of each kind go; None where they are kept for ever."""
    days = {
        "results": settings.keep_results_days,
        "billing_runs": settings.keep_billing_runs_days,
        "mail": settings.keep_mail_days,
    }
    return {kind: now - timedelta(days=many) if many else None for kind, many in days.items()}


async def due(conn: Connection, settings: Settings, now: datetime) -> Rows:
    """How many may be dropped now."""
    row = await (await conn.execute(statement("count_old_rows"), _before(settings, now))).fetchone()
    return Rows() if row is None else Rows(*row)


async def drop(conn: Connection, settings: Settings, now: datetime) -> Rows:
    """Drops what was kept for long enough; how many. `conn` in autocommit mode.

    Some at a time, each in a transaction of its own: a run that is stopped has dropped some, and the next goes on.
    """
    before = _before(settings, now)
    return Rows(**{kind: await _drop(conn, *how, before[kind]) for kind, how in DROPS.items()})


async def _drop(conn: Connection, name: LiteralString, at_once: int, before: datetime | None) -> int:
    dropped = 0
    while before and (rows := (await conn.execute(statement(name), {"before": before, "most": at_once})).rowcount):
        dropped += rows
    return dropped
