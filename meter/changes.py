"""What changed since an instant? Events that came later than it though they may lie before, and corrections made since.

What was there at an instant is told by transactions, not by clocks: a worker notes every minute which of them are
visible, and the last note before the instant is held against those that brought the events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from meter.database import Connection
from meter.errors import InvalidParameter, NothingNoted
from meter.ingest import load_meters
from meter.model import Meter, Team
from meter.rating.money import displayed
from meter.usage_events import check_kept, check_labels
from meter.windows import month_seconds
from sql import statement

LONGEST = timedelta(days=62)
HOUR = timedelta(hours=1)
KEEP = timedelta(days=400)
KEEP_EACH = timedelta(days=7)  # older ones are thinned out to one an hour


class Query(NamedTuple):
    """Since when, and of which usage: of these meters (none named: of all) in [start, end)."""

    since: datetime
    start: datetime
    end: datetime
    meters: tuple[str, ...] = ()


class Place(NamedTuple):
    """Where an hour stands in the order that pages have."""

    hour: datetime
    meter: str


class Changed(NamedTuple):
    """What changed in an hour (UTC) of a meter, in its unit: `came` events with what they say now, and corrected ones.

    Of those that were there before and corrected since: what counted of them then, and what counts now.
    """

    place: Place
    unit: str
    came: int
    quantity: Decimal
    corrected: int
    before: Decimal
    after: Decimal


class Page(NamedTuple):
    """Some hours; `tick` is the instant that they are told from, the last one noted before what was asked."""

    tick: datetime
    hours: list[Changed]


async def tick(conn: Connection) -> None:
    """Notes which transactions are visible now."""
    await conn.execute(statement("record_tick"))


async def trim(conn: Connection, now: datetime) -> None:
    """Forgets notes: all of more than KEEP ago, all but one an hour of more than KEEP_EACH ago."""
    await conn.execute(statement("trim_ticks"), {"before": now - KEEP, "since": now - KEEP_EACH})


async def read(conn: Connection, team: Team, query: Query, after: Place | None, rows: int) -> Page:
    """At most `rows` changed hours from after a place, in order of time and meter, read in one snapshot.

    Raises:
        InvalidParameter: a range that is none, or too long.
        UnknownMeter: a meter that the team does not have.
        NothingNoted: nothing is known any more, or yet, of what was there at that instant.
        RawDataGone: the range begins before the raw events that are kept.
    """
    if not query.start < query.end <= query.start + LONGEST:
        raise InvalidParameter(f"`from` must lie before `to`, by {LONGEST.days} days at most")
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        meters = await load_meters(conn, team.id)
        check_labels(query.meters, (), meters)
        await check_kept(conn, query.start)
        noted = await (await conn.execute(statement("find_tick"), {"at": query.since})).fetchone()
        if noted is None:
            raise NothingNoted("nothing is known of what was there at that instant; ask since a later one")
        asked = {
            "team_id": team.id,
            "meters": list(query.meters) or None,
            "since": query.start,
            "until": query.end,
            "snapshot": noted[1],
            "after_hour": after and after.hour,
            "after_meter": after and after.meter,
            "rows": rows,
        }
        found = await (await conn.execute(statement("read_changes"), asked)).fetchall()
    zone = ZoneInfo(team.timezone)
    return Page(noted[0], [_changed(row, meters, zone) for row in found])


def _changed(row: Sequence[Any], meters: Mapping[str, Meter], zone: ZoneInfo) -> Changed:
    """An hour from its row: meter, hour, then counts and sums of what came and of what was corrected."""
    slug, hour, came, now, corrected, before, after = row
    meter = meters[slug]
    divisor = meter.divisor * (month_seconds(hour, zone) if meter.per_month else 1)
    quantity, was, is_now = (displayed(Decimal(each), divisor) for each in (now, before, after))
    return Changed(Place(hour, slug), meter.unit, came, quantity, corrected, was, is_now)
