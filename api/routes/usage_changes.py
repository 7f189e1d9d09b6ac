"""GET /v1/usage/changes: which hours say something else now than they did at an instant?"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import get
from litestar.params import QueryParameter

from api.auth import may
from api.errors import problems
from api.given import TheShell, TheTeam
from api.paging import DEFAULT_LIMIT, Cursor, Limit, cursor_of, position_of
from api.parameters import End, Meters, Start
from api.questions import instant_of, listed, zone_of
from meter import changes
from meter.changes import Changed, Place, Query
from meter.errors import NotFound, NothingNoted, RawDataGone, UnknownMeter

Since = Annotated[str, QueryParameter(description="What changed after it: RFC 3339 with a zone, a date, or now-7d.")]


class Arrived(msgspec.Struct, frozen=True):
    """Events that came since, whatever their time, with what counts of them now."""

    events: int
    quantity: str


class Corrected(msgspec.Struct, frozen=True):
    """Events that were there and corrected since: what counted of them then, and what counts of them now."""

    events: int
    before: str
    after: str


class ChangedHour(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """What changed in an hour (UTC) of a meter, in its unit; sums, also of meters that do not add up."""

    meter: str
    unit: str
    from_: datetime
    to: datetime
    arrived: Arrived
    corrected: Corrected


class ChangesAnswer(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """A page of changed hours. `since` is the instant that they are told from: the last one noted before that asked."""

    since: datetime
    from_: datetime
    to: datetime
    items: list[ChangedHour]
    next: str | None


@get(
    "/v1/usage/changes",
    guards=[may("view_corrections")],
    responses=problems(NotFound, UnknownMeter, NothingNoted, RawDataGone),
    tags=["usage"],
)
async def get_usage_changes(  # noqa: PLR0913, PLR0917 (a query parameter each)
    shell: TheShell,
    team: TheTeam,
    since: Since,
    from_: Start,
    to: End,
    meters: Meters = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> ChangesAnswer:
    """List the hours of a range, of 62 days at most, in which something came or was corrected since an instant.

    The instant is that of a note the worker makes every minute (after a week every hour), the last one before `since`:
    what was not visible then has changed. A late point of a collector may replace a row, which then counts as arrived.
    """
    zone, now = zone_of(team.timezone), shell.clock()
    query = Query(
        instant_of("since", since, zone, now),
        instant_of("from", from_, zone, now),
        instant_of("to", to, zone, now),
        listed(meters),
    )
    position = position_of(cursor, tuple[Annotated[datetime, msgspec.Meta(tz=True)], str])
    async with shell.readers.connection() as conn:
        page = await changes.read(conn, team, query, None if position is None else Place(*position), limit + 1)
    shown = page.hours[:limit]
    following = cursor_of(shown[-1].place) if len(page.hours) > limit else None
    return ChangesAnswer(page.tick, query.start, query.end, [_hour(each) for each in shown], following)


def _hour(each: Changed) -> ChangedHour:
    hour, meter = each.place
    return ChangedHour(
        meter,
        each.unit,
        hour,
        hour + changes.HOUR,
        Arrived(each.came, f"{each.quantity:f}"),
        Corrected(each.corrected, f"{each.before:f}", f"{each.after:f}"),
    )


HANDLERS = (get_usage_changes,)
