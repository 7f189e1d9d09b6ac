"""An invoice as it is printed: the same numbers in the words of the page. Behind its HTML, PDF and CSV alike."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from dashboards.invoice import InvoiceDocument, InvoiceLine, MemberShare, Party, Sum, Usage, period_words
from dashboards.invoice_chart import Chart
from dashboards.numbers import counted
from meter import billed_days, invoices, profiles
from meter.billed_days import Days
from meter.database import Connection
from meter.invoices import Invoice, Settled, Sums, plain_settled
from meter.invoicing.paying import SAID
from meter.invoicing.settled import Expected, to_pay
from meter.rating.document.document import Applied
from meter.rating.line import Line
from meter.settings import Settings

PATH = "/v1/invoices"
CHARTS = 3
SAME = Decimal("0.000001")  # quantities of days are cut where they do not end


async def full_document(conn: Connection, invoice: Invoice, settings: Settings) -> InvoiceDocument:
    """The document of an invoice with logo and usage charts, which are read in a transaction of their own."""
    days = await billed_days.read(conn, invoice.team_id, invoice.period, _main_meters(invoice))
    return document_of(invoice, days, logo(settings.seller_logo))


def document_of(invoice: Invoice, days: Sequence[Days] = (), picture: str = "") -> InvoiceDocument:
    """The document of an invoice; its dates are days of the team's zone."""
    zone, locale = ZoneInfo(invoice.period.zone), invoice.customer.locale or profiles.ENGLISH
    settled = invoice.settled or [plain_settled(line.amount) for line in invoice.lines]
    return InvoiceDocument(
        seller=_party(invoice.seller),
        team=_party(invoice.customer),
        number=invoice.number,
        status=invoice.status,
        currency=invoice.currency,
        period_from=invoice.period.start,
        period_to=invoice.period.end,
        timezone=invoice.period.zone,
        lines=tuple(_line(line, own, invoice) for line, own in zip(invoice.lines, settled, strict=True)),
        sums=tuple(_sums(invoice.sums)),
        within=tuple(_within(invoice.sums)),
        settled=settlements_shown(invoice),
        total=invoice.total,
        as_of=invoice.as_of or invoice.created_at,
        issued_on=local_day(invoice.issued_at, zone),
        due_on=local_day(invoice.due_at, zone),
        members=tuple(
            MemberShare(each.member, each.amount, _usage(each.usage, invoice.meters)) for each in invoice.members
        ),
        charts=tuple(_charts(days, invoice)),
        notes=(f"Plan {invoice.plan}, prices as of version {invoice.price_version}.", *invoice.seller.notes),
        payment=invoice.seller.payment,
        reference=invoice.customer.reference,
        locale=locale,
        logo=picture,
        path=f"{PATH}/{invoice.public_id}",
    )


def settlements_shown(invoice: Invoice) -> tuple[Sum, ...]:
    """What of the total need not be paid any more, minus; where a part of it was not, and is paid, that as well.

    Of a draft it is what need not be if it becomes final as it is.
    """
    if invoice.status == "draft":
        return tuple(Sum(f"{SAID[each.kind]}, once final", -each.amount, each.kind) for each in _expected(invoice))
    shown = [Sum(each.description, -each.amount, each.kind) for each in invoice.settlements]
    rest = to_pay(invoice.total, invoice.settlements)
    if shown and rest and invoice.status == "paid":
        shown.append(Sum("Paid", -rest, "paid"))
    return tuple(shown)


def _expected(invoice: Invoice) -> tuple[Expected, ...]:
    return invoice.sums.expected if invoice.sums else ()


def logo(path: Path | None) -> str:
    """A picture as a data: address; nothing where there is none, or none any more."""
    try:
        content = path.read_bytes() if path else b""
    except OSError:
        return ""
    kind = "png" if content.startswith(b"\x89PNG") else "svg+xml"
    return f"data:image/{kind};base64,{b64encode(content).decode()}" if content else ""


def _party(party: invoices.Party) -> Party:
    country = (profiles.country_name(party.country),) if party.country else ()
    email = (party.email,) if party.email else ()
    return Party(party.name, (*party.lines, *party.address, *country, *party.tax_ids, *email))


def local_day(instant: datetime | None, zone: ZoneInfo) -> date | None:
    """The day of an instant in a zone, None for none."""
    return None if instant is None else instant.astimezone(zone).date()


def _line(line: Line, settled: Settled, invoice: Invoice) -> InvoiceLine:
    """A fee has an amount only; a price for nothing, where all is included, is not shown."""
    fee = line.kind == "base_fee"
    title, _ = invoice.meters.get(line.meter, (line.description, ""))
    return InvoiceLine(
        line.description,
        line.amount,
        None if fee else line.quantity,
        "" if fee else counted(line.unit, line.quantity),
        None if fee else line.included or None,
        None if fee else line.unit_amount or None,
        Decimal(1) if fee else line.per,
        detail=_detail(line, invoice),
        group=title if line.meter else line.description,
        key=f"{line.kind} {line.price} {line.cell}",
        meter=line.meter,
        price=line.price,
        plan=line.plan or invoice.plan,
        price_version=line.price_version or invoice.price_version,
        start=line.start or invoice.period.start,
        end=line.end or invoice.period.end,
        discount=settled.discount,
        tax=settled.tax,
        total=settled.total,
    )


def _detail(line: Line, invoice: Invoice) -> str:
    """What of a line is not as in the rest of the invoice: its days, its plan; and what was taken off its price."""
    period, words = invoice.period, []
    if line.start and line.end and (line.start, line.end) != (period.start, period.end):
        locale = invoice.customer.locale or profiles.ENGLISH
        words.append(period_words(line.start, line.end, period.zone, locale))
    if line.plan and line.plan != invoice.plan:
        words.append(f"plan {line.plan}")
    return ", ".join(words)


def _sums(sums: Sums | None) -> Iterator[Sum]:
    """What is taken off of all lines, and the taxes that they do not contain."""
    if sums is None:
        return
    titles = {str(each.grant): each.title for each in sums.promotions}
    if sums.spend_discount:
        yield Sum("Above the most that was agreed", -sums.spend_discount, "spend_discount")
    for coupon in sums.coupons:
        if coupon.amount:
            yield Sum(_label(coupon, titles), -coupon.amount, coupon.kind)
    for tax in sums.taxes:
        if not tax.inclusive:
            yield Sum(f"{tax.name}, {tax.percent:f} %", tax.amount, "tax")


def _label(coupon: Applied, promotional: Mapping[str, str]) -> str:
    """What is printed of a coupon, and of credits that were given: those by their title, not their id."""
    if coupon.name not in promotional:
        return f"{coupon.kind.capitalize()} {coupon.name}"
    return ", ".join(filter(None, ("Promotional credit", promotional[coupon.name])))


def _within(sums: Sums | None) -> Iterator[Sum]:
    """The taxes that prices contain."""
    for tax in sums.taxes if sums else ():
        if tax.inclusive:
            yield Sum(f"of which {tax.name}, {tax.percent:f} %", tax.amount, "tax_included")


def _usage(usage: dict[str, Decimal], words: dict[str, tuple[str, str]]) -> tuple[Usage, ...]:
    named = [(meter, *words.get(meter, (meter, "")), quantity) for meter, quantity in usage.items()]
    return tuple(Usage(title, quantity, counted(unit, Decimal(2)), meter) for meter, title, unit, quantity in named)


def _main_meters(invoice: Invoice) -> list[str]:
    """The meters of an invoice by what they cost, most first; those that no line is of come last."""
    costs = dict.fromkeys(invoice.meters, Decimal(0))
    for line in invoice.lines:
        if line.meter in costs:
            costs[line.meter] += abs(line.amount)
    return sorted(costs, key=lambda meter: -costs[meter])


def _charts(days: Sequence[Days], invoice: Invoice) -> Iterator[Chart]:
    """The first few meters that have a course to show."""
    zone = ZoneInfo(invoice.period.zone)
    for each in [each for each in days if any(each.quantities)][:CHARTS]:
        billed = sum((member.usage.get(each.meter, Decimal(0)) for member in invoice.members), Decimal(0))
        now = sum(each.quantities, Decimal(0))
        yield Chart(
            each.title,
            counted(each.unit, Decimal(2)),
            tuple(start.astimezone(zone).date() for start in each.starts),
            tuple(each.quantities),
            each.window,
            corrected=abs(billed - now) > SAME * max(abs(now), Decimal(1)),
        )
