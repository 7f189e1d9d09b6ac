"""What has usage come to by now, price by price, and whose account owes it? Pure.

Of one billing period, from its begin to now: what the team used of a price costs what its place among the tiers says,
and each account owes its share of that, by its units. What was charged before is taken off, so it never matters in
which order usage came, or whether somebody asked for it beforehand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from meter.limits.measure import Charged, Prices, Usage, of_price
from meter.limits.path import NOTHING, CounterKey
from meter.limits.quota import name, quotas
from meter.rating.marginal import Marginal, marginal, why_not
from meter.rating.money import exact, quotient
from meter.rating.periods import Period
from meter.rating.plan import Plan

INVOICE, PREPAID = "invoice", "prepaid"
TEAM = 0
"""Whose the team's own account is; any other is of the key of that id."""

Whose = tuple[int, str]
"""Of whose account, and for which meter."""


class Due(NamedTuple):
    """What usage of a price comes to in a billing period until now, in money of `currency`, by whose and which meter.

    `key` is of the counter that says how much of it was charged. `prepaid`: only while there is balance.
    """

    key: CounterKey
    ends_at: datetime
    title: str
    meters: tuple[str, ...]
    currency: str
    prepaid: bool
    money: Mapping[Whose, Decimal]


@exact()
def due(period: Period, until: datetime, prices: Prices, usage: Usage, keys: Collection[int]) -> tuple[Due, ...]:
    """What is due in a period for each price that is charged as it is used; `keys` have accounts of their own.

    A price that nobody used is due too, for nothing; one of which nobody can tell what it comes to is left out.
    """
    found: dict[CounterKey, Due] = {}
    for lo, hi in pairwise(prices.cuts(period.start, max(period.start, min(period.end, until)))):
        plan = plan_at(prices, lo)
        if plan is None or plan.charge == INVOICE:
            continue
        counted = {quota.price for quota in quotas(plan, prices.meters)}
        for price in plan.prices:
            if name(plan, price) not in counted or why_not(price) is not None:
                continue
            key = counter_of(name(plan, price), period)
            part = of_price(price, (period, lo, hi), prices, usage)
            money = dict(found[key].money) if key in found else {}
            for whose, cost in ({} if part is None else _shared(part, usage, keys)).items():
                money[whose] = money.get(whose, NOTHING) + cost
            meters = tuple(slug for slug, _ in price.counts)
            found[key] = Due(key, period.end, price.title, meters, plan.currency, plan.charge == PREPAID, money)
    return tuple(found.values())


def plan_at(prices: Prices, at: datetime) -> Plan | None:
    """The plan that usage of an instant is paid by."""
    return next((each.plan for each in prices.priced if each.start <= at < each.end), None)


def price_at(prices: Prices, at: datetime, meter: str) -> str | None:
    """The name of the price that more of a meter is charged by; None where there is none that can tell it."""
    plan = plan_at(prices, at)
    more = None if plan is None else marginal(plan).get(meter)
    return name(plan, more.price) if plan is not None and isinstance(more, Marginal) else None


def counter_of(price: str, period: Period) -> CounterKey:
    """The counter of a price in a billing period."""
    return CounterKey(0, price, 0, 0, 0, "", period.start)


def _shared(part: Charged, usage: Usage, keys: Collection[int]) -> dict[Whose, Decimal]:
    """What a price comes to, by the share of its units; the last one takes what is left, so the parts add up."""
    used: defaultdict[Whose, Decimal] = defaultdict(Decimal)
    for place, many in part.series.items():
        series = usage.series[place]
        used[series.key_id if series.key_id in keys else TEAM, series.meter] += many
    return _split(part.cost, used)


def _split(amount: Decimal, weights: Mapping[Whose, Decimal]) -> dict[Whose, Decimal]:
    """Split by weights that do not come to nothing, and add up to the amount exactly."""
    together = sum(weights.values(), NOTHING)
    *others, last = sorted(weights)
    found = {whose: quotient(amount * weights[whose], together) for whose in others}
    return {**found, last: amount - sum(found.values(), NOTHING)}


@exact()
def owing(due: Due, charged: Mapping[int, Decimal]) -> dict[int, dict[str, Decimal]]:
    """What each account still owes of it, by meter; less than nothing where more was `charged` than is due by now.

    Of a price for several meters nobody knows for which of them it was charged: it is split as what is due.
    """
    found: dict[int, dict[str, Decimal]] = {}
    for account in sorted({account for account, _ in due.money} | charged.keys()):
        mine = {whose: many for whose, many in due.money.items() if whose[0] == account and many}
        total = sum(mine.values(), NOTHING)
        if left := total - charged.get(account, NOTHING):
            parts = _split(left, mine) if total else {(account, min(due.meters)): left}
            found[account] = {meter: many for (_, meter), many in parts.items() if many}
    return found
