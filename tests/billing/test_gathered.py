"""Sums of buckets become usage to rate: counted, per month, exact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from meter.billable import Group, Series, check_grid, gathered
from meter.clock_cuts import Cuts
from meter.errors import InvalidParameter
from meter.levels import Sum
from meter.rating.needs import Needs
from meter.rating.periods import Period

DAY = 86_400
START = datetime(2026, 10, 1, tzinfo=UTC)


def series(meter: str, *, aggregation: str = "sum", divisor: int = 1, per_month: bool = False) -> Group:
    """Make a series of nobody's."""
    return Group(Series(1, meter, None, None, aggregation, Decimal(divisor), per_month, meter.title(), "unit", {}), ())


def months(*days: int) -> Cuts:
    """Slots of so many days each."""
    edges = [START + timedelta(days=sum(days[:n])) for n in range(len(days) + 1)]
    return Cuts(edges, [each * DAY for each in days], [None] * len(days))


def test_groups_without_usage_are_left_out() -> None:
    """A series that was silent is no usage of zero."""
    used = gathered([series("cpu", divisor=3600), series("network")], [Sum(1, 0, 3, Decimal("2.5"))], months(31))
    assert [(row.meter, row.quantity, row.divisor) for row in used] == [("network", Decimal("2.5"), Decimal(1))]


def test_a_count_is_its_events() -> None:
    """A meter that counts is billed by events, whatever their quantities and divisor."""
    (used,) = gathered([series("calls", aggregation="count", divisor=10)], [Sum(0, 0, 7, Decimal(99))], months(31))
    assert (used.quantity, used.divisor) == (Decimal(7), Decimal(1))


def test_a_month_is_divided_by_its_own_seconds() -> None:
    """10 GB held over a 31-day month are 10 GB-months."""
    (used,) = gathered([series("storage", per_month=True)], [Sum(0, 0, 1, Decimal(10 * 31 * DAY))], months(31))
    assert used.quantity / used.divisor == 10


def test_months_of_different_lengths_come_to_one_exact_divisor() -> None:
    """Half of October and half of November at 10 GB are 5 + 5 GB-months, nothing rounded on the way."""
    halves = [Sum(0, 0, 1, Decimal(10 * 31 * DAY // 2)), Sum(0, 1, 1, Decimal(10 * 15 * DAY))]
    (used,) = gathered([series("storage", per_month=True)], halves, months(31, 30))
    assert used.divisor == 930 * DAY
    assert used.quantity == 10 * used.divisor


def test_what_is_not_per_month_adds_up_over_months() -> None:
    """Only the unit per month cares where a month ends."""
    (used,) = gathered([series("network")], [Sum(0, 0, 1, Decimal(1)), Sum(0, 1, 1, Decimal(2))], months(31, 30))
    assert (used.quantity, used.divisor) == (Decimal(3), Decimal(1))


def test_peaks_need_whole_quarters() -> None:
    """Part of a quarter has no 15-minute average; without peaks any instant will do."""
    ragged = Period(datetime(2026, 10, 1, 0, 7, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC), "UTC")
    check_grid(ragged, Needs((), {}, {}))
    with pytest.raises(InvalidParameter, match="quarter"):
        check_grid(ragged, Needs((("cpu", "peak"),), {}, {}))
