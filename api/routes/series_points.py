"""GET /v1/series/{id}/points: what did a sender say, what was made of it, and why?"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath

from api.auth import may, only_own
from api.errors import problems
from api.given import TheCaller, TheShell, TheTeam
from api.paging import DEFAULT_LIMIT, Cursor, Limit, page, position_of
from meter.errors import NotFound
from meter.points import explain
from meter.points.explain import Place, Told
from meter.segments import EXACT
from meter.usage import plain


class StreamView(msgspec.Struct, frozen=True):
    """A stream as its sender tells it apart. `temporality` is what the sender says of its values.

    `cumulative`: counted since `start`, if it says since when; `delta`: since the point before; `gauge`: a level or
    measurement; `unknown`: it does not say. `field` is the number of a histogram or summary, else `value`.
    """

    id: UUID
    source: str
    name: str
    field: str
    temporality: str
    unit: str
    start: datetime | None
    labels: dict[str, str]


class CountedView(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """What a point came to, in the series' own unit, and the time it covers where it covers any."""

    quantity: str
    unit: str
    from_: datetime | None
    to: datetime | None


class PointView(msgspec.Struct, frozen=True, kw_only=True):
    """A point: `value` as it was sent, null where the sender says that the stream has ended.

    `read_as`: a `counter`, a `delta`, a `level` that holds until the next point, or a `measure`. `counted` is null
    where it came to nothing (yet); `why` says why.
    """

    time: datetime
    value: str | None
    read_as: str
    counted: CountedView | None
    why: str
    stream: StreamView


class PointsAnswer(msgspec.Struct, frozen=True):
    """A page of points, newest first."""

    items: list[PointView]
    next: str | None


TEMPORALITY = {"counter": "cumulative"}


@get(
    "/v1/series/{series_id:uuid}/points",
    guards=[may("view_usage")],
    responses=problems(NotFound),
    tags=["usage"],
)
async def get_series_points(
    series_id: FromPath[UUID],
    caller: TheCaller,
    shell: TheShell,
    team: TheTeam,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> PointsAnswer:
    """List the last points that count to a series, with what was made of each and why.

    Its id is that of `GET /v1/usage/series`. Events that came as events are in `GET /v1/usage/events`.
    """
    after = position_of(cursor, tuple[Annotated[datetime, msgspec.Meta(tz=True)], int])
    before = None if after is None else Place(*after)
    members = only_own(caller, None)
    async with shell.readers.connection() as conn:
        found = await explain.points_of(conn, team.id, series_id, members, before, limit + 1)
    shown = page(found.points, limit, lambda told: _shown(told, found), lambda told: (told.time, told.stream.id))
    return PointsAnswer(shown.items, shown.next)


def _shown(told: Told, points: explain.Points) -> PointView:
    stream = told.stream
    return PointView(
        time=told.time,
        value=None if told.value is None else plain(told.value),
        read_as=told.way,
        counted=None if told.counted is None else _counted(told.counted, told.covers, points),
        why=told.why,
        stream=StreamView(
            stream.public_id,
            stream.source,
            stream.name,
            stream.field,
            TEMPORALITY.get(stream.kind, stream.kind),
            stream.unit,
            stream.started_at,
            stream.labels,
        ),
    )


def _counted(counted: Decimal, covers: tuple[datetime, datetime] | None, points: explain.Points) -> CountedView:
    start, end = covers or (None, None)
    return CountedView(quantity=plain(EXACT.divide(counted, points.divisor)), unit=points.unit, from_=start, to=end)


HANDLERS = (get_series_points,)
