"""How far is a limit used, by what the views say? Units of a budget or of a price, and the money of a window. Pure.

The money of a window is what its usage adds to the bill, price by price: of what the team used of a price since its
billing period began, the window goes from one position to another, and what that costs is each one's by their share of
its units. So what a plan includes is free, and members' parts add up to the team's.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from math import lcm
from typing import NamedTuple
from zoneinfo import ZoneInfo

from meter.limits.budget import Budget
from meter.limits.path import NOTHING, CounterKey
from meter.limits.quota import Quota, divisor
from meter.model import Meter
from meter.rating.marginal import charge, why_not
from meter.rating.money import exact, quotient
from meter.rating.periods import Period
from meter.rating.plan import Plan
from meter.rating.price import Price
from meter.windows import bounds, month_seconds

Group = tuple[int, int, int, str]
"""Member, service, key and meter that a counter is of; 0 or "" where nothing is told apart."""


class Priced(NamedTuple):
    """The time from `start` up to but not including `end`, in which usage is paid by a plan."""

    start: datetime
    end: datetime
    plan: Plan


class Series(NamedTuple):
    """A series that counts: whose it is (0: nobody's), and whether it has to be paid for."""

    id: int
    meter: str
    member_id: int
    service_id: int
    key_id: int
    aggregation: str
    per_month: bool
    billable: bool


class Usage(NamedTuple):
    """Stored units of each series between neighbouring bounds: by the series' place, then by the slot's."""

    bounds: Sequence[datetime]
    series: Sequence[Series]
    quantities: Sequence[Mapping[int, Decimal]]

    def slots(self, start: datetime, end: datetime) -> range:
        """The slots of a range whose ends are bounds."""
        return range(bisect_left(self.bounds, start), bisect_left(self.bounds, end))

    def between(self, place: int, start: datetime, end: datetime) -> Decimal:
        """What a series used in a range whose ends are bounds."""
        slots = self.slots(start, end)
        return sum((many for slot, many in self.quantities[place].items() if slot in slots), NOTHING)


class Charged(NamedTuple):
    """What a part of a window adds to the bill for one price: `cost`, which is of `units` that the series used."""

    cost: Decimal
    units: Decimal
    series: Mapping[int, Decimal]


class Prices(NamedTuple):
    """What money is counted by: the team's plans in order, its billing periods in order, its meters and zone."""

    priced: Sequence[Priced]
    periods: Sequence[Period]
    meters: Mapping[str, Meter]
    zone: ZoneInfo

    def period_of(self, at: datetime) -> Period | None:
        """The billing period that holds an instant."""
        return next((period for period in self.periods if at in period), None)

    def cuts(self, start: datetime, end: datetime) -> list[datetime]:
        """Where the money of a window is cut, its ends too, in order."""
        edges = {edge for each in self.priced for edge in (each.start, each.end)}
        edges |= {edge for period in self.periods for edge in (period.start, period.end)}
        return [start, *sorted(edge for edge in edges if start < edge < end), end]

    def asked(self, start: datetime, end: datetime) -> set[datetime]:
        """Where usage must be cut to tell the money of a window: from the begin of its first billing period on."""
        first = self.period_of(start)
        since = start if first is None else first.start
        months = bounds(since, end, "month", self.zone) if any(each.per_month for each in self.meters.values()) else []
        return {since, *self.cuts(start, end), *months}


@exact()
def units(budget: Budget, start: datetime, end: datetime, usage: Usage) -> dict[Group, Decimal]:
    """What each of a budget's groups used in a window, in stored units."""
    found: defaultdict[Group, Decimal] = defaultdict(Decimal)
    for place, series in enumerate(usage.series):
        if concerns(budget, series):
            found[group(budget, series)] += usage.between(place, start, end)
    return found


@exact()
def quota(quota: Quota, start: datetime, end: datetime, usage: Usage) -> Decimal:
    """What a team used of a price in a window, in the price's units before they are divided."""
    return sum(
        (
            usage.between(place, start, end) * quota.meters[series.meter]
            for place, series in enumerate(usage.series)
            if series.billable and series.meter in quota.meters
        ),
        NOTHING,
    )


@exact()
def money(budget: Budget, charges: Iterable[Charged], usage: Usage) -> dict[Group, Decimal]:
    """What each of a budget's groups adds to the bill in a window, by its parts."""
    found: defaultdict[Group, Decimal] = defaultdict(Decimal)
    for part in charges:
        shares: defaultdict[Group, Decimal] = defaultdict(Decimal)
        for place, many in part.series.items():
            if concerns(budget, usage.series[place]):
                shares[group(budget, usage.series[place])] += many
        for whose, many in shares.items():
            found[whose] += part.cost if many == part.units else quotient(part.cost * many, part.units)
    return found


def concerns(budget: Budget, series: Series) -> bool:
    """Whether usage of a series counts in a budget."""
    scope = (
        (budget.member_id, series.member_id),
        (budget.service_id, series.service_id),
        (budget.key_id, series.key_id),
    )
    return all(wanted in (None, there) for wanted, there in scope) and (
        not budget.meters or series.meter in budget.meters
    )


def group(budget: Budget, series: Series) -> Group:
    """Which of a budget's counters a series is of."""
    each = budget.each
    return (
        series.member_id if "member" in each else 0,
        series.service_id if "service" in each else 0,
        series.key_id if "key" in each else 0,
        series.meter if "meter" in each else "",
    )


def group_of(key: CounterKey) -> Group:
    """Which of a budget's counters it is."""
    return (key.member_id, key.service_id, key.key_id, key.meter)


@exact()
def charged(start: datetime, end: datetime, prices: Prices, usage: Usage) -> tuple[Charged, ...]:
    """What a window adds to the bill, part by part and price by price; prices that can't tell it are left out."""
    return tuple(_charged(start, end, prices, usage))


def _charged(start: datetime, end: datetime, prices: Prices, usage: Usage) -> Iterator[Charged]:
    for lo, hi in pairwise(prices.cuts(start, end)):
        period = prices.period_of(lo)
        plan = next((each.plan for each in prices.priced if each.start <= lo < each.end), None)
        if period is None or plan is None:
            continue
        for price in plan.prices:
            found = of_price(price, (period, lo, hi), prices, usage)
            if found is not None and found.cost:
                yield found


def of_price(price: Price, part: tuple[Period, datetime, datetime], prices: Prices, usage: Usage) -> Charged | None:
    """What one price charges in a part of a billing period; None where nobody can tell, or nothing was used."""
    period, lo, hi = part
    weights = dict(price.counts)
    kinds = {(divisor(meter), meter.per_month) for slug in weights if (meter := prices.meters.get(slug))}
    if why_not(price) is not None or len(kinds) != 1:
        return None
    ((divided, per_month),) = kinds
    common = _common(period, prices.zone) if per_month else 1
    before, series = NOTHING, dict[int, Decimal]()
    earlier, inside = usage.slots(period.start, lo), usage.slots(lo, hi)
    for place, each in enumerate(usage.series):
        if not each.billable or each.meter not in weights:
            continue
        for slot, many in usage.quantities[place].items():
            scaled = many * weights[each.meter]
            if per_month:
                scaled *= common // int(month_seconds(usage.bounds[slot], prices.zone))
            if slot in earlier:
                before += scaled
            elif slot in inside:
                series[place] = series.get(place, NOTHING) + scaled
    used = sum(series.values(), NOTHING)
    if not used:
        return None
    cost = charge(price, max(before, NOTHING), max(before + used, NOTHING), divided * common)
    return Charged(cost, used, series) if isinstance(cost, Decimal) else None


def _common(period: Period, zone: ZoneInfo) -> int:
    """Seconds that are a multiple of each of a period's months: what is counted per month is added up by them."""
    return lcm(*(int(month_seconds(at, zone)) for at in bounds(period.start, period.end, "month", zone)[:-1]))
