"""What does an invoice say? The document as plain values in, the words and figures of its pages out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from dashboards import numbers

Status = Literal["draft", "open", "paid", "void", "uncollectible"]

STATUS_WORDS: dict[Status, str] = {
    "draft": "Draft",
    "open": "Due",
    "paid": "Paid",
    "void": "Void",
    "uncollectible": "Uncollectible",
}
USAGE_COLUMNS_MAX = 4  # what fits beside a name and a cost on A4; more is listed below the name
NOT_ATTRIBUTED = "Not attributed to a member"
ROUNDING_NOTE = (
    "Each line is computed from unrounded quantities and rounded once, half up, to the smallest unit of the currency. "
    "The total is the sum of the lines."
)


class Party(msgspec.Struct, frozen=True):
    """Who sells or who pays: a name and the lines under it (address, tax number, e-mail)."""

    name: str
    lines: tuple[str, ...] = ()


class InvoiceLine(msgspec.Struct, frozen=True):
    """One line. `quantity` counts all usage, `included` what of it is free; `unit_price` is for `per` units.

    A base fee has an amount only. `detail` explains (service, hours, price version) in a smaller line.
    """

    description: str
    amount: Decimal
    quantity: Decimal | None = None
    unit: str = ""
    included: Decimal | None = None
    unit_price: Decimal | None = None
    per: Decimal = Decimal(1)
    detail: str = ""


class Usage(msgspec.Struct, frozen=True):
    """How much of one meter: "Input tokens", 6548, "tokens"."""

    name: str
    quantity: Decimal
    unit: str


class MemberShare(msgspec.Struct, frozen=True):
    """One member's usage and cost; `member` None is what belongs to no member."""

    member: str | None
    cost: Decimal
    usage: tuple[Usage, ...] = ()


class InvoiceDocument(msgspec.Struct, frozen=True):
    """An invoice as it is printed. The period is [period_from, period_to) in UTC, shown as local days of `timezone`.

    `number` is None until one is given. Amounts are already rounded; `members` is empty, or adds up to `total`.
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
    payment: str = ""
    locale: str = "en"


class DoesNotAddUpError(ValueError):
    """The lines or the member rows do not add up to the total: such an invoice is never shown to anybody."""


def view(document: InvoiceDocument) -> dict[str, object]:
    """Answer everything the template shows, as text.

    Raises:
        DoesNotAddUpError: lines or member rows differ from the total.
        ValueError: an amount has more decimals than its currency.
    """
    _must_add_up("lines", (line.amount for line in document.lines), document.total)
    if document.members:
        _must_add_up("member rows", (share.cost for share in document.members), document.total)
    return {
        "locale": document.locale,
        "title": f"Invoice {document.number}" if document.number else "Draft invoice",
        "number": document.number,
        "seller": document.seller,
        "team": document.team,
        "status": document.status,
        "status_word": STATUS_WORDS[document.status],
        "facts": _facts(document),
        "lines": [_line(line, document) for line in document.lines],
        "total": numbers.money(document.total, document.currency, document.locale),
        "currency": document.currency,
        "due": f" by {numbers.day(document.due_on, document.locale)}" if _is_due(document) and document.due_on else "",
        "members": _members(document),
        "payment": document.payment if _is_due(document) else "",
        "notes": [*document.notes, ROUNDING_NOTE, _as_of(document)],
    }


def _must_add_up(what: str, amounts: Iterable[Decimal], total: Decimal) -> None:
    added = sum(amounts, Decimal(0))
    if added != total:
        raise DoesNotAddUpError(f"The {what} add up to {added}, the total is {total}.")


def _is_due(document: InvoiceDocument) -> bool:
    return document.status == "open"


def _facts(document: InvoiceDocument) -> list[tuple[str, str]]:
    """Answer the pairs at the head of the page; those that are not known yet are left out."""
    period = period_words(document.period_from, document.period_to, document.timezone, document.locale)
    dates = {"Issued": document.issued_on, "Due": document.due_on}
    known = [(word, numbers.day(value, document.locale)) for word, value in dates.items() if value is not None]
    return [
        ("Number", document.number or "Given when issued"),
        ("Period", period),
        ("Time zone", document.timezone),
        *known,
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
        "amount": numbers.money(line.amount, document.currency, locale),
    }


def _members(document: InvoiceDocument) -> dict[str, object] | None:
    """Answer the breakdown: one column per meter where they are few, otherwise a list below each name."""
    if not document.members:
        return None
    columns = _usage_columns(document.members)
    wide = len(columns) <= USAGE_COLUMNS_MAX
    return {
        # "Input tokens" need not say "tokens" twice
        "columns": [(name, "" if unit in name else unit) for name, unit in columns] if wide else [],
        "rows": [_member_row(share, columns if wide else [], document) for share in document.members],
        "total": numbers.money(document.total, document.currency, document.locale),
    }


def _usage_columns(members: Sequence[MemberShare]) -> list[tuple[str, str]]:
    """Answer the meters any member used as (name, unit), in the order they first appear."""
    return list(dict.fromkeys((used.name, used.unit) for share in members for used in share.usage))


def _member_row(share: MemberShare, columns: Sequence[tuple[str, str]], document: InvoiceDocument) -> dict[str, object]:
    quantities = {(used.name, used.unit): numbers.quantity(used.quantity, document.locale) for used in share.usage}
    listed = [] if columns else [f"{name} {text} {unit}" for (name, unit), text in quantities.items()]
    return {
        "name": NOT_ATTRIBUTED if share.member is None else share.member,
        "attributed": share.member is not None,
        "cells": [quantities.get(column, numbers.NOTHING) for column in columns],
        "listed": " · ".join(listed),
        "cost": numbers.money(share.cost, document.currency, document.locale),
    }


def _as_of(document: InvoiceDocument) -> str:
    return f"Usage data as of {numbers.moment(document.as_of, document.timezone, document.locale)}."
