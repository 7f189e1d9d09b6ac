"""GET /v1/usage/summary: where does a team stand in its billing period?"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter

from api.auth import may
from api.coverage_view import share_view
from api.errors import problems
from api.etag import tagged
from api.formats import MEDIA_TYPES
from api.given import TheCaller, TheShell, TheTeam
from api.line_view import PeriodView, digits, period_view
from api.openapi import FORMS
from api.owed_view import NotOwed, OwedView, owed_view
from api.questions import range_of
from api.request import Request
from meter import bill, usage_summary
from meter.errors import NotFound, Problem, RawDataGone
from meter.expected import BANDS, Expected
from meter.subscriptions.current import running_period
from meter.usage_summary import Owed, Standing

Start = Annotated[
    str | None,
    QueryParameter(name="from", description="With `to`, another period: RFC 3339, or a date: midnight of the team's."),
]
End = Annotated[str | None, QueryParameter(description="The instant after the period.")]


class MeterForecastView(msgspec.Struct, frozen=True, kw_only=True):
    """What a meter comes to in the whole period by its forecast, made by the worker at `made_at`; null: not known."""

    mean: str
    low80: str | None
    high80: str | None
    low95: str | None
    high95: str | None
    made_at: datetime


class StandingView(msgspec.Struct, frozen=True, kw_only=True):
    """Usage of one meter in its unit: today and in the period. Null where no number stands for the usage of several.

    Averages of no event are null too. `projected`: at the period's end, if it goes on as it has begun; null where that
    can't be said. `coverage`: how much of the period so far has data, see the whole.
    """

    meter: str
    title: str
    unit: str
    today: str | None
    quantity: str | None
    projected: str | None
    forecast: MeterForecastView | None
    events: int
    coverage: str | None


class TodayView(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """The running day of the team's zone."""

    from_: datetime
    to: datetime


class SummaryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Usage per meter, and costs. `cost` is null for a member, who sees own usage only, and where `no_cost` says why.

    `as_of` is when the team's data last changed. `coverage`: for how much of the time that series were expected to
    report in the period there is data, from 0 to 1; null where nobody knows how much there should be.
    """

    period: PeriodView
    today: TodayView
    as_of: datetime | None
    coverage: str | None
    member: str | None
    meters: list[StandingView]
    cost: OwedView | None
    no_cost: NotOwed | None


@get(
    "/v1/usage/summary",
    guards=[may("view_usage")],
    responses=problems(NotFound, RawDataGone),
    tags=["usage"],
    opt={FORMS: (MEDIA_TYPES["json"],)},
)
async def get_usage_summary(
    request: Request, team: TheTeam, caller: TheCaller, shell: TheShell, from_: Start = None, to: End = None
) -> Response[SummaryAnswer]:
    """Show usage today and in the running billing period, what the plan includes of it, and what it costs so far.

    And where it will be at the period's end, if it goes on as it has begun. The balance, where usage is paid of one.
    A member sees own usage, without costs.
    """
    now = shell.clock()
    edges = range_of(from_, to, ZoneInfo(team.timezone), now)
    async with shell.readers.connection() as conn:
        if edges is None:
            period = await running_period(conn, team, now)
        else:
            period = bill.period_between(*edges, team.timezone)
        found = await usage_summary.read(conn, team, period, caller.only_member, now)
    owed = found.owed
    answer = SummaryAnswer(
        period=period_view(period),
        today=TodayView(*found.today),
        as_of=found.as_of,
        coverage=share_view(found.coverage),
        member=caller.only_member,
        meters=[_standing(each) for each in found.meters],
        cost=owed_view(owed, period, now) if isinstance(owed, Owed) else None,
        no_cost=NotOwed(owed.code, owed.detail) if isinstance(owed, Problem) else None,
    )
    return tagged(request, msgspec.json.encode(answer), MEDIA_TYPES["json"])


def _standing(each: Standing) -> StandingView:
    return StandingView(
        meter=each.meter.slug,
        title=each.meter.title,
        unit=each.meter.unit,
        today=_digits(each.today),
        quantity=_digits(each.quantity),
        projected=_digits(each.projected),
        forecast=None if each.forecast is None else _expected(each.forecast),
        events=each.events,
        coverage=share_view(each.coverage),
    )


def _expected(each: Expected) -> MeterForecastView:
    bands = {edge: _digits(getattr(each, edge)) for edge in BANDS}
    return MeterForecastView(mean=digits(each.mean), made_at=each.made_at, **bands)


def _digits(number: Decimal | None) -> str | None:
    return None if number is None else digits(number)


HANDLERS = (get_usage_summary,)
