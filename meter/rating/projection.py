"""What will a period come to if it goes on as it has begun? So far, over the time that is over, times the whole."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from meter.rating.adjust.convert import converted
from meter.rating.charge import total
from meter.rating.draft import counted
from meter.rating.marginal import NoMarginal, charge
from meter.rating.money import cut, displayed, exact, plain, quotient, round_money
from meter.rating.usage import TOTAL

if TYPE_CHECKING:
    from meter.rating.periods import Period
    from meter.rating.plan import Plan
    from meter.rating.price import Price
    from meter.rating.usage import Usage

LEAST: Final = timedelta(days=1)
LEAST_PART: Final = 10
"""Nothing is projected before a day is over, or a tenth of what is shorter than ten days: too little has been seen."""

_NOTHING: Final = Decimal(0)
_TICK: Final = timedelta(microseconds=1)


class Pace(NamedTuple):
    """How much time there is in all, and how much of it is over; both in the same unit and above zero."""

    over: Decimal
    whole: Decimal


class Projected(NamedTuple):
    """What one price comes to at the period's end: `used` and `overage` in its unit, None where it does not add up.

    `more` is what usage from now on adds to the bill, rounded as a line is, or why nobody can say it.
    """

    price: Price
    used: Decimal | None
    overage: Decimal | None
    more: Decimal | NoMarginal


def pace(period: Period, begun: datetime | None, now: datetime) -> Pace | None:
    """How far a period is over. It counts from `begun`, the team's first plan, if that is within it.

    None before it has begun and until `LEAST` of it is over. One that is over has nothing to come.
    """
    start = begun if begun is not None and begun in period else period.start
    whole, over = period.end - start, min(now, period.end) - start
    if over < min(LEAST, whole / LEAST_PART):
        return None
    return Pace(Decimal(over // _TICK), Decimal(whole // _TICK))


@exact()
def at_end(so_far: Decimal, known: Pace) -> Decimal:
    """What a quantity comes to at the end, to 12 places where it does not end. No less than there is."""
    if known.over == known.whole:
        return so_far
    return max(so_far, cut(quotient(so_far * known.whole, known.over)))


def projections(plan: Plan, usage: Sequence[Usage], known: Pace, currency: str) -> tuple[Projected, ...]:
    """Every price of the plan that counts meters, in the plan's order; `usage` is that of one rating.

    Raises UsageError as `rate` does.
    """
    used = tuple(row for row in usage if row.quantity)
    return tuple(_projected(price, used, known, currency) for price in plan.prices if price.counts)


@exact()
def _projected(price: Price, usage: tuple[Usage, ...], known: Pace, currency: str) -> Projected:
    rows = counted(price, usage)
    divisor = rows[0].divisor if rows else Decimal(1)
    now = total(row.quantity for row in rows)
    then = at_end(now, known)
    more = _more(price, now, then, divisor, currency)
    if price.measure != TOTAL or more == "by_level":
        return Projected(price, None, None, more)
    in_unit = displayed(*(converted(price.conversion, then, divisor) if price.conversion else (then, divisor)))
    beyond = _NOTHING if price.included is None else max(_NOTHING, plain(in_unit - price.included))
    return Projected(price, in_unit, beyond, more)


def _more(price: Price, now: Decimal, then: Decimal, divisor: Decimal, currency: str) -> Decimal | NoMarginal:
    """Nothing more is used, nothing more is owed, whatever the price; also of one that is not known before its end."""
    if now == then:
        return _NOTHING
    more = charge(price, now, then, divisor)
    return round_money(more, currency) if isinstance(more, Decimal) else more
