"""The whole answer: what it finds, what may not change it, and that it always answers sensibly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.forecast import Forecast, forecast, grid_of, look, series_by_group, series_of
from analytics.forecast.models.candidate import Floats
from analytics.forecast.series import SEASONS
from meter.past import Step
from tests.analytics.forecast.cast import DAY, HOUR, MONDAY, noise, pattern, rows, series

SIX_WEEKS = 1008
SHARED = Path(__file__).parents[4] / "shared" / "data" / "m4_hourly.parquet"


def means(answer: Forecast) -> Floats:
    """The expected values."""
    return np.array([point.mean for point in answer.points], dtype=np.float64)


def edges(answer: Forecast) -> Floats:
    """All numbers of all points: mean, low80, high80, low95, high95."""
    found = [(p.mean, p.low80, p.high80, p.low95, p.high95) for p in answer.points]
    return np.array(found, dtype=np.float64)


def made_up(seed: int, hours: int = 500) -> Floats:
    """A noisy service of some weeks."""
    return pattern(hours) + noise(hours, seed, 8)


def test_a_pattern_is_found_and_noise_is_not_followed() -> None:
    """Nearer to what comes than the week before is, with the error that it says, inside its bands."""
    values = made_up(1, SIX_WEEKS + 48)
    answer = forecast(series(values[:SIX_WEEKS]))
    missed = np.abs(means(answer) - values[SIX_WEEKS:])
    assert missed.mean() < 0.85 * np.abs(values[SIX_WEEKS:] - values[SIX_WEEKS - 168 : -168]).mean()
    assert answer.mase is not None
    change = np.abs(values[24:SIX_WEEKS] - values[: SIX_WEEKS - 24]).mean()
    assert float(answer.mase) * change == pytest.approx(missed.mean(), rel=0.3)
    assert (missed <= edges(answer)[:, 4] - means(answer)).mean() > 0.85


def test_what_stands_beside_it() -> None:
    """Windows, models with their weights, folds, coverage, observations."""
    answer = forecast(series(made_up(2, SIX_WEEKS)))
    assert (answer.folds, answer.fold_windows, answer.observations, answer.reason) == (10, 48, SIX_WEEKS, None)
    assert answer.points[0].from_ == MONDAY + SIX_WEEKS * HOUR == answer.as_of
    assert answer.points[-1].to == answer.as_of + 2 * DAY
    assert float(sum(share.weight or 0 for share in answer.models)) == pytest.approx(1)
    weights = [share.weight or Decimal(0) for share in answer.models]
    assert weights == sorted(weights, reverse=True)
    assert answer.coverage80 is not None
    assert answer.coverage95 is not None
    assert 0.5 < answer.coverage80 <= answer.coverage95 <= 1


def test_bands_are_nested_around_the_mean() -> None:
    """low95 <= low80 <= mean <= high80 <= high95."""
    mean, low80, high80, low95, high95 = edges(forecast(series(made_up(3)))).T
    assert ((low95 <= low80) & (low80 < mean) & (mean < high80) & (high80 <= high95)).all()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.sampled_from([1e-6, 0.5, 1000, 1e9]), shift=st.sampled_from([0, -50, 1e4]))
def test_scaled_and_shifted(seed: int, scale: float, shift: float) -> None:
    """Another unit or base changes the numbers by just that, and nothing else."""
    values = made_up(seed)
    plain, other = forecast(series(values)), forecast(series((values + shift) * scale))
    np.testing.assert_allclose(edges(other), (edges(plain) + shift) * scale, rtol=1e-5, atol=1e-4 * scale)
    assert [share.model for share in other.models] == [share.model for share in plain.models]


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), hours=st.integers(1, 400))
def test_order_others_and_later_rows_change_nothing(seed: int, hours: int) -> None:
    """Rows shuffled among those of another series, and rows after `as_of`: the same answer to the last digit."""
    values = made_up(seed, hours + 30)
    grid = grid_of(MONDAY, MONDAY + hours * HOUR, 24, "hour", "UTC")
    plain = forecast(series_of(rows(values[:hours]), grid))
    mixed = pl.concat([rows(values, group="a"), rows(1e6 * noise(hours, seed + 1), group="b")])
    shuffled = mixed.sample(fraction=1, shuffle=True, seed=seed)
    assert forecast(series_by_group(shuffled, grid)["a"]) == plain


def test_a_level_shift_is_followed() -> None:
    """From two days on after usage went up fivefold, nine tenths of the shift are in the forecast."""
    expected = 400 + pattern(SIX_WEEKS + 48)[SIX_WEEKS:]
    for days in (2, 3, 5, 9):
        values = made_up(4, SIX_WEEKS)
        values[-24 * days :] += 400
        assert np.abs(means(forecast(series(values))) - expected).mean() < 0.1 * 400


def test_an_old_level_shift_is_forgotten() -> None:
    """Two weeks later nothing of it is left but wider bands."""
    values = pattern(SIX_WEEKS) + noise(SIX_WEEKS, 5, 5)
    values[:-336] += 1000
    expected = pattern(SIX_WEEKS + 48)[SIX_WEEKS:]
    assert np.abs(means(forecast(series(values))) - expected).mean() < 15


def test_gaps_are_not_zero() -> None:
    """Two days lost and every fifth hour: the forecast stays near that of all data."""
    values = made_up(6, SIX_WEEKS)
    holes = values.copy()
    holes[600:648] = np.nan
    holes[::5] = np.nan
    answer = forecast(series(holes))
    assert answer.observations < SIX_WEEKS * 0.8
    np.testing.assert_allclose(means(answer).sum(), means(forecast(series(values))).sum(), rtol=0.05)


def test_data_that_stopped_is_forecast_from_what_there_is() -> None:
    """Nothing known for the last day: as before, not zero."""
    values = made_up(7, SIX_WEEKS)
    values[-24:] = np.nan
    expected = pattern(SIX_WEEKS + 48)[SIX_WEEKS:]
    assert means(forecast(series(values))).sum() == pytest.approx(expected.sum(), rel=0.1)


def test_the_longer_nothing_is_known_the_wider_the_bands() -> None:
    """A walk that was last seen days ago may be anywhere by now; its sum too."""
    walk = np.cumsum(noise(SIX_WEEKS, 15))
    fresh, stale = walk.copy(), walk.copy()
    stale[-96:] = np.nan
    fresh[:96], fresh[96:] = np.nan, walk[:-96]  # both end with the same values, one of them now
    now, later = look(series(fresh)).outlook, look(series(stale)).outlook
    assert now is not None
    assert later is not None
    for field in ("half_widths", "sum_half_widths"):
        ratio80, ratio95 = getattr(later, field)[:, -1] / getattr(now, field)[:, -1]
        assert ratio80 > 1.2
        assert ratio95 > 1


def test_a_few_values_in_a_long_silence() -> None:
    """Three values weeks apart: their mean, with a band."""
    values = np.full(SIX_WEEKS, np.nan)
    values[[3, 500, 800]] = [4.0, 6.0, 5.0]
    answer = forecast(series(values))
    assert answer.reason == "short_history"
    assert set(means(answer)) == {5.0}
    assert np.isfinite(edges(answer)).all()


def test_intermittent_usage_has_the_right_total() -> None:
    """Most hours nothing; what is right for the sum is the mean, not the median, which is zero."""
    rng = np.random.default_rng(8)
    totals = []
    for _ in range(12):
        values = np.where(rng.random(SIX_WEEKS) < 0.04, rng.exponential(20, SIX_WEEKS), 0.0)
        totals.append(means(forecast(series(values, 168), floor=0)).sum())
    assert np.mean(totals) == pytest.approx(168 * 0.04 * 20, rel=0.2)
    assert min(totals) > 0.3 * 168 * 0.04 * 20


@pytest.mark.parametrize("value", [0.0, 7.25, -3.0, 1e15])
@pytest.mark.parametrize("hours", [3, 50, SIX_WEEKS])
def test_a_constant_stays(value: float, hours: int) -> None:
    """Exactly, without a band."""
    answer = forecast(series([value] * hours))
    assert answer.reason == "constant"
    assert {number for row in edges(answer).tolist() for number in row} == {value}


def test_weeks_that_repeat_are_forecast_exactly() -> None:
    """By models without error alone."""
    answer = forecast(series(pattern(SIX_WEEKS)))
    np.testing.assert_allclose(means(answer), pattern(SIX_WEEKS + 48)[SIX_WEEKS:])
    assert {share.model.removesuffix("_168") for share in answer.models} == {
        "seasonal_naive",
        "seasonal_mean",
        "levelled_profile",
        "nested_profile",
    }


def test_nothing_known() -> None:
    """No points, and the reason."""
    for values in ([], [np.nan] * 30):
        answer = forecast(series(values))
        assert (answer.points, answer.models, answer.observations, answer.reason) == ((), (), 0, "no_data")


def test_one_or_two_values_have_no_band() -> None:
    """Their mean is all that can be said."""
    answer = forecast(series([4.0, 6.0], 2))
    assert answer.reason == "short_history"
    assert [(point.mean, point.low80, point.high95) for point in answer.points] == [(Decimal(5), None, None)] * 2
    assert forecast(series([4.0], 1)).points[0].mean == 4


def test_a_few_values_have_a_wide_band() -> None:
    """Student's t: wider than twice their range."""
    point = forecast(series([4.0, 6.0, 5.0], 1)).points[0]
    assert point.low95 is not None
    assert point.high95 is not None
    assert point.mean == 5
    assert point.high95 - point.low95 > 4


@pytest.mark.parametrize("hours", [8, 12, 25, 47, 72, 100, 170, 250, 340, 500])
def test_short_histories_answer_within_what_was_seen(hours: int) -> None:
    """The mean lies within the range so far, stretched by a half; bands and folds are there."""
    values = made_up(9, hours)
    answer = forecast(series(values))
    slack = (values.max() - values.min()) / 2
    assert (means(answer) > values.min() - slack).all()
    assert (means(answer) < values.max() + slack).all()
    assert np.isfinite(edges(answer)).all()
    assert answer.folds >= 1


def test_two_days_show_a_day_and_two_weeks_a_week() -> None:
    """With just so much, the pattern is already in the forecast."""
    two_days = forecast(series(made_up(10, 48), 24))
    assert np.corrcoef(means(two_days), pattern(24))[0, 1] > 0.8
    two_weeks = forecast(series(made_up(10, 336), 168))
    assert np.corrcoef(means(two_weeks), pattern(168))[0, 1] > 0.8


def test_days_with_a_week_and_growth() -> None:
    """Sixty days, one more each day and less on weekends; four weeks ahead."""
    days = np.arange(88)
    values: Floats = 100.0 + days - 30 * (days % 7 >= 5)
    answer = forecast(series(values[:60] + noise(60, 11, 2), 28, "day"))
    assert np.abs(means(answer) - values[60:]).mean() < 12
    assert answer.fold_windows == 15


def test_a_month_of_hours_ahead_stays_in_bounds() -> None:
    """Longer than any fold: means within the range, bands that never shrink to nothing and grow."""
    values = made_up(12, SIX_WEEKS)
    mean, low80, high80, *_ = edges(forecast(series(values, 744))).T
    assert (np.abs(mean - pattern(SIX_WEEKS + 744)[SIX_WEEKS:]) < 40).all()
    width = (high80 - low80).reshape(31, 24).mean(axis=1)
    assert width[-1] > 1.05 * width[0]


def test_clock_changes_keep_hours_in_place() -> None:
    """Work from nine to five in Paris, before and after the clocks are set back: the forecast keeps to nine."""
    tz = "Europe/Paris"
    as_of = datetime(2025, 10, 25, 22, tzinfo=UTC)
    grid = grid_of(as_of - 28 * DAY, as_of, 49, "hour", tz)
    local = [edge.astimezone(UTC) + timedelta(hours=2) for edge in grid.edges[: grid.past]]
    values = [100.0 + n % 7 if 9 <= hour.hour < 17 else 0.0 for n, hour in enumerate(local)]
    answer = forecast(series_of(rows(values, start=grid.edges[0]), grid), floor=0)
    assert len(answer.points) == 49
    busy = [point.from_ for point in answer.points if (point.mean or 0) > 50]
    assert [at.hour for at in busy] == [*range(8, 16), *range(8, 16)]  # UTC; nine in Paris is eight now


def test_no_forecast_below_the_floor() -> None:
    """Usage is not negative; without a floor its band may be."""
    values = np.maximum(0, noise(400, 13, 5))
    assert edges(forecast(series(values), floor=0)).min() >= 0
    assert edges(forecast(series(values))).min() < 0


def test_numbers_of_any_size() -> None:
    """Petabytes in bytes, and seconds in years."""
    for scale in (1e-12, 1e18):
        found = edges(forecast(series(made_up(14) * scale)))
        assert np.isfinite(found).all()
        assert 50 * scale < found[:, 0].mean() < 150 * scale


def test_real_series_are_forecast_better_than_as_yesterday() -> None:
    """Hourly series of the M4 competition, last two days of the training part: a third less error, honest bands."""
    if not SHARED.exists():
        pytest.skip("the folder of shared data is not there")
    trains = pl.read_parquet(SHARED).get_column("train").gather_every(9).to_list()
    ratios, inside = [], []
    for train in map(np.array, trains):
        came, naive = train[-48:], np.tile(train[-72:-48], 2)
        found = edges(forecast(series(train[:-48])))
        ratios.append(np.abs(found[:, 0] - came).mean() / max(np.abs(naive - came).mean(), 1e-9))
        inside.append(((found[:, 3] <= came) & (came <= found[:, 4])).mean())
    assert np.mean(ratios) < 0.8
    assert 0.9 < np.mean(inside) < 0.99


QUANTITIES = st.one_of(st.floats(-1e26, 1e26), st.sampled_from([0.0, 0.0, 1.0, 1e-12, float("nan"), float("nan")]))


@settings(max_examples=150, deadline=None)
@given(
    values=st.lists(QUANTITIES, max_size=120),
    repeats=st.sampled_from([1, 1, 4]),
    horizon=st.integers(1, 60),
    step=st.sampled_from(sorted(SEASONS)),
    floor=st.sampled_from([None, 0.0]),
)
def test_whatever_comes_there_is_an_answer(
    values: list[float], repeats: int, horizon: int, step: Step, floor: float | None
) -> None:
    """Numbers for every window as soon as one value is known, bands from three values on, nested."""
    answer = forecast(series(values * repeats, horizon, step), floor=floor)
    known = repeats * sum(value == value for value in values)  # noqa: PLR0124 (NaN is not itself)
    assert answer.observations == known
    assert len(answer.points) == (horizon if known else 0)
    assert all(point.mean is not None for point in answer.points)
    if known >= 3:
        mean, low80, high80, low95, high95 = edges(answer).T
        assert ((low95 <= low80) & (low80 <= mean) & (mean <= high80) & (high80 <= high95)).all()
