"""How retention stands: since when what is kept, what is in the archive, and whether the last run went well."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from meter.archive.files import Extent, extent
from meter.database import Connection
from meter.retention.floors import Floors, floors
from sql import statement

JOB = "retain"


class State(NamedTuple):
    """Floors and archive as they are; why and when the worker's last run failed, None where it did not."""

    kept: Floors
    archive: Extent
    failed: str | None
    failed_at: datetime | None


async def state(conn: Connection) -> State:
    """How it stands now."""
    row = await (await conn.execute(statement("find_last_run"), {"job": JOB})).fetchone()
    failed = row is not None and row[0] != "done"
    why, at = (row[1], row[2]) if row is not None and failed else (None, None)
    return State(await floors(conn), await extent(conn), why, at)
