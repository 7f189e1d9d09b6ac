"""What is left of a team's gifts, and what of it comes off an invoice before tax: by docs/credits.md, apart from it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from tests.billing.year.customers import Credit
from tests.billing.year.rows import Row, sum_of, take_off


class Off(NamedTuple):
    """So much of a gift comes off."""

    gift: Credit
    amount: Decimal


class Fitted(NamedTuple):
    """Lines after gifts, and what of each came off them."""

    rows: list[Row]
    offs: tuple[Off, ...]


class Gifts:
    """The gifts of a team with what is left of each; those that are to come are known, but not yet used."""

    def __init__(self, put_in: Iterable[Credit], places: int) -> None:
        """Starts with all of each; money has so many `places`."""
        self.left = {each: each.amount for each in put_in if each.kind == "credit_grant"}
        self._coin = Fraction(1, 10**places)

    def again(self, rows: Sequence[Row], offs: Iterable[Off]) -> Fitted:
        """Take off what came off before, as far as lines still ask for it."""
        after, fitted = list(rows), list[Off]()
        for each in offs:
            took = min(each.amount, self._whole(sum_of(after, each.gift.meters)))
            after = take_off(after, took, each.gift.meters)
            fitted.append(Off(each.gift, took))
        return Fitted(after, tuple(fitted))

    def anew(self, rows: Sequence[Row], room: Decimal, at: datetime) -> Fitted:
        """Take off what there is, the first to be used first, and no more than there is `room` for."""
        after, fitted = list(rows), list[Off]()
        for gift in sorted(self.there(at), key=_turn):
            took = min(self.left[gift], self._whole(sum_of(after, gift.meters)), room)
            if took > 0:
                after, room = take_off(after, took, gift.meters), room - took
                fitted.append(Off(gift, took))
        return Fitted(after, tuple(fitted))

    def book(self, offs: Iterable[Off]) -> None:
        """Take what came off; what is below zero is back."""
        for gift, amount in offs:
            self.left[gift] -= amount

    def there(self, at: datetime) -> Collection[Credit]:
        """Answer which are in effect at an instant."""
        return [gift for gift in self.left if gift.at <= at and (gift.expires is None or at < gift.expires)]

    def balance(self, at: datetime) -> Decimal:
        """Answer what of them there is at an instant."""
        return sum((self.left[gift] for gift in self.there(at)), Decimal(0))

    def _whole(self, amount: Fraction) -> Decimal:
        """The whole coins of what is owed."""
        coins = max(Fraction(0), amount) // self._coin
        return Decimal(coins) * Decimal(self._coin.numerator) / Decimal(self._coin.denominator)


def added(offs: Iterable[Off]) -> tuple[Off, ...]:
    """Answer what came off by gift, those of which it is something."""
    sums: dict[Credit, Decimal] = {}
    for gift, amount in offs:
        sums[gift] = sums.get(gift, Decimal(0)) + amount
    return tuple(Off(gift, amount) for gift, amount in sums.items() if amount)


def less(some: Iterable[Off], others: Iterable[Off]) -> tuple[Off, ...]:
    """Answer by how much more of each gift comes off than others say."""
    return added((*some, *(Off(gift, -amount) for gift, amount in others)))


def _turn(gift: Credit) -> tuple[int, bool, datetime, datetime]:
    """The smaller priority first; of equals what ends sooner, then what began earlier."""
    return gift.priority, gift.expires is None, gift.expires or gift.at, gift.at
