"""What does more usage add to the bill? Of each price whose amount is told by the units used so far, exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from meter.rating.models import blocks, dynamic, matrix, percentage, seats, time_of_day, volume
from meter.rating.money import exact, plain
from meter.rating.order import amount_of
from meter.rating.proration import NEVER
from meter.rating.usage import TOTAL

if TYPE_CHECKING:
    from meter.rating.plan import Plan
    from meter.rating.price import Price

NoMarginal = Literal[
    "unpriced",
    "unbilled",
    "by_peak",
    "by_volume",
    "minimum",
    "prorated_maximum",
    "by_event",
    "by_label",
    "by_time_of_day",
    "by_level",
]
"""Why nobody can say, when something is used, what it adds to the bill."""

SAID: Final[Mapping[NoMarginal, str]] = {
    "unpriced": "the plan has no price for it",
    "unbilled": "the plan measures it and never bills it",
    "by_peak": "the level of the whole period is paid, which is known when it ends",
    "by_volume": "all units cost what the whole period's quantity says, which is known when it ends",
    "minimum": "a minimum is owed, and what is missing of it is known when the period ends",
    "prorated_maximum": "its maximum is reduced to the time served, which is known when the period ends",
    "by_event": "what is owed depends on single events, not on how many units they are",
    "by_label": "what a unit costs depends on its labels",
    "by_time_of_day": "what a unit costs depends on the time of day",
    "by_level": "a level is paid, not what is used",
}

_BY_MODEL: Final[Mapping[str, NoMarginal]] = {
    volume.NAME: "by_volume",
    percentage.NAME: "by_event",
    matrix.NAME: "by_label",
    time_of_day.NAME: "by_time_of_day",
    seats.NAME: "by_level",
}


class Marginal(NamedTuple):
    """The price that more of a meter is charged by; one unit of the meter is `weight` of the price's units."""

    price: Price
    weight: Decimal


def marginal(plan: Plan) -> dict[str, Marginal | NoMarginal]:
    """Each meter that the plan prices or leaves unbilled; of any other, usage is unpriced."""
    found: dict[str, Marginal | NoMarginal] = dict.fromkeys(plan.unbilled, "unbilled")
    for price in plan.prices:
        reason = why_not(price)
        for meter, weight in price.counts:
            # A meter may have a price for its level too; more of it is charged by the one for its total.
            if price.measure == TOTAL or meter not in found:
                found[meter] = reason or Marginal(price, weight)
    return found


def of_meter(plan: Plan, meter: str) -> Marginal | NoMarginal:
    """What more of one meter is charged by, or why nobody can say it."""
    return marginal(plan).get(meter, "unpriced")


def why_not(price: Price) -> NoMarginal | None:
    """Why more of what a price counts adds nothing that can be told; None where `charge` tells it.

    It can be told where the amount depends on the units used so far alone, and more units never cost less.
    """
    return next(_reasons(price), None)


def _reasons(price: Price) -> Iterator[NoMarginal]:
    if price.measure != TOTAL:
        yield "by_peak"
    if price.model in _BY_MODEL:
        yield _BY_MODEL[price.model]
    match price.terms:
        case blocks.Terms(charged=blocks.TOP_TIER):
            yield "by_volume"
        case dynamic.Terms(amount=dynamic.MONEY):
            yield "by_event"
    if price.minimum is not None or price.minimum_per_service is not None:
        yield "minimum"
    if price.maximum is not None and price.prorate != NEVER:
        yield "prorated_maximum"


@exact()
def units(price: Price, quantities: Mapping[str, Decimal]) -> Decimal:
    """How many of the price's units stored quantities of meters are, times their divisor; other meters are none."""
    return sum((quantities[meter] * weight for meter, weight in price.counts if meter in quantities), Decimal(0))


@exact()
def charge(price: Price, before: Decimal, after: Decimal, divisor: Decimal = Decimal(1)) -> Decimal | NoMarginal:
    """What it adds to the bill when the units used since the billing period began go from ``before`` to ``after``.

    Both are in the price's units times ``divisor``, as `units` makes them of stored quantities; the answer is in major
    units of the book's currency, rounded nowhere. It is the difference of two totals as rating has them, so charges
    one after the other add up to that of all at once, and one that goes back is the exact reversal. What is owed
    without any use (a first tier's flat fee) is in none of them: it is the invoice's. Raises ValueError below none.
    """
    if min(before, after) < 0:
        raise ValueError(f"{price.id}: {min(before, after)} units are fewer than none")
    if (reason := why_not(price)) is not None:
        return reason
    return plain(amount_of(price, after, divisor) - amount_of(price, before, divisor))
