"""What does a credit note say? The same page as an invoice's, in the words of what is taken back. Pure."""

from __future__ import annotations

import msgspec

from dashboards import invoice, letters, numbers
from dashboards.invoice import InvoiceDocument
from dashboards.render import render

REASONS = {
    "correction": "Correction",
    "late_usage": "Usage that was found later",
    "unused_time": "Time that was paid for and not served",
    "duplicate": "Billed twice",
    "goodwill": "Goodwill",
    "other": "Other",
}
ROUNDING_NOTE = (
    "Taxes follow what is credited of each line, so that all of a line comes to its own tax. "
    "The total is the sum of the lines and their taxes."
)


class CreditNoteDocument(msgspec.Struct, frozen=True):
    """A credit note as it is printed: `shown` has its lines without tax, and in `within` where the total went.

    `invoice` is the number of what it takes back, `reason` one of REASONS, `note` more words about it.
    """

    shown: InvoiceDocument
    invoice: str
    reason: str
    note: str = ""


def view(document: CreditNoteDocument, *, short: bool = False) -> dict[str, object]:
    """Answer everything the template shows, as text; raises as ``invoice.view``."""
    shown = document.shown
    return invoice.view(shown, short=short) | {
        "title": f"Credit note {shown.number}",
        "heading": "Credit note",
        "status_word": "Credited",
        "facts": _facts(document),
        "pay_words": "Credited to you",
        "notes": [*shown.notes, ROUNDING_NOTE],
        "check_words": "",
    }


def letter(document: CreditNoteDocument, kind: str, url: str, form: str) -> str:
    """Answer the mail with which it goes, as `html` or `txt`; `url` leads to the invoice."""
    shown = document.shown
    words = letters.view(shown, kind, url) | {
        "heading": f"Credit note {shown.number}",
        "intro": _intro(document),
        "facts": [*_facts(document), ("Total", numbers.money(shown.total, shown.currency, shown.locale))],
        "settled": [(each.label, numbers.money(each.amount, shown.currency, shown.locale)) for each in shown.within],
        "charges_word": "Credited",
        "what": "credit note",
    }
    return render(f"mail/invoice.{form}", **words)


def _facts(document: CreditNoteDocument) -> list[tuple[str, str]]:
    shown = document.shown
    period = invoice.period_words(shown.period_from, shown.period_to, shown.timezone, shown.locale)
    issued = [] if shown.issued_on is None else [("Issued", numbers.day(shown.issued_on, shown.locale))]
    return [
        ("Number", shown.number or "Given when issued"),
        ("Of invoice", document.invoice),
        ("Period", period),
        *issued,
        ("Reason", REASONS[document.reason]),
        *([("Note", document.note)] if document.note else []),
        *([("Your reference", shown.reference)] if shown.reference else []),
    ]


def _intro(document: CreditNoteDocument) -> str:
    """Answer what it is about: how much of which invoice."""
    shown = document.shown
    total = numbers.money(shown.total, shown.currency, shown.locale)
    return f"{total} of invoice {document.invoice} were taken back. You need not do anything."
