"""Peak and percentiles of levels, by nearest rank."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.rating.levels import measured
from meter.rating.usage import UsageError

HUNDRED = [Decimal(level) for level in range(1, 101)]


@pytest.mark.parametrize(
    ("levels", "measure", "expected"),
    [
        ("15 20 35 40 50", "p5", "15"),  # the textbook's example of nearest rank
        ("15 20 35 40 50", "p30", "20"),
        ("15 20 35 40 50", "p40", "20"),
        ("15 20 35 40 50", "p50", "35"),
        ("15 20 35 40 50", "peak", "50"),
        ("3 6 7 8 8 9 10 13 15 16 20", "p25", "7"),
        ("3 6 7 8 8 9 10 13 15 16 20", "p75", "15"),
        ("3 6 7 8 8 9 10 13 15 16 20", "p99.9", "20"),
        ("7", "p1", "7"),
        ("", "p95", "0"),
        ("", "peak", "0"),
        ("1 1000000000000000000.000000000001", "peak", "1000000000000000000.000000000001"),
    ],
)
def test_worked_cases(levels: str, measure: str, expected: str) -> None:
    """A level there was, never one between two."""
    assert measured([Decimal(level) for level in levels.split()], measure) == Decimal(expected)


@pytest.mark.parametrize(
    ("measure", "rank"), [("p95", 95), ("p95.5", 96), ("p99", 99), ("p94.000001", 95), ("peak", 100)]
)
def test_the_rank_is_rounded_up(measure: str, rank: int) -> None:
    """Of a hundred levels the 95th by p95, and the next as soon as it is a trifle more."""
    assert measured(HUNDRED, measure) == rank


def test_intervals_without_a_level_were_at_none() -> None:
    """A link that was busy for a day of thirty is idle by its 95th percentile, not by its peak."""
    day = [Decimal(100)] * 96
    assert measured(day, "p95", 30 * 96) == 0
    assert measured(day, "p97", 30 * 96) == 100
    assert measured(day, "peak", 30 * 96) == 100
    assert measured(day, "p95") == 100
    assert measured([], "p95", 96) == 0


@pytest.mark.parametrize(
    ("levels", "measure", "intervals", "said"),
    [
        ([1], "total", None, "'total' is no figure of levels; write one of total, peak, or a percentile such as p95"),
        ([1], "p0.1", None, "'p0.1' is no figure of levels"),
        ([1], "p100", None, "'p100' is no figure of levels"),
        ([1, -2], "p95", None, "a level of -2 is below none"),
        ([1, 2], "p95", 1, "2 levels are more than the 1 intervals they are of"),
    ],
)
def test_what_is_refused(levels: list[int], measure: str, intervals: int | None, said: str) -> None:
    """Whoever asks for another figure is told what there is."""
    with pytest.raises(UsageError) as caught:
        measured([Decimal(level) for level in levels], measure, intervals)
    assert said in str(caught.value)


many = st.lists(st.decimals(0, 10**18, places=12), min_size=1, max_size=40)
percents = st.decimals("1", "99.999999", places=6)


@given(many, percents, st.integers(0, 20), st.randoms())
def test_so_many_percent_do_not_exceed_it_and_no_lower_level_does(
    levels: list[Decimal], percent: Decimal, silent: int, random: Any
) -> None:
    """What nearest rank means, counted; the order of levels is no matter."""
    shuffled = levels[:]
    random.shuffle(shuffled)
    count = len(levels) + silent
    found = measured(shuffled, f"p{percent}", count)
    every = sorted([Decimal(0)] * silent + levels)
    assert found in every
    assert sum(level <= found for level in every) * 100 >= percent * count
    assert sum(level < found for level in every) * 100 < percent * count


@given(many, percents, percents)
def test_a_higher_percentile_is_never_lower(levels: list[Decimal], one: Decimal, other: Decimal) -> None:
    """And none is above the peak."""
    low, high = (measured(levels, f"p{percent}") for percent in sorted((one, other)))
    assert low <= high <= measured(levels, "peak")
