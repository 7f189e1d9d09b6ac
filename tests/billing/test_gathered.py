"""Sums of buckets become usage to rate: counted, per month, exact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from meter.billable import Group, Series, gathered
from meter.clock_cuts import Cuts, cut_at
from meter.levels import Sum
from meter.rating.usage import Usage
from meter.spans import Span

DAY = 86_400
START = datetime(2026, 10, 1, tzinfo=UTC)


def series(meter: str, *, aggregation: str = "sum", divisor: int = 1, per_month: bool = False) -> Group:
    """Make a series of nobody's."""
    return Group(Series(1, meter, None, None, aggregation, Decimal(divisor), per_month, meter.title(), "unit", {}), ())


def months(*days: int) -> Cuts:
    """Slots of so many days each."""
    edges = [START + timedelta(days=sum(days[:n])) for n in range(len(days) + 1)]
    return Cuts(edges, [each * DAY for each in days], [None] * len(days))


def together(groups: list[Group], sums: list[Sum], cuts: Cuts) -> list[Usage]:
    """Answer the usage of a period of one part."""
    return [row for _, row in gathered(groups, sums, cuts, [Span(cuts.bounds[0], cuts.bounds[-1])])]


def test_groups_without_usage_are_left_out() -> None:
    """A series that was silent is no usage of zero."""
    used = together([series("cpu", divisor=3600), series("network")], [Sum(1, 0, 3, Decimal("2.5"))], months(31))
    assert [(row.meter, row.quantity, row.divisor) for row in used] == [("network", Decimal("2.5"), Decimal(1))]


def test_a_count_is_its_events() -> None:
    """A meter that counts is billed by events, whatever their quantities and divisor."""
    (used,) = together([series("calls", aggregation="count", divisor=10)], [Sum(0, 0, 7, Decimal(99))], months(31))
    assert (used.quantity, used.divisor) == (Decimal(7), Decimal(1))


def test_a_month_is_divided_by_its_own_seconds() -> None:
    """10 GB held over a 31-day month are 10 GB-months."""
    (used,) = together([series("storage", per_month=True)], [Sum(0, 0, 1, Decimal(10 * 31 * DAY))], months(31))
    assert used.quantity / used.divisor == 10


def test_months_of_different_lengths_come_to_one_exact_divisor() -> None:
    """Half of October and half of November at 10 GB are 5 + 5 GB-months, nothing rounded on the way."""
    halves = [Sum(0, 0, 1, Decimal(10 * 31 * DAY // 2)), Sum(0, 1, 1, Decimal(10 * 15 * DAY))]
    (used,) = together([series("storage", per_month=True)], halves, months(31, 30))
    assert used.divisor == 930 * DAY
    assert used.quantity == 10 * used.divisor


def test_what_is_not_per_month_adds_up_over_months() -> None:
    """Only the unit per month cares where a month ends."""
    (used,) = together([series("network")], [Sum(0, 0, 1, Decimal(1)), Sum(0, 1, 1, Decimal(2))], months(31, 30))
    assert (used.quantity, used.divisor) == (Decimal(3), Decimal(1))


def test_each_part_of_a_period_has_its_own() -> None:
    """Usage is told apart where a part begins or ends; what lies in none comes last."""
    cuts = cut_at(months(31), [START + timedelta(days=10), START + timedelta(days=20)])
    parts = [Span(START, START + timedelta(days=10)), Span(START + timedelta(days=20), cuts.bounds[-1])]
    sums = [Sum(0, slot, 1, Decimal(slot + 1)) for slot in range(3)]
    found = gathered([series("network")], sums, cuts, parts)
    assert [(part, row.quantity) for part, row in found] == [(0, Decimal(1)), (1, Decimal(3)), (2, Decimal(2))]
