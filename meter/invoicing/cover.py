"""Which credits of a wallet pay how much of an invoice? Exact, in whole minor units together. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from meter.ledger.applied import Credit, apply
from meter.ledger.wallet import ZERO, Burn, Wallet, burn_order, in_money, in_unit, live, owed, repay, take, taken
from meter.rating.money import exact, minor_unit


class Owed(NamedTuple):
    """A line to be paid, with its tax, and the meter that it is of (empty: of none)."""

    amount: Decimal
    meter: str = ""


class Source(NamedTuple):
    """Money to pay with: of a lot, or (None) of what lies beyond all lots for `meter`. No meters: for all lines."""

    lot_id: int | None
    amount: Decimal
    meters: frozenset[str] = frozenset()
    meter: str = ""


class Covered(NamedTuple):
    """A wallet after it paid, by which burns, and how much money that is; nothing is burned where nothing is paid."""

    wallet: Wallet
    burns: tuple[Burn, ...]
    money: Decimal


@exact()
def cover(
    wallet: Wallet, lines: Sequence[Owed], currency: str, at: datetime, but: Collection[int] = frozenset()
) -> Covered:
    """Pays lines as far as the wallet goes, in burn order; what is owed of usage is paid first, as always.

    Lots in `but` pay nothing of the lines: what was given comes off before tax, and is no money.

    What is reserved is not touched. The wallet's unit is the currency, or credits at a price in it. What is paid in all
    is cut down to whole minor units: a part of a cent can't be left to pay.
    """
    repaid, debts = repay(wallet, at)
    given = [each for each in sources(repaid, at) if each.lot_id is None or each.lot_id not in but]
    credits_ = [Credit(each.amount, _places(lines, each.meters)) for each in given]
    found = apply([line.amount for line in lines], credits_)
    paid = _cut([each.amount - left for each, left in zip(given, found.left, strict=True)], currency)
    burns = tuple(
        Burn(each.lot_id, in_unit(wallet, amount), each.meter)
        for each, amount in zip(given, paid, strict=True)
        if amount
    )
    if not burns:
        return Covered(wallet, (), ZERO)
    return Covered(take(repaid, burns), debts + burns, in_money(wallet, taken(burns)))


@exact()
def sources(wallet: Wallet, at: datetime) -> tuple[Source, ...]:
    """What of a wallet is free to pay with, in money, in burn order; what lies beyond all lots comes last."""
    return (*_of_lots(wallet, at), *_beyond(wallet))


def _of_lots(wallet: Wallet, at: datetime) -> Iterator[Source]:
    for lot in burn_order(lot for lot in wallet.lots if live(lot, at)):
        free = lot.left - lot.reserved
        if free > 0:
            yield Source(lot.id, in_money(wallet, free), lot.meters)


def _beyond(wallet: Wallet) -> Iterator[Source]:
    """What was given back of usage lies there as a debt below zero; debts above it, and calls, have it first."""
    reserved = wallet.reserved - sum((lot.reserved for lot in wallet.lots), ZERO)
    room = -owed(wallet) - reserved
    for meter, debt in sorted(wallet.owed.items()):
        amount = min(-debt, room)
        if amount > 0:
            room -= amount
            yield Source(None, in_money(wallet, amount), frozenset({meter} - {""}), meter)


def _places(lines: Sequence[Owed], meters: frozenset[str]) -> frozenset[int] | None:
    if not meters:
        return None
    return frozenset(place for place, line in enumerate(lines) if line.meter in meters)


def _cut(paid: Iterable[Decimal], currency: str) -> list[Decimal]:
    """The same, less the part of a minor unit that all come to: the last ones keep it."""
    amounts = list(paid)
    rest = sum(amounts, ZERO) % minor_unit(currency)
    for place in reversed(range(len(amounts))):
        part = min(rest, amounts[place])
        amounts[place] -= part
        rest -= part
    return amounts
