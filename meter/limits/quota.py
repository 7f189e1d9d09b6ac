"""What does a plan's price include? Its counter is the tier position in the billing period. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal
from typing import Final, NamedTuple

from meter.model import Meter
from meter.rating.adjust.convert import DIVIDE
from meter.rating.money import exact, quotient
from meter.rating.plan import Plan
from meter.rating.price import Price
from meter.rating.totals import ADDITIVE
from meter.rating.usage import TOTAL

BLOCK: Final = "block"
_PLACES: Final = Decimal("1e-12")


class Quota(NamedTuple):
    """What a metered price of a plan includes in a billing period; `included` None: without limit.

    `price` is book/plan/price. One stored unit of a meter counts as `meters` says, and what is counted, divided by
    `divisor`, is in the unit the price's meters have before any conversion, as is `included`. `block` says that nothing
    goes beyond. Every price that sums what was used has one, also where it includes nothing and blocks nothing: its
    counter is where the next unit stands among the price's tiers.
    """

    price: str
    title: str
    unit: str
    meters: Mapping[str, Decimal]
    included: Decimal | None
    divisor: Decimal
    block: bool


def quotas(plan: Plan, meters: Mapping[str, Meter]) -> tuple[Quota, ...]:
    """One per metered price of the plan, in its order.

    None for prices by peaks or percentiles, which no call adds to, for those of meters that nobody has, and for those
    per month, whose unit is another one in each month: levels are reported, nobody asks before.
    """
    return tuple(
        _quota(plan, price, {slug: meters[slug] for slug, _ in price.counts})
        for price in plan.prices
        if _sums(price, meters)
    )


def _sums(price: Price, meters: Mapping[str, Meter]) -> bool:
    known = [meters.get(slug) for slug, _ in price.counts]
    if not known or price.measure != TOTAL:
        return False
    if any(meter is None or meter.per_month or meter.aggregation not in ADDITIVE for meter in known):
        return False
    return len({divisor(meter) for meter in known if meter is not None}) == 1


@exact()
def _quota(plan: Plan, price: Price, meters: Mapping[str, Meter]) -> Quota:
    return Quota(
        price=name(plan, price),
        title=price.title,
        unit=price.unit,
        meters=dict(price.counts),
        included=_included(price),
        divisor=divisor(next(iter(meters.values()))),
        block=plan.over_quota == BLOCK and bool(price.included),
    )


def name(plan: Plan, price: Price) -> str:
    """What a price is called among all: its position goes on when its book gets another version."""
    return f"{plan.book}/{plan.name}/{price.id}"


def divisor(meter: Meter) -> Decimal:
    """What turns what is stored of a meter into its unit; a count stores events."""
    return Decimal(1) if meter.aggregation == "count" else meter.divisor


def _included(price: Price) -> Decimal | None:
    """In the unit before conversion; what does not end is cut."""
    if price.included is None or price.conversion is None:
        return price.included
    if price.conversion.operation == DIVIDE:
        return price.included * price.conversion.factor
    return quotient(price.included, price.conversion.factor).quantize(_PLACES, rounding=ROUND_FLOOR)
