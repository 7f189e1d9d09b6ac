"""GET /v1/analytics/breakdown: what is usage, or its cost, made of, and what made it change?"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from litestar import Response
from litestar.params import QueryParameter

from analytics.breakdown import Breakdown, Item, Order, Other
from analytics.frames.change import Change
from api.analytics_given import Form, TheSubject, asks
from api.analytics_view import AnalyticsFrame, Sheet, answer_of, answered, told
from api.breakdown_work import Against, found
from api.formats import Value
from api.given import TheShell, TheTeam
from api.parameters import End, Start
from api.request import Request

By = Annotated[
    str, QueryParameter(description="member, service, key or a declared dimension; with measure=cost also meter.")
]
Ordered = Annotated[
    Literal["quantity", "name", "change", "cost"],
    QueryParameter(description="Largest first, by name, or by what changed most; `cost`: measure=cost, dearest first."),
]
Top = Annotated[int | None, QueryParameter(ge=1, le=1_000, description="So many items; the rest is `other`.")]
Base = Annotated[
    Against,
    QueryParameter(description="With the change to as much time before, or to the same a year ago."),
]
FIGURES: dict[str, type[Value]] = {
    "quantity": Decimal,
    "share": Decimal,
    "base": Decimal,
    "contribution": Decimal,
    "contribution_percent": Decimal,
    "percent": Decimal,
}
COLUMNS: dict[str, type[Value]] = {"group": str, "other": bool, "groups": int, **FIGURES, "new": bool, "gone": bool}


class BreakdownAnswer(AnalyticsFrame, frozen=True, kw_only=True):
    """What [from, to) is made of. Items and `other` add up to `change.current`, contributions to `change.absolute`.

    Both exactly. `base_from` and `base_to` are null where nothing is compared with. `complete`: all of it is over.
    """

    by: str
    order: Order
    against: Against
    base_from: datetime | None
    base_to: datetime | None
    complete: bool
    change: Change
    groups: int
    items: tuple[Item, ...]
    other: Other | None


@asks("breakdown")
async def get_breakdown(  # noqa: PLR0913, PLR0917 (a query parameter each)
    request: Request,
    shell: TheShell,
    team: TheTeam,
    subject: TheSubject,
    from_: Start,
    to: End,
    by: By = "service",
    order: Ordered = "quantity",
    top: Top = None,
    against: Base = "none",
    format_: Form = None,
) -> Response[BreakdownAnswer]:
    """Tell what a total is made of, by member, service, key, meter or a dimension, and what made it change.

    `by=member&order=cost` are the dearest users of a period. Filters are those of `GET /v1/usage`. With X-User-ID of a
    member it is about their own usage.
    """
    if order == "cost":
        subject = subject._replace(measure="cost")
    question = subject.question(shell, from_, to, None, by)
    wanted: Order = "quantity" if order == "cost" else order
    rows, made = await found(shell, team, question, wanted, top, against)
    answer = answer_of(
        BreakdownAnswer,
        told(shell, rows, subject.measure),
        made,
        window=None,
        tz=question.zone.key,
        by=by,
        against=against,
        complete=made.to <= shell.clock(),
    )
    return await answered(request, shell, format_, answer, lambda: _sheet(made))


def _sheet(made: Breakdown) -> Sheet:
    """The items, and one row for all others."""
    rows: list[tuple[Value, ...]] = [
        (item.group, False, 1, *_figures(item), item.new, item.gone) for item in made.items
    ]
    if made.other is not None:
        rows.append((None, True, made.other.groups, *_figures(made.other), None, None))
    return Sheet(COLUMNS, rows)


def _figures(item: Item | Other) -> tuple[Decimal | None, ...]:
    return tuple(getattr(item, name) for name in FIGURES)


HANDLERS = (get_breakdown,)
