"""How much was used? Any meters between any two instants, in windows of any zone, as JSON or rows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, cast

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter

from api.auth import may
from api.errors import problems
from api.etag import tagged
from api.formats import (
    MEDIA_TYPES,
    Column,
    Format,
    Table,
    as_arrow,
    as_csv,
    as_ndjson,
    as_parquet,
    check_fits,
    format_of,
)
from api.given import TheShell, TheTeam
from api.labels import TheFilters
from api.openapi import FORMS
from api.paging import DEFAULT_LIMIT, Cursor, Limit, position_of
from api.parameters import End, Start, Zone
from api.query import OPEN
from api.questions import instant_of, listed, zone_of
from api.request import Request
from api.state import Shell
from api.usage_view import Place, UsageAnswer, columns, document, page, rows, table_rows
from meter.cells import Aggregation
from meter.database import Connection
from meter.errors import InvalidParameter, NotFound, RawDataGone, UnknownMeter
from meter.model import Team
from meter.ranges import Compare, Cut
from meter.spans import Span
from meter.subscriptions.current import running_period
from meter.usage import MANY, Fill, Part, Query, Usage, read

Meters = Annotated[
    list[str], QueryParameter(name="meter", description="Which meter; repeat it, or write commas, for several.")
]
Windows = Annotated[
    Cut | None,
    QueryParameter(
        description="Cut at these local boundaries; `period`: the team's billing periods. Default: not cut."
    ),
]
Rolling = Annotated[
    int, QueryParameter(ge=1, le=10_000, description="Each item reaches back over as many windows, its own included.")
]
Group = Annotated[str | None, QueryParameter(description="member, service, key or dimensions, with commas.")]
Top = Annotated[
    int | None, QueryParameter(ge=1, le=1_000, description="Only the largest groups of the range; the rest is one.")
]
Gaps = Annotated[
    str | None,  # of the words alone, "null" would be read as none of them
    QueryParameter(
        pattern="^(null|zero|previous)$",
        description="Items for windows without data: `null`, `zero`, or the `previous` value.",
    ),
]
By = Annotated[
    Aggregation | None, QueryParameter(description="In place of what the meter declares, where its events allow it.")
]
Percentile = Annotated[
    str | None,
    QueryParameter(
        pattern=r"^(?!0+(\.0+)?$)\d{1,2}(\.\d{1,6})?$",
        description="With aggregation=percentile: which, above 0 and below 100; default: what the meter declares.",
    ),
]
Earlier = Annotated[
    Compare | None,
    QueryParameter(description="Beside each item the one as many windows before (`previous`), or a day … a year."),
]


@get(
    "/v1/usage",
    guards=[may("view_usage")],
    responses=problems(NotFound, UnknownMeter, RawDataGone),
    opt={FORMS: tuple(MEDIA_TYPES.values())} | OPEN,
    tags=["usage"],
)
async def get_usage(  # noqa: PLR0913, PLR0917 - a query parameter each
    request: Request,
    shell: TheShell,
    team: TheTeam,
    filters: TheFilters,
    meter: Meters,
    from_: Start,
    to: End,
    window: Windows = None,
    rolling: Rolling = 1,
    tz: Zone = None,
    group_by: Group = None,
    top: Top = None,
    aggregation: By = None,
    percentile: Percentile = None,
    compare: Earlier = None,
    fill: Gaps = None,
    format_: Annotated[Format | None, QueryParameter(name="format", description="In place of Accept.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response[UsageAnswer]:
    """Usage between two instants, exact for any instants and complete at the moment of asking, late events included.

    With X-User-ID of a member it is about their own usage. Filter by member, service, key or a declared dimension by
    name: `model=small` (again for any of several), `model.not=small`, `model.prefix=gpt-`; an empty one: has none.
    """
    zone, now = zone_of(tz or team.timezone), shell.clock()
    start, end = instant_of("from", from_, zone, now), instant_of("to", to, zone, now)
    after = position_of(cursor, Place)
    query = Query(
        meters=listed(meter),
        start=after.asked[0] if after else start,
        end=after.asked[1] if after else end,
        zone=zone,
        window=window,
        rolling=rolling,
        filters=filters,
        group_by=_group_by(group_by),
        top=top,
        aggregation=aggregation,
        percentile=None if percentile is None else Decimal(percentile),
        compare=compare,
        fill=cast("Fill | None", fill),
    )
    form = format_of(request, format_)
    since = Span(after.start, after.end) if after else None
    part = Part(since, limit) if form == "json" else None
    async with shell.readers.connection() as conn:
        usage = await read(conn, team, await _anchored(conn, team, query, now), now, part)
    body = await _body(shell, usage, form, limit, after)
    return tagged(request, body, MEDIA_TYPES[form])


def _group_by(given: str | None) -> tuple[str, ...]:
    names = tuple(name.strip() for name in given.split(",")) if given else ()
    if len(set(names)) != len(names):
        raise InvalidParameter("group_by: name each dimension once")
    return names


async def _anchored(conn: Connection, team: Team, query: Query, now: datetime) -> Query:
    """The query with the day that the team's billing periods begin on, where it asks for them; else the 1st."""
    if query.window != "period":
        return query
    period = await running_period(conn, team, now)
    return msgspec.structs.replace(query, anchor_day=period.anchor_day)


async def _body(shell: Shell, usage: Usage, form: Format, limit: int, after: Place | None) -> bytes:
    """The answer in the form asked for, written away from the event loop where there may be very many items."""
    if form == "json":
        many = sum(len(each.items) for each in usage.readings) > MANY
        answer = await asyncio.to_thread(page, usage, limit, after) if many else page(usage, limit, after)
        return msgspec.json.encode(answer)
    if form in COLUMNAR:
        table = await asyncio.to_thread(_table, usage)
        return await shell.cpu.run(COLUMNAR[form], table)
    return await asyncio.to_thread(_text, usage, form)


COLUMNAR: dict[Format, Callable[[Table], bytes]] = {"arrow": as_arrow, "parquet": as_parquet}


def _table(usage: Usage) -> Table:
    """The items as columns. Raises InvalidParameter for quantities that such a column can't hold."""
    kinds = columns(usage)
    found = list(zip(*table_rows(usage), strict=True)) or [()] * len(kinds)
    for each in found:
        check_fits(each)
    return {name: Column(kind, values) for (name, kind), values in zip(kinds.items(), found, strict=True)}


def _text(usage: Usage, form: Format) -> bytes:
    if form == "csv":
        return as_csv(list(columns(usage)), table_rows(usage)).encode()
    return as_ndjson(document(row, usage) for row in rows(usage))


HANDLERS = (get_usage,)
