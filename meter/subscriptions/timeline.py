"""When is a team on which plan, how is its time cut into billing periods, and which coupons has it in each?

Everything is computed from the decisions that stand; `changes` may come in any order, with withdrawn ones among them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import msgspec

from meter.rating.periods import Period
from meter.subscriptions import calendar
from meter.subscriptions.changes import Change, GiveCoupon, TakeCoupon, Unused, standing
from meter.subscriptions.held import Held, replay

Coupon = tuple[str, int]
"""A coupon's name, and which of its billing periods this is, from 1."""


class Stretch(msgspec.Struct, frozen=True):
    """The time from `start` to `end` in which a team has one plan, with the same add-ons and quantities all along.

    The first has no start, as the first plan prices what was used before it began, too. `unused` says what becomes of
    the plan's fee for time after the end; None where the plan goes on.
    """

    start: datetime | None
    end: datetime | None
    plan: str
    addons: dict[str, int] = {}
    quantities: dict[str, int] = {}
    unused: Unused | None = None


class Range(NamedTuple):
    """The instants from `start` up to but not including `end`."""

    start: datetime
    end: datetime


def stretches(changes: Iterable[Change]) -> tuple[Stretch, ...]:
    """What the team has when, in order; nothing between a cancellation and the next start."""
    found: list[Stretch] = []
    here: Stretch | None = None
    for held in replay(changes):
        if here is not None and not _differs(here, held):
            continue
        if here is not None:
            found.append(msgspec.structs.replace(here, end=held.at, unused=held.unused))
        here = None
        if held.plan is not None:
            here = Stretch(held.at if found else None, None, held.plan, held.addons, held.quantities)
    return (*found, here) if here is not None else tuple(found)


def stretch_at(changes: Iterable[Change], instant: datetime) -> Stretch | None:
    """What the team has at an instant; None where it has no plan."""
    return next((s for s in stretches(changes) if _within(s.start, s.end, instant)), None)


def begun(changes: Iterable[Change]) -> datetime | None:
    """When the first plan was begun: what is used before is paid, but no fee is owed for that time."""
    return next((held.at for held in replay(changes) if held.plan is not None), None)


def edges(changes: Iterable[Change], start: datetime, end: datetime) -> tuple[datetime, ...]:
    """The instants between `start` and `end` at which the team comes to have something else, in order, each once."""
    ends = {edge for s in stretches(changes) for edge in (s.start, s.end) if edge is not None}
    return tuple(sorted(edge for edge in ends if start < edge < end))


def period_at(changes: Iterable[Change], zone: str, instant: datetime) -> Period | None:
    """The billing period that holds an instant; None where the team has no plan then."""
    return calendar.period_at(calendar.months(changes, zone), instant)


def full_period(changes: Iterable[Change], zone: str, instant: datetime) -> Period | None:
    """The month that `period_at` is all of, or the part of that a cancellation, a restart or a late start left.

    A fee by the time it was served is a share of this month, or half a month would be paid in full.
    """
    return calendar.full_period(calendar.months(changes, zone), instant)


def periods(changes: Iterable[Change], zone: str, start: datetime, end: datetime) -> tuple[Period, ...]:
    """The billing periods with any instant of [start, end), in order and whole."""
    return calendar.periods(calendar.months(changes, zone), start, end)


def previous_period(changes: Iterable[Change], zone: str, now: datetime) -> Period | None:
    """The last billing period that is over at `now`; None where there never was a plan."""
    return calendar.previous(calendar.months(changes, zone), now)


def served(changes: Iterable[Change], period: Period) -> tuple[Range, ...]:
    """When in the period the team had a plan, from the first start on: the time that fees are for. No two touch."""
    found: list[Range] = []
    log = standing(changes)
    first = begun(log)
    for stretch in stretches(log):
        start = max(period.start, stretch.start or first or period.start)
        end = min(period.end, stretch.end or period.end)
        if start >= end:
            continue
        if found and found[-1].end == start:
            start = found.pop().start
        found.append(Range(start, end))
    return tuple(found)


def coupons_in(changes: Iterable[Change], zone: str, period: Period) -> tuple[Coupon, ...]:
    """The coupons of a period of `periods`, in the order given: those not taken away before its end.

    The period that a coupon was given in is its first, however late in it.
    """
    log = standing(changes)
    given = _given(change for change in log if change.at < period.end)
    return tuple((name, len(periods(log, zone, at, period.end))) for name, at in given.items())


def coupons_at(changes: Iterable[Change], instant: datetime) -> tuple[str, ...]:
    """The coupons a team has at an instant, in the order given."""
    return tuple(_given(change for change in standing(changes) if change.at <= instant))


def _given(log: Iterable[Change]) -> dict[str, datetime]:
    """Coupons that were given and not taken away, with when they were given first."""
    given: dict[str, datetime] = {}
    for change in log:
        match change.decision:
            case GiveCoupon(coupon=name):
                given.setdefault(name, change.at)
            case TakeCoupon(coupon=name):
                given.pop(name, None)
            case _:
                pass
    return given


def _differs(here: Stretch, held: Held) -> bool:
    """Whether what held until now ends; a billing period that begins anew ends it though all else stays."""
    return held.begun is not None or (held.plan, held.addons, held.quantities) != (
        here.plan,
        here.addons,
        here.quantities,
    )


def _within(start: datetime | None, end: datetime | None, instant: datetime) -> bool:
    return (start is None or start <= instant) and (end is None or instant < end)
