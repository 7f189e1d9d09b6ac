"""GET /v1/series: which series are there, which report, and which have fallen silent?"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal
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
from api.questions import instant_of, listed, zone_of
from api.request import Request
from meter.coverage import listing
from meter.coverage.facts import State, next_expected
from meter.coverage.listing import Query, Series, Wanted
from meter.errors import NotFound, UnknownMeter

NEW_FOR = timedelta(days=1)

Which = Annotated[
    Wanted,
    QueryParameter(
        name="state",
        description="`silent`: nothing came for three times as long as usual, and five minutes; `gone`: for a week, or "
        "its sender ended it; `new`: since `since`.",
    ),
]
Since = Annotated[
    str | None,
    QueryParameter(description="With `state=new`: RFC 3339, a date in `tz`, or now-7d. Default: a day ago."),
]


class CadenceView(msgspec.Struct, frozen=True):
    """How often a series is expected to report: as its meter says (`declared`), or as was `learned` from its data."""

    seconds: int
    known: Literal["declared", "learned"]


class ReportingView(msgspec.Struct, frozen=True, kw_only=True):
    """A series and how it reports. Without a cadence nobody knows when it should, and `state` is null.

    `first_seen` is the start of the quarter of an hour with its first data; both times are null of series that are
    never expected to report. `silent_since` is its last data where it is silent or gone; `ended`: its sender said so.
    """

    id: UUID
    meter: str
    unit: str
    member: str | None
    service: str | None
    key: str | None
    dimensions: dict[str, str]
    created_at: datetime
    state: State | None
    cadence: CadenceView | None
    first_seen: datetime | None
    last_seen: datetime | None
    silent_since: datetime | None
    next_expected: datetime | None
    ended: bool


class ReportingAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Series by their ids. `as_of` is when the team's data last changed."""

    as_of: datetime | None
    items: list[ReportingView]
    next: str | None


@get(
    "/v1/series",
    guards=[may("view_usage")],
    responses=problems(NotFound, UnknownMeter),
    tags=["usage"],
    opt={FORMS: (MEDIA_TYPES["json"],)} | OPEN,
)
async def list_series(  # noqa: PLR0913, PLR0917 (a query parameter each)
    request: Request,
    shell: TheShell,
    team: TheTeam,
    filters: TheFilters,
    meters: Meters = None,
    state_: Which = "all",
    since: Since = None,
    tz: Zone = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response[ReportingAnswer]:
    """List series by whether they report: which have fallen silent, which are new, when each is expected next.

    Filter by member, service, key or a declared dimension as in `GET /v1/usage`. A member sees own series only.
    """
    now = shell.clock()
    query = Query(
        wanted=state_,
        since=now - NEW_FOR if since is None else instant_of("since", since, zone_of(tz or team.timezone), now),
        meters=listed(meters),
        filters=filters,
    )
    async with shell.readers.connection() as conn:
        found = await listing.page(conn, team, query, position_of(cursor, UUID), limit + 1, now)
    shown = page(found.series, limit, _series, lambda each: each.report.series)
    answer = ReportingAnswer(as_of=found.as_of, items=shown.items, next=shown.next)
    return tagged(request, msgspec.json.encode(answer), MEDIA_TYPES["json"])


def _series(each: Series) -> ReportingView:
    report, row = each.report, each.row
    every = report.every_seconds
    return ReportingView(
        id=report.series,
        meter=report.meter,
        unit=row.unit,
        member=row.member,
        service=row.service,
        key=row.key,
        dimensions=row.dimensions,
        created_at=row.created_at,
        state=each.state,
        cadence=None if every is None else CadenceView(every, "declared" if report.declared else "learned"),
        first_seen=row.first_quarter,
        last_seen=report.last_seen,
        silent_since=report.last_seen if each.state in {"silent", "gone"} else None,
        next_expected=next_expected(report),
        ended=report.ended,
    )


HANDLERS = (list_series,)
