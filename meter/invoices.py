"""What was billed? Invoices as they were made, read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

import msgspec

from meter.database import Connection
from meter.invoicing import settled as settlements
from meter.invoicing.numbers import DEFAULT as NUMBERS
from meter.invoicing.promotional import Promotion
from meter.invoicing.settled import Expected, Settlement
from meter.rating.charge import Step
from meter.rating.document import Document
from meter.rating.document.document import Applied, TaxTotal
from meter.rating.invoice import MemberShare
from meter.rating.line import Discount, Line, Share
from meter.rating.periods import Period
from sql import statement

Status = Literal["draft", "open", "paid", "void", "uncollectible"]
State = Literal["draft", "open", "overdue", "paid", "void", "uncollectible"]
"""A status as one asks for it: what is overdue is open, and due before now."""


class Party(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who sells or who pays, as printed: a name and what stands under it.

    `lines` are as they are, of invoices from before there was more. `payment` and `notes` are a seller's: how to pay,
    and what else to say; `numbers` the format of its invoices' numbers. `locale` and `reference` are a customer's: how
    numbers are written, and its own order number.
    """

    name: str
    lines: tuple[str, ...] = ()
    address: tuple[str, ...] = ()
    country: str = ""
    tax_ids: tuple[str, ...] = ()
    email: str = ""
    payment: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    locale: str = ""
    reference: str = ""
    numbers: str = NUMBERS


class Sums(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Between the lines and the total of an invoice: what was taken off and taxed, and how, as in ``Document``.

    `promotions` are the grants among what was taken off; `expected` is what would settle a draft if it were final.
    """

    subtotal: Decimal
    spend_discount: Decimal
    coupons: tuple[Applied, ...]
    coupons_total: Decimal
    taxes: tuple[TaxTotal, ...]
    tax: Decimal
    tax_included: Decimal
    net: Decimal
    derivation: tuple[Step, ...]
    promotions: tuple[Promotion, ...] = ()
    expected: tuple[Expected, ...] = ()


def sums_of(document: Document, promotions: tuple[Promotion, ...] = (), expected: tuple[Expected, ...] = ()) -> Sums:
    """The sums of a document, with what of it came off grants, and what would settle it."""
    names = [name for name in Sums.__struct_fields__ if name not in {"promotions", "expected"}]
    known = {name: getattr(document, name) for name in names}
    return Sums(**known, promotions=promotions, expected=expected)


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """What coupons and taxes made of a line: less `discount`, plus the `tax` that it does not contain, is `total`."""

    discount: Decimal
    tax: Decimal
    tax_included: Decimal
    total: Decimal


def settled_of(document: Document) -> tuple[Settled, ...]:
    """What a document makes of each of its lines."""
    names = Settled.__struct_fields__
    return tuple(Settled(**{name: getattr(line, name) for name in names}) for line in document.lines)


def plain_settled(amount: Decimal) -> Settled:
    """Of a line of which nothing was made."""
    nothing = amount * 0
    return Settled(discount=nothing, tax=nothing, tax_included=nothing, total=amount)


def plain_sums(total: Decimal) -> Sums:
    """Of an invoice without terms."""
    nothing = total * 0
    return Sums(
        subtotal=total,
        spend_discount=nothing,
        coupons=(),
        coupons_total=nothing,
        taxes=(),
        tax=nothing,
        tax_included=nothing,
        net=total,
        derivation=(),
    )


class TakenBack(NamedTuple):
    """A credit note of an invoice: what it takes back, tax included."""

    public_id: UUID
    number: str
    total: Decimal
    issued_at: datetime


class Invoice(msgspec.Struct, frozen=True, kw_only=True):
    """One team, one period, one reason. A draft has no number and dates yet; what is final keeps all but its status.

    `finalise_at` is when a draft becomes final by itself; `closed_at` when it was paid, voided or given up.

    `meters` has title and unit of each meter in the members' usage. `exact` is the lines before rounding. `settled` has
    an entry for each line, `settlements` what of the total need not be paid any more, and `credit_notes` those that
    took a part of it back. In a list all of these and the members are left out, but what is settled is `settled_sum`.
    `sums` is None of an invoice from before there were any.
    """

    id: int
    public_id: UUID
    team_id: int
    team: UUID
    reason: str
    period: Period
    plan: str
    book: str
    price_version: str
    rating_version: str
    currency: str
    total: Decimal
    exact: Decimal
    seller: Party
    customer: Party
    meters: dict[str, tuple[str, str]]
    as_of: datetime | None
    created_at: datetime
    status: Status
    number: str | None
    issued_at: datetime | None
    due_at: datetime | None
    finalise_at: datetime | None
    closed_at: datetime | None
    closed_note: str
    sums: Sums | None
    settled_sum: Decimal
    lines: tuple[Line, ...] = ()
    settled: tuple[Settled, ...] = ()
    members: tuple[MemberShare, ...] = ()
    settlements: tuple[Settlement, ...] = ()
    credit_notes: tuple[TakenBack, ...] = ()

    @property
    def to_pay(self) -> Decimal:
        """What is left to pay, nothing of what is paid or void; in a list, too."""
        return self.total * 0 if self.status in {"paid", "void"} else settlements.left(self.total, self.settled_sum)


async def head(conn: Connection, public_id: UUID, team_id: int | None) -> Invoice | None:
    """The invoice as in a list, None where there is none or it is not of `team_id` (None: whosever it is)."""
    asked = {"public_id": public_id, "team_id": team_id}
    row = await (await conn.execute(statement("get_invoice"), asked)).fetchone()
    return None if row is None else _invoice(row)


async def get(conn: Connection, public_id: UUID, team_id: int | None) -> Invoice | None:
    """The invoice with its lines, None where there is none or it is not of `team_id` (None: whosever it is)."""
    found = await head(conn, public_id, team_id)
    if found is None:
        return None
    asked = {"invoice_id": found.id}
    lines = await (await conn.execute(statement("list_invoice_lines"), asked)).fetchall()
    members = await (await conn.execute(statement("list_invoice_members"), asked)).fetchall()
    notes = await (await conn.execute(statement("list_invoice_credits"), asked)).fetchall()
    return msgspec.structs.replace(
        found,
        lines=tuple(line_of(line[:-1]) for line in lines),
        settled=tuple(_settled(line[-1]) for line in lines if line[-1] is not None),
        members=tuple(map(_member, members)),
        settlements=await settlements.read(conn, found.id),
        credit_notes=tuple(TakenBack(*each) for each in notes),
    )


READ_APART: Final = frozenset({"lines", "settled", "members", "settlements", "credit_notes"})
"""What of an invoice is in tables of its own."""


class Wanted(NamedTuple):
    """Which invoices: in any of these states as of now, made for a reason, of periods that begin in [since, until).

    None: in any state at all, for any reason, and so on.
    """

    states: tuple[State, ...] | None = None
    now: datetime | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None


ANY: Final = Wanted()


async def list_invoices(
    conn: Connection, team_id: int | None, before: UUID | None, rows: int, wanted: Wanted = ANY
) -> list[Invoice]:
    """At most `rows` invoices made before the one named, newest first, without lines; of all teams with None."""
    statuses = None if wanted.states is None else list(wanted.states)
    asked = wanted._asdict() | {"team_id": team_id, "before": before, "rows": rows, "statuses": statuses}
    found = await (await conn.execute(statement("list_invoices"), asked)).fetchall()
    return [_invoice(row) for row in found]


async def before(conn: Connection, invoice: Invoice) -> Invoice | None:
    """The invoice of the team's period before this one, made for the same reason, with its lines; None for none."""
    asked = {"team_id": invoice.team_id, "reason": invoice.reason, "before": invoice.period.start}
    row = await (await conn.execute(statement("find_invoice_before"), asked)).fetchone()
    return None if row is None else await get(conn, row[0], invoice.team_id)


def _invoice(row: Sequence[Any]) -> Invoice:
    """A row of get_invoice: its sixth to ninth column are the period's."""
    names = [name for name in Invoice.__struct_fields__ if name not in READ_APART]
    values = dict(zip(names, (*row[:5], Period(*row[5:9]), *row[9:]), strict=True))
    for name, kind in (("seller", Party), ("customer", Party), ("meters", dict[str, tuple[str, str]])):
        values[name] = msgspec.convert(values[name], kind)
    values["sums"] = None if values["sums"] is None else msgspec.json.decode(values["sums"], type=Sums, strict=False)
    return Invoice(**values)


def _settled(stored: Mapping[str, Any]) -> Settled:
    return msgspec.convert(stored, Settled, strict=False)


def line_of(row: Sequence[Any]) -> Line:
    """A line from its columns, in the order of its fields."""
    values = dict(zip(Line.__struct_fields__, row, strict=True))
    values["derivation"] = msgspec.convert(values["derivation"], tuple[Step, ...])
    values["discounts"] = msgspec.convert(values["discounts"], tuple[Discount, ...], strict=False)
    values["members"] = tuple(Share(member, Decimal(amount)) for member, amount in values["members"])
    return Line(**values)


def _member(row: Sequence[Any]) -> MemberShare:
    usage: Mapping[str, str] = row[2]
    return MemberShare(row[0], row[1], {meter: Decimal(quantity) for meter, quantity in usage.items()})
