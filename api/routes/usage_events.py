"""GET /v1/usage/events: which events is usage made of, and what would each cost at list price?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, cast, get_args
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter
from litestar.response import Stream

from api.archived import archive_of
from api.auth import may
from api.cost_view import CostView, cost_view
from api.errors import problems
from api.etag import tagged
from api.formats import MEDIA_TYPES, Format, Value, as_csv, as_ndjson, format_of
from api.given import TheShell, TheTeam
from api.labels import TheFilters
from api.openapi import FORMS
from api.paging import DEFAULT_LIMIT, Cursor, Limit, cursor_of, position_of
from api.parameters import End, Meters, Start, Zone
from api.query import OPEN
from api.questions import instant_of, listed, zone_of
from api.request import Request
from api.state import Shell
from meter import usage_events
from meter.errors import ArchiveAway, NotFound, RawDataGone, UnknownMeter
from meter.model import Team
from meter.usage_events import Event, Place, Query

Written = Literal["json", "csv", "ndjson"]
SERVED: tuple[Written, ...] = get_args(Written)
COLUMNS = (
    *("id", "event_id", "time", "from", "to", "meter", "unit", "quantity", "member", "service", "key", "billable"),
    *("dimensions", "attributes", "cost", "currency", "reason"),
)

Form = Annotated[Written | None, QueryParameter(name="format", description="In place of Accept.")]


class EventView(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """One event as it is stored. `id` is the one it was sent with, kept only beside attributes; `event_id` is ours.

    `quantity` is in the meter's unit. A sample held over time is stored as segments, at most a quarter of an hour long:
    each covers `from` to `to`, which is its `time`. `billable` is false for usage that is never billed.
    """

    id: str | None
    event_id: UUID
    time: datetime
    from_: datetime | None
    to: datetime | None
    meter: str
    unit: str
    quantity: str
    member: str | None
    service: str | None
    key: str | None
    billable: bool
    dimensions: dict[str, str]
    attributes: dict[str, Any] | None
    cost: CostView


class EventsAnswer(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A page of events, newest first. `as_of` is when the team's data last changed."""

    from_: datetime
    to: datetime
    tz: str
    as_of: datetime | None
    items: list[EventView]
    next: str | None


@get(
    "/v1/usage/events",
    guards=[may("view_usage")],
    responses=problems(NotFound, UnknownMeter, RawDataGone, ArchiveAway),
    tags=["usage"],
    opt={FORMS: tuple(MEDIA_TYPES[form] for form in SERVED)} | OPEN,
)
async def get_usage_events(  # noqa: PLR0913, PLR0917 (a query parameter each)
    request: Request,
    shell: TheShell,
    team: TheTeam,
    filters: TheFilters,
    from_: Start,
    to: End,
    meters: Meters = None,
    tz: Zone = None,
    format_: Form = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response[EventsAnswer]:
    """List the events that usage is made of, newest first, each with what it would cost at list price.

    Filter by member, service, key or a declared dimension: `service=api` (again for any of several), `model.not=small`,
    `model.prefix=gpt-`; an empty value is for usage without that label. On the quarter hour the quantities add up to
    `GET /v1/usage`; off it, a segment counts here with its whole quantity where it ends. CSV and NDJSON hold all of the
    range without pages, up to a million events.
    """
    zone, now = zone_of(tz or team.timezone), shell.clock()
    query = Query(
        start=instant_of("from", from_, zone, now),
        end=instant_of("to", to, zone, now),
        meters=listed(meters),
        filters=filters,
    )
    chosen = format_of(request, format_, SERVED)
    if chosen != "json":
        return cast("Response[EventsAnswer]", await _export(shell, team, query, chosen))  # sent as it comes
    async with shell.readers.connection() as conn:
        page = await usage_events.read(conn, team, query, _after(cursor), limit, archive_of(shell))
    answer = EventsAnswer(
        from_=query.start,
        to=query.end,
        tz=zone.key,
        as_of=page.as_of,
        items=[_shown(event) for event in page.events],
        next=None if page.next is None else cursor_of(page.next),
    )
    return tagged(request, msgspec.json.encode(answer), MEDIA_TYPES["json"])


def _after(cursor: str | None) -> Place | None:
    place = position_of(cursor, tuple[Annotated[datetime, msgspec.Meta(tz=True)], UUID])
    return None if place is None else Place(*place)


def _shown(event: Event) -> EventView:
    series, (start, end) = event.series, event.segment or (None, None)
    attributes = None if event.attributes is None else msgspec.Raw(event.attributes.encode())
    return EventView(
        id=event.original_id,
        event_id=event.place.event_id,
        time=end or event.place.time,
        from_=start,
        to=end,
        meter=series.meter,
        unit=series.unit,
        quantity=f"{event.quantity:f}",
        member=series.member,
        service=series.service,
        key=series.key,
        billable=series.billable,
        dimensions=series.dimensions,
        attributes=cast("dict[str, Any] | None", attributes),  # the JSON that is stored, every digit of it
        cost=cost_view(event.cost),
    )


async def _export(shell: Shell, team: Team, query: Query, chosen: Format) -> Stream:
    """All events in the range, sent while they are read; refusals come before the first of them."""
    async with shell.readers.connection() as conn:
        await usage_events.check_exportable(conn, team, query, archive_of(shell))
    pages = usage_events.export(shell.readers, team, query, archive_of(shell))
    return Stream(_csv(pages) if chosen == "csv" else _ndjson(pages), media_type=MEDIA_TYPES[chosen])


async def _csv(pages: AsyncIterator[Sequence[Event]]) -> AsyncIterator[str]:
    heading = as_csv(COLUMNS, ())
    async for page in pages:
        yield heading + as_csv(COLUMNS, [_row(_shown(event)) for event in page]).partition("\n")[2]
        heading = ""


async def _ndjson(pages: AsyncIterator[Sequence[Event]]) -> AsyncIterator[bytes]:
    async for page in pages:
        yield as_ndjson(_shown(event) for event in page)


def _row(event: EventView) -> tuple[Value, ...]:
    return (
        *(event.id, str(event.event_id), event.time, event.from_, event.to),
        *(event.meter, event.unit, event.quantity, event.member, event.service, event.key, event.billable),
        *(msgspec.json.encode(event.dimensions).decode(), _json(event.attributes)),
        *(event.cost.amount, event.cost.currency, event.cost.reason),
    )


def _json(attributes: object) -> str | None:
    return None if attributes is None else msgspec.json.encode(attributes).decode()


HANDLERS = (get_usage_events,)
