"""From rows to slots of the wall clock: clock changes, gaps, what is over at `as_of`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from analytics.forecast import grid_of, series_by_group, series_of
from analytics.forecast.series import WINDOWS_MAX, ahead
from tests.analytics.forecast.cast import DAY, HOUR, MONDAY, rows

PARIS = "Europe/Paris"
BEFORE_SPRING = datetime(2025, 3, 29, 23, tzinfo=UTC)  # midnight of the day that has 23 hours
BEFORE_AUTUMN = datetime(2025, 10, 25, 22, tzinfo=UTC)  # midnight of the day that has 25 hours


def test_missing_hours_and_nulls_are_no_data() -> None:
    """Neither is zero; a zero is."""
    grid = grid_of(MONDAY, MONDAY + 4 * HOUR, 1, "hour", "UTC")
    values = series_of(rows([1.0, None, 0.0]), grid).values
    np.testing.assert_array_equal(values, [1.0, np.nan, 0.0, np.nan])


def test_rows_of_one_window_are_added_up() -> None:
    """Quarters of an hour become hours, also when one comes twice."""
    grid = grid_of(MONDAY, MONDAY + 2 * HOUR, 1, "hour", "UTC")
    quarters = rows([1.0] * 8, every=HOUR / 4)
    np.testing.assert_array_equal(series_of(pl.concat([quarters, quarters.head(1)]), grid).values, [5.0, 4.0])


def test_decimals_are_read_too() -> None:
    """As sums come from the database."""
    grid = grid_of(MONDAY, MONDAY + HOUR, 1, "hour", "UTC")
    exact = pl.DataFrame(
        {"start": [MONDAY], "quantity": [Decimal("1.25")]},
        schema={"start": pl.Datetime("us", "UTC"), "quantity": pl.Decimal(38, 12)},
    )
    assert series_of(exact, grid).values.tolist() == [1.25]


def test_no_rows_are_a_series_without_data() -> None:
    """All slots are there, none is known."""
    grid = grid_of(MONDAY, MONDAY + 3 * HOUR, 1, "hour", "UTC")
    assert np.isnan(series_of(rows([]), grid).values).tolist() == [True] * 3


def test_the_window_of_as_of_is_not_over() -> None:
    """Its rows are left out, and it is the first to be forecast; so are later rows."""
    grid = grid_of(MONDAY, MONDAY + 2.5 * HOUR, 2, "hour", "UTC")
    assert series_of(rows([1.0, 2.0, 3.0, 4.0]), grid).values.tolist() == [1.0, 2.0]
    assert grid.edges[grid.past :] == (MONDAY + 2 * HOUR, MONDAY + 3 * HOUR, MONDAY + 4 * HOUR)


def test_rows_before_the_grid_are_left_out() -> None:
    """They belong to no window."""
    grid = grid_of(MONDAY, MONDAY + HOUR, 1, "hour", "UTC")
    assert series_of(rows([9.0, 1.0], start=MONDAY - HOUR), grid).values.tolist() == [1.0]


def test_an_hour_that_is_skipped_is_a_slot_without_data() -> None:
    """After it, hours of the day are in place again: 23 windows on 24 slots."""
    grid = grid_of(BEFORE_SPRING, BEFORE_SPRING + 23 * HOUR, 24, "hour", PARIS)
    values = series_of(rows(range(23), start=BEFORE_SPRING), grid).values
    np.testing.assert_array_equal(values, [0, 1, np.nan, *range(2, 23)])
    assert ahead(grid).tolist() == list(range(24))


def test_an_hour_that_comes_twice_is_one_slot() -> None:
    """With the mean of both; 25 windows on 24 slots."""
    grid = grid_of(BEFORE_AUTUMN, BEFORE_AUTUMN + 25 * HOUR, 1, "hour", PARIS)
    values = series_of(rows([1.0, 1.0, 10.0, 20.0, *[1.0] * 21], start=BEFORE_AUTUMN), grid).values
    assert values.tolist() == [1.0, 1.0, 15.0, *[1.0] * 21]


def test_half_of_a_doubled_hour_is_its_slot() -> None:
    """What is known of it counts; no data is not zero."""
    grid = grid_of(BEFORE_AUTUMN, BEFORE_AUTUMN + 25 * HOUR, 1, "hour", PARIS)
    assert series_of(rows([1.0, 1.0, 10.0], start=BEFORE_AUTUMN), grid).values[2] == 10.0


def test_windows_ahead_follow_the_clock() -> None:
    """Both of a doubled hour read one slot, none reads that of a skipped one."""
    autumn = grid_of(BEFORE_AUTUMN - DAY, BEFORE_AUTUMN, 5, "hour", PARIS)
    assert ahead(autumn).tolist() == [0, 1, 2, 2, 3]
    spring = grid_of(BEFORE_SPRING - DAY, BEFORE_SPRING, 4, "hour", PARIS)
    assert ahead(spring).tolist() == [0, 1, 3, 4]


def test_as_of_between_the_two_of_a_doubled_hour() -> None:
    """The second is still ahead, and is read from the first slot ahead."""
    grid = grid_of(BEFORE_AUTUMN, BEFORE_AUTUMN + 3 * HOUR, 3, "hour", PARIS)
    assert ahead(grid).tolist() == [0, 0, 1]


def test_days_are_local_days() -> None:
    """A day of 23 and one of 25 hours are one slot each, with all of their hours."""
    start = BEFORE_SPRING - DAY
    grid = grid_of(start, BEFORE_SPRING + 47 * HOUR, 2, "day", PARIS)
    assert series_of(rows([1.0] * 71, start=start), grid).values.tolist() == [24.0, 23.0, 24.0]
    autumn = grid_of(BEFORE_AUTUMN, BEFORE_AUTUMN + 25 * HOUR, 2, "day", PARIS)
    assert series_of(rows([1.0] * 30, start=BEFORE_AUTUMN), autumn).values.tolist() == [25.0]


def test_hours_of_a_zone_off_the_hour() -> None:
    """In India they begin at half past."""
    start = datetime(2025, 11, 3, 18, 30, tzinfo=UTC)
    grid = grid_of(start, start + 2 * HOUR, 1, "hour", "Asia/Kolkata")
    assert series_of(rows([1.0] * 8, start=start, every=HOUR / 4), grid).values.tolist() == [4.0, 4.0]


def test_groups_are_apart() -> None:
    """One series each, those that belong to none included."""
    grid = grid_of(MONDAY, MONDAY + HOUR, 1, "hour", "UTC")
    both = pl.concat([rows([1.0], group="a"), rows([2.0], group=None)])
    found = series_by_group(both, grid)
    assert {group: series.values.tolist() for group, series in found.items()} == {"a": [1.0], None: [2.0]}


def test_nothing_is_past_yet() -> None:
    """A team that began within this hour has windows ahead, and no data."""
    grid = grid_of(MONDAY, MONDAY + timedelta(minutes=5), 3, "hour", "UTC")
    assert series_of(rows([1.0]), grid).values.tolist() == []
    assert (grid.horizon, ahead(grid).tolist()) == (3, [0, 1, 2])


@pytest.mark.parametrize("horizon", [0, WINDOWS_MAX + 1])
def test_a_horizon_out_of_bounds_is_refused(horizon: int) -> None:
    """Everything is bounded."""
    with pytest.raises(ValueError, match="from 1 to"):
        grid_of(MONDAY, MONDAY + DAY, horizon, "hour", "UTC")


def test_a_history_too_long_is_refused() -> None:
    """Everything is bounded."""
    with pytest.raises(ValueError, match="looks back"):
        grid_of(MONDAY - 367 * DAY, MONDAY, 1, "hour", "UTC")
