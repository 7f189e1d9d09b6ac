"""GET /v1/analytics/peaks: when is usage, or its cost, high, how high, and for how long?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from litestar import Response, get
from litestar.params import FromQuery, QueryParameter

from analytics.peaks import TOP, GroupPeaks, peaks
from api.analytics_given import SUBJECT, Form, Group, TheSubject
from api.analytics_rows import check, computed, read
from api.analytics_view import AnalyticsFrame, Sheet, answered, told
from api.auth import may
from api.errors import problems
from api.formats import MEDIA_TYPES, Value
from api.given import TheShell, TheTeam
from api.openapi import FORMS
from api.parameters import End, Start
from api.query import OPEN
from api.request import Request
from meter.errors import NotFound, RawDataGone, UnknownMeter
from meter.spans import Span
from meter.windows import Window, floor, following

Top = Annotated[int, QueryParameter(ge=1, le=1_000, description="So many peaks of each group, the highest first.")]
Threshold = Annotated[
    str | None,
    QueryParameter(
        pattern=r"^-?\d{1,26}(\.\d{1,12})?$",
        description="A peak is above it. Default: each group's own 95th percentile of windows that are over.",
    ),
]
COLUMNS: dict[str, type[Value]] = {
    "group": str,
    "from": datetime,
    "to": datetime,
    "windows": int,
    "highest_from": datetime,
    "highest_to": datetime,
    "highest": Decimal,
    "total": Decimal,
    "above": Decimal,
    "complete": bool,
}


class PeaksAnswer(AnalyticsFrame, frozen=True, kw_only=True):
    """The peaks of [from, to), widened to whole windows. `windows` of it have begun, `complete_windows` are over.

    `percentile` is which of complete windows the thresholds are, null where one was given.
    """

    windows: int
    complete_windows: int
    percentile: int | None
    groups: tuple[GroupPeaks, ...]


@get(
    "/v1/analytics/peaks",
    guards=[may("view_usage")],
    responses=problems(NotFound, UnknownMeter, RawDataGone),
    dependencies=SUBJECT,
    opt={FORMS: tuple(MEDIA_TYPES.values())} | OPEN,
    tags=["analytics"],
)
async def get_peaks(  # noqa: PLR0913, PLR0917 (a query parameter each)
    request: Request,
    shell: TheShell,
    team: TheTeam,
    subject: TheSubject,
    from_: Start,
    to: End,
    window: FromQuery[Window] = "hour",
    group_by: Group = None,
    top: Top = TOP,
    threshold: Threshold = None,
    format_: Form = None,
) -> Response[PeaksAnswer]:
    """Tell when neighbouring windows lie above a threshold, how high and how long; how even usage is, when it is low.

    Per group. Filters are those of `GET /v1/usage`. With X-User-ID of a member it is about their own usage. Rows of CSV
    and the other forms are the peaks.
    """
    question = subject.question(shell, from_, to, window, group_by)
    check(question)
    start, last = (floor(each, window, question.zone) for each in (question.start, question.end))
    end = last if last == question.end else following(last, window, question.zone)
    rows = await read(shell, team, question, [Span(start, end)])
    found = await shell.cpu.run(
        computed,
        peaks,
        rows.columns[0],
        from_=start,
        to=end,
        window=window,
        tz=question.zone.key,
        now=shell.clock(),
        threshold=None if threshold is None else Decimal(threshold),
        top=top,
        additive=rows.additive,
    )
    answer = PeaksAnswer(
        **told(shell, rows, subject.measure),
        **{name: getattr(found, name) for name in SHARED},
    )
    return await answered(request, shell, format_, answer, lambda: _sheet(found.groups))


def _sheet(groups: Iterable[GroupPeaks]) -> Sheet:
    rows = [
        (
            group.group,
            peak.from_,
            peak.to,
            peak.windows,
            peak.highest.from_,
            peak.highest.to,
            peak.highest.quantity,
            peak.total,
            peak.above,
            peak.complete,
        )
        for group in groups
        for peak in group.peaks
    ]
    return Sheet(COLUMNS, rows)


SHARED = ("from_", "to", "window", "tz", "windows", "complete_windows", "percentile", "groups")
HANDLERS = (get_peaks,)
