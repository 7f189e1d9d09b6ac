"""The report of late usage: what changed after its invoice, what it comes to, and what became of that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec

from meter import audit
from meter.adjustments.store import Came
from meter.audit import Actor
from meter.database import Connection
from meter.errors import InvoiceState, NotFound
from meter.model import Team
from meter.rating.document.document import SettledLine
from sql import statement

State = Literal["waiting", "billed", "credited", "written_off", "withdrawn"]


class Wanted(NamedTuple):
    """Which differences: of a team or (None) of all, found in [since, until), in one state or (None) any."""

    team_id: int | None
    since: datetime | None = None
    until: datetime | None = None
    state: State | None = None


class Told(NamedTuple):
    """A difference: of which invoice, from what to what, by which lines; `on` names the document that has it."""

    id: int
    public_id: UUID
    team: UUID
    invoice: UUID
    number: str
    period_from: datetime
    period_to: datetime
    zone: str
    currency: str
    found_at: datetime
    came: tuple[Came, ...]
    before: Decimal
    after: Decimal
    lines: tuple[SettledLine, ...]
    state: State
    on_id: UUID | None
    on: str | None
    note: str


async def listed(conn: Connection, wanted: Wanted, before: int | None, rows: int) -> list[Told]:
    """At most `rows` differences from before the one with that inner id, newest first."""
    asked = wanted._asdict() | {"before": before, "rows": rows}
    return [_told(row) for row in await (await conn.execute(statement("list_adjustments"), asked)).fetchall()]


def _told(row: Sequence[Any]) -> Told:
    values = dict(zip(Told._fields, row, strict=True))
    values["came"] = msgspec.convert(values["came"], tuple[Came, ...])
    values["lines"] = msgspec.json.decode(values["lines"], type=tuple[SettledLine, ...], strict=False)
    return Told(**values)


async def write_off(conn: Connection, team: Team, public_id: UUID, note: str, actor: Actor) -> None:
    """Decides that nobody bills a difference that waits, in the caller's transaction; audited.

    Raises NotFound, and InvoiceState where it is decided already.
    """
    asked = {"team_id": team.id, "public_id": public_id, "note": note}
    row = await (await conn.execute(statement("write_off_adjustment"), asked)).fetchone()
    if row is None:
        raise NotFound("there is no such difference")
    if not row[0]:
        raise InvoiceState("it is decided already: only what waits for an invoice can be written off")
    subject = audit.of(team, "late_usage", public_id)
    await audit.record(conn, actor, "late_usage.write_off", subject, None, {"note": note})
