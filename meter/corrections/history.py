"""What was corrected, by whom, when and why, and how it was before? Newest first; nothing here ever changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from meter.corrections.decide import Kind
from meter.database import Connection
from meter.errors import NotFound
from meter.model import Team
from meter.rating.money import displayed
from meter.windows import month_seconds
from sql import statement


class Correction(NamedTuple):
    """One correction. `undoes` is the one that it puts back, `undone_by` the one that puts this back."""

    id: int
    public_id: UUID
    kind: Kind
    reason: str
    undoes: UUID | None
    undone_by: UUID | None
    at: datetime
    actor: str
    key: UUID | None
    key_prefix: str | None
    member: str | None
    request_id: str | None
    events: int


class State(NamedTuple):
    """What an event says: `quantity` in its meter's unit, and its labels. `voided`: it counts nothing."""

    quantity: Decimal
    member: str | None
    service: str | None
    dimensions: dict[str, str]
    voided: bool


class CorrectedEvent(NamedTuple):
    """A row of a correction, an event or a segment of one, before and after."""

    time: datetime
    event_id: UUID
    meter: str
    unit: str
    before: State
    after: State


async def corrections(
    conn: Connection, team_id: int, kind: Kind | None, since: datetime | None, before: int | None, rows: int
) -> list[Correction]:
    """At most `rows` corrections of a team below an inner id, newest first: of one kind or any, since an instant."""
    asked = {"team_id": team_id, "kind": kind, "since": since, "before": before, "rows": rows}
    found = await (await conn.execute(statement("list_corrections"), asked)).fetchall()
    return [Correction(*row) for row in found]


async def get(conn: Connection, team_id: int, public_id: UUID) -> Correction:
    """A correction of a team. Raises NotFound."""
    asked = {"team_id": team_id, "public_id": public_id}
    row = await (await conn.execute(statement("get_correction"), asked)).fetchone()
    if row is None:
        raise NotFound("there is no such correction")
    return Correction(*row)


async def events(
    conn: Connection, team: Team, correction_id: int, after: tuple[datetime, UUID] | None, rows: int
) -> list[CorrectedEvent]:
    """At most `rows` rows of a correction, in order of time, from after a place."""
    time, event_id = after or (None, None)
    asked = {"correction_id": correction_id, "after": time, "after_id": event_id, "rows": rows}
    found = await (await conn.execute(statement("list_corrected_events"), asked)).fetchall()
    zone = ZoneInfo(team.timezone)
    return [_event(row, zone) for row in found]


def _event(row: Sequence[Any], zone: ZoneInfo) -> CorrectedEvent:
    """A row of list_corrected_events: place, meter, how it adds up, and the five columns of both states."""
    time, event_id, meter, unit, aggregation, divisor, per_month = row[:7]
    if per_month:
        divisor *= month_seconds(time, zone)

    def state(quantity: Decimal, *labels: Any) -> State:  # noqa: ANN401 (columns)
        return State(Decimal(1) if aggregation == "count" else displayed(quantity, divisor), *labels)

    return CorrectedEvent(time, event_id, meter, unit, state(*row[7:12]), state(*row[12:17]))
