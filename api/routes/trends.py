"""GET /v1/analytics/trends: where is usage going, or what it costs?"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from litestar import Response
from litestar.params import FromQuery

from analytics.trends import GroupTrend
from api.analytics_given import Form, Group, TheSubject, asks
from api.analytics_view import AnalyticsFrame, Sheet, answer_of, answered, told
from api.given import TheShell, TheTeam
from api.parameters import End, Start
from api.request import Request
from api.trend_work import found
from meter.windows import Window

COLUMNS = {
    "group": str,
    "from": datetime,
    "to": datetime,
    "quantity": Decimal,
    "moving_average": Decimal,
    "complete": bool,
}


class TrendAnswer(AnalyticsFrame, frozen=True, kw_only=True):
    """The trend of [from, to), widened to whole windows. `windows` of it have begun, `complete_windows` are over."""

    windows: int
    complete_windows: int
    last_window_incomplete: bool
    groups: tuple[GroupTrend, ...]


@asks("trends")
async def get_trends(  # noqa: PLR0913, PLR0917 (a query parameter each)
    request: Request,
    shell: TheShell,
    team: TheTeam,
    subject: TheSubject,
    from_: Start,
    to: End,
    window: FromQuery[Window] = "day",
    group_by: Group = None,
    format_: Form = None,
) -> Response[TrendAnswer]:
    """Tell where a meter, or what usage costs, goes: change to the span before, slope, moving average, peak, rhythm.

    Per group. Filters are those of `GET /v1/usage`. With X-User-ID of a member it is about their own usage. Rows of CSV
    and the other forms are the windows.
    """
    rows, trend = await found(shell, team, subject.question(shell, from_, to, window, group_by))
    answer = answer_of(TrendAnswer, told(shell, rows, subject.measure), trend)
    return await answered(request, shell, format_, answer, lambda: _sheet(trend.groups))


def _sheet(groups: tuple[GroupTrend, ...]) -> Sheet:
    return Sheet(
        COLUMNS,
        [
            (group.group, point.from_, point.to, point.quantity, point.moving_average, point.complete)
            for group in groups
            for point in group.points
        ],
    )


HANDLERS = (get_trends,)
