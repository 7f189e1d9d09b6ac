"""A whole invoice by its terms as the API shows it: what was added, taken off and taxed, on which line."""

from __future__ import annotations

import msgspec

from api.line_view import ShareView, digits
from meter.rating.charge import Step
from meter.rating.document import Document
from meter.rating.document.document import Applied, LineDiscount, LineTax, SettledLine, TaxTotal
from meter.rating.money import cut


class LineDiscountView(msgspec.Struct, frozen=True):
    """A line's share of a discount (`maximum`, `coupon` or `grant`), 12 decimals."""

    kind: str
    name: str
    exact: str


class LineTaxView(msgspec.Struct, frozen=True):
    """A tax of a line, 12 decimals."""

    name: str
    percent: str
    inclusive: bool
    exact: str


class SettledLineView(msgspec.Struct, frozen=True, kw_only=True):
    """What the document makes of a line. Whole amounts add up to the document's; `tax_exact` is before any rounding.

    `kind`, `price` and `cell` name the line; kinds `overage`, `true_up` and `minimum` of the whole invoice are added to
    those that were priced. `untaxed` says why there is no tax.
    """

    kind: str
    price: str
    cell: str
    description: str
    amount: str
    discounts: list[LineDiscountView]
    discount: str
    taxable: str
    taxes: list[LineTaxView]
    tax_exact: str
    tax: str
    tax_included: str
    untaxed: str
    total: str


class AppliedView(msgspec.Struct, frozen=True, kw_only=True):
    """A coupon or grant: `base` is what it could take from, `left` what of a fixed one was not used."""

    name: str
    kind: str
    base: str
    amount: str
    left: str | None
    reason: str


class TaxTotalView(msgspec.Struct, frozen=True, kw_only=True):
    """A rate of tax over all lines; `amount` is rounded from `exact` together with the others."""

    name: str
    percent: str
    inclusive: bool
    base: str
    exact: str
    amount: str


class DocumentView(msgspec.Struct, frozen=True, kw_only=True):
    """The whole invoice. `subtotal` less `spend_discount` and `coupons_total`, plus tax not yet in prices, is `total`.

    `tax` is rounded once, of which `tax_included` is inside prices; `net` is `total` less `tax`.
    """

    currency: str
    lines: list[SettledLineView]
    subtotal: str
    spend_discount: str
    coupons: list[AppliedView]
    coupons_total: str
    taxes: list[TaxTotalView]
    tax: str
    tax_included: str
    net: str
    total: str
    members: list[ShareView]
    derivation: tuple[Step, ...]


def document_view(document: Document) -> DocumentView:
    """The document, numbers as text."""
    return DocumentView(
        currency=document.currency,
        lines=[_line(line) for line in document.lines],
        subtotal=digits(document.subtotal),
        spend_discount=digits(document.spend_discount),
        coupons=[applied_view(each) for each in document.coupons],
        coupons_total=digits(document.coupons_total),
        taxes=[tax_total_view(each) for each in document.taxes],
        tax=digits(document.tax),
        tax_included=digits(document.tax_included),
        net=digits(document.net),
        total=digits(document.total),
        members=[ShareView(each.member, digits(each.amount)) for each in document.members],
        derivation=document.derivation,
    )


def _line(settled: SettledLine) -> SettledLineView:
    return SettledLineView(
        kind=settled.line.kind,
        price=settled.line.price,
        cell=settled.line.cell,
        description=settled.line.description,
        amount=digits(settled.line.amount),
        discounts=[_discount(each) for each in settled.discounts],
        discount=digits(settled.discount),
        taxable=digits(cut(settled.taxable)),
        taxes=[_tax(each) for each in settled.taxes],
        tax_exact=digits(cut(settled.tax_exact)),
        tax=digits(settled.tax),
        tax_included=digits(settled.tax_included),
        untaxed=settled.untaxed,
        total=digits(settled.total),
    )


def _discount(each: LineDiscount) -> LineDiscountView:
    return LineDiscountView(each.kind, each.name, digits(cut(each.exact)))


def _tax(each: LineTax) -> LineTaxView:
    return LineTaxView(each.name, digits(each.percent), each.inclusive, digits(cut(each.exact)))


def applied_view(each: Applied) -> AppliedView:
    """A coupon or grant, numbers as text."""
    left = None if each.left is None else digits(each.left)
    return AppliedView(
        name=each.name,
        kind=each.kind,
        base=digits(cut(each.base)),
        amount=digits(each.amount),
        left=left,
        reason=each.reason,
    )


def tax_total_view(each: TaxTotal) -> TaxTotalView:
    """A rate of tax over all lines, numbers as text."""
    return TaxTotalView(
        name=each.name,
        percent=digits(each.percent),
        inclusive=each.inclusive,
        base=digits(cut(each.base)),
        exact=digits(cut(each.exact)),
        amount=digits(each.amount),
    )
