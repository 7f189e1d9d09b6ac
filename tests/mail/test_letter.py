"""What the mail says: the figures of the invoice as text and HTML, its PDF, and a link that leads to it."""

from __future__ import annotations

import re
import shutil
import subprocess
from decimal import Decimal

import msgspec
import pytest

from api.invoice_document import document_of
from api.invoice_letter import composer
from dashboards.invoice import InvoiceDocument, InvoiceLine, Sum
from dashboards.letters import letter_html, letter_text
from meter import teams
from meter.mail import outbox
from meter.settings import load
from tests.billing.house import NOW, House
from tests.mail.letters import invoiced, post, sent
from tests.mail.post_office import PostOffice

PUBLIC = "https://usage.example.com/meter"
ODD = 'Zoë & <b>Søn</b> "AS"\u2028Bcc: eve@example.org'
URL = "https://usage.example.com/dashboard/invoices/1"


def text_of(pdf: bytes) -> str:
    """Answer the text of a PDF."""
    command = ["pdftotext", "-layout", "-", "-"]
    return subprocess.run(command, input=pdf, capture_output=True, check=True).stdout.decode()


async def test_text_html_and_the_pdf_say_the_same(home: House, office: PostOffice) -> None:
    """Number, period and total, usage and charges, the link; the PDF has the total. For a team with an odd name."""
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler-utils) is not installed")
    async with home.pool.connection() as conn:
        team = await teams.edit(conn, home.team, ODD, "UTC", "zoe@example.com")
    home = home._replace(team=team)
    invoice = await invoiced(home)
    settings = msgspec.structs.replace(load({}), public_url=PUBLIC)
    async with home.pool.connection() as conn:
        await outbox.again(conn, invoice.id, team.id, ["zoe@example.com"], NOW)
    assert await sent(home.pool, post(office.server, composer(settings))) == "mails: 1 sent"
    mail = office.read()
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    words, page = plain.get_content(), html.get_content()
    link = f"{PUBLIC}/dashboard/invoices/{invoice.public_id}"
    for said in (
        invoice.number,
        "Oct 1, 2026 \N{EN DASH} Oct 31, 2026",
        "$15.00 is due by Nov 25, 2026",
        "1,000,000 tokens",
    ):
        assert said in words
        assert said in page
    assert link in words
    assert f'href="{link}' in page
    assert "<b>Søn</b>" in words
    assert "Zoë &amp; &lt;b&gt;Søn&lt;/b&gt; &#34;AS&#34;" in page
    assert "Bcc" not in mail
    (file,) = mail.iter_attachments()
    assert file.get_filename() == f"{invoice.number}.pdf"
    made = text_of(file.get_content())
    assert "$15.00" in made
    assert str(invoice.number) in made


@pytest.fixture
async def document(home: House) -> InvoiceDocument:
    """Answer the document of an invoice of 15.00, due in a week."""
    return document_of(await invoiced(home))


def changed(document: InvoiceDocument, **fields: object) -> InvoiceDocument:
    """Answer it with other fields."""
    return msgspec.structs.replace(document, **fields)


@pytest.mark.parametrize(
    ("kind", "status", "said"),
    [
        ("invoice", "open", "$15.00 is due by Nov 25, 2026."),
        ("invoice", "paid", "nothing is left to be paid"),
        ("invoice", "void", "This invoice is void"),
        ("receipt", "paid", "Thank you: $15.00 for invoice HM-000001 was paid."),
        ("overdue_2", "open", "$15.00 was due by Nov 25, 2026."),
    ],
)
async def test_each_kind_says_what_it_is_about(document: InvoiceDocument, kind: str, status: str, said: str) -> None:
    """By kind and status, in both forms; nothing is left of the template."""
    about = changed(document, status=status)
    text, html = letter_text(about, kind, URL), letter_html(about, kind, URL)
    assert said in text
    assert said in html
    assert not re.search(r"[{}%]", text)
    assert "\n\n\n" not in text


async def test_many_lines_are_summed_and_add_up(document: InvoiceDocument) -> None:
    """The five dearest, what the rest comes to, and charges that are the total."""
    usage = [InvoiceLine(f"u{at}", Decimal(at), Decimal(at), "tokens") for at in range(1, 9)]
    fees = [InvoiceLine(f"f{at}", Decimal(1)) for at in range(12)]
    about = changed(document, lines=(*usage, *fees), sums=(Sum("VAT", Decimal(2)),), total=Decimal(50))
    text = letter_text(about, "invoice", URL)
    assert re.findall(r"- (u\d): ", text) == ["u8", "u7", "u6", "u5", "u4"]
    assert "- 3 more: $6.00" in text
    charges = text.partition("Charges")[2].partition("- Total")[0]
    amounts = [Decimal(amount) for amount in re.findall(r"\$(\S+)", charges)]
    assert (len(amounts), sum(amounts)) == (12, Decimal(50))


async def test_in_the_words_of_a_locale(document: InvoiceDocument) -> None:
    """Figures and dates as people there write them."""
    text = letter_text(changed(document, locale="de", currency="EUR"), "invoice", URL)
    assert "15,00\N{NO-BREAK SPACE}€ is due by 25.11.2026." in text
