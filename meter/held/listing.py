"""Which events are held or were, with both of their times, and what is decided of them? Newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from meter.database import Connection
from meter.model import Team
from meter.rating.money import displayed
from meter.windows import month_seconds
from sql import statement

State = Literal["open", "counted", "dropped"]


class Side(NamedTuple):
    """One of the two: the time it came with, its quantity in its meter's unit (of all of a sample), its labels."""

    time: datetime
    quantity: Decimal
    member: str | None
    service: str | None
    dimensions: dict[str, str]


class Asked(NamedTuple):
    """Which held events: in this state or any, held since an instant, of one hold."""

    state: State | None = None
    since: datetime | None = None
    hold: UUID | None = None


class HeldEvent(NamedTuple):
    """A held event and the one that came first, as they were when it was held; `position` says where a page ends.

    `hold` and `decided_by` are corrections.
    """

    position: int
    public_id: UUID
    event_id: UUID
    meter: str
    unit: str
    at: datetime
    state: State
    decided_at: datetime | None
    hold: UUID
    decided_by: UUID | None
    first: Side
    held: Side


class Waiting(NamedTuple):
    """How many events of a team wait for a decision."""

    team: UUID
    name: str
    events: int


async def held_events(conn: Connection, team: Team, asked: Asked, before: int | None, rows: int) -> list[HeldEvent]:
    """At most `rows` held events of a team below a position."""
    parameters = asked._asdict() | {"team_id": team.id, "before": before, "rows": rows}
    found = await (await conn.execute(statement("list_held"), parameters)).fetchall()
    zone = ZoneInfo(team.timezone)
    return [_event(row, zone) for row in found]


async def waiting(conn: Connection) -> list[Waiting]:
    """Which teams have events that wait for a decision, those with most of them first."""
    return [Waiting(*row) for row in await (await conn.execute(statement("count_held"))).fetchall()]


def _event(row: Sequence[Any], zone: ZoneInfo) -> HeldEvent:
    """A row of list_held: what it is, how its meter adds up, what is decided, and the six columns of both sides."""
    position, public_id, event_id, meter, unit, aggregation, divisor, per_month = row[:8]

    def side(time: datetime, sample: bool, quantity: Decimal, *labels: Any) -> Side:  # noqa: ANN401, FBT001 (columns)
        by = divisor * (month_seconds(time, zone) if per_month else 1)
        shown = Decimal(1) if aggregation == "count" else displayed(quantity, by)
        return Side(time + timedelta(microseconds=int(sample)), shown, *labels)

    both = side(*row[13:19]), side(*row[19:25])
    return HeldEvent._make((position, public_id, event_id, meter, unit, *row[8:13], *both))
