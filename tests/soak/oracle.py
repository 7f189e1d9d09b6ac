"""What must have been counted, from a client's own list of what it sent: fractions per meter, service and hour.

Amounts are in what is stored: pieces, core-seconds, MB-seconds.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
HOUR_US = 3_600_000_000
GAP_US = 300_000_000  # how long a level holds by the usual rule when nothing follows


class Cell(NamedTuple):
    """One sum: a meter, a service, and the start of an hour."""

    meter: str
    service: str
    hour: datetime


Sums = dict[Cell, Fraction]


def microseconds(at: datetime) -> int:
    """Answer microseconds since 1970."""
    return (at - EPOCH) // MICROSECOND


class Book:
    """What one client knows to have sent."""

    def __init__(self) -> None:
        """Has nothing in it."""
        self._sums: Sums = defaultdict(Fraction)

    def add(self, meter: str, service: str, at_us: int, amount: Fraction) -> None:
        """Note an amount at an instant."""
        hour = EPOCH + timedelta(microseconds=at_us - at_us % HOUR_US)
        self._sums[Cell(meter, service, hour)] += amount

    def hold(self, meter: str, service: str, since_us: int, until_us: int, level: Fraction) -> None:
        """Note a level over a span: in each hour as long as it was held there."""
        while since_us < until_us:
            end = min(since_us - since_us % HOUR_US + HOUR_US, until_us)
            self.add(meter, service, since_us, level * Fraction(end - since_us, 1_000_000))
            since_us = end

    def counter(self, meter: str, service: str, start_us: int, points: Mapping[int, Fraction]) -> None:
        """Note a cumulative counter: what it grew between points, all of it since its start and after it fell.

        What came up to a point belongs to the time before it.
        """
        before = Fraction(0)
        for at_us, value in sorted(points.items()):
            assert at_us > start_us
            self.add(meter, service, at_us - 1, value if value < before else value - before)
            before = value

    def level(self, meter: str, service: str, points: Mapping[int, Fraction], end_us: int) -> None:
        """Note a gauge: each value holds until the next point or the end, and not longer than GAP_US."""
        times = [*sorted(points), end_us]
        for at_us, following in itertools.pairwise(times):
            self.hold(meter, service, at_us, min(following, at_us + GAP_US), points[at_us])

    def sums(self) -> Sums:
        """Answer all that is not nothing."""
        return {cell: amount for cell, amount in self._sums.items() if amount}
