"""Where folds lie, how models are weighed, and that nothing of it looks ahead."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.forecast.backtest import FOLDS_MAX, HISTORY_MIN, backtest, folds_of, seen_before, weighed
from analytics.forecast.models.candidate import Floats, Past
from tests.analytics.forecast.cast import noise


def squares(*errors: float, folds: int = 6, steps: int = 4) -> Floats:
    """Models that are wrong by the same everywhere."""
    found: Floats = np.ones((len(errors), folds, steps)) * np.array(errors)[:, None, None] ** 2
    return found


def test_folds_begin_a_day_apart() -> None:
    """So that a step is the same hour of the day in each; the last is over in half."""
    folds = folds_of(1008, (24, 168), 48)
    assert folds is not None
    assert (folds.length, folds.stride) == (48, 24)
    assert folds.origins.tolist() == [1008 - 24 * n for n in range(FOLDS_MAX + 1, 0, -1)]


@given(slots=st.integers(0, 3000), horizon=st.integers(1, 1500), seasons=st.sampled_from([(), (7,), (24,), (24, 168)]))
def test_folds_lie_within_the_history(slots: int, horizon: int, seasons: tuple[int, ...]) -> None:
    """Each leaves half of it to learn from, at most one ends after it; only the shortest have none."""
    folds = folds_of(slots, seasons, horizon)
    assert (folds is None) == (slots < HISTORY_MIN)
    if folds:
        over = folds.origins[folds.origins + folds.length <= slots]
        assert 1 <= len(over) <= FOLDS_MAX
        assert len(folds.origins) - len(over) <= 1
        assert (np.diff(folds.origins) > 0).all()
        assert folds.origins[0] >= slots // 2
        assert over[-1] + folds.length == slots
        assert folds.origins[-1] < slots
        assert 1 <= folds.length <= horizon


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=8), st.booleans())
def test_weights_add_up(errors: list[float], pooled: bool) -> None:  # noqa: FBT001 (hypothesis fills it)
    """To 1, none is negative, and the best has the largest."""
    weights = weighed(squares(*errors), pooled=pooled)
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()
    assert weights[int(np.argmin(errors))] == pytest.approx(weights.max())


def test_a_model_twice_as_wrong_hardly_counts() -> None:
    """It falls below the least weight and is left out; a slightly worse one shares."""
    weights = weighed(squares(1.0, 1.1, 2.1), pooled=False)
    assert weights[2] == 0
    assert 0.5 < weights[0] < 0.7


def test_a_model_without_error_is_alone() -> None:
    """With its likes."""
    assert weighed(squares(0.0, 0.0, 1.0), pooled=False).tolist() == [0.5, 0.5, 0.0]


def test_without_any_error_known_all_count_the_same() -> None:
    """There is nothing to tell them apart by."""
    assert weighed(np.full((4, 2, 3), np.nan), pooled=False).tolist() == [0.25] * 4


def test_one_wild_fold_does_not_decide() -> None:
    """A fold in which all are a hundred times as wrong counts as one of ordinary difficulty; pooled it decides."""
    found = squares(1.0, 1.5)
    found[:, 0] = [[200.0**2] * 4, [100.0**2] * 4]
    assert weighed(found, pooled=False)[0] > 0.6
    assert weighed(found, pooled=True)[0] < 0.1


def test_one_fold_that_a_model_saw_coming_does_decide() -> None:
    """Where one model is right and another a hundred times off, that is no wild fold, but a bad model."""
    found = squares(1.0, 1.5)
    found[0, -1] = 100.0**2
    assert weighed(found, pooled=False)[1] == 1


def test_one_easy_fold_does_not_hide_the_others() -> None:
    """A fold that lies behind a shift tells what is right now, among many across it in which all are far off."""
    found = squares(100.0, 100.0)
    found[:, -1] = [[10.0**2] * 4, [20.0**2] * 4]
    assert weighed(found, pooled=False)[0] > 0.6
    assert weighed(found, pooled=True)[0] < 0.51


def test_a_fold_that_is_over_in_part_counts_as_one() -> None:
    """A quarter of the steps known: it says as much of what is right now as a whole one."""
    found = squares(1.0, 1.0)
    found[1, -1] = 4
    cut = found.copy()
    cut[:, -1, 1:] = np.nan
    np.testing.assert_allclose(weighed(cut, pooled=False), weighed(found, pooled=False))


def test_recent_folds_count_more() -> None:
    """Of two models that are right in half of the folds each, the one that is right now."""
    found = squares(1.0, 1.0)
    found[0, :3] = found[1, 3:] = 4
    weights = weighed(found, pooled=False)
    assert weights[0] > 2 * weights[1]


def test_errors_are_those_of_weights_known_then() -> None:
    """A model that turns good in the last fold gets no weight there for it, only afterwards."""
    values = noise(60, 1)
    past = Past(values, np.ones(60, dtype=bool), ())
    folds = folds_of(60, (), 5)
    assert folds is not None
    folds = folds._replace(origins=folds.origins[folds.origins + folds.length <= 60])
    came = values[folds.origins[:, None] + np.arange(folds.length)]
    turned = came + 1.05
    turned[-1] = came[-1]
    tested, other = (backtest(past, folds, np.stack([came + 1.0, model])) for model in (turned, came + 1.05))
    before = 1.05**-5 / (1 + 1.05**-5)
    np.testing.assert_allclose(tested.errors[-1], 1 - before)
    assert tested.weights[1] > other.weights[1] == pytest.approx(before)


def test_only_what_was_over_is_seen() -> None:
    """Of a fold that began two slots before, two steps were known."""
    errors = np.ones((3, 4))
    seen = seen_before(errors, np.array([10, 12, 14]), 2)
    assert np.isfinite(seen).sum(axis=1).tolist() == [4, 2]
