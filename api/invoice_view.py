"""Invoices and previews as the API shows them: numbers are text, plain and with all their digits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypedDict
from uuid import UUID

import msgspec

from api.document_view import AppliedView, TaxTotalView, applied_view, tax_total_view
from api.line_view import (
    LineView,
    MemberView,
    PeriodView,
    UnpricedView,
    digits,
    lines_view,
    members_view,
    period_view,
    unpriced_view,
)
from meter.bill import Draft, members_of
from meter.invoices import Invoice, Settled, Sums, plain_settled, plain_sums, settled_of, sums_of
from meter.invoicing.paying import SAID
from meter.invoicing.promotional import Promotion
from meter.invoicing.settled import Expected
from meter.rating.line import Line
from meter.rating.money import exact

PREVIEW = "preview"


class _Sums(TypedDict):
    subtotal: str
    spend_discount: str
    coupons: list[AppliedView]
    coupons_total: str
    taxes: list[TaxTotalView]
    tax: str
    tax_included: str


class InvoiceLineView(LineView, frozen=True, kw_only=True):
    """A line of an invoice, for [from, to) by a version of a plan's prices.

    `amount` less `discount` plus the tax that it does not contain is `total`.
    """

    from_: datetime | None = msgspec.field(name="from")
    to: datetime | None
    plan: str
    price_version: str
    discount: str
    tax: str
    tax_included: str
    total: str


class InvoiceSummary(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice without its lines. `to_pay` is what is left of its total, `due_at` seven days after `issued_at`.

    `status` is `draft` until it is final, by itself at `finalise_at` if that is set; then `open`, and from `closed_at`
    on `paid`, `void` or `uncollectible`, why in `closed_note`.
    """

    id: UUID
    number: str | None
    team: UUID
    reason: str
    period: PeriodView
    status: str
    currency: str
    total: str
    to_pay: str
    plan: str
    as_of: datetime | None
    issued_at: datetime | None
    due_at: datetime | None
    finalise_at: datetime | None
    closed_at: datetime | None
    closed_note: str
    created_at: datetime


class SettlementView(msgspec.Struct, frozen=True):
    """What of a total need not be paid any more; below zero where it was `carried` into the account.

    `kind` is `charged` as it was used, paid from `credits`, taken back by a `credit_note`, or `carried`.
    """

    kind: str
    amount: str
    description: str


class TakenBackView(msgspec.Struct, frozen=True):
    """A credit note that takes back `total` of the invoice, tax included."""

    id: UUID
    number: str
    total: str
    issued_at: datetime


class PromotionView(msgspec.Struct, frozen=True):
    """A promotional grant that came off an invoice before tax: `amount` of it, which is among the coupons.

    `booked` is how much of that this invoice took of the grant: not what earlier ones of its period took already; less
    than nothing was given back.
    """

    grant: UUID
    title: str
    amount: str
    booked: str


class ExpectedView(msgspec.Struct, frozen=True, kw_only=True):
    """What there would be to pay if this became final now; nothing is booked before.

    `promotional` is what grants would pay, before tax: it is taken off `total` already. `settled` is what would be
    charged or paid from credits that were bought, and what would be carried.
    """

    promotional: str
    total: str
    settled: list[SettlementView]
    to_pay: str


class InvoiceView(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice; the totals of lines, and members, each add up to `total`. `as_of` is when its data last changed.

    The amounts of lines are `subtotal`; less `spend_discount` and `coupons_total`, plus tax that prices do not contain,
    they are `total`. `plan` is the one at the period's end, each line says its own.
    `promotions` are the grants among the coupons. `to_pay` is `total` less what is `settled`, nothing once it is paid
    or void; of a draft (as it was last written) and a preview `expected` says what it would be with what credits pay.
    A preview has the status `preview`, no id, number or dates, and may have `unpriced` usage.
    """

    id: UUID | None
    number: str | None
    team: UUID
    reason: str
    period: PeriodView
    status: str
    currency: str
    total: str
    plan: str
    price_version: str
    rating_version: str
    lines: list[InvoiceLineView]
    subtotal: str
    spend_discount: str
    coupons: list[AppliedView]
    coupons_total: str
    promotions: list[PromotionView] = []
    taxes: list[TaxTotalView]
    tax: str
    tax_included: str
    settled: list[SettlementView] = []
    to_pay: str
    expected: ExpectedView | None = None
    credit_notes: list[TakenBackView] = []
    members: list[MemberView]
    unpriced: list[UnpricedView] = []
    as_of: datetime | None
    issued_at: datetime | None
    due_at: datetime | None
    finalise_at: datetime | None = None
    closed_at: datetime | None = None
    closed_note: str = ""
    created_at: datetime | None


def summary(invoice: Invoice) -> InvoiceSummary:
    """The invoice as a list shows it."""
    return InvoiceSummary(
        id=invoice.public_id,
        number=invoice.number,
        team=invoice.team,
        reason=invoice.reason,
        period=period_view(invoice.period),
        status=invoice.status,
        currency=invoice.currency,
        total=digits(invoice.total),
        to_pay=digits(invoice.to_pay),
        plan=invoice.plan,
        as_of=invoice.as_of,
        issued_at=invoice.issued_at,
        due_at=invoice.due_at,
        finalise_at=invoice.finalise_at,
        closed_at=invoice.closed_at,
        closed_note=invoice.closed_note,
        created_at=invoice.created_at,
    )


def invoice_view(invoice: Invoice) -> InvoiceView:
    """The whole invoice."""
    sums = invoice.sums or plain_sums(invoice.total)
    return InvoiceView(
        id=invoice.public_id,
        number=invoice.number,
        team=invoice.team,
        reason=invoice.reason,
        period=period_view(invoice.period),
        status=invoice.status,
        currency=invoice.currency,
        total=digits(invoice.total),
        plan=invoice.plan,
        price_version=invoice.price_version,
        rating_version=invoice.rating_version,
        lines=_lines(invoice.lines, invoice.settled),
        **_sums(sums),
        promotions=_promotions(sums.promotions),
        settled=[SettlementView(each.kind, digits(each.amount), each.description) for each in invoice.settlements],
        to_pay=digits(invoice.to_pay),
        expected=expected_of(invoice),
        credit_notes=[
            TakenBackView(each.public_id, each.number, digits(each.total), each.issued_at)
            for each in invoice.credit_notes
        ],
        members=members_view(invoice.members),
        as_of=invoice.as_of,
        issued_at=invoice.issued_at,
        due_at=invoice.due_at,
        finalise_at=invoice.finalise_at,
        closed_at=invoice.closed_at,
        closed_note=invoice.closed_note,
        created_at=invoice.created_at,
    )


def preview_view(draft: Draft) -> InvoiceView:
    """What the invoice would be by now."""
    rated, document = draft.rated, draft.document
    return InvoiceView(
        id=None,
        number=None,
        team=draft.team.public_id,
        reason=draft.reason,
        period=period_view(rated.period),
        status=PREVIEW,
        currency=document.currency,
        total=digits(document.total),
        plan=draft.plan,
        price_version=draft.agreement.last.book_version,
        rating_version=rated.rating_version,
        lines=_lines([each.line for each in document.lines], settled_of(document)),
        **_sums(sums_of(document)),
        promotions=_promotions(draft.promotions),
        to_pay=digits(document.total),
        members=members_view(members_of(draft)),
        unpriced=unpriced_view(rated.unpriced),
        as_of=draft.billable.as_of,
        issued_at=None,
        due_at=None,
        created_at=None,
    )


def foreseen_view(draft: Draft) -> InvoiceView:
    """What the invoice would be by now, of a draft that is foreseen: with what credits would pay."""
    return msgspec.structs.replace(preview_view(draft), expected=expected_view(draft))


def expected_view(draft: Draft) -> ExpectedView:
    """What there would be to pay of a draft that is foreseen."""
    return _expected(draft.document.total, draft.promotions, draft.expected)


def expected_of(invoice: Invoice) -> ExpectedView | None:
    """What there would be to pay of a stored draft, by what there was when it was written; None of what is final."""
    sums = invoice.sums or plain_sums(invoice.total)
    return _expected(invoice.total, sums.promotions, sums.expected) if invoice.status == "draft" else None


@exact()
def _expected(amount: Decimal, promotions: Sequence[Promotion], expected: Sequence[Expected]) -> ExpectedView:
    return ExpectedView(
        promotional=digits(sum((each.amount for each in promotions), amount * 0)),
        total=digits(amount),
        settled=[SettlementView(each.kind, digits(each.amount), SAID[each.kind]) for each in expected],
        to_pay=digits(amount - sum((each.amount for each in expected), amount * 0)),
    )


def _promotions(promotions: Sequence[Promotion]) -> list[PromotionView]:
    return [PromotionView(each.grant, each.title, digits(each.off), digits(each.amount)) for each in promotions]


def _lines(lines: Sequence[Line], settled: Sequence[Settled]) -> list[InvoiceLineView]:
    """Each line with what coupons and taxes made of it; of one from before there were any, nothing was made."""
    known = settled or [plain_settled(line.amount) for line in lines]
    return [_line(line, view, own) for line, view, own in zip(lines, lines_view(lines), known, strict=True)]


def _line(line: Line, view: LineView, settled: Settled) -> InvoiceLineView:
    return InvoiceLineView(
        **msgspec.structs.asdict(view),
        from_=line.start,
        to=line.end,
        plan=line.plan,
        price_version=line.price_version,
        discount=digits(settled.discount),
        tax=digits(settled.tax),
        tax_included=digits(settled.tax_included),
        total=digits(settled.total),
    )


def _sums(sums: Sums) -> _Sums:
    return _Sums(
        subtotal=digits(sums.subtotal),
        spend_discount=digits(sums.spend_discount),
        coupons=[applied_view(each) for each in sums.coupons],
        coupons_total=digits(sums.coupons_total),
        taxes=[tax_total_view(each) for each in sums.taxes],
        tax=digits(sums.tax),
        tax_included=digits(sums.tax_included),
    )
