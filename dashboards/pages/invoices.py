"""Which invoices are there, and which are due? Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

import msgspec

from dashboards import numbers
from dashboards.invoice import STATUS_WORDS, Status, period_words

PATH = "/dashboard/invoices"
TEMPLATE = "invoices.html"
TITLE = "Invoices"
IN_MENU = True


class InvoiceRow(msgspec.Struct, frozen=True):
    """One invoice of the list; `pdf_url` and `page_url` are paths of ours, empty where there is none."""

    number: str | None
    status: Status
    period_from: datetime
    period_to: datetime
    timezone: str
    total: Decimal
    currency: str
    issued_on: date | None
    due_on: date | None
    pdf_url: str
    page_url: str = ""


def context(
    *, team_name: str, rows: Sequence[InvoiceRow], next_url: str = "", problem: str = "", locale: str = "en"
) -> dict[str, object]:
    """Answer what `invoices.html` shows, in the order of `rows`; `next_url` leads to older ones, if any."""
    return {
        "title": TITLE,
        "team_name": team_name,
        "page": "invoices",
        "locale": locale,
        "rows": [_row(row, locale) for row in rows],
        "next_url": next_url,
        "problem": problem,
    }


def _row(row: InvoiceRow, locale: str) -> dict[str, str]:
    return {
        "number": row.number or "Draft",
        "period": period_words(row.period_from, row.period_to, row.timezone, locale),
        "status": row.status,
        "status_word": STATUS_WORDS[row.status],
        "issued": numbers.NOTHING if row.issued_on is None else numbers.day(row.issued_on, locale),
        "due": numbers.NOTHING if row.due_on is None else numbers.day(row.due_on, locale),
        "total": numbers.money(row.total, row.currency, locale),
        "pdf_url": row.pdf_url,
        "page_url": row.page_url,
    }
