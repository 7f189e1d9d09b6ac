"""Which limits are on a call's way, and what does it count in each? Pure: everything is evaluated in this one place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from meter.limits.budget import Budget
from meter.limits.quota import Quota
from meter.limits.window import SINCE, billed, window
from meter.rating.money import exact
from meter.rating.periods import Period

NOTHING: Decimal = Decimal(0)


class Use(NamedTuple):
    """What somebody uses, or wants to: stored units per meter (0 where nobody knows yet). An id of 0 is nobody's."""

    member_id: int
    service_id: int
    key_id: int
    at: datetime
    quantities: Mapping[str, Decimal]


class CounterKey(NamedTuple):
    """What tells a team's counters apart: a budget or a quota's price, what its `each` names, the window's start."""

    budget_id: int
    price: str
    member_id: int
    service_id: int
    key_id: int
    meter: str
    starts_at: datetime


class Limit(NamedTuple):
    """A budget or quota as it applies to one call, in the window until `ends_at`.

    `head` is there for rolling windows only: the row that is locked and says what came without asking; `key` is then
    the slot's.
    """

    budget: Budget | Quota
    key: CounterKey
    ends_at: datetime
    head: CounterKey | None

    @property
    def most(self) -> Decimal | None:
        """How far it goes, in what its counter counts; None without limit."""
        return most(self.budget)

    @property
    def hard(self) -> bool:
        """Whether it denies what would go beyond."""
        return self.budget.block if isinstance(self.budget, Quota) else self.budget.hard

    @property
    def opens(self) -> bool:
        """Whether it lets pass while the database can't be asked. What a plan includes is billed or known later."""
        return not self.budget.block if isinstance(self.budget, Quota) else self.budget.opens

    @property
    def money(self) -> bool:
        """Whether it counts money."""
        return isinstance(self.budget, Budget) and self.budget.measure == "money"


@exact()
def most(budget: Budget | Quota) -> Decimal | None:
    """How far a budget or quota goes, in what its counters count; None without limit.

    A price that includes nothing and blocks nothing is no limit: its counter is a position among tiers.
    """
    if isinstance(budget, Quota):
        nowhere = budget.included is None or not (budget.included or budget.block)
        return None if nowhere or budget.included is None else budget.included * budget.divisor
    return budget.amount * budget.divisor


def limits(
    budgets: Sequence[Budget], quotas: Sequence[Quota], use: Use, zone: ZoneInfo, billing: Period | None
) -> tuple[Limit, ...]:
    """Every limit on the way of a use: the plan's quotas in its order, then budgets by id, each window by the zone.

    `billing` as `window.window` wants it.
    """
    found = [
        _of_quota(quota, use, zone, billing) for quota in quotas if not quota.meters.keys().isdisjoint(use.quantities)
    ]
    for budget in sorted(budgets, key=lambda each: each.id):
        found += _of_budget(budget, use, zone, billing)
    return tuple(found)


@exact()
def amount(limit: Limit, use: Use, costs: Mapping[str, Decimal]) -> Decimal:
    """What a use counts in a limit: stored units, one call, or money. `costs` are what each meter's use costs."""
    if isinstance(limit.budget, Quota):
        weights = limit.budget.meters
        return sum((many * weights[meter] for meter, many in use.quantities.items() if meter in weights), NOTHING)
    if limit.budget.measure == "calls":
        return Decimal(1)
    counted = costs if limit.money else use.quantities
    return sum((counted.get(meter, NOTHING) for meter in _meters(limit, use)), NOTHING)


def _meters(limit: Limit, use: Use) -> Iterator[str]:
    """The meters of a use that a budget's limit counts."""
    budget = limit.budget
    named = budget.meters
    for meter in use.quantities:
        if (not named or meter in named) and limit.key.meter in ("", meter):
            yield meter


def _of_quota(quota: Quota, use: Use, zone: ZoneInfo, billing: Period | None) -> Limit:
    start, end = billed(use.at, zone, billing)
    return Limit(quota, CounterKey(0, quota.price, 0, 0, 0, "", start), end, None)


def _of_budget(budget: Budget, use: Use, zone: ZoneInfo, billing: Period | None) -> Iterator[Limit]:
    if not _concerns(budget, use):
        return
    start, end = window(budget, use.at, zone, billing)
    for key in _keys(budget, use, start):
        yield Limit(budget, key, end, key._replace(starts_at=SINCE) if budget.rolling else None)


def _concerns(budget: Budget, use: Use) -> bool:
    """Whether a use is what a budget is about; one that names meters is not about calls that use none of them."""
    if budget.ended_at is not None and budget.ended_at <= use.at:
        return False
    scope = ((budget.member_id, use.member_id), (budget.service_id, use.service_id), (budget.key_id, use.key_id))
    if any(wanted not in (None, there) for wanted, there in scope):
        return False
    return not budget.meters or not use.quantities.keys().isdisjoint(budget.meters)


def _keys(budget: Budget, use: Use, start: datetime) -> Iterator[CounterKey]:
    """One for the budget, or for each meter of the use where it tells meters apart."""
    apart = budget.each
    key = CounterKey(
        budget.id,
        "",
        use.member_id if "member" in apart else 0,
        use.service_id if "service" in apart else 0,
        use.key_id if "key" in apart else 0,
        "",
        start,
    )
    if "meter" not in apart:
        yield key
        return
    for meter in sorted(use.quantities):
        if not budget.meters or meter in budget.meters:
            yield key._replace(meter=meter)
