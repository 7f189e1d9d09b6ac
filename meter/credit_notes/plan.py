"""What will a credit note say? From the lines and what is asked to amounts, taxes, members and where it goes; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec

from meter.credit_notes import members
from meter.credit_notes.lines import Creditable
from meter.credit_notes.wanted import OfLine, To, Wanted
from meter.errors import CreditRefused, InvalidBody
from meter.invoices import Invoice
from meter.rating import proration
from meter.rating.charge import total
from meter.rating.credit import RateTax, part, spread, unused
from meter.rating.line import Share
from meter.rating.models import flat
from meter.rating.money import exact, minor_unit
from meter.rating.periods import Period

IN_ADVANCE = "advance"


class PlannedLine(msgspec.Struct, frozen=True):
    """What is credited of a line, by its number from 1: `net` and `tax`, by rate, come to `total`; and whose it is."""

    line: int
    description: str
    net: Decimal
    tax: Decimal
    total: Decimal
    taxes: tuple[RateTax, ...]
    members: tuple[Share, ...]


class Room(NamedTuple):
    """What of an invoice may still go where: off what is `to_pay` of it, or back of what was `paid` for it."""

    to_pay: Decimal
    paid: Decimal


class Where(NamedTuple):
    """How much goes off what is to pay of the invoice, into the team's account, and back by other ways."""

    invoice: Decimal
    balance: Decimal
    refund: Decimal


class Plan(NamedTuple):
    """What a credit note will say."""

    lines: tuple[PlannedLine, ...]
    net: Decimal
    tax: Decimal
    total: Decimal
    taxes: tuple[RateTax, ...]
    where: Where


@exact()
def plan(wanted: Wanted, lines: Sequence[Creditable], room: Room) -> Plan:
    """What is asked, as far as the invoice goes.

    Raises CreditRefused for more than is left, of a line, of the invoice, or of where it is to go; InvalidBody for a
    line that is not there, or an amount that is not whole minor units above zero.
    """
    invoice = wanted.invoice
    amounts = _amounts(wanted, {each.number: each for each in lines})
    known = {each.number: each for each in lines}
    made = tuple(_line(known[at], amounts[at], invoice.currency) for at in sorted(amounts))
    net, tax = (total(getattr(each, name) for each in made) + invoice.total * 0 for name in ("net", "tax"))
    left = invoice.total - total(each.credited_total for each in lines)
    if not made or net + tax <= 0:
        raise CreditRefused("nothing of this is left to credit", reason="nothing_left", left=f"{left:f}")
    if net + tax > left:
        said = f"{net + tax:f} is more than the {left:f} that is left of the invoice"
        raise CreditRefused(said, reason="too_much", left=f"{left:f}")
    return Plan(made, net, tax, net + tax, _taxes(made), _where(net + tax, wanted.to, room))


def _amounts(wanted: Wanted, lines: Mapping[int, Creditable]) -> dict[int, Decimal]:
    """What is credited of which line, without tax; a line that is named twice is refused."""
    if wanted.lines:
        return _of_lines(wanted.lines, lines, wanted.invoice.currency)
    if wanted.amount is not None:
        return _of_all(wanted.amount, lines.values(), wanted.invoice.currency)
    if wanted.unused_from is not None:
        return _of_time(wanted.unused_from, lines.values(), wanted.invoice)
    return {each.number: each.left for each in lines.values() if each.is_left}


def _of_lines(asked: Sequence[OfLine], lines: Mapping[int, Creditable], currency: str) -> dict[int, Decimal]:
    if len({each.line for each in asked}) < len(asked):
        raise InvalidBody("lines: name each line once")
    return {each.line: _of_line(each, lines.get(each.line), currency) for each in asked}


def _of_line(asked: OfLine, line: Creditable | None, currency: str) -> Decimal:
    if line is None:
        raise InvalidBody(f"lines: the invoice has no line {asked.line}")
    if asked.amount is None and line.is_left:
        return line.left
    amount = line.left if asked.amount is None else _whole(asked.amount, currency)
    if not line.is_left or amount > line.left:
        said = f"of line {asked.line} {line.left:f} is left, without tax"
        raise CreditRefused(said, reason="too_much", left=f"{line.left:f}", line=asked.line)
    return amount


def _of_all(amount: Decimal, lines: Iterable[Creditable], currency: str) -> dict[int, Decimal]:
    left = {each.number: each.left for each in lines if each.left > 0}
    if _whole(amount, currency) > total(left.values()):
        said = f"{total(left.values()):f} is left of the invoice, without tax"
        raise CreditRefused(said, reason="too_much", left=f"{total(left.values()):f}")
    return spread(_whole(amount, currency), left, currency)


def _whole(amount: Decimal, currency: str) -> Decimal:
    unit = minor_unit(currency)
    if amount <= 0 or amount % unit:
        raise InvalidBody(f"amount: above zero, in whole {unit:f} {currency}")
    return amount.quantize(unit)


def _of_time(since: datetime, lines: Iterable[Creditable], invoice: Invoice) -> dict[int, Decimal]:
    """Fees, by the days after the one that an instant is on; one that begins a day leaves that day unused.

    Fees in advance are not among them: the invoice of their period takes off what was billed of it, served or not.
    """
    if invoice.reason == IN_ADVANCE:
        said = "the invoice of their period takes off what of these fees is not served; it would go back twice"
        raise CreditRefused(said, reason="in_advance")
    found = {}
    for each in lines:
        if each.line.kind == flat.KIND and each.left > 0:
            amount = min(_unused(since, each, invoice), each.left)
            if amount:
                found[each.number] = amount
    return found


def _unused(since: datetime, fee: Creditable, invoice: Invoice) -> Decimal:
    start, end = fee.line.start or invoice.period.start, fee.line.end or invoice.period.end
    time = Period(start, end, invoice.period.zone)
    of = proration.share(start, end, time, proration.DAYS).whole
    served = proration.share(start, max(start, since), time, proration.DAYS).part
    return unused(fee.net, of - served, of, invoice.currency)


def _line(line: Creditable, amount: Decimal, currency: str) -> PlannedLine:
    found = part(line.net, line.taxes, amount, currency, line.credited)
    whose = members.parts(line.members, line.given, found.total, currency)
    return PlannedLine(line.number, line.line.description, found.net, found.tax, found.total, found.taxes, whose)


def _taxes(lines: Iterable[PlannedLine]) -> tuple[RateTax, ...]:
    """The taxes of all lines, by rate."""
    found: dict[tuple[str, Decimal, bool], RateTax] = {}
    for each in (tax for line in lines for tax in line.taxes):
        key = (each.name, each.percent, each.inclusive)
        there = found.get(key)
        found[key] = each if there is None else msgspec.structs.replace(there, amount=there.amount + each.amount)
    return tuple(found.values())


def _where(amount: Decimal, to: To | None, room: Room) -> Where:
    """Off what is still to pay first, unless it is said where. Raises CreditRefused where there is no room for it."""
    nothing = amount * 0
    if to is None:
        first = min(amount, room.to_pay)
        return Where(first, amount - first, nothing)
    most = room.to_pay if to == "invoice" else room.paid
    if amount > most:
        words = "is left to pay of the invoice" if to == "invoice" else "was paid for the invoice and not given back"
        raise CreditRefused(f"{most:f} {words}, this is {amount:f}", reason="no_room", left=f"{most:f}")
    return Where(**{"invoice": nothing, "balance": nothing, "refund": nothing} | {to: amount})
