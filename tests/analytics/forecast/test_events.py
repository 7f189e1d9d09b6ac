"""What happens to usage: it shifts, stops, begins, grows, spikes, has gaps. Each fact holds over seeded services."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from analytics.forecast import grid_of, look, series_of, total
from analytics.forecast.models.candidate import Floats
from tests.analytics.forecast.cast import DAY, HOUR, MONDAY, rows, series

SIX_WEEKS = 1008
SEEDS = range(7)  # each begins on another day of the week
MONTH = 648  # hours until a period's end on its third day


def service(seed: int, hours: int = SIX_WEEKS + MONTH, noise: float = 0.1) -> Floats:
    """Busy from nine to five or rising and falling with the sun, less on weekends; noise by the hour and by the day."""
    dice = np.random.default_rng(seed)
    at = np.arange(hours) + 24 * seed
    hour, weekend = at % 24, at // 24 % 7 >= 5
    by_day = np.where((hour >= 9) & (hour < 17), 100.0, 10.0) if seed % 2 else 100 + 80 * np.sin(2 * np.pi * hour / 24)
    days = np.repeat(np.exp(dice.normal(0, noise / 2, hours // 24 + 1)), 24)[:hours]
    values: Floats = by_day * np.where(weekend, 0.3, 1.0) * np.exp(dice.normal(0, noise, hours)) * days
    return values


def ahead(past: Floats, horizon: int = 72) -> Floats:
    """The expected usage of the hours after a past, as the product asks for it: nothing below zero."""
    found = look(series(past, horizon), floor=0).outlook
    assert found is not None
    return found.mean


def off(values: Floats, hours: int, horizon: int = 72) -> float:
    """By what share of it the sum of the first hours after six weeks is missed, above or below zero."""
    came: float = values[SIX_WEEKS : SIX_WEEKS + hours].sum()
    return float(ahead(values[:SIX_WEEKS], horizon)[:hours].sum()) / came - 1


@pytest.mark.parametrize("horizon", [72, MONTH])
def test_a_fivefold_shift_is_followed_within_two_days(horizon: int) -> None:
    """Peaks and nights alike: the next day's sum is within 20 % then, and within 10 % after three days."""
    for days, bound in ((2, 0.2), (3, 0.1), (5, 0.1)):
        missed = []
        for seed in SEEDS:
            values = service(seed, noise=0.02)
            values[SIX_WEEKS - 24 * days :] *= 5
            missed.append(abs(off(values, 24, horizon)))
        assert np.mean(missed) < bound


def test_a_noisy_shift_is_followed_too() -> None:
    """Up fivefold or down to a fifth, five days ago: the next three days are within a quarter."""
    for factor in (5, 0.2):
        missed = []
        for seed in SEEDS:
            values = service(seed)
            values[SIX_WEEKS - 120 :] *= factor
            missed.append(abs(off(values, 72)))
        assert np.mean(missed) < 0.25


def test_bands_know_of_a_shift() -> None:
    """Two days after it the next day's sum is in the 95 % band in six of seven services."""
    inside = 0
    for seed in SEEDS:
        values = service(seed)
        values[SIX_WEEKS - 48 :] *= 5
        answer = total(look(series(values[:SIX_WEEKS], 24), floor=0), MONDAY + (SIX_WEEKS + 24) * HOUR)
        came = values[SIX_WEEKS : SIX_WEEKS + 24].sum()
        assert answer.low95 is not None
        assert answer.high95 is not None
        inside += float(answer.low95) <= came <= float(answer.high95)
    assert inside >= 6


@pytest.mark.parametrize("horizon", [72, MONTH])
def test_what_stopped_three_days_ago_is_forecast_near_zero(horizon: int) -> None:
    """Below a tenth of what it was, and below a hundredth for three days after nine."""
    for days, bound in ((3, 0.1), (9, 0.1 if horizon == MONTH else 0.01)):
        left = []
        for seed in SEEDS:
            values = service(seed)
            usual = values[: SIX_WEEKS - 24 * days].mean()
            values[SIX_WEEKS - 24 * days :] = 0
            left.append(ahead(values[:SIX_WEEKS], horizon)[:72].mean() / usual)
        assert np.mean(left) < bound


def test_one_wild_hour_hardly_changes_a_month() -> None:
    """Fifty times the peak, half a day, a day or a week ago: the month ahead is within a sixth, as it would be."""
    for hours in (12, 24, 168):
        missed = []
        for seed in SEEDS:
            values = service(seed)
            values[SIX_WEEKS - hours] += 50 * values.max()
            missed.append(abs(off(values, MONTH, MONTH)))
        assert np.mean(missed) < 1 / 6


def test_a_call_on_a_quiet_weekend_is_no_shift() -> None:
    """Half a busy hour's usage on a Sunday evening without any other: the three days after it are within a fifth."""
    for rest in (0.0, 0.1):
        at = np.arange(SIX_WEEKS + 72)
        busy = (at % 24 >= 9) & (at % 24 < 17) & (at // 24 % 7 < 5)
        values = np.where(busy, 100.0, rest) * np.exp(np.random.default_rng(3).normal(0, 0.05, len(at)))
        evening = SIX_WEEKS - 3
        usual, called = ahead(values[:evening]), values[:evening].copy()
        called[-2] += 50
        assert usual.sum() == pytest.approx(values[evening : evening + 72].sum(), rel=0.05)
        assert ahead(called).sum() == pytest.approx(usual.sum(), rel=0.2)


def test_a_weekly_batch_job_comes_when_it_comes() -> None:
    """Two hours a week, on nothing or on a steady service: the next week holds it, in its hours."""
    for rest in (0.0, 5.0):
        for seed in SEEDS:
            dice = np.random.default_rng(seed)
            at = (np.arange(SIX_WEEKS + 168) + 24 * seed) % 168
            job = np.isin(at, (26, 27))
            values = (rest + np.where(job, 1000.0, 0.0)) * np.exp(dice.normal(0, 0.1, len(at)))
            found, came, runs = ahead(values[:SIX_WEEKS], 168), values[SIX_WEEKS:], job[SIX_WEEKS:]
            assert found.sum() == pytest.approx(came.sum(), rel=0.3)
            assert found[runs].sum() == pytest.approx(came[runs].sum(), rel=0.3)


def test_intermittent_usage_has_the_right_month() -> None:
    """One hour in twenty-five: over many services, the expected sum is that which comes."""
    found, came = [], []
    for seed in range(20):
        dice = np.random.default_rng(seed)
        values = np.where(dice.random(SIX_WEEKS) < 0.04, dice.exponential(20, SIX_WEEKS), 0.0)
        found.append(ahead(values, 168).sum())
        came.append(168 * 0.04 * 20)
    assert np.mean(found) == pytest.approx(np.mean(came), rel=0.2)


def test_what_began_mid_way_is_forecast_from_there() -> None:
    """Fifteen days of data after four weeks without: the next three days are within 10 %."""
    missed = []
    for seed in SEEDS:
        values = service(seed)
        values[: SIX_WEEKS - 360] = np.nan
        missed.append(abs(off(values, 72)))
    assert np.mean(missed) < 0.1


def test_linear_growth_is_not_lost() -> None:
    """Half as much again in six weeks: three days ahead are within 10 %, the month within 15 %."""
    for hours, bound in ((72, 0.1), (MONTH, 0.15)):
        missed = []
        for seed in SEEDS:
            values = service(seed)
            values *= 1 + 0.5 * np.arange(len(values)) / SIX_WEEKS
            missed.append(abs(off(values, hours, hours)))
        assert np.mean(missed) < bound


def test_three_hours_in_ten_lost() -> None:
    """What is known is enough: the next three days are within 10 %."""
    missed = []
    for seed in SEEDS:
        values = service(seed)
        values[:SIX_WEEKS][np.random.default_rng(seed).random(SIX_WEEKS) < 0.3] = np.nan
        missed.append(abs(off(values, 72)))
    assert np.mean(missed) < 0.1


@pytest.mark.parametrize("as_of", [datetime(2025, 3, 31, 22, tzinfo=UTC), datetime(2025, 10, 27, 23, tzinfo=UTC)])
def test_a_clock_change_is_no_shift(as_of: datetime) -> None:
    """Nine to five in Paris, two days after the clocks changed: tomorrow's sum is within 5 %, in its hours."""
    grid = grid_of(as_of - 42 * DAY, as_of, 24, "hour", "Europe/Paris")
    dice = np.random.default_rng(1)
    local = [edge.astimezone(ZoneInfo("Europe/Paris")).hour for edge in grid.edges]
    used = [(100.0 if 9 <= hour < 17 else 10.0) * float(np.exp(dice.normal(0, 0.05))) for hour in local]
    past = rows(used[: grid.past], start=grid.edges[0].astimezone(UTC), every=timedelta(hours=1))
    found = look(series_of(past, grid), floor=0).outlook
    assert found is not None
    assert found.mean.sum() == pytest.approx(8 * 100 + 16 * 10, rel=0.05)
    assert np.flatnonzero(found.mean > 50).tolist() == list(range(9, 17))


def test_bands_of_a_days_sum_hold_it() -> None:
    """Of 400 services: in 70 to 90 of a hundred within the 80 % band, in 90 to 99 within the 95 % band."""
    inside = []
    for seed in range(400):
        values = service(seed, 720 + 24)
        answer = total(look(series(values[:720], 24), floor=0), MONDAY + 744 * HOUR)
        edges = (answer.low80, answer.high80, answer.low95, answer.high95)
        low80, high80, low95, high95 = (float(edge) for edge in edges if edge is not None)
        came = values[720:].sum()
        inside.append((low80 <= came <= high80, low95 <= came <= high95))
    share80, share95 = np.mean(inside, axis=0)
    assert 0.7 <= share80 <= 0.9
    assert 0.9 <= share95 <= 0.99


def test_bands_of_a_months_sum_hold_it() -> None:
    """Of a hundred services, each month with a level of its own: 70 to 97 within the 80 % band, 90 at least in 95 %."""
    inside = []
    for seed in range(100):
        values = service(seed)
        weeks = np.exp(np.random.default_rng(1000 + seed).normal(0, 0.05, 10))
        values *= np.repeat(weeks, 168)[: len(values)]
        answer = total(look(series(values[:SIX_WEEKS], MONTH), floor=0), MONDAY + len(values) * HOUR)
        edges = (answer.low80, answer.high80, answer.low95, answer.high95)
        low80, high80, low95, high95 = (float(edge) for edge in edges if edge is not None)
        came = values[SIX_WEEKS:].sum()
        inside.append((low80 <= came <= high80, low95 <= came <= high95))
    share80, share95 = np.mean(inside, axis=0)
    assert 0.7 <= share80 <= 0.97
    assert share95 >= 0.9
