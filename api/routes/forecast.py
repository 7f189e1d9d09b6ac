"""GET /v1/analytics/forecast: what will usage, or its cost, come to, how surely, and when is a limit used up?"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response
from litestar.params import QueryParameter

from analytics.forecast import Forecast, ForecastPoint, Share, Total
from analytics.forecasts import Ahead, LimitAhead
from api.analytics_given import Form, TheSubject, asks
from api.analytics_view import AnalyticsFrame, NoListPrice, Sheet, answered
from api.forecast_work import Answer, Question, found
from api.formats import Value
from api.given import TheShell, TheTeam
from api.request import Request
from meter.errors import InvalidParameter
from meter.past import Step
from meter.usage import plain

Windows = Annotated[Step, QueryParameter(description="Of hours, or of days of the zone.")]
Horizon = Annotated[
    int | None,
    QueryParameter(ge=1, description="So many windows, 744 hours or 366 days at most. Default: 72 hours, or 35 days."),
]
Fresh = Annotated[bool, QueryParameter(description="Made now, even if the worker's is at hand.")]
MOST: dict[Step, int] = {"hour": 744, "day": 366}
COLUMNS: dict[str, type[Value]] = {
    "from": datetime,
    "to": datetime,
    "mean": Decimal,
    "low80": Decimal,
    "high80": Decimal,
    "low95": Decimal,
    "high95": Decimal,
}


class ForecastAnswer(AnalyticsFrame, frozen=True, kw_only=True):
    """What is expected of the windows from now on, each with the bands that hold it in 80 and in 95 of 100 cases.

    `models` were weighed by forecasts from within the past. Those were wrong by `mase` times what "as one cycle ago"
    was, and `coverage80` and `coverage95` of what came was within their bands; null: too little past to try, or nothing
    ever changed, and `reason` says which. `total` is of the running billing period: what is `known` and what is
    expected. `limits` are of all of the meter's usage: when what is left is used up, and how probably before `to`.
    `run` is the worker's that made it, null where it was made for this answer.
    """

    run: UUID | None
    points: tuple[ForecastPoint, ...]
    models: tuple[Share, ...]
    mase: Decimal | None
    coverage80: Decimal | None
    coverage95: Decimal | None
    folds: int
    fold_windows: int
    observations: int
    reason: str | None
    total: Total | None
    limits: tuple[LimitAhead, ...]


SHARED = ("models", "mase", "coverage80", "coverage95", "folds", "fold_windows", "observations", "reason")


@asks("forecast")
async def get_forecast(  # noqa: PLR0913, PLR0917 (a query parameter each)
    request: Request,
    shell: TheShell,
    team: TheTeam,
    subject: TheSubject,
    window: Windows = "hour",
    ahead: Horizon = None,
    fresh: Fresh = False,  # noqa: FBT002 - a query parameter
    format_: Form = None,
) -> Response[ForecastAnswer]:
    """Forecast usage of a meter, or what usage costs at list price: hours or days ahead, and the billing period.

    The worker makes those of each meter ahead of time; what is filtered, in another zone, further ahead, or `fresh` is
    made now. With X-User-ID of a member it is about their own usage.
    """
    wanted = _ahead(window, ahead)
    made = await found(shell, team, Question(subject, wanted, fresh))
    answer = _answer(made, subject.measure, window, wanted, shell.clock())
    return await answered(request, shell, format_, answer, lambda: _sheet(answer.points))


def _ahead(window: Step, windows: int | None) -> Ahead:
    if windows is None:
        return Ahead()
    if windows > MOST[window]:
        raise InvalidParameter(f"ahead: {MOST[window]} at most by {window}")
    return Ahead(hours=windows) if window == "hour" else Ahead(days=windows)


def _answer(made: Answer, measure: str, window: Step, wanted: Ahead, now: datetime) -> ForecastAnswer:
    whole: Forecast = getattr(made.forecasts, window)
    most = wanted.hours if window == "hour" else wanted.days
    points = tuple(point for point in whole.points if point.to > now)[:most]
    return ForecastAnswer(
        measure="cost" if measure == "cost" else "quantity",
        meter=made.meters[0] if len(made.meters) == 1 else None,
        meters=made.meters,
        unit=made.unit,
        currency=made.currency,
        from_=points[0].from_ if points else now,
        to=points[-1].to if points else now,
        window=window,
        tz=whole.tz,
        as_of=made.as_of,
        coverage=None if made.coverage is None else plain(made.coverage),
        computed_at=made.made_at,
        unpriced=tuple(NoListPrice(*each) for each in made.unpriced),
        run=made.run,
        points=points,
        total=made.forecasts.total,
        limits=made.forecasts.limits,
        **{name: getattr(whole, name) for name in SHARED},
    )


def _sheet(points: tuple[ForecastPoint, ...]) -> Sheet:
    return Sheet(COLUMNS, [msgspec.structs.astuple(point) for point in points])


HANDLERS = (get_forecast,)
