"""GET /v1/operator/doctor: does everything add up, as the worker last saw it?"""

from __future__ import annotations

from datetime import datetime

import msgspec
from litestar import get

from api.auth import may
from api.errors import problems
from api.given import TheShell
from api.paging import Page
from meter import checks


class CheckView(msgspec.Struct, frozen=True):
    """A check as the worker last ran it: what must hold, the first rows that broke it, and how long it took.

    `unfinished` says why it came to no answer; then it does not hold.
    """

    name: str
    says: str
    holds: bool
    unfinished: str | None
    rows: list[dict[str, object]]
    took_ms: int
    at: datetime


@get("/v1/operator/doctor", guards=[may("operate")], responses=problems(), tags=["operator"])
async def list_checks(shell: TheShell) -> Page[CheckView]:
    """List what each check of the hourly job found last; nothing before a worker has run it. One page holds all."""
    async with shell.pool.connection() as conn:
        found = await checks.last(conn)
    return Page([CheckView(*each._replace(rows=each.rows[: checks.KEPT_ROWS])) for each in found], None)


HANDLERS = (list_checks,)
