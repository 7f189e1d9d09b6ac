"""What models see: spikes cut by what lies before them, and nothing else."""

from __future__ import annotations

import numpy as np

from analytics.forecast.models.candidate import Floats
from analytics.forecast.prepare import prepare
from tests.analytics.forecast.cast import noise, pattern

HOURS = 500


def seen(values: Floats) -> Floats:
    """The values as models see them, back in their own unit."""
    prepared = prepare(values, (24, 168))
    assert prepared is not None
    found: Floats = prepared.past.values * prepared.unit + prepared.centre
    return found


def test_what_was_never_far_out_is_left_as_it_is() -> None:
    """Also where it grows: a record by less than the range so far is believed."""
    values = pattern(HOURS) + noise(HOURS, 1, 5) + np.arange(HOURS)
    np.testing.assert_allclose(seen(values), values)


def test_a_spike_is_cut_to_one_range_beyond() -> None:
    """Up and down; what is around it stays."""
    values = pattern(HOURS)
    lowest, highest = values[:300].min(), values[:300].max()
    for spike, cut in ((1e6, 2 * highest - lowest), (-1e6, 2 * lowest - highest)):
        spiked = values.copy()
        spiked[300] = spike
        expected = values.copy()
        expected[300] = cut
        np.testing.assert_allclose(seen(spiked), expected)


def test_what_comes_again_is_believed() -> None:
    """A shift costs its first hour, a weekly peak its first time."""
    values = pattern(HOURS)
    values[300:] += 10_000
    np.testing.assert_allclose(seen(values)[301:], values[301:])
    peaks = pattern(HOURS)
    peaks[[200, 368]] = 10_000
    np.testing.assert_allclose(seen(peaks)[201:], peaks[201:])


def test_a_series_at_rest_keeps_its_demands() -> None:
    """Ten times as much as ever, where most hours are nothing, is what it does."""
    values = np.zeros(HOURS)
    values[50::20] = 1.0
    values[450] = 10.0
    np.testing.assert_allclose(seen(values), values, atol=1e-12)


def test_what_comes_later_cuts_nothing() -> None:
    """A series at rest at five, with demands, that is switched off in the end: they are cut as if it never were."""
    for seed in range(20):
        dice = np.random.default_rng(seed)
        values = 5 + np.where(dice.random(HOURS) < 0.45, dice.exponential(20, HOURS), 0.0)
        values[200:220] = np.nan
        values[400:] = 0.0
        np.testing.assert_allclose(seen(values)[:400], seen(values[:400]))
