"""Forecasts of a meter: what counts as none used and what as not known, and what may not change an answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import analytics
from analytics import forecasts as job
from analytics.forecasts import Ahead, forecasts
from meter.past import Left, Past, Window

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
ENDS = datetime(2026, 12, 1, tzinfo=UTC)


def windows(days: int, seed: int = 1, factor: int = 1) -> list[Window]:
    """Answer so many days of hours with a rhythm and some chance."""
    dice = Random(seed)  # noqa: S311 - no secret
    starts = (NOW - number * HOUR for number in range(days * 24, 0, -1))
    return [
        Window(at, Decimal(factor * (dice.randrange(20) + (100 if 9 <= at.hour < 17 else 10))), 0, 0) for at in starts
    ]


def past(hours: list[Window], *limits: Left, now: datetime = NOW) -> Past:
    """Answer the past of a meter, days as its hours add up to them."""
    days: dict[datetime, Decimal] = {}
    for each in hours:
        day = each.start.replace(hour=0)
        if day + DAY <= now:
            days[day] = days.get(day, Decimal(0)) + (each.quantity or 0)
    return Past(now, "UTC", hours, [Window(at, sum_, 0, 0) for at, sum_ in days.items()], ENDS, Decimal(1_000), limits)


def test_the_job_is_listed() -> None:
    """JOBS is how others find it."""
    assert job in analytics.JOBS


def test_what_came_later_changes_nothing() -> None:
    """Windows that were not over are not looked at, whatever is in them; order does not matter either."""
    hours = windows(21)
    expected = forecasts(past(hours))
    later = [Window(NOW + number * HOUR, Decimal(10**6), 0, 0) for number in range(30)]
    shuffled = [*later, *hours]
    Random(4).shuffle(shuffled)  # noqa: S311 - no secret
    assert forecasts(past(hours)._replace(hours=shuffled)) == expected


@settings(max_examples=10, deadline=None)
@given(factor=st.integers(2, 10**6), seed=st.integers(0, 99))
def test_twice_as_much_is_forecast_twice_as_high(factor: int, seed: int) -> None:
    """Whatever the unit is, the forecast is the same thing."""
    one = forecasts(past(windows(15, seed)), Ahead(12, 3)).hour.points
    other = forecasts(past(windows(15, seed, factor)), Ahead(12, 3)).hour.points
    for each, larger in zip(one, other, strict=True):
        for name in ("mean", "low80", "high80", "low95", "high95"):
            assert float(getattr(larger, name)) == pytest.approx(
                factor * float(getattr(each, name)), rel=1e-6, abs=1e-6
            )


def test_hours_without_a_window_are_hours_without_use() -> None:
    """Who reports requests reports nothing while there are none; before the first one nothing is known."""
    nights_off = [each for each in windows(21) if 9 <= each.start.hour < 17]
    points = forecasts(past(nights_off)).hour.points
    night = [each.mean for each in points if each.from_.hour < 6]
    assert max(mean for mean in night if mean is not None) < 1
    assert forecasts(past(windows(2))).hour.observations == 48


def test_hours_in_which_data_is_missing_are_not_known() -> None:
    """A collector that was silent for two nights and days is no usage of nothing."""
    cut = NOW - 2 * DAY
    silent = [each._replace(quantity=None, seen=0, expected=4) if each.start >= cut else each for each in windows(21)]
    known = [each for each in windows(21) if each.start < cut]
    busy = [each.mean for each in forecasts(past(silent)).hour.points if 9 <= each.from_.hour < 17]
    assert min(mean for mean in busy if mean is not None) > 90
    assert forecasts(past(silent)).hour.observations == len(known)
    halved = [each._replace(seen=1, expected=4) if each.start >= cut else each for each in windows(21)]
    assert forecasts(past(halved)).hour.observations == len(known)


def test_a_period_is_what_is_known_and_what_is_expected() -> None:
    """The sum of the hours to its end, which nobody asked to be shown; a limit is crossed where the sum gets there."""
    whole = forecasts(past(windows(28)), Ahead(hours=24 * 13))
    left = [each.mean for each in whole.hour.points if each.to <= ENDS and each.mean is not None]
    assert whole.total is not None
    assert len(left) == 12 * 24 + 12
    assert float(whole.total.mean or 0) == pytest.approx(1_000 + float(sum(left)))
    small = forecasts(past(windows(28), Left("budget", "calls", Decimal(9), sum(left[:50], Decimal(0)), ENDS)))
    assert len(small.hour.points) == 72
    (limit,) = small.limits
    assert limit.exhaustion.expected is not None
    assert abs(limit.exhaustion.expected - (NOW + 50 * HOUR)) < HOUR
    assert (limit.exhaustion.probability or 0) > Decimal("0.99")


def test_a_period_that_ends_within_an_hour_has_no_total() -> None:
    """A subscription that began at half past ends so."""
    assert forecasts(past(windows(8))._replace(period_end=ENDS + HOUR / 2)).total is None


def test_nothing_used_is_nothing_forecast() -> None:
    """No points, and the reason."""
    found = forecasts(past([]))
    assert (found.hour.points, found.hour.reason, found.day.reason) == ((), "no_data", "no_data")
