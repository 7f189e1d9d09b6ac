"""GET /v1/analytics/trends: where is usage going?"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import get
from litestar.params import FromQuery, QueryParameter

from analytics.trends import GroupTrend
from api.auth import may, only_own
from api.coverage_view import share_view
from api.errors import problems
from api.given import TheCaller, TheShell, TheTeam
from api.parameters import End, Start, Zone
from api.questions import instant_of, zone_of
from api.trend_work import Question, answer
from meter.errors import NotFound, RawDataGone, UnknownMeter
from meter.windows import Window

Group = Annotated[str | None, QueryParameter(description="member, service, key or a declared dimension.")]


class TrendAnswer(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """The trend of [from, to), widened to whole windows. `windows` of it have begun, `complete_windows` are over.

    `as_of` is when the team's data last changed, null where there never was any. `coverage`: for how much of the time
    that series were expected to report there is data, from 0 to 1; null where nobody knows how much there should be.
    """

    meter: str
    unit: str
    from_: datetime
    to: datetime
    window: Window
    tz: str
    as_of: datetime | None
    coverage: str | None
    windows: int
    complete_windows: int
    last_window_incomplete: bool
    groups: tuple[GroupTrend, ...]


@get(
    "/v1/analytics/trends",
    guards=[may("view_usage")],
    responses=problems(NotFound, UnknownMeter, RawDataGone),
    tags=["analytics"],
)
async def get_trends(  # noqa: PLR0913, PLR0917 (a query parameter each)
    team: TheTeam,
    caller: TheCaller,
    shell: TheShell,
    meter: FromQuery[str],
    from_: Start,
    to: End,
    window: FromQuery[Window] = "day",
    tz: Zone = None,
    group_by: Group = None,
) -> TrendAnswer:
    """Tell where usage of a meter goes: change to the span before, slope, moving average, peak, rhythm, per group.

    With X-User-ID of a member it is about their own usage.
    """
    zone = zone_of(tz or team.timezone)
    start, end = (instant_of(name, text, zone, shell.clock()) for name, text in (("from", from_), ("to", to)))
    question = Question(meter, start, end, window, zone, group_by, only_own(caller, None))
    found = await answer(shell, team, question)
    return TrendAnswer(
        meter=found.meter.slug,
        unit=found.meter.unit,
        as_of=found.as_of,
        coverage=share_view(found.coverage),
        **{name: getattr(found.trend, name) for name in SHARED},
    )


SHARED = ("from_", "to", "window", "tz", "windows", "complete_windows", "last_window_incomplete", "groups")
HANDLERS = (get_trends,)
