"""What does an invoice say, row by row? All its lines, sums and members, for a spreadsheet or a program. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from dashboards.invoice import InvoiceDocument, InvoiceLine, MemberShare, Sum, check

Cell = str | int | Decimal | datetime | bool | None
COLUMNS = (
    "row", "invoice", "description", "meter", "price", "plan", "price_version", "from", "to", "quantity", "unit",
    "included", "unit_price", "per", "amount", "discount", "tax", "total", "currency", "member",
)  # fmt: skip


def rows(document: InvoiceDocument) -> Iterator[list[Cell]]:
    """Answer the rows below COLUMNS: each `line`, each sum by its kind, the `total`, each `member` and its `usage`.

    Rows `line` and those of sums add up to the `total` by their amount, and so do rows `member`.

    Raises:
        DoesNotAddUpError: they do not; nothing is answered then.
    """
    check(document)
    for line in document.lines:
        yield _row(document, "line", **_line(line))
    yield _row(document, "subtotal", amount=document.subtotal)
    for each in document.sums:
        yield _sum(document, each, "sum")
    yield _row(document, "total", amount=document.total)
    for each in document.within:
        yield _sum(document, each, "tax_included")
    for each in document.settled:
        yield _sum(document, each, "settled")
    for share in document.members:
        yield from _member(document, share)


def _row(document: InvoiceDocument, kind: str, **cells: Cell) -> list[Cell]:
    known: dict[str, Cell] = {"row": kind, "invoice": document.number, "currency": document.currency, **cells}
    return [known.get(name) for name in COLUMNS]


def _line(line: InvoiceLine) -> dict[str, Cell]:
    return {
        "description": line.description,
        "meter": line.meter,
        "price": line.price,
        "plan": line.plan,
        "price_version": line.price_version,
        "from": line.start,
        "to": line.end,
        "quantity": line.quantity,
        "unit": line.unit,
        "included": line.included,
        "unit_price": line.unit_price,
        "per": None if line.unit_price is None else line.per,
        "amount": line.amount,
        "discount": line.discount,
        "tax": line.tax,
        "total": line.amount if line.total is None else line.total,
    }


def _sum(document: InvoiceDocument, each: Sum, kind: str) -> list[Cell]:
    return _row(document, each.kind or kind, description=each.label, amount=each.amount)


def _member(document: InvoiceDocument, share: MemberShare) -> Iterator[list[Cell]]:
    yield _row(document, "member", member=share.member, amount=share.cost)
    for used in share.usage:
        yield _row(
            document,
            "usage",
            member=share.member,
            description=used.name,
            meter=used.meter,
            quantity=used.quantity,
            unit=used.unit,
        )
