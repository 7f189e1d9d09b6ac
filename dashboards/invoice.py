"""What does an invoice say? The document as plain values in, the words and figures of its pages out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from dashboards import numbers
from dashboards.invoice_chart import Chart, drawn
from dashboards.invoice_short import few_lines, few_members

Status = Literal["draft", "open", "paid", "void", "uncollectible"]

STATUS_WORDS: dict[Status, str] = {
    "draft": "Draft",
    "open": "Due",
    "paid": "Paid",
    "void": "Void",
    "uncollectible": "Uncollectible",
}
WATERMARKS: dict[Status, str] = {"draft": "Draft", "void": "Void"}
USAGE_COLUMNS_MAX = 4  # what fits beside a name and a cost on A4; more is listed below the name
NOT_ATTRIBUTED = "Not attributed to a member"
ROUNDING_NOTE = (
    "Each line is computed from unrounded quantities and rounded once, half up, to the smallest unit of the currency. "
    "The total is the sum of the lines{rest}."
)
ROUNDING_REST = ", less what is taken off beneath them and with the taxes there"


class Party(msgspec.Struct, frozen=True):
    """Who sells or who pays: a name and the lines under it (address, tax number, e-mail)."""

    name: str
    lines: tuple[str, ...] = ()


class InvoiceLine(msgspec.Struct, frozen=True):
    """One line. `quantity` counts all usage, `included` what of it is free; `unit_price` is for `per` units.

    A base fee has an amount only. `detail` explains (service, hours, price version) in a smaller line. `group` is what
    it is added up with where there are too many lines, and `key` by what it is found on another invoice. The rest is
    for the CSV: `amount` less `discount` plus the tax that it does not contain is `total`.
    """

    description: str
    amount: Decimal
    quantity: Decimal | None = None
    unit: str = ""
    included: Decimal | None = None
    unit_price: Decimal | None = None
    per: Decimal = Decimal(1)
    detail: str = ""
    group: str = ""
    key: str = ""
    meter: str = ""
    price: str = ""
    plan: str = ""
    price_version: str = ""
    start: datetime | None = None
    end: datetime | None = None
    discount: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)
    total: Decimal | None = None


class Sum(msgspec.Struct, frozen=True):
    """A row between the lines and the total, or under it: what was taken off, taxed or paid; minus is off."""

    label: str
    amount: Decimal
    kind: str = ""


class Usage(msgspec.Struct, frozen=True):
    """How much of one meter: "Input tokens", 6548, "tokens"."""

    name: str
    quantity: Decimal
    unit: str
    meter: str = ""


class MemberShare(msgspec.Struct, frozen=True):
    """One member's usage and cost; `member` None is what belongs to no member, and `others` what is added up."""

    member: str | None
    cost: Decimal
    usage: tuple[Usage, ...] = ()
    others: int = 0


class InvoiceDocument(msgspec.Struct, frozen=True):
    """An invoice as it is printed. The period is [period_from, period_to) in UTC, shown as local days of `timezone`.

    `number` is None until one is given. Amounts are already rounded: the lines with the `sums` add up to `total`, and
    so do `members`, where there are any. `within` are taxes that prices contain; `settled` is what of the total was
    paid already, minus. `reference` is the customer's own. `logo` is a data: address; `path` is where the API has it.
    """

    seller: Party
    team: Party
    number: str | None
    status: Status
    currency: str
    period_from: datetime
    period_to: datetime
    timezone: str
    lines: tuple[InvoiceLine, ...]
    total: Decimal
    as_of: datetime
    issued_on: date | None = None
    due_on: date | None = None
    members: tuple[MemberShare, ...] = ()
    notes: tuple[str, ...] = ()
    payment: tuple[str, ...] = ()
    locale: str = "en"
    sums: tuple[Sum, ...] = ()
    within: tuple[Sum, ...] = ()
    settled: tuple[Sum, ...] = ()
    charts: tuple[Chart, ...] = ()
    reference: str = ""
    logo: str = ""
    path: str = ""

    @property
    def subtotal(self) -> Decimal:
        """The lines added up."""
        return sum((line.amount for line in self.lines), Decimal(0))

    @property
    def to_pay(self) -> Decimal:
        """The total less what was paid already."""
        return sum((each.amount for each in self.settled), self.total)


class DoesNotAddUpError(ValueError):
    """The lines or the member rows do not add up to the total: such an invoice is never shown to anybody."""


def view(document: InvoiceDocument, *, short: bool = False) -> dict[str, object]:
    """Answer everything the template shows, as text; `short`: where there are very many lines or members, added up.

    Raises:
        DoesNotAddUpError: lines or member rows differ from the total.
        ValueError: an amount has more decimals than its currency.
    """
    check(document)
    lines = few_lines(document.lines) if short else document.lines
    members = few_members(document.members) if short else document.members
    return {
        "title": f"Invoice {document.number}" if document.number else "Draft invoice",
        "heading": "Invoice",
        "number": document.number,
        "seller": document.seller,
        "logo": document.logo,
        "team": document.team,
        "status": document.status,
        "status_word": status_words(document),
        "watermark": WATERMARKS.get(document.status, ""),
        "facts": _facts(document),
        "lines": [_line(line, document) for line in lines],
        "sums": _sums(document),
        "total": _money(document.total, document),
        "within": [(each.label, _money(each.amount, document)) for each in document.within],
        "settled": [(each.label, _money(each.amount, document)) for each in document.settled],
        "to_pay": _money(document.to_pay, document),
        "pay_words": pay_words(document),
        "figure": _money(figure(document), document),
        "currency": document.currency,
        "members": _members(document, members),
        "charts": [drawn(chart, document.locale) for chart in document.charts],
        "charts_note": _charts_note(document),
        "payment": payment_lines(document),
        "notes": [*_shortened(document, lines, members), *document.notes, _rounding(document), _as_of(document)],
        "check_words": _check_words(document),
    }


def check(document: InvoiceDocument) -> None:
    """Raises DoesNotAddUpError where lines and sums, or member rows, differ from the total."""
    added = (*(line.amount for line in document.lines), *(each.amount for each in document.sums))
    _must_add_up("lines", added, document.total)
    if document.members:
        _must_add_up("member rows", (share.cost for share in document.members), document.total)


def _must_add_up(what: str, amounts: Iterable[Decimal], total: Decimal) -> None:
    added = sum(amounts, Decimal(0))
    if added != total:
        raise DoesNotAddUpError(f"The {what} add up to {added}, the total is {total}.")


def is_due(document: InvoiceDocument) -> bool:
    """Whether somebody is to pay something."""
    return document.status == "open" and document.to_pay > 0


def status_words(document: InvoiceDocument) -> str:
    """Answer the status in a word or two; what is open and asks for no money is not due."""
    if document.status != "open" or is_due(document):
        return STATUS_WORDS[document.status]
    return "Credit" if document.to_pay < 0 else "Nothing due"


def pay_words(document: InvoiceDocument) -> str:
    """Answer what the large figure is: an amount due by a day, a credit, or a total of what is not to be paid now."""
    if document.status == "open" and document.to_pay < 0:
        return "Credit in your favour"
    if not is_due(document):
        return "Total"
    return f"Amount due by {numbers.day(document.due_on, document.locale)}" if document.due_on else "Amount due"


def figure(document: InvoiceDocument) -> Decimal:
    """Answer the large figure that `pay_words` name: what is to pay or given back, else the total."""
    asked = is_due(document) or (document.status == "open" and document.to_pay < 0)
    return document.to_pay if asked else document.total


def _money(amount: Decimal, document: InvoiceDocument) -> str:
    return numbers.money(amount, document.currency, document.locale)


def _facts(document: InvoiceDocument) -> list[tuple[str, str]]:
    """Answer the pairs at the head of the page; those that are not known yet are left out."""
    period = period_words(document.period_from, document.period_to, document.timezone, document.locale)
    asks = document.status != "open" or is_due(document)
    dates = {"Issued": document.issued_on, "Due": document.due_on if asks else None}
    known = [(word, numbers.day(value, document.locale)) for word, value in dates.items() if value is not None]
    return [
        ("Number", document.number or "Given when issued"),
        ("Period", period),
        ("Time zone", document.timezone),
        *known,
        *([("Your reference", document.reference)] if document.reference else []),
    ]


def period_words(period_from: datetime, period_to: datetime, timezone: str, locale: str = "en") -> str:
    """Answer a half-open period as its first and last local day, or with clock times where it is not whole days."""
    zone = ZoneInfo(timezone)
    start, end = (instant.astimezone(zone) for instant in (period_from, period_to))
    if _at_midnight(start) and _at_midnight(end):
        days = dict.fromkeys((start.date(), numbers.last_day(period_to, timezone)))
        return " \N{EN DASH} ".join(numbers.day(each, locale) for each in days)
    return " \N{EN DASH} ".join(
        f"{numbers.day(each.date(), locale)}, {numbers.clock(each, locale)}" for each in (start, end)
    )


def _at_midnight(local: datetime) -> bool:
    """Whether a local day begins here: the moment before lies on another date, however the clocks were changed."""
    return (local.astimezone(UTC) - numbers.MOMENT).astimezone(local.tzinfo).date() != local.date()


def _line(line: InvoiceLine, document: InvoiceDocument) -> dict[str, str]:
    """Answer one row of the table; cells without a value are empty."""
    locale = document.locale
    return {
        "description": line.description,
        "detail": line.detail,
        "quantity": "" if line.quantity is None else numbers.quantity(line.quantity, locale),
        "unit": line.unit,
        "included": "" if line.included is None else numbers.quantity(line.included, locale),
        "price": "" if line.unit_price is None else numbers.unit_price(line.unit_price, document.currency, locale),
        "per": "" if line.unit_price is None or line.per == 1 else f"per {numbers.quantity(line.per, locale)}",
        "amount": _money(line.amount, document),
    }


def _sums(document: InvoiceDocument) -> list[tuple[str, str]]:
    """Answer the rows between lines and total: none where the lines are the total."""
    if not document.sums:
        return []
    return [
        ("Subtotal", _money(document.subtotal, document)),
        *((each.label, _money(each.amount, document)) for each in document.sums),
    ]


def _members(document: InvoiceDocument, members: Sequence[MemberShare]) -> dict[str, object] | None:
    """Answer the breakdown: one column per meter where they are few, otherwise a list below each name."""
    if not members:
        return None
    columns = _usage_columns(members)
    wide = len(columns) <= USAGE_COLUMNS_MAX
    return {
        # "Input tokens" need not say "tokens" twice
        "columns": [(name, "" if unit.lower() in name.lower() else unit) for name, unit in columns] if wide else [],
        "rows": [_member_row(share, columns if wide else [], document) for share in members],
        "total": _money(document.total, document),
    }


def _usage_columns(members: Sequence[MemberShare]) -> list[tuple[str, str]]:
    """Answer the meters any member used as (name, unit), in the order they first appear."""
    return list(dict.fromkeys((used.name, used.unit) for share in members for used in share.usage))


def _member_row(share: MemberShare, columns: Sequence[tuple[str, str]], document: InvoiceDocument) -> dict[str, object]:
    quantities = {(used.name, used.unit): numbers.quantity(used.quantity, document.locale) for used in share.usage}
    listed = [] if columns else [f"{name} {text} {unit}" for (name, unit), text in quantities.items()]
    return {
        "name": member_words(share),
        "attributed": share.member is not None,
        "cells": [quantities.get(column, numbers.NOTHING) for column in columns],
        "listed": " · ".join(listed),
        "cost": _money(share.cost, document),
    }


def member_words(share: MemberShare) -> str:
    """Answer whose row it is."""
    if share.others:
        return f"{share.others} other members"
    return NOT_ATTRIBUTED if share.member is None else share.member


def _charts_note(document: InvoiceDocument) -> str:
    return (
        "Usage was corrected after the invoice was written: the chart shows it as it is known now."
        if any(chart.corrected for chart in document.charts)
        else ""
    )


def payment_lines(document: InvoiceDocument) -> list[str]:
    """Answer how to pay, and the reference that belongs to it; nothing where nothing is to be paid."""
    if not is_due(document) or not document.payment:
        return []
    return [*document.payment, *([f"Payment reference: {document.number}"] if document.number else [])]


def _shortened(document: InvoiceDocument, lines: Sequence[InvoiceLine], members: Sequence[MemberShare]) -> list[str]:
    """Answer what was added up, and where all of it is."""
    told = {"lines": (lines, document.lines), "member rows": (members, document.members)}
    added = [f"{len(all_)} {what}" for what, (shown, all_) in told.items() if len(shown) < len(all_)]
    if not added:
        return []
    where = f", GET {document.path}/csv" if document.path else ""
    return [f"This invoice has {' and '.join(added)}, added up here. Each is in the invoice's CSV file{where}."]


def _check_words(document: InvoiceDocument) -> str:
    if not document.path:
        return ""
    return (
        f"Check it: GET {document.path} shows how each line came about, step by step; "
        f"GET {document.path}/verify computes it anew from the events."
    )


def _rounding(document: InvoiceDocument) -> str:
    return ROUNDING_NOTE.format(rest=ROUNDING_REST if document.sums else "")


def _as_of(document: InvoiceDocument) -> str:
    return f"Usage data as of {numbers.moment(document.as_of, document.timezone, document.locale)}."
