"""What was put in force, since when and by whom? And a book as it was applied."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from meter.database import Connection
from meter.prices import store
from meter.prices.schedule import Schedule
from meter.prices.store import Source
from sql import statement

State = Literal["past", "in_force", "to_come", "replaced"]


class Entry(NamedTuple):
    """A version of a book on the schedule: it holds in [since, until), None being without end.

    `replaced`: another version was applied from the same instant later. `position` says where a page ends.
    """

    position: int
    book: str
    version: str
    since: datetime
    until: datetime | None
    replaced: bool
    applied_at: datetime
    applied_by: str

    def state(self, now: datetime) -> State:
        """What it is at an instant."""
        if self.replaced:
            return "replaced"
        if self.since > now:
            return "to_come"
        return "past" if self.until is not None and self.until <= now else "in_force"


async def entries(conn: Connection, book: str | None, before: int | None, rows: int) -> Sequence[Entry]:
    """At most `rows` entries below a position, the last applied first; of one book or of all (None)."""
    asked = {"book": book, "before": before, "rows": rows}
    return [Entry(*row) for row in await (await conn.execute(statement("list_applied_prices"), asked)).fetchall()]


async def source_of(conn: Connection, books: Schedule, book: str, at: datetime) -> Source | None:
    """A book as it was applied, its comments too, and the files it takes prices from; None where there is none."""
    there = books.in_force(book, at)
    if there is None:
        return None
    if there.version_id is None:
        return store.shipped(book)
    asked = {"ids": [there.version_id]}
    _, _, _, content, attached = (await (await conn.execute(statement("get_price_versions"), asked)).fetchall())[0]
    return Source(content, attached)
