"""What mail is called, and what may stand in a header: one line, whatever a name holds. Pure."""

from __future__ import annotations

import unicodedata

LONGEST = 200
INVOICE, RECEIPT, OVERDUE, CREDIT_NOTE = "invoice", "receipt", "overdue_", "credit_note_"
_BREAKING = {"Cc", "Cf", "Zl", "Zp", "Cs"}  # control, invisible, line and paragraph ends, halves of letters


def one_line(text: str) -> str:
    """Text as it may stand in a header: without line ends, control and invisible characters, and not too long."""
    plain = "".join(" " if unicodedata.category(letter) in _BREAKING else letter for letter in text)
    return " ".join(plain.split())[:LONGEST]


def overdue(step: int) -> str:
    """The kind of the mail of a step, from 1."""
    return f"{OVERDUE}{step}"


def credit_note(position: int) -> str:
    """The kind of the mail of a credit note, by its number as one."""
    return f"{CREDIT_NOTE}{position}"


def position_of(kind: str) -> int | None:
    """Which credit note a mail is of, by its number as one; None for other mail."""
    return int(kind.removeprefix(CREDIT_NOTE)) if kind.startswith(CREDIT_NOTE) else None


def subject(kind: str, number: str, seller: str, note: str = "") -> str:
    """The subject of mail about the invoice of that number, or about a credit note of it."""
    if kind == RECEIPT:
        said = f"Receipt for invoice {number} from {seller}"
    elif kind.startswith(OVERDUE):
        said = f"Reminder: invoice {number} from {seller} is overdue"
    elif kind.startswith(CREDIT_NOTE):
        said = f"Credit note {note} for invoice {number} from {seller}"
    else:
        said = f"Invoice {number} from {seller}"
    return one_line(said)
