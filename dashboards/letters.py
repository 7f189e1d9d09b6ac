"""What does mail about an invoice say? The document in, the same words and figures as text and as HTML out."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from dashboards import numbers
from dashboards.invoice import InvoiceDocument, InvoiceLine, is_due, payment_lines, period_words
from dashboards.render import render

USAGE_MOST = 5
OTHERS_MOST = 10


def letter_html(document: InvoiceDocument, kind: str, url: str) -> str:
    """Answer the mail as HTML; `kind` is `invoice`, `receipt` or `overdue_1`, …, and `url` leads to the invoice.

    Raises ValueError for an amount that has more decimals than its currency.
    """
    return render("mail/invoice.html", **view(document, kind, url))


def letter_text(document: InvoiceDocument, kind: str, url: str) -> str:
    """Answer the mail as plain text, as ``letter_html``."""
    return render("mail/invoice.txt", **view(document, kind, url))


def view(document: InvoiceDocument, kind: str, url: str) -> dict[str, object]:
    """Answer everything the templates show, as text; raises as ``letter_html``."""
    usage = sorted(
        (line for line in document.lines if line.quantity is not None), key=lambda line: line.amount, reverse=True
    )
    others = [line for line in document.lines if line.quantity is None]
    others += [InvoiceLine(each.label, each.amount) for each in document.sums]
    locale = document.locale
    return {
        "locale": locale,
        "heading": _heading(document, kind),
        "what": "invoice",
        "charges_word": "Charges",
        "intro": _intro(document, kind),
        "team": document.team.name,
        "facts": _facts(document),
        "usage": [_usage(line, document) for line in usage[:USAGE_MOST]],
        "usage_more": _more(usage[USAGE_MOST:], document),
        "charges": _charges(usage, others, document),
        "total": _money(document.total, document),
        "settled": _settled(document),
        "payment": "\n".join(payment_lines(document)),
        "seller": document.seller,
        "url": url,
    }


def _money(amount: Decimal, document: InvoiceDocument) -> str:
    return numbers.money(amount, document.currency, document.locale)


def _heading(document: InvoiceDocument, kind: str) -> str:
    if kind == "receipt":
        return f"Receipt for invoice {document.number}"
    if kind.startswith("overdue_"):
        return f"Invoice {document.number} is overdue"
    return f"Invoice {document.number}"


def _intro(document: InvoiceDocument, kind: str) -> str:
    """Answer what it is about in a sentence or two: what is to be paid, and by when."""
    total = _money(document.to_pay, document)
    due = "" if document.due_on is None else numbers.day(document.due_on, document.locale)
    if kind == "receipt":
        return f"Thank you: {_money(_paid(document), document)} for invoice {document.number} was paid."
    if document.status == "paid":
        return "This invoice is paid; nothing is left to be paid."
    if document.status == "void":
        return "This invoice is void; nothing is to be paid for it."
    if document.to_pay <= 0:
        return "Nothing is to be paid for it."
    if kind.startswith("overdue_"):
        return f"{total} was due by {due}. If it was paid in the last days, nothing more is needed."
    return f"{total} is due by {due}." if due else f"{total} is due."


def _paid(document: InvoiceDocument) -> Decimal:
    """Answer what somebody paid of it: all, or what was left of it."""
    return next((-each.amount for each in document.settled if each.kind == "paid"), document.total)


def _facts(document: InvoiceDocument) -> list[tuple[str, str]]:
    period = period_words(document.period_from, document.period_to, document.timezone, document.locale)
    facts = [("Number", document.number or ""), ("Period", period)]
    if document.due_on is not None and is_due(document):
        facts.append(("Due", numbers.day(document.due_on, document.locale)))
    return [*facts, ("Total", _money(document.total, document))]


def _usage(line: InvoiceLine, document: InvoiceDocument) -> tuple[str, str, str]:
    quantity = f"{numbers.quantity(line.quantity, document.locale)} {line.unit}".strip()
    return line.description, quantity, _money(line.amount, document)


def _more(rest: Sequence[InvoiceLine], document: InvoiceDocument) -> tuple[str, str] | None:
    """Answer what the lines that are left out come to, None for none."""
    if not rest:
        return None
    return f"{len(rest)} more", _money(sum((line.amount for line in rest), Decimal(0)), document)


def _settled(document: InvoiceDocument) -> list[tuple[str, str]]:
    """Answer what was paid already and what is left, nothing where nothing was."""
    if not document.settled:
        return []
    paid = [(each.label, _money(each.amount, document)) for each in document.settled]
    return [*paid, ("To pay", _money(document.to_pay, document))]


def _charges(
    usage: Sequence[InvoiceLine], others: Sequence[InvoiceLine], document: InvoiceDocument
) -> list[tuple[str, str]]:
    """Answer what the total is made of: usage as one, each fee, discount and tax by itself while they are few."""
    rows = [("Usage", _money(sum((line.amount for line in usage), Decimal(0)), document))] if usage else []
    rows += [(line.description, _money(line.amount, document)) for line in others[:OTHERS_MOST]]
    more = _more(others[OTHERS_MOST:], document)
    return rows if more is None else [*rows, more]
