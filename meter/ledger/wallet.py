"""What may a wallet still reserve, which credits does usage take, and what is owed beyond them? Pure values in and out.

Amounts are in the wallet's unit, money or credits, and exact. `balance` = what is left of its lots, less what is owed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Literal, NamedTuple

from meter.rating.money import exact

ZERO = Decimal(0)
LOW_BALANCE = Decimal(10)
NOTHING: Mapping[str, Decimal] = MappingProxyType({})
FactKind = Literal["low_balance", "exhausted", "recharge_due"]


class Lot(NamedTuple):
    """What is there of one grant: `left`, and how much of it is `reserved`. No meters: good for all.

    `expires_at` is when it ends, by its expiry or because it was voided.
    """

    id: int
    priority: int
    effective_at: datetime
    expires_at: datetime | None
    meters: frozenset[str]
    left: Decimal
    reserved: Decimal = ZERO


class Wallet(NamedTuple):
    """An account as it stands: see the module. `floor` is how far below zero it may be reserved; None: without limit.

    `credit_price` is money per credit, None where the unit is money. `reserved` is all that is reserved, of lots and
    beyond them. `owed` is what meters used beyond their lots; below zero it is credit that a reversal left there.
    `spent` is all that usage ever took. `told` are the facts that hold and were told.
    """

    account_id: int
    unit: str
    credit_price: Decimal | None
    floor: Decimal | None
    balance: Decimal = ZERO
    reserved: Decimal = ZERO
    owed: Mapping[str, Decimal] = NOTHING
    lots: tuple[Lot, ...] = ()
    spent: Decimal = ZERO
    low_balance: Decimal | None = LOW_BALANCE
    recharge_below: Decimal | None = None
    recharge_amount: Decimal | None = None
    told: frozenset[str] = frozenset()


class Burn(NamedTuple):
    """A part of an amount: of which lot it is taken; None is owed, for `meter`. Below zero it is put back there."""

    lot_id: int | None
    amount: Decimal
    meter: str = ""


class Short(NamedTuple):
    """Why nothing was reserved: the first `meter` whose `needed` is more than what is `available`."""

    meter: str
    needed: Decimal
    available: Decimal


class Fact(NamedTuple):
    """Something to tell people: the balance fell below `threshold`, or came to its end."""

    kind: FactKind
    balance: Decimal
    threshold: Decimal


@exact()
def in_unit(wallet: Wallet, money: Decimal) -> Decimal:
    """An amount of money in the wallet's unit, exact. Raises decimal.Inexact where there is no such number."""
    return money if wallet.credit_price is None else money / wallet.credit_price


@exact()
def in_money(wallet: Wallet, amount: Decimal) -> Decimal:
    """An amount of the wallet's unit in money, exact."""
    return amount if wallet.credit_price is None else amount * wallet.credit_price


@exact()
def taken(burns: Iterable[Burn]) -> Decimal:
    """What burns come to together."""
    return sum((burn.amount for burn in burns), ZERO)


@exact()
def owed(wallet: Wallet) -> Decimal:
    """What is owed beyond all lots, of all meters."""
    return sum(wallet.owed.values(), ZERO)


def live(lot: Lot, at: datetime) -> bool:
    """Whether a lot may be used at an instant."""
    return lot.effective_at <= at and (lot.expires_at is None or at < lot.expires_at)


def covers(lot: Lot, meter: str | None) -> bool:
    """Whether a lot is good for a meter; for no meter in particular (None), every lot is."""
    return meter is None or not lot.meters or meter in lot.meters


def burn_order(lots: Iterable[Lot]) -> list[Lot]:
    """Which lot is used first: the smaller priority, then what expires sooner, came into effect earlier, was first."""
    return sorted(lots, key=_turn)


def _turn(lot: Lot) -> tuple[int, bool, float, datetime, int]:
    expires = 0.0 if lot.expires_at is None else lot.expires_at.timestamp()
    return lot.priority, lot.expires_at is None, expires, lot.effective_at, lot.id


@exact()
def balance(wallet: Wallet, at: datetime) -> Decimal:
    """What there is to use at an instant: what is left of live lots, less what is owed."""
    return sum((lot.left for lot in wallet.lots if live(lot, at)), ZERO) - owed(wallet)


@exact()
def available(wallet: Wallet, meter: str | None, at: datetime) -> Decimal | None:
    """What may still be reserved for a meter; None without limit. Debts weigh on it, whatever they are for."""
    if wallet.floor is None:
        return None
    free = sum((lot.left - lot.reserved for lot in wallet.lots if live(lot, at) and covers(lot, meter)), ZERO)
    return free + _room(wallet, wallet.floor)


def _room(wallet: Wallet, floor: Decimal) -> Decimal:
    """How much may be reserved beyond all lots."""
    beyond = wallet.reserved - sum((lot.reserved for lot in wallet.lots), ZERO)
    return floor - owed(wallet) - beyond


@exact()
def reserve(wallet: Wallet, amounts: Mapping[str, Decimal], at: datetime) -> tuple[Wallet, tuple[Burn, ...]] | Short:
    """Sets amounts of the meters apart, all or nothing, in the order in which usage will take them.

    Refused for a meter that has nothing available, even for nothing; without a floor nothing is refused.
    """
    burns: list[Burn] = []
    for meter in sorted(amounts):
        room = available(wallet, meter, at)
        if room is not None and (room <= 0 or amounts[meter] > room):
            return Short(meter, amounts[meter], room)
        parts = list(_taken(wallet, meter, amounts[meter], at, {}))
        wallet = _reserved(wallet, parts, 1)
        burns += parts
    return wallet, tuple(burns)


@exact()
def release(wallet: Wallet, burns: Iterable[Burn]) -> Wallet:
    """Gives back what was reserved."""
    return _reserved(wallet, burns, -1)


def _reserved(wallet: Wallet, burns: Iterable[Burn], sign: int) -> Wallet:
    apart: dict[int, Decimal] = {}
    total = wallet.reserved
    for lot_id, amount, _ in burns:
        total += sign * amount
        if lot_id is not None:
            apart[lot_id] = apart.get(lot_id, ZERO) + sign * amount
    lots = tuple(lot._replace(reserved=lot.reserved + apart[lot.id]) if lot.id in apart else lot for lot in wallet.lots)
    return wallet._replace(lots=lots, reserved=total)


@exact()
def deduct(
    wallet: Wallet,
    meter: str,
    amount: Decimal,
    at: datetime,
    held: Mapping[int, Decimal] = MappingProxyType({}),
) -> tuple[Wallet, tuple[Burn, ...]]:
    """Books usage in full: of lots that are live and not reserved, and what they lack is owed.

    `held` is what was reserved for it of lots, and released: so much of them it may use even after they ended. What
    was owed before is paid first, where lots have come free. The burns add up to the amount.
    Less than nothing is given back: less is owed, or it is there beyond all lots, and does not end as they do.
    """
    wallet, paid = repay(wallet, at)
    burns = tuple(_taken(wallet, meter, amount, at, held))
    after = take(wallet, burns)
    return after._replace(spent=after.spent + amount), paid + burns


@exact()
def settle(
    wallet: Wallet, held: Iterable[Burn], amounts: Mapping[str, Decimal], at: datetime
) -> tuple[Wallet, dict[str, tuple[Burn, ...]]]:
    """Gives a reservation back and books what was used in its place: the wallet then, and the burns by meter."""
    kept = tuple(held)
    wallet = release(wallet, kept)
    apart = _by_lot(kept)
    booked: dict[str, tuple[Burn, ...]] = {}
    for meter in sorted(amounts):
        wallet, booked[meter] = deduct(wallet, meter, amounts[meter], at, apart)
        for lot_id, amount in _by_lot(booked[meter]).items():
            apart[lot_id] = max(ZERO, apart.get(lot_id, ZERO) - amount)
    return wallet, booked


def _by_lot(burns: Iterable[Burn]) -> dict[int, Decimal]:
    found: dict[int, Decimal] = {}
    for lot_id, amount, _ in burns:
        if lot_id is not None:
            found[lot_id] = found.get(lot_id, ZERO) + amount
    return found


@exact()
def charge(wallet: Wallet, amount: Decimal, at: datetime) -> tuple[Wallet, tuple[Burn, ...]]:
    """Takes an amount that is no usage: of any live lot, and what they lack is owed."""
    wallet, paid = repay(wallet, at)
    burns = tuple(_taken(wallet, None, amount, at, {}))
    return take(wallet, burns), paid + burns


def _taken(
    wallet: Wallet, meter: str | None, amount: Decimal, at: datetime, held: Mapping[int, Decimal]
) -> Iterable[Burn]:
    """Which lots an amount takes, in burn order, and what is beyond them."""
    for lot in burn_order(lot for lot in wallet.lots if covers(lot, meter)):
        free = lot.left - lot.reserved
        usable = free if live(lot, at) else min(free, held.get(lot.id, ZERO))
        part = min(usable, amount)
        if part > 0:
            yield Burn(lot.id, part)
            amount -= part
    if amount:
        yield Burn(None, amount, meter or "")


@exact()
def repay(wallet: Wallet, at: datetime) -> tuple[Wallet, tuple[Burn, ...]]:
    """Pays what is owed of lots that cover it; the burns come to nothing together."""
    burns: list[Burn] = []
    for meter, amount in sorted(wallet.owed.items()):
        if amount > 0:
            parts = [burn for burn in _taken(wallet, meter, amount, at, {}) if burn.lot_id is not None]
            paid = taken(parts)
            if paid:
                these = (*parts, Burn(None, -paid, meter))
                wallet = take(wallet, these)
                burns += these
    return wallet, tuple(burns)


@exact()
def take(wallet: Wallet, burns: Sequence[Burn]) -> Wallet:
    """The wallet after burns, wherever they come from. Whoever mirrors a transaction hands in the opposite amounts."""
    lots, debts, total = _by_lot(burns), dict(wallet.owed), wallet.balance
    for lot_id, amount, meter in burns:
        total -= amount
        if lot_id is None:
            debts[meter] = debts.get(meter, ZERO) + amount
    return wallet._replace(
        balance=total,
        owed=MappingProxyType({meter: amount for meter, amount in debts.items() if amount}),
        lots=tuple(lot._replace(left=lot.left - lots[lot.id]) if lot.id in lots else lot for lot in wallet.lots),
    )


@exact()
def add(wallet: Wallet, lot: Lot, at: datetime) -> tuple[Wallet, tuple[Burn, ...]]:
    """Puts a new lot in, and pays of it what is owed if it is live; the burns put its amount in (less than zero)."""
    put = Burn(lot.id, -lot.left)
    there = wallet._replace(lots=(*wallet.lots, lot._replace(left=ZERO)))
    wallet, paid = repay(take(there, [put]), at)
    return wallet, (put, *paid)


@exact()
def end(wallet: Wallet, lot_id: int, at_most: Decimal | None = None) -> tuple[Wallet, tuple[Burn, ...]]:
    """Takes what is left of a lot and not reserved, or only so much of it; no burns where there is nothing."""
    lot = next(lot for lot in wallet.lots if lot.id == lot_id)
    free = lot.left - lot.reserved
    part = free if at_most is None else min(free, at_most)
    burns = (Burn(lot_id, part),) if part > 0 else ()
    return take(wallet, burns), burns


def facts(before: Wallet, after: Wallet, at: datetime) -> tuple[Fact, ...]:
    """What is to be told when one became the other: each once, and again only after it had ceased to hold."""
    then = {fact.kind for fact in holding(before, at)} & before.told
    return tuple(fact for fact in holding(after, at) if fact.kind not in then)


def holding(wallet: Wallet, at: datetime) -> tuple[Fact, ...]:
    """What can be said of a wallet at an instant: its balance is low, at its end, or due to be recharged."""
    left = balance(wallet, at)
    bounds: tuple[tuple[FactKind, Decimal | None, bool], ...] = (
        ("low_balance", wallet.low_balance, False),
        ("exhausted", None if wallet.floor is None else -wallet.floor, True),
        ("recharge_due", wallet.recharge_below, False),
    )
    return tuple(
        Fact(kind, left, bound)
        for kind, bound, at_it in bounds
        if bound is not None and (left < bound or (at_it and left == bound))
    )
