"""By how much does an invoice differ from what it would be by now? Line by line, taxes and members too. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final

import msgspec
from msgspec.structs import replace

from meter.rating.charge import step
from meter.rating.document import Document
from meter.rating.document.added import taxes_less
from meter.rating.document.document import LineTax, SettledLine, TaxTotal
from meter.rating.line import Line, Share, in_order
from meter.rating.money import exact, minor_unit, share
from meter.verify.compare import place_of

_Pair = tuple[SettledLine | None, SettledLine | None]
KIND: Final = "adjustment"
NOTHING: Final = Decimal(0)


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What an invoice asks for, or would by now: its lines as they were settled, its taxes, and whose its total is."""

    lines: tuple[SettledLine, ...]
    taxes: tuple[TaxTotal, ...]
    members: tuple[Share, ...]
    total: Decimal


class Delta(msgspec.Struct, frozen=True, kw_only=True):
    """A difference, as lines of another invoice; lines, members and `total` add up as they do there."""

    lines: tuple[SettledLine, ...]
    taxes: tuple[TaxTotal, ...]
    members: tuple[Share, ...]
    total: Decimal


def standing_of(document: Document) -> Standing:
    """What a document asks for."""
    return Standing(lines=document.lines, taxes=document.taxes, members=document.members, total=document.total)


@exact()
def between(before: Standing, after: Standing, number: str, currency: str) -> Delta:
    """What has to be added to `before` to come to `after`; no lines where they say the same.

    `number` is the invoice's, which the lines name. A line's amount is after coupons: nothing is taken off it again.
    """
    lines = tuple(_lines(before.lines, after.lines, number, currency))
    return Delta(
        lines=lines,
        taxes=tuple(each for each in taxes_less(after.taxes, before.taxes) if each.exact or each.base or each.amount),
        members=_members(before.members, after.members),
        total=after.total - before.total,
    )


def _lines(
    before: Iterable[SettledLine], after: Iterable[SettledLine], number: str, currency: str
) -> Iterator[SettledLine]:
    there = defaultdict[object, list[SettledLine]](list)
    for line in before:
        there[place_of(line.line)].append(line)
    for now in after:
        same = there[place_of(now.line)]
        then = same.pop(0) if same else None
        if then is None or _differ(then, now):
            yield _difference(then, now, number, currency)
    for gone in there.values():
        for then in gone:
            yield _difference(then, None, number, currency)


def _differ(then: SettledLine, now: SettledLine) -> bool:
    """Whether money or shares of it differ; a quantity that costs nothing more is no difference."""
    sums = ("discount", "taxable", "tax_exact", "tax", "tax_included", "total")
    same = all(getattr(then, name) == getattr(now, name) for name in sums)
    return not same or then.line.amount != now.line.amount or _paid(then) != _paid(now)


def _difference(then: SettledLine | None, now: SettledLine | None, number: str, currency: str) -> SettledLine:
    """A line of `now` less one of `then`; one of them is there."""
    named = now or then
    if named is None:
        raise ValueError("there is no line to tell a difference of")

    def of(name: str) -> Decimal:
        return _figure(now, name) - _figure(then, name)

    amount = _net(now) - _net(then)
    return replace(
        named,
        line=_line((then, now), named.line, amount, number, _moved(then, now, currency)),
        discounts=(),
        discount=amount * 0,
        taxable=of("taxable"),
        taxes=_taxes(then, now),
        tax_exact=of("tax_exact"),
        tax=of("tax"),
        tax_included=of("tax_included"),
        total=of("total"),
    )


def _line(pair: _Pair, named: Line, amount: Decimal, number: str, members: tuple[Share, ...]) -> Line:
    def of(name: str) -> Decimal:
        was, by_now = _quantities(pair, name)
        return by_now - was

    was, by_now = _quantities(pair, "quantity")
    facts = step(KIND, invoice=number, before=f"{was:f}", after=f"{by_now:f}", amount=f"{amount:f}")
    return replace(
        named,
        kind=KIND,
        description=f"{named.description}, changed since {number}",
        quantity=of("quantity"),
        included=of("included"),
        billed_quantity=of("billed_quantity"),
        exact=amount,
        amount=amount,
        gross=amount,
        discounts=(),
        derivation=(facts,),
        members=members,
    )


def _quantities(pair: _Pair, name: str) -> list[Decimal]:
    return [getattr(line.line, name) if line else NOTHING for line in pair]


def _net(line: SettledLine | None) -> Decimal:
    """What a line asks for before taxes that it does not contain."""
    return line.line.amount - line.discount if line else NOTHING


def _figure(line: SettledLine | None, name: str) -> Decimal:
    found: Decimal = getattr(line, name) if line else NOTHING
    return found


def _paid(line: SettledLine) -> dict[str | None, Decimal]:
    return {each.member: each.amount for each in line.line.members if each.amount}


def _moved(then: SettledLine | None, now: SettledLine | None, currency: str) -> tuple[Share, ...]:
    """Whose the difference is: what each has of the line after coupons, less what each had."""
    parts = defaultdict[str | None, Decimal](Decimal)
    for line, sign in ((now, 1), (then, -1)):
        for member, amount in _after_coupons(line, currency).items():
            parts[member] += sign * amount
    moved = {member: amount for member, amount in parts.items() if amount} or {None: _net(now) - _net(then)}
    return tuple(Share(member, moved[member]) for member in in_order(moved))


def _after_coupons(line: SettledLine | None, currency: str) -> Mapping[str | None, Decimal]:
    if line is None:
        return {}
    weights = {each.member: abs(each.amount) for each in line.line.members if each.amount}
    return share(_net(line), weights or {None: Decimal(1)}, minor_unit(currency))


def _taxes(then: SettledLine | None, now: SettledLine | None) -> tuple[LineTax, ...]:
    parts = defaultdict[tuple[str, Decimal, bool], Decimal](Decimal)
    for line, sign in ((now, 1), (then, -1)):
        for tax in line.taxes if line else ():
            parts[tax.name, tax.percent, tax.inclusive] += sign * tax.exact
    return tuple(LineTax(*kind, amount) for kind, amount in parts.items() if amount)


def _members(before: Iterable[Share], after: Iterable[Share]) -> tuple[Share, ...]:
    parts = defaultdict[str | None, Decimal](Decimal)
    for sign, shares in ((1, after), (-1, before)):
        for each in shares:
            parts[each.member] += sign * each.amount
    return tuple(Share(member, parts[member]) for member in in_order(parts) if parts[member])
