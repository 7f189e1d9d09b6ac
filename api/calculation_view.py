"""A calculation as the API shows it: lines before and after discounts, members, and the whole invoice by its terms."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from api.document_view import DocumentView, document_view
from api.line_view import (
    LineView,
    MemberView,
    PeriodView,
    UnpricedView,
    digits,
    lines_view,
    members_view,
    period_view,
    unpriced_view,
)
from meter.rating.document import Document
from meter.rating.invoice import Rated
from meter.rating.line import Line
from meter.rating.money import cut, exact, quotient


class DiscountView(msgspec.Struct, frozen=True):
    """What was taken off: `percent` of the price, or above its `maximum`."""

    kind: str
    amount: str


class CalculatedLineView(LineView, frozen=True, kw_only=True):
    """A line of a calculation. `gross` less `discounts` is `amount`; `cell` says which labels or hours it is for.

    `effective_unit_amount` is `exact` for each billed unit, to 12 decimals, "0" where none was billed.
    """

    cell: str
    category: str
    gross: str
    discounts: list[DiscountView]
    effective_unit_amount: str


class CalculationView(msgspec.Struct, frozen=True, kw_only=True):
    """What usage would cost; `exact` is the total before lines are rounded. Nothing of it is stored.

    `plan` and `price_version` are null for prices of the request. `document` is the whole invoice, where terms of it
    were asked for; `total` is that of the lines.
    """

    plan: str | None
    price_version: str | None
    rating_version: str
    period: PeriodView
    currency: str
    total: str
    exact: str
    lines: list[CalculatedLineView]
    members: list[MemberView]
    unpriced: list[UnpricedView]
    document: DocumentView | None


def calculation_view(plan: str | None, rated: Rated, document: Document | None) -> CalculationView:
    """What was calculated, by which plan (None: by prices of the request)."""
    return CalculationView(
        plan=plan,
        price_version=rated.book_version if plan else None,
        rating_version=rated.rating_version,
        period=period_view(rated.period),
        currency=rated.currency,
        total=digits(rated.total),
        exact=digits(rated.exact),
        lines=[_line(line, view) for line, view in zip(rated.lines, lines_view(rated.lines), strict=True)],
        members=members_view(rated.members),
        unpriced=unpriced_view(rated.unpriced),
        document=None if document is None else document_view(document),
    )


def _line(line: Line, view: LineView) -> CalculatedLineView:
    return CalculatedLineView(
        **msgspec.structs.asdict(view),
        cell=line.cell,
        category=line.category,
        gross=digits(line.gross),
        discounts=[DiscountView(each.kind, digits(each.amount)) for each in line.discounts],
        effective_unit_amount=digits(effective(line)),
    )


@exact()
def effective(line: Line) -> Decimal:
    """What a billed unit came to, whatever the model, 12 decimals."""
    return cut(quotient(line.exact, line.billed_quantity)) if line.billed_quantity else Decimal(0)
