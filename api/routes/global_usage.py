"""GET /v1/analytics/global: who used most, or cost most, of all teams? For the operator."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter

from analytics.frames.number import statistic
from api.analytics_given import IN_ANY_FORM, Form, Measured, Meters
from api.analytics_rows import Rows
from api.analytics_view import AnalyticsFrame, Sheet, answered, told
from api.auth import may
from api.errors import problems
from api.formats import Value
from api.given import TheShell
from api.parameters import End, Start
from api.questions import instant_of, listed, zone_of
from api.request import Request
from meter import everybody
from meter.errors import RawDataGone, UnknownMeter
from meter.everybody import By, Everybody, Largest, Query, Whole
from meter.rating.money import plain

Top = Annotated[int, QueryParameter(ge=1, le=1_000, description="So many items, of each currency.")]
Zone = Annotated[str, QueryParameter(description="IANA zone of dates, and of months of units that are per month.")]
Told = Annotated[
    By,
    QueryParameter(description="team; member or service, each within its team; with measure=cost also meter."),
]
COLUMNS: dict[str, type[Value]] = {
    "team": str,
    "team_name": str,
    "group": str,
    "currency": str,
    "quantity": Decimal,
    "share": Decimal,
}


class GlobalItem(msgspec.Struct, frozen=True):
    """A team, or a member or service (`group`, null: what belongs to none) of it; or a meter of all teams.

    `quantity` is in `unit`, or with measure=cost an amount in the item's currency; `share` is of that total, 0 to 1.
    """

    team: UUID | None
    team_name: str | None
    group: str | None
    currency: str | None
    quantity: Decimal
    share: Decimal | None


class GlobalTotal(msgspec.Struct, frozen=True):
    """What all groups come to, those that are not shown too: so many there are. One for each currency."""

    currency: str | None
    quantity: Decimal | None
    groups: int


class GlobalAnswer(AnalyticsFrame, frozen=True, kw_only=True):
    """The largest across teams, of each currency. `teams` used something; `teams_left_out` of them are in no sum.

    `coverage` and, of quantities, `as_of` are null: they are a team's own. `currency` stands at items and totals.
    """

    by: By
    teams: int
    teams_left_out: int
    items: tuple[GlobalItem, ...]
    totals: tuple[GlobalTotal, ...]


@get(
    "/v1/analytics/global",
    guards=[may("operate")],
    responses=problems(UnknownMeter, RawDataGone),
    opt=IN_ANY_FORM,
    tags=["analytics"],
)
async def get_global(  # noqa: PLR0913, PLR0917 (a query parameter each)
    request: Request,
    shell: TheShell,
    from_: Start,
    to: End,
    by: Told = "team",
    meter: Meters = None,
    measure: Measured = "quantity",
    tz: Zone = "UTC",
    top: Top = 10,
    format_: Form = None,
) -> Response[GlobalAnswer]:
    """Tell who used most of a meter, or whose usage costs most at list price, across all teams.

    Quantities are of all teams. Costs are of the 200 teams with the most events: what is left out is counted.
    """
    zone, now = zone_of(tz), shell.clock()
    start, end = (instant_of(name, text, zone, now) for name, text in (("from", from_), ("to", to)))
    query = Query(start=start, end=end, zone=zone, by=by, top=top, meters=listed(meter))
    if measure == "cost":
        found = await everybody.costs(shell.readers, query, now)
    else:
        async with shell.readers.connection() as conn:
            found = await everybody.quantities(conn, query)
    rows = Rows(
        query.meters or found.meters, found.unit, None, found.as_of, None, found.unpriced, additive=True, columns=()
    )
    answer = GlobalAnswer(
        **told(shell, rows, measure),
        from_=start,
        to=end,
        window=None,
        tz=tz,
        by=by,
        teams=found.teams,
        teams_left_out=found.left_out,
        items=_items(found),
        totals=tuple(GlobalTotal(each.currency, _plain(each.quantity), each.groups) for each in found.wholes),
    )
    return await answered(request, shell, format_, answer, lambda: _sheet(answer))


def _items(found: Everybody) -> tuple[GlobalItem, ...]:
    wholes = {each.currency: each for each in found.wholes}
    return tuple(_item(each, wholes[each.currency]) for each in found.items)


def _item(each: Largest, whole: Whole) -> GlobalItem:
    share = statistic(each.quantity / whole.quantity) if whole.quantity else None
    return GlobalItem(each.team, each.team_name, each.name, each.currency, plain(each.quantity), share)


def _plain(quantity: Decimal | None) -> Decimal | None:
    return None if quantity is None else plain(quantity)


def _sheet(answer: GlobalAnswer) -> Sheet:
    rows: list[tuple[Any, ...]] = [
        (each.team and str(each.team), each.team_name, each.group, each.currency, each.quantity, each.share)
        for each in answer.items
    ]
    return Sheet(COLUMNS, rows)


HANDLERS = (get_global,)
