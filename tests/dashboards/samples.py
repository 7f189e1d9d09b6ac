"""Invoices to look at: the everyday one, the awkward one, the long one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from dashboards.invoice import InvoiceDocument, InvoiceLine, MemberShare, Party, Sum, Usage
from dashboards.invoice_chart import Chart

SELLER = Party(
    "Hourmeter Cloud GmbH", ("Lindenstraße 7", "10969 Berlin, Germany", "VAT DE 000 000 000", "billing@example.com")
)
TEAM = Party("Acme Research", ("Carol Owner", "12 Harbour Road, Dublin 2, Ireland", "accounts@acme.example"))


def tokens(name: str | None, given: int, taken: int, cost: str) -> MemberShare:
    """Make one member's row of a token invoice."""
    used = (Usage("Input tokens", Decimal(given), "tokens"), Usage("Output tokens", Decimal(taken), "tokens"))
    return MemberShare(name, Decimal(cost), used)


def everyday() -> InvoiceDocument:
    """Make a month of tokens and compute for a small team."""
    return InvoiceDocument(
        seller=SELLER,
        team=TEAM,
        number="HM-2025-000142",
        status="open",
        currency="USD",
        period_from=datetime(2025, 9, 30, 23, tzinfo=UTC),
        period_to=datetime(2025, 11, 1, tzinfo=UTC),
        timezone="Europe/Dublin",
        issued_on=date(2025, 11, 1),
        due_on=date(2025, 11, 8),
        lines=(
            InvoiceLine("Professional plan", Decimal("49.00"), detail="October 2025"),
            InvoiceLine(
                "Input tokens", Decimal("98.22"), Decimal(6548123), "tokens", None, Decimal("0.015"), Decimal(1000)
            ),
            InvoiceLine(
                "Output tokens", Decimal("4.87"), Decimal(108214), "tokens", None, Decimal("0.045"), Decimal(1000)
            ),
            InvoiceLine(
                "CPU",
                Decimal("12.83"),
                Decimal("1000.5634"),
                "core-hours",
                Decimal(744),
                Decimal("0.05"),
                detail="Services api, worker; 744 hours of the month metered",
            ),
            InvoiceLine(
                "Requests", Decimal("0.42"), Decimal(52310), "requests", Decimal(10000), Decimal("0.01"), Decimal(1000)
            ),
        ),
        total=Decimal("165.34"),
        members=(
            tokens("alice@acme.example", 4000000, 60000, "62.70"),
            tokens("bob@acme.example", 2048123, 40214, "32.53"),
            tokens("charlie@acme.example", 500000, 8000, "7.86"),
            MemberShare(None, Decimal("62.25")),
        ),
        payment=("Pay by card or transfer at https://billing.example.com/i/HM-2025-000142.",),
        as_of=datetime(2025, 11, 1, 1, 0, 4, tzinfo=UTC),
    )


def long(count: int = 140) -> InvoiceDocument:
    """Make an invoice of many lines and members that runs over several pages."""
    lines = tuple(
        InvoiceLine(
            f"Storage of service archive-{at:03d}",
            Decimal("1.25"),
            Decimal("12.5"),
            "GB-months",
            None,
            Decimal("0.10"),
            detail=f"Price version {1 + at % 3}" if at % 4 == 0 else "",
            group="Storage",
        )
        for at in range(count)
    )
    members = tuple(
        MemberShare(
            f"member-{at:03d}@acme.example",
            Decimal("1.25"),
            tuple(
                Usage(name, Decimal(1000 + at), "tokens") for name in ("Input", "Output", "Cache read", "Cache write")
            ),
        )
        for at in range(count - 40)
    )
    return InvoiceDocument(
        seller=SELLER,
        team=TEAM,
        number="HM-2025-000143",
        status="paid",
        currency="EUR",
        locale="de",
        period_from=datetime(2025, 9, 30, 22, tzinfo=UTC),
        period_to=datetime(2025, 10, 31, 23, tzinfo=UTC),
        timezone="Europe/Berlin",
        issued_on=date(2025, 11, 1),
        due_on=date(2025, 11, 8),
        lines=lines,
        total=Decimal("1.25") * count,
        members=(*members, MemberShare(None, Decimal("1.25") * 40)),
        notes=("Credit of invoice HM-2025-000120 was applied to your account.",),
        as_of=datetime(2025, 11, 1, tzinfo=UTC),
    )


def awkward() -> InvoiceDocument:
    """Make a draft with names without a place to break, markup in a name, tiny prices and huge quantities."""
    word = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
    return InvoiceDocument(
        seller=Party("A seller with quite a long name that goes on and on International Holding Ltd & Co. KG"),
        team=Party(
            f"{word} <b>Ltd</b>", ("a-very-long-mail-address-without-any-place-to-break-it@subdomain.of.example.com",)
        ),
        number=None,
        status="draft",
        currency="JPY",
        period_from=datetime(2025, 10, 1, 3, 30, tzinfo=UTC),
        period_to=datetime(2025, 10, 15, 9, tzinfo=UTC),
        timezone="Asia/Kolkata",
        lines=(
            InvoiceLine(
                f"{word} {word}",
                Decimal(12345678901),
                Decimal("98765432109876543.123456"),
                "tokens",
                Decimal(10**12),
                Decimal("0.000000125"),
                Decimal(1000000),
                "x" * 120,
            ),
            InvoiceLine("Credit for the outage of 3 October", Decimal(-5000), Decimal("0.0000123"), "GB"),
        ),
        total=Decimal(12345673901),
        members=(tokens(word * 2, 98765432109876543, 0, "12345678901"), MemberShare(None, Decimal(-5000))),
        as_of=datetime(2025, 10, 15, 9, tzinfo=UTC),
    )


def chart(title: str, unit: str, most: int) -> Chart:
    """Make a month of usage that goes up and down with the week, and stops for two days."""
    days = [date(2025, 10, 1) + timedelta(days=at) for at in range(31)]
    used = [Decimal(most) * (10 - abs(at % 7 - 3)) / 10 * (at not in {12, 13}) for at in range(31)]
    return Chart(title, unit, tuple(days), tuple(used))


def taxed(locale: str = "de") -> InvoiceDocument:
    """Make a month with everything: usage charts, a coupon, two taxes, a reference, and a part that is paid already."""
    plain = everyday()
    sums = (Sum("Coupon SPRING", Decimal("-16.53"), "coupon"), Sum("VAT, 19 %", Decimal("28.27"), "tax"))
    members = (*plain.members[:-1], MemberShare(None, Decimal("73.99")))
    return replace(
        plain,
        currency="EUR",
        locale=locale,
        sums=sums,
        total=Decimal("177.08"),
        settled=(Sum("Paid by credits", Decimal("-50.00")),),
        members=members,
        reference="PO 4711 / cost centre 12",
        charts=(
            chart("Input tokens", "tokens", 260000),
            chart("Output tokens", "tokens", 4200),
            chart("CPU", "core-hours", 40),
        ),
        path="/v1/invoices/019a2246-f2cc-75f2-88e1-a619c97e15fb",
    )


def credit() -> InvoiceDocument:
    """Make an invoice on which more comes back than is owed."""
    lines = (
        InvoiceLine("Requests", Decimal("0.42"), Decimal(52310), "requests", Decimal(10000), Decimal("0.01")),
        InvoiceLine("Professional plan, billed in advance", Decimal("-49.00"), detail="Oct 12 to Oct 31"),
    )
    return replace(
        everyday(), lines=lines, total=Decimal("-48.58"), members=(), payment=("Transfer to DE00 0000 0000 0000",)
    )


def scripts() -> InvoiceDocument:
    """Make an invoice of names that are written from right to left, or with letters that few fonts have."""
    return replace(
        everyday(),
        team=Party("株式会社メーター 山田 太郎", ("שלום עולם 12, תל אביב", "شركة القياس ذ.م.م", "東京都千代田区1-1")),
        members=(
            tokens("山田 太郎", 4000000, 60000, "62.70"),
            tokens("مريم العربي (مدير)", 2048123, 40214, "32.53"),
            tokens("Ελένη Παπαδοπούλου", 500000, 8000, "7.86"),
            MemberShare(None, Decimal("62.25")),
        ),
    )
