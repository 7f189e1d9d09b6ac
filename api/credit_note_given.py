"""What may be asked of a credit note, as bodies say it."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from api.credit_given import Moment, Words, amount_of
from meter.credit_notes.wanted import OfLine, Reason, To, Wanted
from meter.errors import InvalidBody
from meter.invoices import Invoice

MOST_LINES = 1_000


class LineGiven(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of the invoice, counted from 1; without an `amount`, which is before tax, all that is left of it."""

    line: Annotated[int, Meta(ge=1, le=1_000_000)]
    amount: Decimal | None = None


class UnusedGiven(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Fees for the days after the one that `from` is on; where it begins a day, from that day on."""

    from_: Moment


class NewCreditNote(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What of an invoice is taken back, and why: one of `all`, `amount`, `lines` and `unused`.

    `amount`, of all lines, is before tax. Without `to` it goes off what is still to pay of the `invoice` and the rest
    into the team's account (`balance`); `refund` says that it was given back by other ways. `preview` keeps nothing.
    """

    reason: Reason
    all: bool = False
    amount: Decimal | None = None
    lines: Annotated[list[LineGiven], Meta(max_length=MOST_LINES)] = []
    unused: UnusedGiven | None = None
    note: Words = ""
    to: To | None = None
    preview: bool = False


def wanted_of(data: NewCreditNote, invoice: Invoice) -> Wanted:
    """What is asked for. Raises InvalidBody where it is not one thing."""
    if sum((data.all, data.amount is not None, bool(data.lines), data.unused is not None)) != 1:
        raise InvalidBody("say what is credited: `all`, an `amount`, `lines` or what is `unused`, one of them")
    return Wanted(
        invoice=invoice,
        reason=data.reason,
        lines=tuple(OfLine(each.line, _amount("lines.amount", each.amount)) for each in data.lines),
        amount=_amount("amount", data.amount),
        unused_from=None if data.unused is None else data.unused.from_,
        note=data.note,
        to=data.to,
    )


def _amount(name: str, given: Decimal | None) -> Decimal | None:
    return None if given is None else amount_of(name, given)
