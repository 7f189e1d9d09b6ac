"""Credit notes as the API shows them: numbers are text, plain and with all their digits."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec

from api.line_view import ShareView, digits
from meter.credit_notes.plan import PlannedLine
from meter.credit_notes.store import CreditNote
from meter.credit_notes.wanted import Reason
from meter.rating.credit import RateTax


class RateTaxView(msgspec.Struct, frozen=True):
    """What of a rate's tax goes back; `inclusive`: the price contained it."""

    name: str
    percent: str
    inclusive: bool
    amount: str


class CreditNoteLineView(msgspec.Struct, frozen=True, kw_only=True):
    """What goes back of a line of the invoice, counted from 1: `net` and `tax`, which the `taxes` add up to.

    `members` add up to `total`; null is what belongs to nobody.
    """

    line: int
    description: str
    net: str
    tax: str
    total: str
    taxes: list[RateTaxView]
    members: list[ShareView]


class CreditNoteSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A credit note without its lines: `net` and `tax` are `total`.

    The total is also `to_invoice`, off what was to pay of it, `to_balance`, into the team's account, and `to_refund`,
    given back by other ways. A preview has no id and number.
    """

    id: UUID | None
    number: str | None
    team: UUID
    invoice: UUID
    invoice_number: str
    reason: Reason
    note: str
    currency: str
    net: str
    tax: str
    total: str
    taxes: list[RateTaxView]
    to_invoice: str
    to_balance: str
    to_refund: str
    issued_at: datetime


class CreditNoteView(CreditNoteSummary, frozen=True, kw_only=True):
    """A credit note with its lines, which add up to `net`, `tax` and `total`."""

    lines: list[CreditNoteLineView]


class MemberPartView(msgspec.Struct, frozen=True):
    """A member's part of what goes back of a line; null is what belongs to nobody."""

    line: int
    description: str
    member: str | None
    amount: str


class MemberPartsView(msgspec.Struct, frozen=True, kw_only=True):
    """Whose a credit note is: all parts, or for a member the own ones, and what they come to."""

    credit_note: UUID
    number: str
    invoice: UUID
    currency: str
    items: list[MemberPartView]


def summary(note: CreditNote) -> CreditNoteSummary:
    """A credit note as a list shows it."""
    return CreditNoteSummary(
        id=note.public_id,
        number=note.number,
        team=note.team,
        invoice=note.invoice,
        invoice_number=note.invoice_number,
        reason=msgspec.convert(note.reason, Reason),
        note=note.note,
        currency=note.currency,
        net=digits(note.net),
        tax=digits(note.tax),
        total=digits(note.total),
        taxes=_taxes(note.taxes),
        to_invoice=digits(note.to_invoice),
        to_balance=digits(note.to_balance),
        to_refund=digits(note.to_refund),
        issued_at=note.issued_at,
    )


def note_view(note: CreditNote) -> CreditNoteView:
    """The whole credit note."""
    return CreditNoteView(**msgspec.structs.asdict(summary(note)), lines=[_line(each) for each in note.lines])


def parts_view(note: CreditNote, only: str | None) -> MemberPartsView:
    """Whose a credit note is; with `only` what is that member's."""
    if note.public_id is None:
        raise ValueError("a preview is nobody's")
    return MemberPartsView(
        credit_note=note.public_id,
        number=note.number or "",
        invoice=note.invoice,
        currency=note.currency,
        items=[
            MemberPartView(each.line, each.description, share.member, digits(share.amount))
            for each in note.lines
            for share in each.members
            if only is None or share.member == only
        ],
    )


def _line(line: PlannedLine) -> CreditNoteLineView:
    return CreditNoteLineView(
        line=line.line,
        description=line.description,
        net=digits(line.net),
        tax=digits(line.tax),
        total=digits(line.total),
        taxes=_taxes(line.taxes),
        members=[ShareView(each.member, digits(each.amount)) for each in line.members],
    )


def _taxes(taxes: Iterable[RateTax]) -> list[RateTaxView]:
    return [RateTaxView(each.name, digits(each.percent), each.inclusive, digits(each.amount)) for each in taxes]
