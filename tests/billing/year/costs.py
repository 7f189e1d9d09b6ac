"""What usage costs by one price, by hand: each model as docs/pricing.md says it, in fractions."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from zoneinfo import ZoneInfo

from tests.billing.year.customers import Used
from tests.billing.year.pricebook import Price, Tier

Costs = dict[str, Fraction]
"""By line: a price with rates has a line for each that was used, others one; and one for what is missing to a least."""

MINIMUM = "minimum"


def costs(price: Price, events: Sequence[Used], zone: str, *, ended: bool) -> Costs:
    """Answer what all usage until now comes to; `ended` tells that no more of it will come in the period."""
    if price.model == "matrix":
        labels = [(each.dimensions or {})["model"] for each in events]
        return _by_rate(dict(price.rates), labels, events)
    if price.hours is not None:
        [(title, amount)] = price.rates
        within = [_is_within(price.hours, each, zone) for each in events]
        return _by_rate({title: amount, "": price.otherwise}, [title if each else "" for each in within], events)
    return _bounded(price, _one(price, events, ended=ended), ended=ended)


def _by_rate(rates: dict[str, object], labels: Sequence[str], events: Sequence[Used]) -> Costs:
    found: Costs = {}
    for label, each in zip(labels, events, strict=True):
        found[label] = found.get(label, Fraction(0)) + Fraction(each.counted) * Fraction(str(rates[label]))
    return found


def _is_within(hours: tuple[int, int], event: Used, zone: str) -> bool:
    since, until = hours
    hour = event.time.astimezone(ZoneInfo(zone)).hour
    return hour >= since or hour < until


def _one(price: Price, events: Sequence[Used], *, ended: bool) -> Fraction:
    quantity = sum((Fraction(each.counted) for each in events), Fraction(0))
    match price.model:
        case "per_unit":
            return max(Fraction(0), quantity - (price.included or 0)) * Fraction(price.unit_amount or 0)
        case "package":
            return ceil(quantity / (price.per or 1)) * Fraction(price.unit_amount or 0)
        case "graduated":
            return _graduated(price.tiers, quantity)
        case "volume":
            return _volume(price.tiers, quantity) if ended else Fraction(0)
        case "percentage":
            return quantity * Fraction(price.percent or 0) / 100 + len(events) * Fraction(price.per_event or 0)
        case _:
            raise ValueError(price.model)


def _graduated(tiers: Sequence[Tier], quantity: Fraction) -> Fraction:
    """Each unit by its own tier; a tier's fee once it is entered, that of the first in any case."""
    owed, below = Fraction(0), Fraction(0)
    for number, tier in enumerate(tiers):
        above = quantity if tier.up_to is None else min(quantity, Fraction(tier.up_to))
        if above > below or number == 0:
            owed += Fraction(tier.flat or 0) + max(Fraction(0), above - below) * Fraction(tier.unit_amount)
        below = Fraction(tier.up_to or 0)
    return owed


def _volume(tiers: Sequence[Tier], quantity: Fraction) -> Fraction:
    """All units by the tier that all of them reach."""
    reached = next(tier for tier in tiers if tier.up_to is None or quantity <= tier.up_to)
    return quantity * Fraction(reached.unit_amount) + Fraction(reached.flat or 0)


def _bounded(price: Price, owed: Fraction, *, ended: bool) -> Costs:
    """Less the discount, at most the most, and at the end what is missing to the least."""
    owed = owed * (100 - (price.discount or 0)) / 100
    if price.maximum is not None:
        owed = min(owed, Fraction(price.maximum))
    found = {"": owed}
    if price.minimum is not None and ended:
        found[MINIMUM] = max(Fraction(0), Fraction(price.minimum) - owed)
    return found
