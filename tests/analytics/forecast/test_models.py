"""Each model by itself: what it finds, and what every one must leave alone."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.forecast.models import ABOVE_FLOOR, autoregression, candidates
from analytics.forecast.models.candidate import Candidate, Floats, Past
from tests.analytics.forecast.cast import noise, pattern

SEASONS = (24, 168)
HOURS = 900
ALL = candidates(SEASONS, HOURS)
ORIGINS = np.array([700, 724, 800])
PERIODIC = {"seasonal_naive_168", "seasonal_mean_168", "levelled_profile_168", "nested_profile_168"}


def predicted(model: Candidate, values: Floats, horizon: int = 48) -> Floats:
    """Forecasts from ORIGINS, all values being known."""
    return model.predict(Past(values, np.ones(len(values), dtype=bool), SEASONS), ORIGINS, horizon)


def one(name: str, seasons: tuple[int, ...] = SEASONS) -> Candidate:
    """The model of that name."""
    return next(model for model in candidates(seasons, 10_000) if model.name == name)


def test_names_are_unique() -> None:
    """Weights are told by name."""
    assert len({model.name for model in ALL}) == len(ALL) >= 11


def test_short_histories_get_what_they_can_feed() -> None:
    """No model is asked with less than it needs."""
    assert {model.name for model in candidates((), 1)} == {"last_value", "mean"}
    assert all(model.needs <= 60 for model in candidates((24,), 60))


@pytest.mark.parametrize("model", ALL, ids=lambda model: model.name)
@pytest.mark.parametrize("horizon", [1, 48, 200])
def test_shape(model: Candidate, horizon: int) -> None:
    """One row per origin, one column per step, all of them numbers."""
    found = predicted(model, pattern(HOURS) + noise(HOURS, 1), horizon)
    assert found.shape == (3, horizon)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("model", ALL, ids=lambda model: model.name)
def test_an_origin_sees_nothing_after_it(model: Candidate) -> None:
    """Other values from the first origin on leave its forecast as it is."""
    values = pattern(HOURS) + noise(HOURS, 2)
    changed = values.copy()
    changed[ORIGINS[0] :] = 1e4 * noise(HOURS - ORIGINS[0], 3)
    np.testing.assert_allclose(predicted(model, changed)[0], predicted(model, values)[0], rtol=1e-6)


@pytest.mark.parametrize("model", ALL, ids=lambda model: model.name)
def test_scaled_and_shifted(model: Candidate) -> None:
    """A series in another unit, on another base, is forecast in that unit, on that base."""
    values = pattern(HOURS) / 50 + noise(HOURS, 4, 0.1)
    np.testing.assert_allclose(predicted(model, values * 8 + 3), predicted(model, values) * 8 + 3, rtol=1e-6)


@pytest.mark.parametrize("name", sorted(PERIODIC))
def test_weeks_that_repeat_are_forecast_exactly(name: str) -> None:
    """By every model of the week."""
    values = pattern(HOURS + 48)
    expected = np.stack([values[origin : origin + 48] for origin in ORIGINS])
    np.testing.assert_allclose(predicted(one(name), values[:HOURS]), expected)


@pytest.mark.parametrize("name", ["autoregression_near", "autoregression_wide", "autoregression_long"])
def test_autoregression_finds_a_damped_wave(name: str) -> None:
    """x[t] = 1.6 x[t-1] - 0.9 x[t-2] + noise: nearer to what comes than as a day ago."""
    values = noise(HOURS, 5)
    for at in range(2, HOURS):
        values[at] += 1.6 * values[at - 1] - 0.9 * values[at - 2]
    came = np.stack([values[origin : origin + 3] for origin in ORIGINS])
    naive = np.abs(predicted(one("seasonal_naive_24"), values, 3) - came).mean()
    assert np.abs(predicted(one(name), values, 3) - came).mean() < 0.5 * naive


def test_autoregression_can_not_run_away() -> None:
    """What doubles every few hours is held within one range above what it has reached."""
    values: Floats = 1.02 ** np.arange(HOURS, dtype=np.float64)
    found = predicted(one("autoregression_near"), values, 300)
    assert (found.max(axis=1) <= 2 * values[ORIGINS - 1]).all()


def test_coefficients_are_those_of_known_rows() -> None:
    """As solved row by row; what filled a hole is never an answer to learn."""
    values = pattern(300) + noise(300, 6)
    known = np.ones(300, dtype=bool)
    known[200:220] = False
    order = autoregression.Order("test", (1, 2, 24), 0.01)
    coefficients = autoregression._fitted(Past(values, known, (24,)), np.array([250, 290]), order, 24)
    for end, found in zip((250, 290), coefficients, strict=True):
        at = [t for t in range(24, end) if known[t]]
        level = np.array([values[t - 24 : t].mean() for t in at])
        lagged = np.array([[values[t - lag] for lag in order.lags] for t in at]) - level[:, None]
        pull = order.ridge * (lagged**2).sum() / 3
        normal = lagged.T @ lagged + pull * np.eye(3)
        expected = np.linalg.inv(normal) @ (lagged.T @ (values[at] - level) + pull * np.array([0, 0, 1]))
        np.testing.assert_allclose(found, expected)


SCALED = tuple(made for maker in ABOVE_FLOOR for made in maker(SEASONS))


def above(model: Candidate, values: Floats, floor: float, horizon: int = 48) -> Floats:
    """Forecasts from ORIGINS of values that can't fall below a floor."""
    return model.predict(Past(values, np.ones(len(values), dtype=bool), SEASONS, floor), ORIGINS, horizon)


def test_scaled_models_compete_above_a_floor_only() -> None:
    """Where values have no floor, twice as much has no meaning."""
    plain, floored = ({m.name for m in candidates(SEASONS, HOURS, floored=is_so)} for is_so in (False, True))
    assert floored - plain == {model.name for model in SCALED}
    assert len(SCALED) == 2


@pytest.mark.parametrize("model", SCALED, ids=lambda model: model.name)
def test_scaled_models_move_with_their_floor(model: Candidate) -> None:
    """In another unit, and on another base whose floor is that much higher; nothing after an origin counts."""
    values = pattern(HOURS) + noise(HOURS, 4)
    plain = above(model, values, 0.0)
    np.testing.assert_allclose(above(model, values * 8 + 3, 3.0), plain * 8 + 3, rtol=1e-9)
    changed = values.copy()
    changed[ORIGINS[0] :] = 1e4
    np.testing.assert_allclose(above(model, changed, 0.0)[0], plain[0], rtol=1e-9)


@pytest.mark.parametrize("model", SCALED, ids=lambda model: model.name)
def test_scaled_models_know_weeks_that_repeat(model: Candidate) -> None:
    """Exactly; and what never stirred stays at its floor."""
    values = pattern(HOURS + 48)
    expected = np.stack([values[origin : origin + 48] for origin in ORIGINS])
    np.testing.assert_allclose(above(model, values[:HOURS], 0.0), expected)
    assert not above(model, np.zeros(HOURS), 0.0).any()


def test_the_fast_one_follows_a_fivefold_shift_within_a_day() -> None:
    """Every hour of the next day within 5 % of five times its usual."""
    model = next(model for model in SCALED if model.name.endswith("fast"))
    values = pattern(HOURS + 48)
    values[ORIGINS[0] - 24 :] *= 5
    found = above(model, values, 0.0, 24)[0]
    np.testing.assert_allclose(found, values[ORIGINS[0] : ORIGINS[0] + 24], rtol=0.05)


def test_trend_goes_on_and_flattens() -> None:
    """One unit a day: the next day is nearly one higher, and it never rises faster than before."""
    days = np.arange(60, dtype=np.float64)
    model = one("damped_trend", (7,))
    found = model.predict(Past(days, np.ones(60, dtype=bool), (7,)), np.array([60]), 28)[0]
    weekly = np.diff(found.reshape(4, 7).mean(axis=1))
    assert 5 < found[:7].mean() - days[-7:].mean() <= 7 + 1e-9
    assert (np.diff(weekly) < 0).all()


def test_nested_profile_follows_a_shift_within_a_day() -> None:
    """Four days after a shift: the new level, with the weekend where it belongs, and no return to the old one."""
    values = pattern(HOURS + 168)
    values[ORIGINS[0] - 96 :] += 1000
    model = one("nested_profile_168")
    found = model.predict(Past(values, np.ones(len(values), dtype=bool), SEASONS), ORIGINS[:1], 168)[0]
    np.testing.assert_allclose(found, values[ORIGINS[0] : ORIGINS[0] + 168], atol=10)


@pytest.mark.parametrize("rest", [0.0, 5.0])
def test_intermittent_demand_has_the_right_mean(rest: float) -> None:
    """One in twenty hours, ten each: half a unit per hour, on whatever the series rests."""
    values = np.where(np.random.default_rng(7).random(2000) < 0.05, 10.0, 0.0)
    model = one("intermittent")
    past = Past(values + rest, np.ones(2000, dtype=bool), ())
    found = np.array([model.predict(past, np.array([origin]), 1)[0, 0] for origin in range(500, 2000, 50)])
    assert found.mean() - rest == pytest.approx(values.mean(), rel=0.1)


def test_intermittent_without_demand() -> None:
    """What never stirred is forecast at rest."""
    past = Past(np.zeros(50), np.ones(50, dtype=bool), ())
    assert one("intermittent").predict(past, np.array([50]), 2).tolist() == [[0.0, 0.0]]
