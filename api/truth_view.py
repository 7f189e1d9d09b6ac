"""What is behind an invoice as the API shows it: the steps in words, what was counted again, and each member's part."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec

from api.line_view import PeriodView, ShareView, digits, number, period_view
from meter.credit_notes.plan import PlannedLine
from meter.credit_notes.store import CreditNote
from meter.explain.invoice import Explained, Explanation
from meter.explain.largest import Largest
from meter.explain.statements import Part, Statement
from meter.explain.words import Said
from meter.invoices import Invoice
from meter.rating.money import exact
from meter.verify.compare import Figures, LineDifference
from meter.verify.invoice import Since, Verdict

HOUR = timedelta(hours=1)
CREDIT_NOTES = "/v1/credit-notes"
RULE = (
    "A line is shared by what each member used of it, to whole minor units by the largest remainder; free units, "
    "tiers, discounts and taxes with it. What no member used, and what is owed without usage, is nobody's (null)."
)


class SaidView(msgspec.Struct, frozen=True):
    """A step of a derivation: what it says, and the facts it says that by, with all their digits."""

    step: str
    says: str
    facts: dict[str, str]


class HourView(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """What was used of a meter in an hour, whatever its labels, as usage is by now."""

    meter: str
    unit: str
    from_: datetime
    to: datetime
    quantity: str
    events: int


class ServiceView(msgspec.Struct, frozen=True):
    """What a service used of a meter, whatever its labels, as usage is by now; null: no service."""

    meter: str
    unit: str
    service: str | None
    quantity: str
    events: int


class LineExplainedView(msgspec.Struct, frozen=True, kw_only=True):
    """How a line came about.

    `events` are behind its quantity; `coverage` is how much of the time in which data was expected had any when it was
    written, null where none is expected. `digest` is the SHA-256 of `statement`: of its JSON in UTF-8 with sorted keys,
    without spaces. `as_written` says whether the stored line is still what that was made of; null, as events and digest
    are, of a line from before there were any. `hours` and `services` are the largest, of each meter that the price
    counts. `usage_events` is the address of its events. `credited` is what credit notes took back of it, tax included.
    """

    line: int
    description: str
    plan: str
    price_version: str
    quantity: str
    unit: str
    amount: str
    total: str
    credited: str
    steps: list[SaidView]
    members: list[ShareView]
    hours: list[HourView]
    services: list[ServiceView]
    events: int | None
    coverage: str | None
    digest: str | None
    as_written: bool | None
    statement: dict[str, object]
    usage_events: str | None


class CreditedLineView(msgspec.Struct, frozen=True, kw_only=True):
    """What a credit note took back of a line of the invoice, by its number from 1."""

    line: int
    description: str
    net: str
    tax: str
    total: str


class CreditedView(msgspec.Struct, frozen=True, kw_only=True):
    """A credit note that took a part of the invoice back, and where that went; `credit_note` is its address."""

    id: UUID
    number: str
    issued_at: datetime
    reason: str
    note: str
    net: str
    tax: str
    total: str
    to_invoice: str
    to_balance: str
    to_refund: str
    lines: list[CreditedLineView]
    credit_note: str


class ExplanationView(msgspec.Struct, frozen=True, kw_only=True):
    """How an invoice came about: its lines, and from their sum to its total (`steps`); and what was credited later.

    `credited` is what all `credit_notes` took back, and `left` of the total after that.
    `data_snapshot` says which transactions its usage was read from, in PostgreSQL's words.
    """

    invoice: UUID
    number: str | None
    period: PeriodView
    currency: str
    total: str
    plan: str
    price_version: str
    rating_version: str
    data_snapshot: str
    as_of: datetime | None
    lines: list[LineExplainedView]
    steps: list[SaidView]
    credited: str
    left: str
    credit_notes: list[CreditedView]


class FiguresView(msgspec.Struct, frozen=True, kw_only=True):
    """What a line says."""

    quantity: str
    billed_quantity: str
    amount: str
    discount: str
    tax: str
    total: str
    price_version: str


class LineDifferenceView(msgspec.Struct, frozen=True, kw_only=True):
    """A line that two accounts do not agree on: `amount` is by how much the second is higher.

    `line` is null, and `before` with it, for one that only the second has. `members_differ`: other shares of it.
    """

    line: int | None
    kind: str
    price: str
    description: str
    meter: str
    amount: str
    before: FiguresView | None
    after: FiguresView | None
    members_differ: bool


class CameView(msgspec.Struct, frozen=True):
    """Events of a meter that came after the invoice was made, and ones it counted that were corrected since."""

    meter: str
    late_events: int
    corrected_events: int


class SinceView(msgspec.Struct, frozen=True, kw_only=True):
    """What changed in the period since the invoice was made, and what it would come to by now, at the same prices."""

    meters: list[CameView]
    lines: list[LineDifferenceView]
    total: str
    amount: str


class VerdictView(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an invoice, made again from raw events as they stood when it was made, is the same to the cent.

    `state` is agrees, differs, or unverifiable (`why`; before `raw_events_since` raw events are gone). `recomputed` is
    what it comes to, `lines` where it is not what is stored. `altered_lines` are not what their digest was made of.
    `since` is what came later: it changes nothing of the invoice.
    """

    invoice: UUID
    number: str | None
    state: str
    why: str
    raw_events_since: datetime | None
    data_snapshot: str
    currency: str
    total: str
    recomputed: str | None
    lines: list[LineDifferenceView]
    altered_lines: list[int]
    since: SinceView | None


class PartView(msgspec.Struct, frozen=True, kw_only=True):
    """A member's part of a line: `amount` - `discount` + `tax` - `tax_included` = `total`."""

    line: int
    description: str
    amount: str
    discount: str
    tax: str
    tax_included: str
    total: str


class StatementView(msgspec.Struct, frozen=True, kw_only=True):
    """What an invoice has of a member, and what the member used, by meter; null is what belongs to nobody."""

    member: str | None
    amount: str
    discount: str
    tax: str
    tax_included: str
    total: str
    usage: dict[str, str]
    lines: list[PartView]


class StatementsView(msgspec.Struct, frozen=True, kw_only=True):
    """The members of an invoice, adding up to its total, and the `rule` by which it is shared.

    One who sees own usage only gets the own statement, and no `total`.
    """

    invoice: UUID
    number: str | None
    period: PeriodView
    currency: str
    total: str | None
    rule: str
    members: list[StatementView]


@exact()
def explanation_view(invoice: Invoice, found: Explanation) -> ExplanationView:
    """How an invoice came about, and what was credited later."""
    nothing = invoice.total * 0
    credited = sum((each.total for each in found.credit_notes), nothing)
    return ExplanationView(
        invoice=invoice.public_id,
        number=invoice.number,
        period=period_view(invoice.period),
        currency=invoice.currency,
        total=digits(invoice.total),
        plan=invoice.plan,
        price_version=invoice.price_version,
        rating_version=invoice.rating_version,
        data_snapshot=found.snapshot,
        as_of=invoice.as_of,
        lines=[_explained(each, _credited(each.number, found.credit_notes, nothing)) for each in found.lines],
        steps=_said(found.sums),
        credited=digits(credited),
        left=digits(invoice.total - credited),
        credit_notes=[_credit_note(each) for each in found.credit_notes],
    )


@exact()
def _credited(number: int, notes: Iterable[CreditNote], nothing: Decimal) -> Decimal:
    return sum((line.total for each in notes for line in each.lines if line.line == number), nothing)


def _credit_note(note: CreditNote) -> CreditedView:
    if note.public_id is None or note.number is None:
        raise ValueError("what is not written credits nothing")
    return CreditedView(
        id=note.public_id,
        number=note.number,
        issued_at=note.issued_at,
        reason=note.reason,
        note=note.note,
        net=digits(note.net),
        tax=digits(note.tax),
        total=digits(note.total),
        to_invoice=digits(note.to_invoice),
        to_balance=digits(note.to_balance),
        to_refund=digits(note.to_refund),
        lines=[_credited_line(each) for each in note.lines],
        credit_note=f"{CREDIT_NOTES}/{note.public_id}",
    )


def _credited_line(each: PlannedLine) -> CreditedLineView:
    return CreditedLineView(
        line=each.line,
        description=each.description,
        net=digits(each.net),
        tax=digits(each.tax),
        total=digits(each.total),
    )


def _explained(each: Explained, credited: Decimal) -> LineExplainedView:
    line, truth = each.line, each.truth
    return LineExplainedView(
        line=each.number,
        description=line.description,
        plan=line.plan,
        price_version=line.price_version,
        quantity=digits(line.quantity),
        unit=line.unit,
        amount=digits(line.amount),
        total=digits(each.settled.total),
        credited=digits(credited),
        steps=_said(each.steps),
        members=[ShareView(share.member, digits(share.amount)) for share in line.members],
        hours=[_hour(hour, hour.hour) for hour in each.hours if hour.hour is not None],
        services=[_service(own) for own in each.services],
        events=truth.events,
        coverage=None if truth.coverage is None else digits(truth.coverage),
        digest=truth.digest,
        as_written=each.as_written,
        statement=each.statement,
        usage_events=each.drill,
    )


def _hour(each: Largest, start: datetime) -> HourView:
    return HourView(each.meter, each.unit, start, start + HOUR, number(each.quantity), each.events)


def _service(each: Largest) -> ServiceView:
    return ServiceView(each.meter, each.unit, each.service, number(each.quantity), each.events)


def _said(steps: Iterable[Said]) -> list[SaidView]:
    return [SaidView(each.step.name, each.says, each.step.facts) for each in steps]


def verdict_view(invoice: Invoice, found: Verdict, altered: Iterable[int]) -> VerdictView:
    """What came of making an invoice again; a line that is not what was written is a difference too."""
    broken = list(altered)
    return VerdictView(
        invoice=invoice.public_id,
        number=invoice.number,
        state="differs" if broken else found.state,
        why=found.why,
        raw_events_since=found.until,
        data_snapshot=found.snapshot,
        currency=invoice.currency,
        total=digits(invoice.total),
        recomputed=None if found.total is None else digits(found.total),
        lines=[_difference(each) for each in found.lines],
        altered_lines=broken,
        since=None if found.since is None else _since(found, found.since),
    )


def _since(found: Verdict, since: Since) -> SinceView:
    return SinceView(
        meters=[CameView(*each) for each in since.came],
        lines=[_difference(each) for each in since.lines],
        total=digits(since.total),
        amount=digits(since.total - (since.total if found.total is None else found.total)),
    )


def _difference(each: LineDifference) -> LineDifferenceView:
    return LineDifferenceView(
        line=each.line,
        kind=each.kind,
        price=each.price,
        description=each.description,
        meter=each.meter,
        amount=digits(each.amount),
        before=_figures(each.stored),
        after=_figures(each.now),
        members_differ=each.shares,
    )


def _figures(each: Figures | None) -> FiguresView | None:
    if each is None:
        return None
    return FiguresView(
        quantity=digits(each.quantity),
        billed_quantity=digits(each.billed_quantity),
        amount=digits(each.amount),
        discount=digits(each.discount),
        tax=digits(each.tax),
        total=digits(each.total),
        price_version=each.price_version,
    )


def statements_view(invoice: Invoice, found: Iterable[Statement], only: str | None) -> StatementsView:
    """The statement of each member, or of the one who sees own usage only."""
    used = {each.member: each.usage for each in invoice.members}
    known = {each.member: each for each in found}
    names = [each.member for each in invoice.members if only is None or each.member == only]
    return StatementsView(
        invoice=invoice.public_id,
        number=invoice.number,
        period=period_view(invoice.period),
        currency=invoice.currency,
        total=digits(invoice.total) if only is None else None,
        rule=RULE,
        members=[
            _statement(invoice, known.get(name, Statement(name, ())), {m: number(q) for m, q in used[name].items()})
            for name in names
        ],
    )


def _statement(invoice: Invoice, each: Statement, usage: dict[str, str]) -> StatementView:
    return StatementView(
        member=each.member,
        amount=digits(each.sum_of("amount")),
        discount=digits(each.sum_of("discount")),
        tax=digits(each.sum_of("tax")),
        tax_included=digits(each.sum_of("tax_included")),
        total=digits(each.sum_of("total")),
        usage=usage,
        lines=[_part(invoice, part) for part in each.parts],
    )


def _part(invoice: Invoice, part: Part) -> PartView:
    return PartView(
        line=part.line,
        description=invoice.lines[part.line - 1].description,
        amount=digits(part.amount),
        discount=digits(part.discount),
        tax=digits(part.tax),
        tax_included=digits(part.tax_included),
        total=digits(part.total),
    )
