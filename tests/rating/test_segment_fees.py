"""Fees in periods that are cut, by hand: each for the time of its plan, and no time twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from meter.rating.invoice import rate
from meter.rating.periods import Period, month_period
from meter.rating.segments import Segment
from tests.rating.cast import plan_of, shown
from tests.rating.test_segments import NOON, OCTOBER, billed, day, fee, over, told


@pytest.mark.parametrize(
    ("rule", "first", "second"),
    [
        ("time", "14.50", "33.00"),  # 14.5 of 31 days at 31.00, 16.5 at 62.00
        ("days", "14.00", "34.00"),  # the 15th is the new plan's
        ("never", "31.00", "62.00"),
    ],
)
def test_fees_by_time_by_day_and_whole(rule: str, first: str, second: str) -> None:
    """An upgrade at noon of the 15th."""
    found = billed(*over((fee("31", rule, "a"), NOON, ()), (fee("62", rule, "b"), OCTOBER.end, ())))
    assert told(found) == [("base_fee", "a", first), ("base_fee", "b", second)]


def test_a_day_is_paid_once_whatever_happens_in_it() -> None:
    """a, b and a again on the 15th: the day is the last one's, and b has none."""
    a, b = fee("31", "days", "a"), fee("62", "days", "b")
    found = billed(*over((a, day(15, 8), ()), (b, day(15, 20), ()), (a, day(32), ())))
    assert told(found) == [("base_fee", "a", "14.00"), ("base_fee", "a", "17.00")]


def test_a_day_that_goes_on_in_the_next_period_is_paid_there() -> None:
    """Cancelled at noon the 10th is ten days; a new period from then on has the 10th."""
    plan = fee("31", "days", "a")
    alone = Segment(start=OCTOBER.start, end=day(10, 12), plan=plan, usage=())
    assert billed(alone).total == 10
    assert billed(replace(alone, goes_on=True)).total == 9


def test_unused_time_stays_owed_where_it_is_agreed() -> None:
    """The old fee until the end, the new one for its time."""
    a, b = fee("31", "time", "a"), fee("62", "time", "b")
    first, second = over((a, NOON, ()), (b, OCTOBER.end, ()))
    found = billed(replace(first, fee_until=OCTOBER.end), second)
    assert told(found) == [("base_fee", "a", "31.00"), ("base_fee", "b", "33.00")]
    assert found.lines[0].end == OCTOBER.end


def test_fees_by_number_count_each_for_its_time() -> None:
    """5 seats of which 2 are free until the 11th, 7 after: 3 x 10/31 and 5 x 21/31 of 10.00."""
    seats = 'title = "Seats", model = "flat", unit = "seat", unit_amount = "10", times = "seats", prorate = "time"'
    plan = plan_of(f"prices.seats = {{ {seats} }}")
    three, five = (replace(plan, prices=(replace(plan.prices[0], quantity=Decimal(n)),)) for n in (3, 5))
    found = billed(*over((three, day(11), ()), (five, OCTOBER.end, ())))
    assert [shown(line.quantity, line.amount) for line in found.lines] == [
        ("0.967741935484", "9.68"),
        ("3.387096774194", "33.87"),
    ]


def test_a_whole_fee_is_owed_once_by_each_plan() -> None:
    """In the first segment that has it, by its version there; a later one, even one by time, adds nothing."""
    a, b = fee("31", "never", "a"), fee("62", "never", "b")
    dearer, timed = (
        replace(a, base_fee=Decimal(40), book_version="2"),
        replace(fee("93", "time", "a"), book_version="3"),
    )
    parts = (a, day(5), ()), (b, day(9), ()), (dearer, day(12), ()), (timed, day(32), ())
    found = billed(*over(*parts))
    assert told(found) == [("base_fee", "a", "31.00"), ("base_fee", "b", "62.00")]
    assert found.lines[0].price_version == a.book_version


def test_of_none_nothing_is_owed_until_there_are_some() -> None:
    """No seats until noon, not even the least for them; then five, whole."""
    seats = 'title = "Seats", model = "flat", unit = "seat", unit_amount = "10", times = "seats", minimum = "70"'
    plan = plan_of(f"prices.seats = {{ {seats} }}")
    none, five = (replace(plan, prices=(replace(plan.prices[0], quantity=Decimal(n)),)) for n in (0, 5))
    assert billed(*over((none, OCTOBER.end, ()))).lines == rate(none, (), OCTOBER, "USD").lines == ()
    found = billed(*over((none, NOON, ()), (five, OCTOBER.end, ())))
    assert [(line.kind, f"{line.amount}", line.start) for line in found.lines] == [
        ("base_fee", "50.00", NOON),
        ("minimum", "20.00", NOON),
    ]


@pytest.mark.parametrize(
    ("zone", "year", "month", "edges", "days"),
    [
        # The 30th of December 2011 was skipped at its midnight: the first one's, as it ends there.
        ("Pacific/Apia", 2011, 12, ["2011-12-30T10:00"], [30, 1]),
        # A minute after midnight it was the 6th again, which is paid already.
        ("America/St_Johns", 2010, 11, ["2010-11-07T02:30:30", "2010-11-07T03:00"], [6, 0, 24]),
        # 23 hours are a day as any other.
        ("Europe/Paris", 2026, 3, ["2026-03-28T23:00", "2026-03-29T22:00"], [28, 1, 2]),
        ("Europe/Paris", 2026, 3, ["2026-03-29T00:59", "2026-03-29T01:01"], [28, 0, 3]),
        # Midnight is at a quarter past six in the evening.
        ("Asia/Kathmandu", 2026, 7, ["2026-07-10T18:15", "2026-07-11T18:14"], [10, 0, 21]),
    ],
)
def test_each_local_day_is_paid_once(zone: str, year: int, month: int, edges: list[str], days: list[int]) -> None:
    """One a day, by three plans: what each is paid is its days."""
    period = month_period(datetime(year, month, 15, tzinfo=UTC), zone)
    names = [replace(fee(str(sum(days)), "days", name), name=name) for name in ("a", "b", "c")]
    ends = [*(datetime.fromisoformat(edge).replace(tzinfo=UTC) for edge in edges), period.end]
    segments = over(*((plan, end, ()) for plan, end in zip(names, ends, strict=False)), start=period.start)
    found = {line.plan[-1]: line.amount for line in billed(*segments, period=period).lines}
    assert found == {name.name: count for name, count in zip(names, days, strict=False) if count}


def test_what_stays_owed_is_not_paid_again() -> None:
    """Whoever comes back to a plan whose fee goes on to the end has paid it."""
    a, b = fee("31", "time", "a"), fee("62", "time", "b")
    first, second, third = over((a, day(10), ()), (b, day(11), ()), (a, OCTOBER.end, ()))
    found = billed(replace(first, fee_until=OCTOBER.end), second, third)
    assert told(found) == [("base_fee", "a", "31.00"), ("base_fee", "b", "2.00")]


def test_days_that_stay_owed() -> None:
    """Until the 20th at noon, and that day with it, though another plan began on the 10th."""
    a, b = fee("31", "days", "a"), fee("62", "days", "b")
    first, second = over((a, day(10, 12), ()), (b, OCTOBER.end, ()))
    found = billed(replace(first, fee_until=day(20, 12)), second)
    assert told(found) == [("base_fee", "a", "20.00"), ("base_fee", "b", "44.00")]


def test_a_period_that_ends_in_mid_day_is_whole() -> None:
    """Whatever follows it: one fee, and not a day less."""
    half = Period(OCTOBER.start, NOON, "UTC")
    alone = Segment(start=half.start, end=half.end, plan=fee("30", "days", "a"), usage=(), goes_on=True)
    assert billed(alone, period=half).total == 30


def test_a_fee_by_time_has_the_hours_of_its_month() -> None:
    """March in Paris has 743 hours, and 743.00 are one for each; the change is after 671 of them."""
    period = month_period(datetime(2026, 3, 15, tzinfo=UTC), "Europe/Paris")
    a, b = fee("743", "time", "a"), fee("1486", "time", "b")
    change = period.start + timedelta(hours=671)
    found = billed(*over((a, change, ()), (b, period.end, ()), start=period.start), period=period)
    assert [line.amount for line in found.lines] == [671, 144]


def test_a_day_with_a_gap_in_it_is_paid_by_what_comes_after() -> None:
    """Nothing from 8 to 20 o'clock of the 10th: nine days of one plan, and the 10th is the next one's."""
    a, b = fee("31", "days", "a"), fee("62", "days", "b")
    first = Segment(start=OCTOBER.start, end=day(10, 8), plan=a, usage=())
    second = Segment(start=day(10, 20), end=OCTOBER.end, plan=b, usage=())
    assert told(billed(first, second)) == [("base_fee", "a", "9.00"), ("base_fee", "b", "44.00")]


@pytest.mark.parametrize("rule", ["time", "days"])
def test_a_fee_that_stays_owed_is_owed_until_the_end_and_not_beyond(rule: str) -> None:
    """The period is whole, whatever comes after it."""
    first, second = over((fee("31", rule, "a"), NOON, ()), (plan_of(""), OCTOBER.end, ()))
    assert billed(replace(first, fee_until=OCTOBER.end + timedelta(days=9)), second).total == 31
