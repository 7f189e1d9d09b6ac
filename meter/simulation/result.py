"""What a what-if answers, per team and in all. Money is Decimal, in major units of the currency beside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal
from uuid import UUID

import msgspec

from meter.segments import EXACT

Side = Literal["old", "new"]
"""By what is in force, or by the draft."""
Verdict = Literal["pays_less", "pays_more", "unchanged"]

CENTIPERCENT: Final = Decimal("0.01")
_HUNDRED: Final = Decimal(100)


class Paid(msgspec.Struct, frozen=True):
    """What was to pay by what was in force, and what by the draft; taxes and coupons are in it, as on an invoice."""

    old: Decimal = Decimal(0)
    new: Decimal = Decimal(0)

    @property
    def difference(self) -> Decimal:
        """What more would have been paid; below zero: less."""
        return EXACT.subtract(self.new, self.old)

    @property
    def percent(self) -> Decimal | None:
        """The difference in percent of the old, two decimals; None where that was nothing."""
        if not self.old:
            return None
        return EXACT.quantize(EXACT.divide(EXACT.multiply(self.difference, _HUNDRED), self.old), CENTIPERCENT)

    @property
    def verdict(self) -> Verdict:
        """For whom it is: who pays less, who pays more, for whom nothing changes."""
        if not self.difference:
            return "unchanged"
        return "pays_more" if self.difference > 0 else "pays_less"

    def plus(self, other: Paid) -> Paid:
        """Both together."""
        return Paid(EXACT.add(self.old, other.old), EXACT.add(self.new, other.new))


class Named(msgspec.Struct, frozen=True):
    """A sum under the name of a plan or a meter; the name is empty for fees."""

    name: str
    paid: Paid


class OfPrice(msgspec.Struct, frozen=True):
    """What came of one price of one plan; `meter` is empty for fees."""

    plan: str
    price: str
    meter: str
    paid: Paid


class OfPeriod(msgspec.Struct, frozen=True):
    """One billing period, [start, end), and its invoice both ways."""

    start: datetime
    end: datetime
    paid: Paid


class Used(msgspec.Struct, frozen=True):
    """How much was used of a meter, in its unit."""

    meter: str
    quantity: Decimal


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """A team that could be rated both ways in all its periods; `prices` and `periods` each add up to `paid`."""

    team: UUID
    name: str
    currency: str
    paid: Paid
    periods: tuple[OfPeriod, ...]
    prices: tuple[OfPrice, ...]

    @property
    def plans(self) -> tuple[Named, ...]:
        """What came of each plan, plans by name."""
        return named((each.plan, each.paid) for each in self.prices)


class Reason(msgspec.Struct, frozen=True):
    """Why a period has no amount, by what was in force or by the draft: a code of meter/errors.py, and in words.

    `unpriced` is the usage that has no price, where that is why. Without a period it is about the whole team.
    """

    side: Side
    code: str
    detail: str
    start: datetime | None = None
    end: datetime | None = None
    unpriced: tuple[Used, ...] = ()


class NotCompared(msgspec.Struct, frozen=True, kw_only=True):
    """A team that could not be rated both ways in each period: every reason, and what it used; it is in no sum."""

    team: UUID
    name: str
    currency: str
    reasons: tuple[Reason, ...]
    used: tuple[Used, ...]


TeamResult = Compared | NotCompared


class Progress(msgspec.Struct, frozen=True):
    """So many of all teams are done."""

    done: int
    teams: int


class OfCurrency(msgspec.Struct, frozen=True, kw_only=True):
    """All compared teams that are billed in a currency. `plans` and `meters` each add up to `paid`."""

    currency: str
    teams: int
    pays_less: int
    pays_more: int
    unchanged: int
    paid: Paid
    plans: tuple[Named, ...]
    meters: tuple[Named, ...]


class Unpriced(msgspec.Struct, frozen=True):
    """Usage that the draft has no price for, of so many teams together."""

    meter: str
    quantity: Decimal
    teams: int


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What comes of all teams together; `not_compared` of them are in no sum."""

    teams: int
    compared: int
    not_compared: int
    currencies: tuple[OfCurrency, ...]
    unpriced: tuple[Unpriced, ...]


def named(paid: Iterable[tuple[str, Paid]]) -> tuple[Named, ...]:
    """What comes to each name, by name."""
    sums: defaultdict[str, Paid] = defaultdict(Paid)
    for name, each in paid:
        sums[name] = sums[name].plus(each)
    return tuple(Named(name, sums[name]) for name in sorted(sums))
