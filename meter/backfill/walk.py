"""Both sides of a slice: what the source says and what is stored, in order of time, event by event."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from meter import labels
from meter.backfill.decide import Sides, Unit, rows_of
from meter.backfill.model import Backfill
from meter.corrections import find
from meter.corrections.decide import Place, Stored, earlier, lasts
from meter.corrections.find import at_places, described, later_segments, whole
from meter.database import Connection
from meter.errors import InvalidParameter
from meter.facts import Row, instant, microseconds
from meter.model import SeriesKey
from meter.segments import QUARTER_US
from meter.usage_events import MAX_SERIES
from sql import statement

ROWS = 2_000
"""About how many rows of either side a slice has; one sample may have more."""


async def selected(conn: Connection, backfill: Backfill) -> list[int]:
    """The series that a backfill is of, as there are now. Raises InvalidParameter for too many."""
    asked = {
        "team_id": backfill.team_id,
        "meters": list(backfill.order.meters),
        "filters": labels.as_parameter(backfill.order.filters),
        "rows": MAX_SERIES + 1,
    }
    found = [row[0] for row in await (await conn.execute(statement("list_picked_series"), asked)).fetchall()]
    if len(found) > MAX_SERIES:
        raise InvalidParameter(f"more than {MAX_SERIES} series; name fewer meters, or filter by more")
    return found


async def read(
    conn: Connection, backfill: Backfill, series: Sequence[int], rows: int = ROWS
) -> tuple[Sides, Place | None]:
    """The slice that comes next, and the place that it reaches up to: None for the last."""
    units, most = _bounded(await page(conn, backfill, rows), rows)
    there = await _page_here(conn, backfill, series, rows)
    ends, later, most_here = await _ends(conn, backfill, there, rows)
    until = min((each for each in (most, most_here) if each is not None), default=None)
    if until is not None:
        units = [unit for unit in units if unit.place <= until]
        ends = [row for row in ends if row.place <= until]
    here = _together(await whole(conn, backfill.team_id, ends, [*there, *later]))
    places = {(row.time_us, row.event_id) for unit in units for row in rows_of(unit)}
    at = {row.place: row for row in await at_places(conn, backfill.team_id, places)}
    known = await described(
        conn,
        backfill.team_id,
        {row.series_id for row in at.values()} | {row.series_id for each in here for row in each},
    )
    theirs = {unit.place for unit in units}
    alone = {rows_[-1].event_id for rows_ in here if rows_[-1].place not in theirs}
    return Sides(units, at, here, known, await _twins(conn, backfill, alone)), until


async def page(conn: Connection, backfill: Backfill, rows: int, *, only_added: bool = False) -> list[Unit]:
    """The events of the source that come next, at most `rows`."""
    time_us, event_id = backfill.after
    asked = {
        "after": instant(time_us),
        "after_id": UUID(bytes=event_id),
        "rows": rows,
        "only_added": only_added,
    }
    return await _units(conn, backfill.id, "page_backfill_events", asked)


def size_of(unit: Unit) -> int:
    """About how many rows an event of the source is; never less than it is."""
    return 1 if unit.row.covers_us is None else 2 + unit.row.covers_us // QUARTER_US


def _bounded(units: list[Unit], rows: int) -> tuple[list[Unit], Place | None]:
    """As many events as have about so many rows, one at least; and the place of the last where there may be more."""
    total = 0
    for at, unit in enumerate(units):
        total += size_of(unit)
        if at and total > rows:
            return units[:at], units[at - 1].place
    return units, units[-1].place if len(units) == rows else None


async def _page_here(conn: Connection, backfill: Backfill, series: Sequence[int], rows: int) -> list[Stored]:
    time_us, event_id = backfill.after
    asked = {
        "since": instant(time_us),
        "after_id": UUID(bytes=event_id),
        "until": backfill.order.end,
        "series": list(series),
        "rows": rows,
    }
    return await find.rows_of(conn, "page_selected_events", backfill.team_id, asked)


async def _ends(
    conn: Connection, backfill: Backfill, there: Sequence[Stored], rows: int
) -> tuple[list[Stored], list[Stored], Place | None]:
    """Where events end among these rows, rows beyond that are theirs, and up to which place that is all there is."""
    later = await later_segments(conn, backfill.team_id, there)
    last = lasts([*there, *later])
    ends: list[Stored] = []
    total = 0
    for row in there:
        if last[row.place] is not row:
            continue
        total += 1 + len(earlier(row))
        if ends and total > rows:
            return ends, later, ends[-1].place
        ends.append(row)
    return ends, later, there[-1].place if len(there) == rows else None


def _together(rows: Sequence[Stored]) -> list[tuple[Stored, ...]]:
    """The rows of each event, its last one last; events in order of their ends."""
    last = lasts(rows)
    events: dict[Place, list[Stored]] = defaultdict(list)
    for row in rows:
        events[last[row.place].place].append(row)
    return [tuple(sorted(events[place])) for place in sorted(events)]


async def _twins(conn: Connection, backfill: Backfill, event_ids: Iterable[bytes]) -> dict[bytes, list[Unit]]:
    ids = [UUID(bytes=event_id) for event_id in event_ids]
    found: dict[bytes, list[Unit]] = defaultdict(list)
    if ids:
        for unit in await _units(conn, backfill.id, "find_backfill_twins", {"event_ids": ids}):
            found[unit.row.event_id].append(unit)
    return found


async def _units(conn: Connection, backfill_id: int, name: LiteralString, asked: dict[str, Any]) -> list[Unit]:
    rows = await (await conn.execute(statement(name), {"backfill_id": backfill_id, **asked})).fetchall()
    keys = await _keys(conn, backfill_id, {row[2] for row in rows})
    return [_unit(*row, keys=keys) for row in rows]


def _unit(  # noqa: PLR0913 (a column each)
    time: datetime,
    event_id: UUID,
    label_id: int,
    quantity: Any,  # noqa: ANN401 (Decimal)
    covers_us: int | None,
    attributes: str | None,
    elsewhere: bool,  # noqa: FBT001 (a column)
    *,
    keys: dict[int, SeriesKey],
) -> Unit:
    encoded = None if attributes is None else attributes.encode()
    row = Row(microseconds(time), event_id.bytes, 0, keys[label_id], quantity, covers_us, encoded)
    return Unit(row, elsewhere)


async def _keys(conn: Connection, backfill_id: int, ids: Iterable[int]) -> dict[int, SeriesKey]:
    asked = {"backfill_id": backfill_id, "labels": sorted(ids)}
    rows = await (await conn.execute(statement("list_backfill_labels"), asked)).fetchall()
    return {row[0]: SeriesKey(row[1], row[2], row[3], tuple(sorted(row[4].items())), row[5]) for row in rows}
