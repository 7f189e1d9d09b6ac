"""When a limit is used up: dates, the order of them, and the probability."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.forecast import Exhaustion, exhaustion, look
from tests.analytics.forecast.cast import HOUR, MONDAY, noise, pattern, series

HOURS = 700
START = MONDAY + HOURS * HOUR
END = START + 48 * HOUR
TEN_AN_HOUR = look(series([10.0] * HOURS))
NOISY = look(series(pattern(HOURS) + noise(HOURS, 1, 20)), floor=0)


def left(amount: float | Decimal, hours: int = 48) -> Exhaustion:
    """Ask the noisy service."""
    return exhaustion(NOISY, Decimal(amount), START + hours * HOUR)


def test_the_hour_is_exact_for_a_constant() -> None:
    """105 at ten an hour: after ten hours and a half, for certain."""
    answer = exhaustion(TEN_AN_HOUR, Decimal(105), END)
    assert answer.expected == answer.earliest80 == answer.latest80 == START + 10.5 * HOUR
    assert answer.probability == 1


def test_what_is_enough_is_not_used_up() -> None:
    """No date, and no probability to speak of."""
    answer = exhaustion(TEN_AN_HOUR, Decimal(481), END)
    assert answer.expected is answer.earliest80 is answer.latest80 is None
    assert answer.probability == 0


def test_nothing_left_is_used_up() -> None:
    """At once."""
    for amount in (0, -5):
        answer = exhaustion(TEN_AN_HOUR, Decimal(amount), END)
        assert answer.expected == START
        assert answer.probability == 1


def test_a_balance_that_nobody_uses() -> None:
    """Zero for ever never gets there."""
    answer = exhaustion(look(series([0.0] * HOURS)), Decimal(1), END)
    assert answer.expected is None
    assert answer.probability == 0


@given(st.floats(1, 4000))
def test_dates_are_in_order(amount: float) -> None:
    """Earliest, expected, latest; each that exists has those before it."""
    answer = left(amount)
    dates = [answer.earliest80, answer.expected, answer.latest80]
    known = [date for date in dates if date is not None]
    assert known == sorted(known)
    assert dates[: len(known)] == known
    assert all(START <= date <= END for date in known)


@given(st.floats(1, 8000), st.floats(1, 8000))
def test_more_left_is_less_probable(one: float, other: float) -> None:
    """And more time makes it more so."""
    less, more = sorted((one, other))
    assert (left(less).probability or 0) >= (left(more).probability or 0)
    assert (left(less, 24).probability or 0) <= (left(less, 48).probability or 0)


def test_even_odds_at_the_expected_sum() -> None:
    """One in two; one in ten at the upper edge of the band that holds 80 of 100."""
    assert NOISY.outlook is not None
    assert NOISY.outlook.sum_half_widths is not None
    mean, width = float(NOISY.outlook.mean.sum()), float(NOISY.outlook.sum_half_widths[0, -1])
    assert float(left(mean).probability or 0) == pytest.approx(0.5, abs=0.01)
    assert float(left(mean + width).probability or 0) == pytest.approx(0.1, abs=0.01)


def test_by_now_it_is_not_used_up() -> None:
    """A period that ends now leaves no time."""
    assert left(100, 0).probability == 0


def test_without_data_or_bands() -> None:
    """Nothing known: no date. Two values: a date, without a probability."""
    nothing = exhaustion(look(series([])), Decimal(5), MONDAY + HOUR)
    assert (nothing.expected, nothing.probability) == (None, None)
    short = exhaustion(look(series([4.0, 6.0], 2)), Decimal(5), MONDAY + 4 * HOUR)
    assert (short.expected, short.earliest80, short.probability) == (MONDAY + 3 * HOUR, None, None)


def test_dates_reach_as_far_as_the_forecast() -> None:
    """Beyond the period's end too."""
    assert NOISY.outlook is not None
    a_day_and_a_half = float(np.sum(NOISY.outlook.mean[:36]))
    answer = left(a_day_and_a_half, 24)
    assert answer.expected is not None
    assert answer.expected > START + 24 * HOUR
