"""Which lines of an invoice were charged as they were used, and by how much is that not what they come to? Pure.

Usage is charged exactly, without tax; a line is rounded, and has its coupons and taxes. What an account is asked for
when the invoice is final is the difference, so that what is billed is what was charged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from meter.agreement import Agreement, Part
from meter.ledger.due import INVOICE
from meter.prices.schedule import name_of
from meter.rating.document.document import SettledLine
from meter.rating.line import Line
from meter.rating.marginal import why_not
from meter.rating.money import exact
from meter.rating.periods import Period

NOTHING = Decimal(0)


class Charge(NamedTuple):
    """What was charged of a price (`book/plan/price`) in a billing period, in money, and not billed before."""

    price: str
    starts_at: datetime
    ends_at: datetime
    amount: Decimal


class Charged(NamedTuple):
    """The `lines` (by their places) that accounts pay, what those come to, and what was charged for them before.

    `rest` is by meter what is still to be taken of the team's account; less than nothing is given back.
    """

    lines: frozenset[int]
    billed: Decimal
    charges: tuple[Charge, ...]
    rest: Mapping[str, Decimal]


@exact()
def charged(agreement: Agreement, lines: Sequence[SettledLine], there: Sequence[Charge]) -> Charged:
    """What of an invoice is paid as it was used; `there` is what was charged and is on no invoice yet.

    Where a billing period is not all within the invoice's, its lines say how much of what was charged they bill.
    """
    places = frozenset(_places(agreement, lines, there))
    used = [lines[place] for place in sorted(places)]
    exactly = _by_price(used)
    charges = tuple(_charge(each, agreement.period, exactly) for each in _known(agreement, there))
    return Charged(places, sum((line.total for line in used), NOTHING), charges, _rest(used, charges))


def charged_prices(agreement: Agreement, there: Iterable[Charge]) -> tuple[str, ...]:
    """The prices (`book/plan/price`) whose lines accounts pay, whether or not anything was charged of them."""
    named = {f"{name_of(part.plan)}/{price}" for part in agreement.parts for price in _prices(part)}
    return tuple(sorted(named | {each.price for each in there if each.ends_at > agreement.period.start}))


def _places(agreement: Agreement, lines: Sequence[SettledLine], there: Sequence[Charge]) -> Iterable[int]:
    """Usage under a plan that charges it; of earlier periods, what was charged then."""
    for place, settled in enumerate(lines):
        line = settled.line
        part = _part(agreement, line)
        if _is_charged(part, line.price) if part is not None else any(_is_of(each, line) for each in there):
            yield place


def _part(agreement: Agreement, line: Line) -> Part | None:
    start = line.start or agreement.period.start
    same = (part for part in agreement.parts if name_of(part.plan) == line.plan)
    return next((part for part in same if part.span.start <= start < part.span.end), None)


def _is_charged(part: Part, price: str) -> bool:
    return price in _prices(part)


def _prices(part: Part) -> frozenset[str]:
    """The prices of a plan that are charged as they are used; fees never are."""
    if part.plan.charge == INVOICE:
        return frozenset()
    return frozenset(each.id for each in part.plan.prices if each.counts and why_not(each) is None)


def _is_of(charge: Charge, line: Line) -> bool:
    return charge.price == _name(line) and line.start is not None and charge.starts_at <= line.start < charge.ends_at


def _name(line: Line) -> str:
    return f"{line.plan}/{line.price}"


def _by_price(lines: Iterable[SettledLine]) -> dict[str, Decimal]:
    found: defaultdict[str, Decimal] = defaultdict(Decimal)
    for each in lines:
        found[_name(each.line)] += each.line.exact
    return found


def _known(agreement: Agreement, there: Sequence[Charge]) -> Iterable[Charge]:
    """Those, and each price of this period of which nothing was charged: what is charged of it later is known then."""
    yield from there
    period = agreement.period
    names = {f"{name_of(part.plan)}/{price}" for part in agreement.parts for price in _prices(part)}
    for name in sorted(names - {each.price for each in there if each.ends_at > period.start}):
        yield Charge(name, period.start, period.end, NOTHING)


def _charge(there: Charge, period: Period, exactly: Mapping[str, Decimal]) -> Charge:
    """All of a billing period that is over with the invoice's; of another, what the lines come to."""
    within = period.start <= there.starts_at and there.ends_at <= period.end
    if within or there.ends_at <= period.start:
        return there
    return there._replace(amount=min(there.amount, exactly.get(there.price, NOTHING)))


def _rest(lines: Iterable[SettledLine], charges: Iterable[Charge]) -> dict[str, Decimal]:
    rest: defaultdict[str, Decimal] = defaultdict(Decimal)
    meters: dict[str, str] = {}
    for each in lines:
        meters.setdefault(_name(each.line), each.line.meter)
        rest[each.line.meter] += each.total
    for charge in charges:
        rest[meters.get(charge.price, "")] -= charge.amount
    return {meter: amount for meter, amount in rest.items() if amount}
