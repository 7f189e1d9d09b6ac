"""Which promotional credits come off an invoice, before tax? What was given was never paid, so it is not taxed. Pure.

The invoices of a period are one together: what earlier ones took of a grant is taken again, off the whole period, and
comes off with them. So an invoice has what came off its period by then, and books what is new of that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import msgspec
from msgspec.structs import replace

from meter.ledger.wallet import Lot, Wallet, burn_order, in_money, live, repay
from meter.rating.document import Document
from meter.rating.document.coupons import GRANT
from meter.rating.document.document import SettledLine
from meter.rating.document.terms import Grant, Targets
from meter.rating.money import exact, minor_unit, round_money

NOTHING = Decimal(0)


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """A grant on an invoice: `off` came off its period before tax, and `amount` of that was booked for this invoice.

    `lot` and `grant` are the grant's inner and public id. No meters: it was good for all lines but those of the prices
    `but` (book/plan/price), which are paid as they are used. Less than nothing is given back to the grant.
    """

    lot: int
    grant: UUID
    title: str
    off: Decimal
    amount: Decimal
    meters: tuple[str, ...] = ()
    but: tuple[str, ...] = ()


class Gift(NamedTuple):
    """A grant that was given and not bought; see credit_grant."""

    lot: int
    grant: UUID
    title: str


def grants_of(promotions: Iterable[Promotion]) -> tuple[Grant, ...]:
    """The same as what comes off a document before tax."""
    return tuple(
        Grant(
            name=str(each.grant),
            title=each.title,
            amount=each.off,
            targets=Targets(meters=each.meters, but=each.but),
        )
        for each in promotions
    )


@exact()
def before(promotions: Iterable[Promotion]) -> tuple[Promotion, ...]:
    """What other invoices of a period booked, by grant; nothing of it is new.

    What is for some meters comes first: what is for all would spread over their lines, and leave it nothing to pay.
    """
    first: dict[int, Promotion] = {}
    sums: defaultdict[int, Decimal] = defaultdict(Decimal)
    for each in promotions:
        first.setdefault(each.lot, each)
        sums[each.lot] += each.amount
    found = [replace(first[lot], off=off, amount=off * 0) for lot, off in sums.items() if off > 0]
    return tuple(sorted(found, key=lambda each: not each.meters))


@exact()
def offered(wallet: Wallet, gifts: Mapping[int, Gift], but: Sequence[str], at: datetime) -> tuple[Promotion, ...]:
    """What there is of gifts, in money and in burn order; neither what is reserved nor what has to pay debts first."""
    repaid, _ = repay(wallet, at)
    lots = burn_order(lot for lot in repaid.lots if lot.id in gifts and live(lot, at) and lot.left > lot.reserved)
    return tuple(_offer(gifts[lot.id], lot, in_money(wallet, lot.left - lot.reserved), but) for lot in lots)


def _offer(gift: Gift, lot: Lot, free: Decimal, but: Sequence[str]) -> Promotion:
    return Promotion(
        lot=lot.id,
        grant=gift.grant,
        title=gift.title,
        off=free,
        amount=free,
        meters=tuple(sorted(lot.meters)),
        but=tuple(but),
    )


@exact()
def fitting(document: Document, wanted: Sequence[Promotion], room: Decimal) -> tuple[Promotion, ...]:
    """Of what came off a document for all that is `wanted`, as much as there is `room` for what is new.

    What came off before has its room already; what of it no line needs any more is given back.
    """
    applied = [each.amount for each in document.coupons if each.kind == GRANT][-len(wanted) :] if wanted else []
    found = []
    for each, took in zip(wanted, applied, strict=True):
        off = took
        if each.amount:
            off = min(took, room)
            room -= off
        found.append(replace(each, off=off, amount=off if each.amount else off - each.off))
    return tuple(each for each in found if each.off or each.amount)


@exact()
def room_of(lines: Iterable[SettledLine], but: Iterable[str], currency: str) -> Decimal:
    """What lines ask for before taxes on top, but for those of some prices: a gift never becomes money.

    Where fees were billed ahead they are among them twice, as what is owed and as what is taken off.
    """
    others = frozenset(but)
    asked = (each.line.amount - each.discount for each in lines if f"{each.plan}/{each.line.price}" not in others)
    return max(NOTHING, sum(asked, minor_unit(currency) * 0))


@exact()
def came_off(lines: Iterable[SettledLine], currency: str) -> dict[str, Decimal]:
    """What of grants came off lines, by their public ids."""
    found: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        for each in line.discounts:
            if each.kind == GRANT:
                found[each.name] += each.exact
    return {name: round_money(off, currency) for name, off in found.items()}


@exact()
def no_more(promotions: Iterable[Promotion], than: Mapping[str, Decimal]) -> tuple[Promotion, ...]:
    """Promotions of which no more comes off than an amount for each grant; nothing of it is new."""
    left, found = dict(than), []
    for each in promotions:
        off = max(NOTHING, min(each.off, left.get(str(each.grant), NOTHING)))
        left[str(each.grant)] = left.get(str(each.grant), NOTHING) - off
        found.append(replace(each, off=off, amount=off * 0))
    return tuple(found)


@exact()
def given_back(had: Iterable[Promotion], off: Mapping[str, Decimal]) -> tuple[Promotion, ...]:
    """What grants have back of which less came `off` than they `had` given; less than nothing, as it is booked."""
    left, found = dict(off), []
    for each in had:
        took = min(each.off, left.get(str(each.grant), NOTHING))
        left[str(each.grant)] = left.get(str(each.grant), NOTHING) - took
        if took < each.off:
            found.append(replace(each, off=took, amount=took - each.off))
    return tuple(found)
