"""GET /v1/analytics/peaks: when is usage, or its cost, high, how high, and for how long?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from litestar import Response
from litestar.params import FromQuery, QueryParameter

from analytics.peaks import TOP, GroupPeaks
from api import peaks_work
from api.analytics_given import Form, Group, TheSubject, asks
from api.analytics_view import AnalyticsFrame, Sheet, answer_of, answered, told
from api.formats import Value
from api.given import TheShell, TheTeam
from api.parameters import End, Start
from api.request import Request
from meter.errors import InvalidParameter
from meter.windows import Window

NUMBER = re.compile(r"^-?\d{1,26}(\.\d{1,12})?$")
Top = Annotated[int, QueryParameter(ge=1, le=1_000, description="So many peaks of each group, the highest first.")]
Threshold = Annotated[
    str | None,
    QueryParameter(
        schema_extra={"pattern": NUMBER.pattern},
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


@asks("peaks")
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
    rows, found = await peaks_work.found(shell, team, question, _number(threshold), top)
    answer = answer_of(PeaksAnswer, told(shell, rows, subject.measure), found)
    return await answered(request, shell, format_, answer, lambda: _sheet(found.groups))


def _number(threshold: str | None) -> Decimal | None:
    """The threshold. Raises InvalidParameter for what is no number, which a pattern would refuse less kindly."""
    if threshold is None:
        return None
    if not NUMBER.fullmatch(threshold):
        raise InvalidParameter(f"threshold: {threshold[:64]!r} is no number; write one like 250 or 0.5")
    return Decimal(threshold)


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


HANDLERS = (get_peaks,)
