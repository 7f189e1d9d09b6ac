"""GET /v1/analytics/compare: how does usage, or its cost, compare with before, with a year ago, month over month?"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from litestar import Response
from litestar.params import QueryParameter

from analytics.compare import Comparison, GroupComparison, GroupMonths, MonthOverMonth
from api import compare_work
from api.analytics_given import Form, Group, Subject, TheSubject, asks
from api.analytics_rows import Question
from api.analytics_view import AnalyticsFrame, Sheet, answer_of, answered, told
from api.compare_work import Against
from api.formats import Format, Value
from api.given import TheShell, TheTeam
from api.request import Request
from api.state import Shell
from meter.errors import InvalidParameter
from meter.model import Team
from meter.windows import Window

From = Annotated[
    str | None,
    QueryParameter(
        name="from", description="RFC 3339 with a zone, a date (midnight in `tz`), or now-7d; not with `months`."
    ),
]
To = Annotated[str | None, QueryParameter(description="The instant after the last one counted; as `from`, or now.")]
Windows = Annotated[Window | None, QueryParameter(description="What is paired; default: day. Not with `months`.")]
Base = Annotated[
    Against | None,
    QueryParameter(description="As many windows before (default), or the same a year ago. Not with `months`."),
]
Months = Annotated[
    int | None, QueryParameter(ge=1, le=60, description="In place of a span: so many months that are over, and this.")
]
PAIR_COLUMNS: dict[str, type[Value]] = {
    "group": str,
    "from": datetime,
    "to": datetime,
    "quantity": Decimal,
    "base_from": datetime,
    "base_to": datetime,
    "base": Decimal,
    "complete": bool,
}
MONTH_COLUMNS: dict[str, type[Value]] = {
    "group": str,
    "from": datetime,
    "to": datetime,
    "quantity": Decimal,
    "base": Decimal,
    "absolute": Decimal,
    "percent": Decimal,
    "complete": bool,
}


class CompareAnswer(AnalyticsFrame, frozen=True, kw_only=True):
    """[from, to) against [base_from, base_to), in whole windows: `windows` have begun, `compared` pairs are over.

    All but `pairs` is of these.
    """

    against: Against
    base_from: datetime
    base_to: datetime
    windows: int
    compared: int
    groups: tuple[GroupComparison, ...]


class MonthsAnswer(AnalyticsFrame, frozen=True, kw_only=True):
    """Months of [from, to), each against the one before; the last is this month, which has no difference yet."""

    months: int
    groups: tuple[GroupMonths, ...]


@asks("compare")
async def get_comparison(  # noqa: PLR0913, PLR0917 (a query parameter each)
    request: Request,
    shell: TheShell,
    team: TheTeam,
    subject: TheSubject,
    from_: From = None,
    to: To = None,
    window: Windows = None,
    group_by: Group = None,
    against: Base = None,
    months: Months = None,
    format_: Form = None,
) -> Response[CompareAnswer | MonthsAnswer]:
    """Compare a span with the one before or a year ago, window by window; or months, each with the month before.

    Per group. Filters are those of `GET /v1/usage`. With X-User-ID of a member it is about their own usage. Rows of CSV
    and the other forms are the pairs, or the months.
    """
    if months is None:
        pair, used = against or "previous", window or "day"
        return await _spans(request, shell, team, _question(shell, subject, from_, to, used, group_by), pair, format_)
    if any(each is not None for each in (from_, to, window, against)):
        raise InvalidParameter("months: stands in place of `from`, `to`, `window` and `against`; leave those out")
    now = shell.clock()
    question = Question(subject.measure, subject.meters, now, now, "month", subject.zone, group_by, subject.filters)
    return await _months(request, shell, team, question, months, format_)


def _question(
    shell: Shell, subject: Subject, from_: str | None, to: str | None, window: Window, group_by: str | None
) -> Question:
    if from_ is None or to is None:
        raise InvalidParameter("give 'from' and 'to', or `months`")
    return subject.question(shell, from_, to, window, group_by)


async def _spans(
    request: Request, shell: Shell, team: Team, question: Question, against: Against, form: Format | None
) -> Response[Any]:
    rows, made = await compare_work.found(shell, team, question, against)
    answer = answer_of(CompareAnswer, told(shell, rows, question.measure), made, against=against)
    return await answered(request, shell, form, answer, lambda: _pairs_sheet(made))


async def _months(
    request: Request, shell: Shell, team: Team, question: Question, months: int, form: Format | None
) -> Response[Any]:
    rows, made = await compare_work.months(shell, team, question, months)
    answer = answer_of(MonthsAnswer, told(shell, rows, question.measure), made, window="month", months=months)
    return await answered(request, shell, form, answer, lambda: _months_sheet(made))


def _pairs_sheet(made: Comparison) -> Sheet:
    rows = [(group.group, *msgspec.structs.astuple(pair)) for group in made.groups for pair in group.pairs]
    return Sheet(PAIR_COLUMNS, rows)


def _months_sheet(made: MonthOverMonth) -> Sheet:
    rows = [
        (group.group, month.from_, month.to, *msgspec.structs.astuple(month.change), month.complete)
        for group in made.groups
        for month in group.months
    ]
    return Sheet(MONTH_COLUMNS, rows)


HANDLERS = (get_comparison,)
