"""Headers hold whatever names there are, and no more headers come of it; pauses grow; servers are read from URLs."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import default
from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.mail.letter import CantBeWrittenError, Envelope, Letter, body, head, wire_address
from meter.mail.pauses import GIVE_UP_AFTER, next_attempt
from meter.mail.server import Sender, Server, sender_of, server_of
from meter.mail.words import one_line, overdue, subject

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
LETTER = Letter("Hello Zoë\n", "<p>Hello Zoë</p>", b"%PDF-1.7 \x00\xff", "HM-000001.pdf")
BODY = body(LETTER)
WANTED = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Reply-To", "Content-Type", "MIME-Version"]
NAMES = st.text(max_size=120) | st.sampled_from(
    ["a\r\nBcc: eve@example.org", "x\n\n<script>", "Zoë & Søn\u2028AS", "=?utf-8?q?x?=", '"a\\"b', ""]
)


@given(NAMES, NAMES)
def test_names_stay_in_their_header(seller: str, title: str) -> None:
    """Whatever they are: the headers are those we set, in seven bits and short lines, and say the name in one line."""
    envelope = Envelope("ada@example.org", subject("invoice", "HM-000001", f"{seller}{title}"), "<1@seller.example>")
    wire = head(envelope, Sender(seller, "billing@seller.example"), "ask@seller.example", NOW) + BODY
    assert wire.isascii()
    assert all(len(line) <= 998 for line in wire.split(b"\r\n"))
    read = message_from_bytes(wire)
    assert sorted(read.keys()) == sorted(WANTED)
    assert str(make_header(decode_header(read["Subject"].replace("\r\n", "")))) == envelope.subject
    name, address = parseaddr(read["From"].replace("\r\n", ""))
    assert address == "billing@seller.example"
    assert str(make_header(decode_header(name))) == one_line(seller)


@given(st.text())
def test_one_line_is_one(text: str) -> None:
    """Without anything that ends a line, hides or is half a letter."""
    line = one_line(text)
    assert len(line) <= 200
    assert line.splitlines() in ([line], [])
    assert not {unicodedata.category(letter) for letter in line} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


def test_the_parts_of_a_mail() -> None:
    """Text, HTML and the PDF, to the byte."""
    envelope = Envelope("ada@example.org", "Invoice", "<1@seller.example>")
    made = head(envelope, Sender("", "billing@seller.example"), None, NOW) + BODY
    read = message_from_bytes(made, policy=default)
    (file,) = read.iter_attachments()
    plain, html = read.get_body(("plain",)), read.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert (plain.get_content(), html.get_content()) == ("Hello Zoë\r\n", "<p>Hello Zoë</p>\r\n")
    assert (file.get_filename(), file.get_content_type(), file.get_content()) == (
        "HM-000001.pdf", "application/pdf", LETTER.pdf,
    )  # fmt: skip
    assert read["Date"].datetime == NOW
    assert "Reply-To" not in read


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("a.b+c@example.org", "a.b+c@example.org"),
        ("zoë@example.org", "zoë@example.org"),
        ("zoe@bücher.example", "zoe@xn--bcher-kva.example"),
    ],
)
def test_addresses(address: str, written: str) -> None:
    """A domain is written as DNS has it; what is before it stays as it is."""
    assert wire_address(address) == written


@pytest.mark.parametrize(
    "address", ["a,b@c.org", "a<b>@c.org", "@", 'a"b@c.org', "a(b@c.org", "a@b@c", "a@c.org\r\nX: y"]
)
def test_what_is_no_address(address: str) -> None:
    """It is told, and never becomes two of them, or another header."""
    with pytest.raises(CantBeWrittenError):
        head(Envelope(address, "x", "<1@s.example>"), Sender("", "b@s.example"), None, NOW)


def test_subjects() -> None:
    """Each kind by its own words, with number and seller."""
    assert subject("invoice", "HM-1", "Seller & Co") == "Invoice HM-1 from Seller & Co"
    assert subject("receipt", "HM-1", "S") == "Receipt for invoice HM-1 from S"
    assert subject(overdue(2), "HM-1", "S") == "Reminder: invoice HM-1 from S is overdue"


def test_pauses_grow_and_end() -> None:
    """From a minute to six hours; after four days it is given up."""
    pauses = [next_attempt(attempts, NOW, NOW) for attempts in range(1, 9)]
    minutes = [(pause - NOW).total_seconds() / 60 for pause in pauses if pause is not None]
    assert minutes == [1, 5, 15, 60, 180, 360, 360, 360]
    assert next_attempt(9, NOW, NOW + GIVE_UP_AFTER) is None
    assert next_attempt(9, NOW, NOW + GIVE_UP_AFTER - timedelta(seconds=1)) is not None


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.com", Server("mail.example.com", 587, None, None, tls=False)),
        ("smtps://a%40b:p%2Fw%25@mail.example.com", Server("mail.example.com", 465, "a@b", "p/w%", tls=True)),
        ("smtp://[::1]:25", Server("::1", 25, None, None, tls=False)),
    ],
)
def test_servers(url: str, server: Server) -> None:
    """Host and port, user and password, TLS or STARTTLS; printed without the password."""
    assert server_of(url) == server
    assert "p/w" not in repr(server)
    assert f"{server_of(url)}" == f"Server({server.host!r}, {server.port})"


def test_which_servers_are_here() -> None:
    """On this machine, by name or address."""
    here = {"localhost": True, "127.0.0.2": True, "::1": True, "mail.example.com": False, "10.0.0.1": False}
    assert {host: Server(host, 25, None, None, tls=False).is_here for host in here} == here


def test_senders() -> None:
    """With a name or without."""
    assert sender_of("Acme Billing <billing@acme.example>") == ("Acme Billing", "billing@acme.example")
    assert sender_of("billing@acme.example").domain == "acme.example"
