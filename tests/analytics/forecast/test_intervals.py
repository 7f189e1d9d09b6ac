"""Bands: as wide as errors were, wider for higher levels, further ahead and fewer folds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from analytics.forecast.intervals import coverage, half_widths
from analytics.forecast.models.candidate import Floats
from analytics.forecast.student import normal, student
from analytics.forecast.sums import sum_half_widths
from tests.analytics.forecast.cast import noise

ERRORS = arrays(
    np.float64,
    array_shapes(min_dims=2, max_dims=2, max_side=12),
    elements=st.one_of(st.floats(-1e6, 1e6, width=32), st.just(np.nan)),
)


@given(ERRORS, st.integers(1, 60))
def test_bands_are_nested(errors: Floats, horizon: int) -> None:
    """95 reaches at least as far as 80, at each step and in each sum; sums are never surer further ahead."""
    for widths in (half_widths(errors, horizon, 4), sum_half_widths(errors, horizon, 1)):
        assert widths.shape == (2, horizon)
        assert np.isfinite(widths).all()
        assert (widths[1] >= widths[0]).all()
        assert (widths >= 0).all()
    assert (np.diff(sum_half_widths(errors, horizon, 1), axis=1) >= 0).all()


def test_no_errors_no_width() -> None:
    """What was always right is expected to be."""
    assert not half_widths(np.zeros((5, 6)), 10, 3).any()
    assert not sum_half_widths(np.zeros((5, 6)), 10, 3).any()


def test_noise_stays_inside() -> None:
    """Fresh noise of the same size lies within the bands about as often as they say."""
    shares: list[list[float]] = []
    for seed in range(40):
        widths = half_widths(noise(480, seed).reshape(10, 48), 48, 24)
        shares.append([float((np.abs(noise(48, 1000 + seed)) <= width).mean()) for width in widths])
    inside80, inside95 = np.mean(shares, axis=0)
    assert 0.78 < inside80 < 0.88
    assert 0.94 < inside95 < 0.99


def test_a_noisy_hour_has_a_wider_band() -> None:
    """A step that is ten times as uncertain as the others is shown so."""
    errors = noise(240, 3).reshape(10, 24)
    errors[:, 12] *= 10
    widths = half_widths(errors, 24, 24)[0]
    assert widths[12] > 2 * np.median(widths)


def test_bands_grow_beyond_what_was_tried() -> None:
    """Four times as far ahead, a walk's band is wider than at the longest step tried."""
    walk = np.cumsum(noise(480, 4).reshape(10, 48), axis=1)
    widths = half_widths(walk, 192, 24)[0]
    assert widths[191] > 1.4 * widths[47] > 1.4 * widths[0]


def test_sums_of_independent_errors_grow_slowly() -> None:
    """As the root of their number; errors that stay the same add up."""
    independent = sum_half_widths(noise(4800, 5).reshape(100, 48), 192, 48)[0]
    same = sum_half_widths(np.repeat(noise(100, 6)[:, None], 48, axis=1), 192, 48)[0]
    assert independent[191] / independent[0] < 25
    assert same[191] / same[0] == pytest.approx(192)


def test_a_few_long_sums_that_went_well_are_not_believed_alone() -> None:
    """Days that are off by as much as ever, in an order that cancels: the band is wider than what was seen."""
    days = np.repeat(np.array([[1.0, -1.0, 1.0, -1.0]] * 5), 24, axis=1)
    width80 = sum_half_widths(days, 96, 24)[0]
    assert width80[95] > 1.5 * width80[23] > 0


def test_a_fold_that_is_over_in_part_counts_as_far_as_it_goes() -> None:
    """A first day that was far off widens the sums of a first day."""
    errors = noise(480, 7).reshape(10, 48)
    shifted = np.vstack([errors, np.concatenate([np.full(24, 50.0), np.full(24, np.nan)])])
    assert sum_half_widths(shifted, 48, 24)[0, 23] > 5 * sum_half_widths(errors, 48, 24)[0, 23]


@pytest.mark.parametrize(
    ("freedom", "level", "expected"), [(2, 0.95, 4.303), (2, 0.8, 1.886), (9, 0.95, 2.262), (30, 0.8, 1.310)]
)
def test_student(freedom: int, level: float, expected: float) -> None:
    """As in the tables, to 1 %."""
    assert student(level, freedom) == pytest.approx(expected, rel=0.01)
    assert student(level, freedom) > normal(level)


def test_coverage_of_what_is_known() -> None:
    """Three of four; nothing known has none."""
    assert coverage(np.array([1.0, 1.0, np.nan, 0.0, 1.0])) == 0.75
    assert coverage(np.array([np.nan])) is None
