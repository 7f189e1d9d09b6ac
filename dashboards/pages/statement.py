"""What does this month's invoice say, and how was it the month before? Pure."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from dashboards import comparison, numbers
from dashboards.comparison import Change
from dashboards.invoice import NOT_ATTRIBUTED, InvoiceDocument, period_words, view

PATH = "/dashboard/invoices/{invoice_id:uuid}"
SHORT_PATH = "/invoices/{invoice_id:uuid}"
TEMPLATE = "statement.html"
TITLE = "Statement"
IN_MENU = False
ROWS_MAX = 500


class Links(msgspec.Struct, frozen=True):
    """Where the rest is: paths of ours; the statement before, empty where there is none."""

    pdf: str
    csv: str
    invoices: str
    before: str = ""


def context(*, team_name: str, this: InvoiceDocument, last: InvoiceDocument | None, links: Links) -> dict[str, object]:
    """Answer what `statement.html` shows; an invoice in another currency is nothing to compare with.

    Raises what `view` raises.
    """
    last = last if last is not None and last.currency == this.currency else None
    lines, members = comparison.lines(this, last), comparison.members(this, last)
    return {
        **view(this, short=True),
        "title": TITLE,
        "heading": f"Invoice {this.number}" if this.number else "Draft invoice",
        "team_name": team_name,
        "page": "invoices",
        "locale": this.locale,
        "links": links,
        "period": _period(this),
        "last_period": _period(last) if last else "",
        "change": _row(comparison.total(this, last), this),
        "line_rows": [_row(each, this) for each in lines[:ROWS_MAX]],
        "member_rows": [_row(each, this) for each in members[:ROWS_MAX]],
        "left_out": max(len(lines), len(members)) > ROWS_MAX,
    }


def _period(document: InvoiceDocument) -> str:
    return period_words(document.period_from, document.period_to, document.timezone, document.locale)


def _row(change: Change, document: InvoiceDocument) -> dict[str, str]:
    """Answer what there is, what there was, and what became of it."""
    return {
        "words": NOT_ATTRIBUTED if change.words is None else change.words,
        "quantity": _quantity(change.quantity, change.unit, document),
        "quantity_before": _quantity(change.quantity_before, change.unit, document),
        "this": _money(change.this, document),
        "last": _money(change.last, document),
        "difference": _difference(change, document),
        "percent": "new" if change.last is None else numbers.percent(change.percent, document.locale),
    }


def _quantity(quantity: Decimal | None, unit: str, document: InvoiceDocument) -> str:
    return "" if quantity is None else f"{numbers.quantity(quantity, document.locale)} {unit}".rstrip()


def _money(amount: Decimal | None, document: InvoiceDocument) -> str:
    return numbers.NOTHING if amount is None else numbers.money(amount, document.currency, document.locale)


def _difference(change: Change, document: InvoiceDocument) -> str:
    size = numbers.money(abs(change.difference), document.currency, document.locale)
    return numbers.signed(size, change.difference)
