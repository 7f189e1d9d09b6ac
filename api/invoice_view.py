"""Invoices, drafts and calculations as the API shows them: numbers are text, plain and with all their digits."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from meter.bill import Draft
from meter.invoices import Invoice
from meter.rating.charge import Step
from meter.rating.invoice import MemberShare, Unpriced
from meter.rating.line import Line, Share
from meter.rating.periods import Period

PREVIEW = "preview"


class PeriodView(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """The half-open period [from, to), and its first and last day in `zone`, both inclusive."""

    from_: datetime
    to: datetime
    first_day: date
    last_day: date
    zone: str


class ShareView(msgspec.Struct, frozen=True):
    """A member's part of a line; null is what belongs to nobody."""

    member: str | None
    amount: str


class LineView(msgspec.Struct, frozen=True, kw_only=True):
    """One line. `exact` is `billed_quantity` times `unit_amount` for each `per`; `amount` is that, rounded once.

    `quantity` counts all usage, `included` what of it is free. `unit_amount` is null where there is no single price.
    `derivation` lists the steps from usage to amount; `members` add up to `amount`.
    """

    kind: str
    price: str
    description: str
    meter: str
    measure: str
    quantity: str
    unit: str
    included: str
    billed_quantity: str
    unit_amount: str | None
    per: str
    exact: str
    amount: str
    derivation: tuple[Step, ...]
    members: list[ShareView]


class MemberView(msgspec.Struct, frozen=True):
    """What a member costs and used, by meter in the meter's unit; null is what belongs to nobody."""

    member: str | None
    amount: str
    usage: dict[str, str]


class UnpricedView(msgspec.Struct, frozen=True):
    """Usage that the plan has no price for: it is in no line, and nothing is billed until it has one."""

    meter: str
    quantity: str


class InvoiceSummary(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice without its lines. `due_at` is seven days after `issued_at`."""

    id: UUID
    number: str | None
    team: UUID
    period: PeriodView
    status: str
    currency: str
    total: str
    plan: str
    as_of: datetime | None
    issued_at: datetime | None
    due_at: datetime | None
    created_at: datetime


class InvoiceView(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice; lines and members each add up to `total`. `as_of` is when the team's data last changed before it.

    A preview has the status `preview`, no id, number or dates, and may have `unpriced` usage.
    """

    id: UUID | None
    number: str | None
    team: UUID
    period: PeriodView
    status: str
    currency: str
    total: str
    plan: str
    price_version: str
    rating_version: str
    lines: list[LineView]
    members: list[MemberView]
    unpriced: list[UnpricedView] = []
    as_of: datetime | None
    issued_at: datetime | None
    due_at: datetime | None
    created_at: datetime | None


def digits(number: Decimal) -> str:
    """A number with all its digits and without an exponent."""
    return f"{number:f}"


def period_view(period: Period) -> PeriodView:
    """The period with its days."""
    return PeriodView(period.start, period.end, period.first_day, period.last_day, period.zone)


def summary(invoice: Invoice) -> InvoiceSummary:
    """The invoice as a list shows it."""
    return InvoiceSummary(
        id=invoice.public_id,
        number=invoice.number,
        team=invoice.team,
        period=period_view(invoice.period),
        status=invoice.status,
        currency=invoice.currency,
        total=digits(invoice.total),
        plan=invoice.plan,
        as_of=invoice.as_of,
        issued_at=invoice.issued_at,
        due_at=invoice.due_at,
        created_at=invoice.created_at,
    )


def invoice_view(invoice: Invoice) -> InvoiceView:
    """The whole invoice."""
    return InvoiceView(
        id=invoice.public_id,
        number=invoice.number,
        team=invoice.team,
        period=period_view(invoice.period),
        status=invoice.status,
        currency=invoice.currency,
        total=digits(invoice.total),
        plan=invoice.plan,
        price_version=invoice.price_version,
        rating_version=invoice.rating_version,
        lines=lines_view(invoice.lines),
        members=members_view(invoice.members),
        as_of=invoice.as_of,
        issued_at=invoice.issued_at,
        due_at=invoice.due_at,
        created_at=invoice.created_at,
    )


def preview_view(draft: Draft) -> InvoiceView:
    """What the invoice would be by now."""
    rated = draft.rated
    return InvoiceView(
        id=None,
        number=None,
        team=draft.team.public_id,
        period=period_view(rated.period),
        status=PREVIEW,
        currency=rated.currency,
        total=digits(rated.total),
        plan=draft.subscription.plan,
        price_version=rated.book_version,
        rating_version=rated.rating_version,
        lines=lines_view(rated.lines),
        members=members_view(rated.members),
        unpriced=unpriced_view(rated.unpriced),
        as_of=draft.billable.as_of,
        issued_at=None,
        due_at=None,
        created_at=None,
    )


def lines_view(lines: Iterable[Line]) -> list[LineView]:
    """Each line, its numbers as text."""
    return [_line(line) for line in lines]


def _line(line: Line) -> LineView:
    return LineView(
        kind=line.kind,
        price=line.price,
        description=line.description,
        meter=line.meter,
        measure=line.measure,
        quantity=digits(line.quantity),
        unit=line.unit,
        included=digits(line.included),
        billed_quantity=digits(line.billed_quantity),
        unit_amount=None if line.unit_amount is None else digits(line.unit_amount),
        per=digits(line.per),
        exact=digits(line.exact),
        amount=digits(line.amount),
        derivation=line.derivation,
        members=[_share(share) for share in line.members],
    )


def _share(share: Share) -> ShareView:
    return ShareView(share.member, digits(share.amount))


def members_view(members: Iterable[MemberShare]) -> list[MemberView]:
    """Each member, numbers as text."""
    return [
        MemberView(
            each.member, digits(each.amount), {meter: digits(quantity) for meter, quantity in each.usage.items()}
        )
        for each in members
    ]


def unpriced_view(unpriced: Iterable[Unpriced]) -> list[UnpricedView]:
    """Each meter without a price."""
    return [UnpricedView(each.meter, digits(each.quantity)) for each in unpriced]
