"""What reports and costs are made of: series that are told apart by nothing that is asked for, and where prices cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from meter import labels, windows
from meter.database import Connection
from meter.errors import InvalidParameter
from meter.labels import Filter
from meter.list_price import Tariffs
from meter.rating.totals import Metered
from meter.windows import ORIGIN, QUARTER
from sql import statement

MAX_GROUPS = 100_000


class Group(NamedTuple):
    """Series of one meter under one name; `billable`: none of them is an internal key's."""

    name: str | None
    meter: Metered
    billable: bool
    series: list[int]


async def groups(
    conn: Connection, team_id: int, by: str | None, meters: Sequence[str], filters: tuple[Filter, ...]
) -> list[Group]:
    """The series of some meters (none named: of all) by a label or (None) by none. Raises InvalidParameter (many)."""
    asked = {
        "team_id": team_id,
        "by": by,
        "meters": list(meters) or None,
        "filters": labels.as_parameter(filters),
        "rows": MAX_GROUPS + 1,
    }
    rows = await (await conn.execute(statement("list_reported_series"), asked)).fetchall()
    if len(rows) > MAX_GROUPS:
        raise InvalidParameter(f"more than {MAX_GROUPS} rows; name a meter, or filter by more")
    return [Group(row[0], Metered(*row[1:7]), row[7], row[8]) for row in rows]


async def edges(
    conn: Connection, start: datetime, end: datetime, zone: ZoneInfo, found: Iterable[Group], tariffs: Tariffs
) -> set[datetime]:
    """Where [start, end) is cut: where the plan changed and, for units per month, where months of the zone begin.

    Where raw events are gone a change of plan counts from the quarter hour that it lies in.
    """
    row = await (await conn.execute(statement("get_floor"))).fetchone()
    floor = row[0] if row else None
    starts = tariffs.starts if len(tariffs.plans) > 1 else ()
    changes = (at if floor is None or at >= floor else at - (at - ORIGIN) % QUARTER for at in starts)
    cut = {start, end, *(at for at in changes if start < at < end)}
    if any(group.meter.per_month for group in found):
        cut.update(windows.bounds(start, end, "month", zone))
    return cut
