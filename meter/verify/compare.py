"""Where do two accounts of the same period differ? Usage by usage, and line by line to the cent. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from meter.billable import Billable
from meter.invoices import Settled
from meter.rating.line import Line, Share
from meter.rating.money import displayed, exact
from meter.rating.usage import Usage

_PartOf = tuple[int, str, str, str | None, str | None, tuple[tuple[str, str], ...], datetime | None]
_LineOf = tuple[str, str, str, str, str, str, datetime | None, datetime | None]
NOTHING = Decimal(0)


class Amount(NamedTuple):
    """A quantity in the meter's unit, and of how many events; levels have no events of their own."""

    quantity: Decimal
    events: int


class Difference(NamedTuple):
    """Usage of which the buckets say something else than the raw events; `at` where prices go by the time of day.

    `part` numbers the parts of the period that have a plan of their own, from 0.
    """

    part: int
    meter: str
    measure: str
    member: str | None
    service: str | None
    labels: tuple[tuple[str, str], ...]
    at: datetime | None
    buckets: Amount
    raw: Amount


class Figures(NamedTuple):
    """What a line says: a quantity in its unit, `amount` before coupons and taxes, `total` after them."""

    quantity: Decimal
    billed_quantity: Decimal
    exact: Decimal
    amount: Decimal
    discount: Decimal
    tax: Decimal
    total: Decimal
    price_version: str


class LineDifference(NamedTuple):
    """A line of which two accounts say something else; `line` is its number from 1, None where only `now` has it.

    `shares` tells that members have other parts of it.
    """

    line: int | None
    kind: str
    price: str
    description: str
    meter: str
    stored: Figures | None
    now: Figures | None
    shares: bool

    @property
    def amount(self) -> Decimal:
        """By how much what is to be paid is higher now."""
        return (self.now.total if self.now else NOTHING) - (self.stored.total if self.stored else NOTHING)


class Account(NamedTuple):
    """Lines, each with what coupons and taxes made of it, and what is to be paid in all."""

    lines: Sequence[Line]
    settled: Sequence[Settled]
    total: Decimal


def usage(buckets: Billable, raw: Billable) -> tuple[Difference, ...]:
    """Where usage differs, in the order of the period's parts; what only one side has counts as none on the other."""
    ours, theirs = _amounts(buckets), _amounts(raw)
    return tuple(
        Difference(*place, ours.get(place, _NONE), theirs.get(place, _NONE))
        for place in dict.fromkeys((*ours, *theirs))
        if ours.get(place, _NONE) != theirs.get(place, _NONE)
    )


_NONE = Amount(NOTHING, 0)


def _amounts(found: Billable) -> dict[_PartOf, Amount]:
    parts: list[tuple[Usage, ...]] = [*found.parts, found.outside]
    return {
        (part, row.meter, row.measure, row.member, row.service, row.dimensions, row.at): Amount(
            displayed(row.quantity, row.divisor), row.events or 0
        )
        for part, rows in enumerate(parts)
        for row in rows
        if row.quantity or row.events
    }


@exact()
def lines(stored: Account, now: Account) -> tuple[LineDifference, ...]:
    """Where lines differ, in the order of the stored ones; lines are told apart by price, labels, plan and time."""
    there: defaultdict[_LineOf, list[tuple[Line, Settled]]] = defaultdict(list)
    for line, settled in zip(now.lines, now.settled, strict=True):
        there[place_of(line)].append((line, settled))
    return tuple(_differing(zip(stored.lines, stored.settled, strict=True), there))


def _differing(
    stored: Iterable[tuple[Line, Settled]], there: dict[_LineOf, list[tuple[Line, Settled]]]
) -> Iterator[LineDifference]:
    for number, (line, settled) in enumerate(stored, 1):
        same = there.get(place_of(line))
        other = same.pop(0) if same else None
        before, after = figures(line, settled), figures(*other) if other else None
        moved = other is not None and _shares(line.members) != _shares(other[0].members)
        if before != after or moved:
            yield _difference(number, line, before, after, shares=moved)
    for left in there.values():
        for line, settled in left:
            yield _difference(None, line, None, figures(line, settled), shares=False)


def _difference(
    number: int | None, line: Line, stored: Figures | None, now: Figures | None, *, shares: bool
) -> LineDifference:
    return LineDifference(number, line.kind, line.price, line.description, line.meter, stored, now, shares)


def figures(line: Line, settled: Settled) -> Figures:
    """What a line says."""
    return Figures(
        line.quantity,
        line.billed_quantity,
        line.exact,
        line.amount,
        settled.discount,
        settled.tax,
        settled.total,
        line.price_version,
    )


def _shares(members: Iterable[Share]) -> dict[str | None, Decimal]:
    return {each.member: each.amount for each in members if each.amount}


def place_of(line: Line) -> _LineOf:
    """What tells a line from others of its invoice."""
    return line.kind, line.price, line.meter, line.measure, line.cell, line.plan, line.start, line.end
