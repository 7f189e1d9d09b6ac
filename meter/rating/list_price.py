"""What does one more unit cost? List price of the plan, free units and minimums apart: money is settled on invoices."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

from meter.rating.money import exact, quotient
from meter.rating.usage import PEAK

if TYPE_CHECKING:
    from meter.rating.book import Plan
    from meter.rating.price import Price

NoPrice = Literal["unpriced", "by_peak", "no_list_price", "no_plan", "other_currency", "unbilled", "not_billable"]
"""Why usage costs nothing that can be told, what matters most first.

`unpriced`: the plan has no price for it, an alarm. `by_peak`: the period's peak is paid for, not the usage.
`no_list_price`: the pricing model has no single price. `unbilled`: the plan measures it and never bills it.
`not_billable`: usage of an internal key, or of a meter that is never billed.
"""


class Listed(NamedTuple):
    """`unit_amount` (major units of `currency`) buys `per` of the price's units; one unit of the meter is `weight`."""

    unit_amount: Decimal
    per: Decimal
    weight: Decimal
    currency: str


def listed(plan: Plan, meter: str) -> Listed | NoPrice:
    """The plan's price for more of a meter, or why it has none."""
    prices = [price for price in plan.prices if any(name == meter for name, _ in price.counts)]
    for price in prices:
        if price.measure != PEAK:
            return _listed(price, meter, plan.currency)
    if prices:
        return "by_peak"
    return "unbilled" if meter in plan.unbilled else "unpriced"


def _listed(price: Price, meter: str, currency: str) -> Listed | NoPrice:
    if price.unit_amount is None:
        return "no_list_price"
    return Listed(price.unit_amount, price.per, dict(price.counts)[meter], currency)


@exact()
def cost(price: Listed, quantity: Decimal, divisor: Decimal = Decimal(1)) -> Decimal:
    """What `quantity / divisor` units of the meter cost: products first, one division last; rounded nowhere."""
    return quotient(quantity * price.weight * price.unit_amount, price.per * divisor)
