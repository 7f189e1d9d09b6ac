"""GET /v1/usage/dimensions and /v1/usage/series: which labels does usage have, and which series are there?"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter

from api.auth import may
from api.errors import problems
from api.etag import tagged
from api.formats import MEDIA_TYPES
from api.given import TheShell, TheTeam
from api.labels import TheFilters
from api.openapi import FORMS
from api.paging import DEFAULT_LIMIT, Cursor, Limit, page, position_of
from api.parameters import Meters, Zone
from api.query import OPEN
from api.questions import listed, range_of, zone_of
from api.request import Request
from meter import occurring
from meter.errors import NotFound, RawDataGone, UnknownMeter
from meter.labels import Filter
from meter.model import Team
from meter.occurring import Query, Series, Wanted

Start = Annotated[
    str | None,
    QueryParameter(
        name="from", description="With `to`: only what has usage then. RFC 3339, a date in `tz`, or now-7d."
    ),
]
End = Annotated[str | None, QueryParameter(description="The instant after the last one looked at.")]
Name = Annotated[str | None, QueryParameter(max_length=200, description="Only values of this label.")]
Prefix = Annotated[str | None, QueryParameter(max_length=200, description="Only values that begin with this.")]


class ValueView(msgspec.Struct, frozen=True):
    """A value that occurs under a name (member, service, key or a dimension), and how many series have it."""

    name: str
    value: str
    series: int


class ValuesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Values by name and value. `as_of` is when the team's data last changed."""

    as_of: datetime | None
    items: list[ValueView]
    next: str | None


class SeriesView(msgspec.Struct, frozen=True, kw_only=True):
    """A series: usage of one meter with one set of labels. `billable` is false for what is never billed.

    `events` and `quantity`, in the meter's unit, are those of the range; null without one. The quantity is null too
    where no sum stands for it: ask `GET /v1/usage`.
    """

    id: UUID
    meter: str
    unit: str
    member: str | None
    service: str | None
    key: str | None
    dimensions: dict[str, str]
    billable: bool
    created_at: datetime
    events: int | None
    quantity: str | None


class SeriesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Series by their ids. `as_of` is when the team's data last changed."""

    as_of: datetime | None
    items: list[SeriesView]
    next: str | None


@get(
    "/v1/usage/dimensions",
    guards=[may("view_usage")],
    responses=problems(NotFound, UnknownMeter, RawDataGone),
    tags=["usage"],
    opt={FORMS: (MEDIA_TYPES["json"],)} | OPEN,
)
async def get_dimensions(  # noqa: PLR0913, PLR0917 (a query parameter each)
    request: Request,
    shell: TheShell,
    team: TheTeam,
    filters: TheFilters,
    meters: Meters = None,
    from_: Start = None,
    to: End = None,
    tz: Zone = None,
    name: Name = None,
    prefix: Prefix = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response[ValuesAnswer]:
    """List the values that labels have: what a filter can be set to, and what there is to group by.

    Filter by other labels as in `GET /v1/usage/events`: the models that a service has used.
    """
    query = _query(filters, team, (meters, from_, to, tz), shell.clock())
    wanted = Wanted(name, prefix, position_of(cursor, tuple[str, str]))
    async with shell.readers.connection() as conn:
        found = await occurring.values(conn, team, query, wanted, limit + 1)
    shown = page(found.values, limit, lambda each: ValueView(*each), lambda each: (each.name, each.value))
    answer = ValuesAnswer(as_of=found.as_of, items=shown.items, next=shown.next)
    return tagged(request, msgspec.json.encode(answer), MEDIA_TYPES["json"])


@get(
    "/v1/usage/series",
    guards=[may("view_usage")],
    responses=problems(NotFound, UnknownMeter, RawDataGone),
    tags=["usage"],
    opt={FORMS: (MEDIA_TYPES["json"],)} | OPEN,
)
async def get_series(  # noqa: PLR0913, PLR0917 (a query parameter each)
    request: Request,
    shell: TheShell,
    team: TheTeam,
    filters: TheFilters,
    meters: Meters = None,
    from_: Start = None,
    to: End = None,
    tz: Zone = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response[SeriesAnswer]:
    """List the series there are, with their labels; with a range also what each was used in it.

    Filter by member, service, key or a declared dimension as in `GET /v1/usage/events`. Series without usage in the
    range are listed too, with none.
    """
    query = _query(filters, team, (meters, from_, to, tz), shell.clock())
    async with shell.readers.connection() as conn:
        found = await occurring.series(conn, team, query, position_of(cursor, UUID), limit + 1)
    shown = page(found.series, limit, _series, lambda each: each.public_id)
    answer = SeriesAnswer(as_of=found.as_of, items=shown.items, next=shown.next)
    return tagged(request, msgspec.json.encode(answer), MEDIA_TYPES["json"])


def _query(
    filters: tuple[Filter, ...],
    team: Team,
    asked: tuple[list[str] | None, str | None, str | None, str | None],
    now: datetime,
) -> Query:
    """The question in the parameters that both lists have: meters, both ends of the range, zone."""
    meters, from_, to, tz = asked
    return Query(
        meters=listed(meters),
        filters=filters,
        between=range_of(from_, to, zone_of(tz or team.timezone), now),
    )


def _series(each: Series) -> SeriesView:
    usage = each.usage
    return SeriesView(
        id=each.public_id,
        meter=each.meter.slug,
        unit=each.meter.unit,
        member=each.member,
        service=each.service,
        key=each.key,
        dimensions=each.dimensions,
        billable=each.billable,
        created_at=each.created_at,
        events=None if usage is None else usage.events,
        quantity=None if usage is None or usage.quantity is None else f"{usage.quantity:f}",
    )


HANDLERS = (get_dimensions, get_series)
