"""A team whose subscription is decided about at random, beside what must hold whatever was decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec

from meter.rating.periods import Period
from meter.subscriptions.changes import Cancel, Change, ChangePlan, SetAddon, SetQuantity, Start, standing
from meter.subscriptions.timeline import (
    Stretch,
    begun,
    period_at,
    periods,
    previous_period,
    served,
    stretch_at,
    stretches,
)
from meter.windows import utc
from tests.subscriptions.cast import TICK

LONG_AGO, FAR_AHEAD = datetime(2025, 11, 1, tzinfo=UTC), datetime(2027, 8, 1, tzinfo=UTC)
Have = tuple[str | None, dict[str, int], dict[str, int]]
Timeline = tuple[tuple[Stretch, ...], tuple[Period, ...]]


def timeline(changes: Iterable[Change], zone: str) -> Timeline:
    """All that follows from a log, over a year and some months about it."""
    log = standing(changes)
    return stretches(log), periods(log, zone, LONG_AGO, FAR_AHEAD)


def until(told: Timeline, end: datetime) -> Timeline:
    """What of a timeline lies before an instant; edges from then on are not told."""
    had = [
        msgspec.structs.replace(s, end=None, unused=None) if s.end is None or s.end >= end else s
        for s in told[0]
        if s.start is None or s.start < end
    ]
    return tuple(had), tuple(p for p in told[1] if p.end < end)


def check_stretches(changes: Iterable[Change]) -> None:
    """They never overlap, none is empty, and at each instant they say what one decision after another comes to."""
    log = standing(changes)
    found = stretches(log)
    for index, stretch in enumerate(found):
        assert (stretch.start is None) == (index == 0)
        assert stretch.start is None or stretch.end is None or stretch.start < stretch.end
    for earlier, later in pairwise(found):
        assert earlier.end is not None
        assert later.start is not None
        assert earlier.end <= later.start
        assert earlier.unused is not None or (earlier.end == later.start and earlier.plan == later.plan)
    first = begun(log)
    for instant in {near for change in log for near in (change.at - TICK, change.at, change.at + TICK)}:
        if first is None or instant >= first:
            had = stretch_at(log, instant)
            assert replayed(log, instant) == ((None, {}, {}) if had is None else (had.plan, had.addons, had.quantities))


def replayed(log: Iterable[Change], instant: datetime) -> Have:
    """What a team has after every decision until an instant, each done as it says and nothing else."""
    plan: str | None = None
    addons: dict[str, int] = {}
    quantities: dict[str, int] = {}
    for change in log:
        if change.at > instant:
            break
        match change.decision:
            case Start(plan=chosen):
                plan, addons, quantities = chosen, {}, {}
            case ChangePlan(plan=chosen) if plan is not None:
                plan = chosen
            case Cancel():
                plan, addons, quantities = None, {}, {}
            case SetAddon(addon=name, quantity=count) if plan is not None:
                addons = {**addons, name: count}
            case SetQuantity(name=name, quantity=count) if plan is not None:
                quantities = {**quantities, name: count}
            case _:
                pass
    return plan, _some(addons), _some(quantities)


def _some(counts: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}


def check_periods(changes: Iterable[Change], zone: str) -> None:
    """No gap and no overlap while there is a plan; each edge is one that a decision or the calendar made."""
    log = standing(changes)
    found = periods(log, zone, LONG_AGO, FAR_AHEAD)
    assert _joined((p.start, p.end) for p in found) == _joined(_had(stretches(log), found))
    cuts = {c.at for c in log if isinstance(c.decision, Start | ChangePlan | Cancel)}
    for period in found:
        assert period.end in cuts or period.end == midnight(period.end, period.anchor_day, zone)
        assert period.start in cuts or period.start == midnight(period.start, period.anchor_day, zone)
        assert period.end - period.start <= timedelta(days=31, hours=4)
        for instant in (period.start, period.start + (period.end - period.start) / 2, period.end - TICK):
            assert period_at(log, zone, instant) == period
        assert previous_period(log, zone, period.end) == period
    for earlier, later in pairwise(found):
        assert earlier.end <= later.start
        if earlier.end < later.start:
            assert period_at(log, zone, earlier.end) is None
            assert period_at(log, zone, later.start - TICK) is None
            assert previous_period(log, zone, later.start) == earlier


def midnight(instant: datetime, anchor: int, zone: str) -> datetime | None:
    """The beginning of the anchor's day next to an instant: of days counted on, the last of the month at most."""
    place = ZoneInfo(zone)
    local = instant.astimezone(place).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None, fold=0)
    for day in (local - timedelta(days=1), local, local + timedelta(days=1)):
        last = (day + timedelta(days=1)).month != day.month
        if (day.day == anchor or (last and day.day < anchor)) and utc(day, place) == instant:
            return instant
    return None


def check_served(changes: Iterable[Change], zone: str) -> None:
    """Every microsecond of service lies in one stretch and one period: of periods they add up to that of stretches."""
    log = standing(changes)
    first = begun(log)
    in_periods = _joined(r for p in periods(log, zone, LONG_AGO, FAR_AHEAD) for r in served(log, p))
    in_stretches = _joined((s.start or first or FAR_AHEAD, min(s.end or FAR_AHEAD, FAR_AHEAD)) for s in stretches(log))
    assert [(start, min(end, FAR_AHEAD)) for start, end in in_periods] == in_stretches


def _had(found: Iterable[Stretch], seen: tuple[Period, ...]) -> Iterator[tuple[datetime, datetime]]:
    """When there was a plan, as far as periods were asked for."""
    for stretch in found:
        yield stretch.start or seen[0].start, stretch.end or seen[-1].end


def _joined(ranges: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Ranges in order, those that touch made one; fails where two overlap."""
    found: list[tuple[datetime, datetime]] = []
    for start, end in sorted(ranges):
        assert not found or found[-1][1] <= start
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


CHECKS: tuple[Callable[[Iterable[Change], str], None], ...] = (
    lambda changes, _: check_stretches(changes),
    check_periods,
    check_served,
)
