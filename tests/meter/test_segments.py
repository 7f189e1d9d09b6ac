"""Levels over time: pieces that add up exactly, each in its own quarter."""

from __future__ import annotations

import math
from decimal import Context, Decimal
from fractions import Fraction
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from meter.segments import QUARTER_US, Segment, split

LARGEST = 10**38 - 1  # digits of numeric(38,12)
DAY_US = 86_400 * 10**6
levels = st.integers(0, LARGEST).map(lambda digits: Decimal(digits).scaleb(-12, Context(prec=60)))
starts = st.one_of(
    st.integers(-30 * 365 * DAY_US, 60 * 365 * DAY_US),
    st.integers(-1000, 1000).map(lambda quarter: quarter * QUARTER_US),
)
lengths = st.one_of(st.integers(1, 2 * DAY_US), st.integers(1, 200).map(lambda quarters: quarters * QUARTER_US))


def rounded(level: Decimal, us: int) -> Fraction:
    """Answer level x seconds to 12 decimals, half up, in whole numbers."""
    twelve = Fraction(level) * us / 10**6 * 10**12
    return Fraction(math.floor(twelve + Fraction(1, 2)), 10**12)


def total(pieces: list[Segment]) -> Fraction:
    """Add up exactly."""
    return sum((Fraction(piece.quantity) for piece in pieces), Fraction(0))


@settings(max_examples=150, deadline=None)
@given(levels, starts, lengths)
@example(Decimal("0.000000000001"), 0, 1)
@example(Decimal("0.333333333333"), 1, QUARTER_US * 3)
@example(Decimal(LARGEST).scaleb(-12, Context(prec=60)), -1, 31 * DAY_US)
def test_pieces_add_up_to_the_rounded_whole(level: Decimal, start: int, length: int) -> None:
    """Whatever the level, the sum is level x seconds rounded once; every start of it is, too."""
    so_far = Fraction(0)
    for piece in split(level, start, start + length):
        so_far += Fraction(piece.quantity)
        assert so_far == rounded(level, piece.end_us - start)


@settings(max_examples=150, deadline=None)
@given(levels, starts, lengths)
def test_pieces_lie_each_in_a_quarter(level: Decimal, start: int, length: int) -> None:
    """Ends are the quarter edges between start and end, then the end; each reaches back to the sample's start."""
    end = start + length
    pieces = split(level, start, end)
    edges = [start, *range((start // QUARTER_US + 1) * QUARTER_US, end, QUARTER_US), end]
    assert [piece.end_us for piece in pieces] == edges[1:]
    assert all(lo // QUARTER_US == (hi - 1) // QUARTER_US for lo, hi in pairwise(edges))
    assert all(piece.covers_us == piece.end_us - start for piece in pieces)
    assert all(piece.quantity >= 0 for piece in pieces)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**32), starts, lengths, lengths)
def test_two_samples_in_a_row_are_one_long_one(millionths: int, start: int, first: int, second: int) -> None:
    """Levels with up to six decimals lose nothing, so how a collector cuts time changes no bill."""
    level = Decimal(millionths).scaleb(-6, Context(prec=60))
    parts = [*split(level, start, start + first), *split(level, start + first, start + first + second)]
    assert total(parts) == total(split(level, start, start + first + second))


def test_a_sample_over_three_quarters() -> None:
    """Two cores from 00:10 to 00:35 are 600, 1800 and 600 core-seconds."""
    minute = 60 * 10**6
    assert split(Decimal(2), 10 * minute, 35 * minute) == [
        Segment(15 * minute, Decimal(600), 5 * minute),
        Segment(30 * minute, Decimal(1800), 20 * minute),
        Segment(35 * minute, Decimal(600), 25 * minute),
    ]
