"""One mail as it goes over the wire: text, HTML and the PDF under headers that hold whatever names there are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, quote
from typing import NamedTuple

from meter.database import Connection
from meter.invoices import Invoice
from meter.mail.server import ADDRESS, Sender
from meter.mail.words import one_line

# Seven bits go through every server there is.
PLAIN = SMTP.clone(cte_type="7bit")
LINE, LINE_END = 75, "\r\n"
NO_ADDRESS = "the address can't stand in a mail"


class Letter(NamedTuple):
    """What is said: the same as text and as HTML, and the invoice as a file."""

    text: str
    html: str
    pdf: bytes
    file_name: str


class Envelope(NamedTuple):
    """Who gets what from whom, and as which message: sent again it has the same id."""

    recipient: str
    subject: str
    message_id: str


# An invoice and the kind of the mail in, with a connection to read more by; the letter out. It may raise what it likes.
Compose = Callable[[Connection, Invoice, str], Awaitable[Letter]]


class CantBeWrittenError(ValueError):
    """The address can't stand in a mail."""


def body(letter: Letter) -> bytes:
    """What all who get a letter get of it: its parts, and the headers that say which they are."""
    mail = EmailMessage(policy=PLAIN)
    mail.set_content(letter.text, cte="quoted-printable")
    mail.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    mail.add_attachment(letter.pdf, maintype="application", subtype="pdf", filename=letter.file_name)
    return bytes(mail)


def head(envelope: Envelope, sender: Sender, reply_to: str | None, now: datetime) -> bytes:
    """What stands before the body, for one of them. Raises CantBeWrittenError for an address that is none."""
    lines = [
        _header("From", f"{_name(one_line(sender.name))}<{wire_address(sender.address)}>"),
        _header("To", f"<{wire_address(envelope.recipient)}>"),
        _header("Subject", _words("Subject", one_line(envelope.subject))),
        _header("Date", format_datetime(now)),
        _header("Message-ID", envelope.message_id),
        _header("Auto-Submitted", "auto-generated"),
    ]
    if reply_to:
        lines.append(_header("Reply-To", f"<{wire_address(reply_to)}>"))
    return "".join(lines).encode()


def _header(name: str, value: str) -> str:
    return f"{name}: {value}{LINE_END}"


def _words(name: str, text: str) -> str:
    """Text for a header, encoded where it is not plain (the folding of EmailMessage loses blanks in long words)."""
    plain = text.isascii() and "=?" not in text
    charset = "us-ascii" if plain else "utf-8"
    return Header(text, charset, maxlinelen=LINE, header_name=name).encode(linesep=LINE_END)


def _name(text: str) -> str:
    if not text:
        return ""
    return f'"{quote(text)}" ' if text.isascii() and "=?" not in text else f"{_words('From', text)}{LINE_END} "


def wire_address(text: str) -> str:
    """An address with its domain in ASCII, as DNS has it. Raises CantBeWrittenError for one that is none."""
    user, _, domain = text.rpartition("@")
    try:
        written = f"{user}@{domain if domain.isascii() else domain.encode('idna').decode()}"
    except ValueError as error:
        raise CantBeWrittenError(NO_ADDRESS) from error
    if not ADDRESS.fullmatch(written):
        raise CantBeWrittenError(NO_ADDRESS)
    return written
