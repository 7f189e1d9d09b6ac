"""How much was used? Any meter between any two instants, in windows of any zone, as JSON or CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, cast

import msgspec
from litestar import Response, get
from litestar.params import FromQuery, QueryParameter

from api.auth import may, only_own
from api.errors import problems
from api.given import TheCaller, TheShell, TheTeam
from api.paging import DEFAULT_LIMIT, Cursor, Limit, cursor_of, position_of
from api.query import OPEN
from api.questions import instant_of, zone_of
from api.request import Request
from meter.errors import InvalidParameter, NotFound, RawDataGone, UnknownMeter
from meter.usage import Fill, Item, Query, Usage, plain, read
from meter.windows import Window

CSV = "text/csv"
OWN = frozenset(
    ["team", "meter", "from", "to", "window", "tz", "group_by", "member", "service", "key", "fill", "limit", "cursor"]
)

Start = Annotated[str, QueryParameter(name="from", description="RFC 3339 with a zone, or a date: midnight in `tz`.")]
End = Annotated[str, QueryParameter(description="The instant after the last one counted.")]
Zone = Annotated[str | None, QueryParameter(description="IANA zone of windows and dates; default: the team's.")]
Group = Annotated[str | None, QueryParameter(description="member, service, key or dimensions, with commas.")]
Names = Annotated[list[str] | None, QueryParameter(description="Only these; repeat it for several.")]
Gaps = Annotated[Fill | None, QueryParameter(description="Items for windows without data: `null` or `zero`.")]


class UsageAnswer(msgspec.Struct, frozen=True):
    """Usage of one meter. `as_of` is when the team's data last changed; group keys stand beside each quantity."""

    meter: str
    unit: str
    from_: datetime = msgspec.field(name="from")
    to: datetime
    window: str | None
    tz: str
    as_of: datetime | None
    items: list[dict[str, str | int | None]]
    next: str | None


@get(
    "/v1/usage",
    guards=[may("view_usage")],
    responses=problems(NotFound, UnknownMeter, RawDataGone),
    tags=["usage"],
    opt=OPEN,
)
async def get_usage(  # noqa: PLR0913, PLR0917 - a query parameter each
    request: Request,
    shell: TheShell,
    caller: TheCaller,
    team: TheTeam,
    meter: FromQuery[str],
    from_: Start,
    to: End,
    window: FromQuery[Window | None] = None,
    tz: Zone = None,
    group_by: Group = None,
    member: Names = None,
    service: Names = None,
    key: Names = None,
    fill: Gaps = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response[UsageAnswer]:
    """Usage between two instants, exact for any instants and complete at the moment of asking, late events included.

    With X-User-ID of a member it is about their own usage. Filter by a declared dimension by name, as in `&model=…`.
    """
    zone = zone_of(tz or team.timezone)
    query = Query(
        meter=meter,
        start=instant_of("from", from_, zone),
        end=instant_of("to", to, zone),
        zone=zone,
        window=window,
        members=only_own(caller, member),
        services=_names(service),
        keys=_names(key),
        dimensions=_dimensions(request.query_params.dict()),
        group_by=_group_by(group_by),
        fill=fill,
    )
    async with shell.readers.connection() as conn:
        usage = await read(conn, team, query)
    if _wants_csv(request):
        return Response(cast("UsageAnswer", as_csv(usage)), media_type=CSV)  # text is sent as it is
    return Response(_page(usage, limit, max(position_of(cursor, int) or 0, 0)))


def _names(given: list[str] | None) -> tuple[str, ...] | None:
    return tuple(given) if given else None


def _group_by(given: str | None) -> tuple[str, ...]:
    names = tuple(name.strip() for name in given.split(",")) if given else ()
    if len(set(names)) != len(names):
        raise InvalidParameter("group_by: name each dimension once")
    return names


def _dimensions(parameters: Mapping[str, list[str]]) -> dict[str, str]:
    """What is left of the query when our own parameters are taken: filters on dimensions."""
    found = {name: values for name, values in parameters.items() if name not in OWN}
    if any(len(values) > 1 for values in found.values()):
        raise InvalidParameter("filter each dimension by one value")
    return {name: values[0] for name, values in found.items()}


def _wants_csv(request: Request) -> bool:
    return CSV in request.headers.get("accept", "")


def _page(usage: Usage, limit: int, offset: int) -> UsageAnswer:
    shown = usage.items[offset : offset + limit]
    more = offset + limit < len(usage.items)
    query = usage.query
    return UsageAnswer(
        meter=usage.meter.slug,
        unit=usage.meter.unit,
        from_=query.start,
        to=query.end,
        window=query.window,
        tz=query.zone.key,
        as_of=usage.as_of,
        items=[_shown(item, query.group_by) for item in shown],
        next=cursor_of(offset + limit) if more else None,
    )


def _shown(item: Item, group_by: tuple[str, ...]) -> dict[str, str | int | None]:
    return {
        "from": _instant(item.start),
        "to": _instant(item.end),
        "quantity": None if item.quantity is None else plain(item.quantity),
        "events": item.events,
        **dict(zip(group_by, item.group, strict=True)),
    }


def _instant(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


def as_csv(usage: Usage) -> str:
    """All items as CSV with a heading row; a window without data has an empty quantity."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["from", "to", *usage.query.group_by, "quantity", "unit", "events"])
    for item in usage.items:
        quantity = "" if item.quantity is None else plain(item.quantity)
        when = (_instant(item.start), _instant(item.end))
        writer.writerow([*when, *item.group, quantity, usage.meter.unit, item.events])
    return text.getvalue()


HANDLERS = (get_usage,)
