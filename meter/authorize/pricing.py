"""What does a use add to the bill, by where each price stands among its tiers; or why can nobody say? Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from meter.limits.path import CounterKey, Limit, Use
from meter.limits.quota import Quota, name, quotas
from meter.model import Meter
from meter.rating.marginal import Marginal, NoMarginal, charge, marginal
from meter.rating.money import exact
from meter.rating.plan import Plan


class Pricing(NamedTuple):
    """A plan as calls need it: its quotas, and by which price each meter is charged."""

    plan: Plan
    quotas: tuple[Quota, ...]
    marginal: Mapping[str, Marginal | NoMarginal]


def pricing(plan: Plan, meters: Mapping[str, Meter]) -> Pricing:
    """Read from a plan what calls need."""
    return Pricing(plan, quotas(plan, meters), marginal(plan))


class Costs(NamedTuple):
    """Money by meter, in the plan's currency, and by price; `unknown` meters cost what can't be told, and why."""

    by_meter: dict[str, Decimal]
    by_price: dict[CounterKey, Decimal]
    unknown: dict[str, NoMarginal]


@exact()
def costs(priced: Pricing | None, use: Use, path: tuple[Limit, ...], positions: Mapping[CounterKey, Decimal]) -> Costs:
    """What each meter of a use adds to the bill, one after the other.

    `positions` says for the counter of each quota on the path how many of its units were used so far, or reserved.
    """
    found = Costs({}, {}, {})
    places = {limit.budget.price: (limit.key, limit.budget) for limit in path if isinstance(limit.budget, Quota)}
    reached = dict(positions)
    for meter, quantity in use.quantities.items():
        if priced is None:
            found.unknown[meter] = "unpriced"
            continue
        more = priced.marginal.get(meter, "unpriced")
        if not isinstance(more, Marginal):
            if more != "unbilled":
                found.unknown[meter] = more
            continue
        key, quota = places.get(name(priced.plan, more.price), (None, None))
        if key is None or quota is None:
            found.unknown[meter] = "by_level"
            continue
        before, after = reached[key], reached[key] + quantity * more.weight
        cost = charge(more.price, before, after, quota.divisor)
        if not isinstance(cost, Decimal):
            found.unknown[meter] = cost
            continue
        reached[key] = after
        found.by_meter[meter] = cost
        found.by_price[key] = found.by_price.get(key, Decimal(0)) + cost
    return found
