"""GET /v1/usage/members and /services: what did each use, and what would it cost at list price?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter

from api.auth import may
from api.cost_view import CostView
from api.coverage_view import share_view
from api.errors import problems
from api.etag import tagged
from api.formats import MEDIA_TYPES, Value, as_csv, format_of
from api.given import TheShell, TheTeam
from api.labels import TheFilters
from api.openapi import FORMS
from api.paging import DEFAULT_LIMIT, Cursor, Limit, cursor_of, position_of
from api.parameters import Meters, Zone
from api.query import OPEN
from api.questions import listed, range_of, zone_of
from api.request import Request
from api.state import Shell
from meter.coverage.share import Counts
from meter.errors import NotFound, RawDataGone, UnknownMeter
from meter.labels import Filter
from meter.model import Team
from meter.rating.totals import Cost, Row, Used
from meter.subscriptions.current import running_period
from meter.usage_report import By, Query, Report, read

Written = Literal["json", "csv"]
SERVED: tuple[Written, ...] = get_args(Written)

Start = Annotated[
    str | None,
    QueryParameter(
        name="from", description="RFC 3339, a date (midnight in `tz`), or now-7d. Default: the billing period's."
    ),
]
End = Annotated[str | None, QueryParameter(description="The instant after the last one counted; with `from`.")]
Form = Annotated[Written | None, QueryParameter(name="format", description="In place of Accept.")]


class UsedView(msgspec.Struct, frozen=True, kw_only=True):
    """Usage of one meter in its unit. `quantity` is null where the meter's quantities don't add up over series.

    `coverage`: for how much of the time that series were expected to report there is data; null: nobody knows.
    """

    meter: str
    unit: str
    quantity: str | None
    events: int
    coverage: str | None
    cost: CostView


class MemberRow(msgspec.Struct, frozen=True):
    """What a member used, by meter, and what all of it costs; null is what belongs to nobody."""

    member: str | None
    usage: list[UsedView]
    coverage: str | None
    cost: CostView


class ServiceRow(msgspec.Struct, frozen=True):
    """What a service used, by meter, and what all of it costs; null is what belongs to none."""

    service: str | None
    usage: list[UsedView]
    coverage: str | None
    cost: CostView


class Total(msgspec.Struct, frozen=True):
    """All rows together, those of other pages too: quantities, events and costs add up to it exactly.

    Averages alone don't: theirs is that of all events.
    """

    usage: list[UsedView]
    coverage: str | None
    cost: CostView


class MembersAnswer(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Usage per member, dearest first. Costs are at list price in `currency`; `as_of`: when the data last changed."""

    from_: datetime
    to: datetime
    tz: str
    as_of: datetime | None
    currency: str
    items: list[MemberRow]
    total: Total
    next: str | None


class ServicesAnswer(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Usage per service, dearest first. Costs are at list price in `currency`; `as_of`: when the data last changed."""

    from_: datetime
    to: datetime
    tz: str
    as_of: datetime | None
    currency: str
    items: list[ServiceRow]
    total: Total
    next: str | None


class Asked(msgspec.Struct, frozen=True):
    """The parameters that both reports have."""

    meters: list[str] | None
    from_: str | None
    to: str | None
    tz: str | None


@get(
    "/v1/usage/members",
    guards=[may("view_usage")],
    responses=problems(NotFound, UnknownMeter, RawDataGone),
    tags=["usage"],
    opt={FORMS: tuple(MEDIA_TYPES[form] for form in SERVED)} | OPEN,
)
async def get_member_usage(  # noqa: PLR0913, PLR0917 (a query parameter each)
    request: Request,
    shell: TheShell,
    team: TheTeam,
    filters: TheFilters,
    meters: Meters = None,
    from_: Start = None,
    to: End = None,
    tz: Zone = None,
    format_: Form = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response[MembersAnswer]:
    """Report what each member used and what it would cost at list price, in the running billing period by default.

    Filter by service, key or a declared dimension as in `GET /v1/usage/events`. List price leaves free units, minimums
    and rounding to invoices. A member sees the own row only. CSV holds all rows and the totals.
    """
    query, found = await _report(shell, team, filters, "member", Asked(meters, from_, to, tz))
    if format_of(request, format_, SERVED) == "csv":
        return await _csv(request, found, "member", team.currency)
    offset = max(position_of(cursor, int) or 0, 0)
    answer = MembersAnswer(
        from_=query.start,
        to=query.end,
        tz=query.zone.key,
        as_of=found.as_of,
        currency=team.currency,
        items=[
            MemberRow(row.name, *_figures(found, row, team.currency)) for row in found.rows[offset : offset + limit]
        ],
        total=_total(found, team.currency),
        next=_next(found, offset + limit),
    )
    return tagged(request, msgspec.json.encode(answer), MEDIA_TYPES["json"])


@get(
    "/v1/usage/services",
    guards=[may("view_usage")],
    responses=problems(NotFound, UnknownMeter, RawDataGone),
    tags=["usage"],
    opt={FORMS: tuple(MEDIA_TYPES[form] for form in SERVED)} | OPEN,
)
async def get_service_usage(  # noqa: PLR0913, PLR0917 (a query parameter each)
    request: Request,
    shell: TheShell,
    team: TheTeam,
    filters: TheFilters,
    meters: Meters = None,
    from_: Start = None,
    to: End = None,
    tz: Zone = None,
    format_: Form = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response[ServicesAnswer]:
    """Report what each service used and what it would cost at list price, in the running billing period by default.

    Filter by member, service, key or a declared dimension as in `GET /v1/usage/events`. List price leaves free units,
    minimums and rounding to invoices. A member sees own usage only. CSV holds all rows and the totals.
    """
    query, found = await _report(shell, team, filters, "service", Asked(meters, from_, to, tz))
    if format_of(request, format_, SERVED) == "csv":
        return await _csv(request, found, "service", team.currency)
    offset = max(position_of(cursor, int) or 0, 0)
    answer = ServicesAnswer(
        from_=query.start,
        to=query.end,
        tz=query.zone.key,
        as_of=found.as_of,
        currency=team.currency,
        items=[
            ServiceRow(row.name, *_figures(found, row, team.currency)) for row in found.rows[offset : offset + limit]
        ],
        total=_total(found, team.currency),
        next=_next(found, offset + limit),
    )
    return tagged(request, msgspec.json.encode(answer), MEDIA_TYPES["json"])


async def _report(shell: Shell, team: Team, filters: tuple[Filter, ...], by: By, asked: Asked) -> tuple[Query, Report]:
    zone = zone_of(asked.tz or team.timezone)
    now = shell.clock()
    edges = range_of(asked.from_, asked.to, zone, now)
    async with shell.readers.connection() as conn:
        if edges is None:
            period = await running_period(conn, team, now)
            edges = period.start, period.end
        query = Query(
            start=edges[0],
            end=edges[1],
            zone=zone,
            by=by,
            meters=listed(asked.meters),
            filters=filters,
            now=now,
        )
        return query, await read(conn, team, query)


def _next(found: Report, offset: int) -> str | None:
    return cursor_of(offset) if offset < len(found.rows) else None


def _total(found: Report, currency: str) -> Total:
    usage = [_used(used, found.coverage.of_meter(used.meter.slug), currency) for used in found.total.usage]
    return Total(usage, share_view(found.coverage.whole()), _cost(found.total.cost, currency))


def _figures(found: Report, row: Row, currency: str) -> tuple[list[UsedView], str | None, CostView]:
    usage = [_used(used, found.coverage.of(row.name, used.meter.slug), currency) for used in row.usage]
    return usage, share_view(found.coverage.of_name(row.name)), _cost(row.cost, currency)


def _used(used: Used, counts: Counts | None, currency: str) -> UsedView:
    return UsedView(
        meter=used.meter.slug,
        unit=used.meter.unit,
        quantity=None if used.quantity is None else f"{used.quantity:f}",
        events=used.events,
        coverage=share_view(counts),
        cost=_cost(used.cost, currency),
    )


def _cost(cost: Cost, currency: str) -> CostView:
    if cost.amount is None:
        return CostView(None, None, cost.reason)
    return CostView(f"{cost.amount:f}", currency, cost.reason)


async def _csv(request: Request, found: Report, by: By, currency: str) -> Response[Any]:
    """A line per name and meter, one per meter for the total, and one for what everything costs."""
    heading = ("row", by, "meter", "unit", "quantity", "events", "cost", "currency", "reason", "coverage")
    text = await asyncio.to_thread(as_csv, heading, _lines(found, currency))
    return tagged(request, text.encode(), MEDIA_TYPES["csv"])


def _lines(found: Report, currency: str) -> Iterator[tuple[Value, ...]]:
    for row in found.rows:
        yield from (_line("usage", row.name, used) for used in _figures(found, row, currency)[0])
    total = _total(found, currency)
    yield from (_line("total", None, used) for used in total.usage)
    whole = total.cost
    yield ("total", None, None, None, None, None, whole.amount, whole.currency, whole.reason, total.coverage)


def _line(kind: str, name: str | None, used: UsedView) -> tuple[Value, ...]:
    cost = used.cost
    figures = (used.meter, used.unit, used.quantity, used.events, cost.amount, cost.currency, cost.reason)
    return (kind, name, *figures, used.coverage)


HANDLERS = (get_member_usage, get_service_usage)
