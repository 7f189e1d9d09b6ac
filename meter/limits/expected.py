"""When is a budget expected to be used up? What the worker found out of its counters, as it is kept. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal, NamedTuple

import msgspec

from meter.limits.budget import Budget
from meter.limits.measure import Group, group_of
from meter.limits.path import Limit

JOB: Final = "budgets"
SHORTEST: Final = 86_400
"""Seconds of the shortest sliding window that has a date: hours are forecast, and what is shorter is over too soon."""

Reason = Literal["asked_only", "short_window", "little_used", "no_data", "short_history", "used_up"]
"""Why there are no dates: only calls that asked are counted; the window is shorter than a day; others of the budget are
used more; nothing that counts was used lately. Or why the dates say little: there is too little past to try them on. Or
that nothing is left."""


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """When a counter is expected to reach its budget's amount within its window; null: not in it, or not known.

    `earliest80` and `latest80` are where the upper and the lower edge of the 80 % band get there, `probability` is that
    of its being used up by `to`: when the window begins anew, or as far ahead as is looked.
    """

    member_id: int
    service_id: int
    key_id: int
    meter: str
    to: datetime | None = None
    expected: datetime | None = None
    earliest80: datetime | None = None
    latest80: datetime | None = None
    probability: Decimal | None = None
    reason: Reason | None = None

    @property
    def group(self) -> Group:
        """Which of its budget's counters it is about."""
        return (self.member_id, self.service_id, self.key_id, self.meter)


class Foreseen(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out of a budget as it was in a version, in the window until `until` (None: one that slides).

    `more`: there were other counters, used less.
    """

    version: int
    until: datetime | None
    counters: tuple[Expected, ...]
    more: bool = False

    @property
    def dated(self) -> bool:
        """Whether it names dates, which pass without anything happening."""
        return any(each.earliest80 or each.expected for each in self.counters)


class Told(NamedTuple):
    """What is expected of a counter, when that was made and from what, as `meter.results.Result` has it."""

    expected: Expected
    made_at: datetime | None = None
    as_of: datetime | None = None
    coverage: Decimal | None = None


def why_not(budget: Budget) -> Reason | None:
    """Why no date can be told of a budget, whatever is used; None where one can."""
    if budget.measure == "calls":
        return "asked_only"
    if budget.window == "hour" or (budget.seconds is not None and budget.seconds < SHORTEST):
        return "short_window"
    return None


def of_counter(foreseen: Foreseen, limit: Limit, budget: Budget) -> Expected | None:
    """What was found out of a counter; None of another window, of another version, or of one that nobody used then."""
    if foreseen.version != budget.version or not (budget.rolling or foreseen.until == limit.ends_at):
        return None
    whose = group_of(limit.key)
    return _of(whose, foreseen.counters) or (without(whose, "little_used") if foreseen.more else None)


def without(whose: Group, reason: Reason) -> Expected:
    """A counter of which no date is told."""
    member_id, service_id, key_id, meter = whose
    return Expected(member_id=member_id, service_id=service_id, key_id=key_id, meter=meter, reason=reason)


def _of(whose: Group, counters: Sequence[Expected]) -> Expected | None:
    return next((each for each in counters if each.group == whose), None)
