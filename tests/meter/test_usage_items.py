"""From sums to items: each month divided by its own length, gaps named, numbers written plainly."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from itertools import pairwise
from typing import cast
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from meter import usage
from meter.cells import Cell, Slots, cells, slots, value
from meter.database import Connection
from meter.errors import InvalidParameter
from meter.labels import check_known
from meter.levels import Sum
from meter.model import Meter, Team
from meter.usage import Fill, Group, Groups, Item, Query, check, items, plain, ranges_of
from meter.windows import WINDOWS, Window, month_seconds

PARIS = ZoneInfo("Europe/Paris")
KATHMANDU = ZoneInfo("Asia/Kathmandu")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
TEAM = Team(1, UUID(int=1), "Team", "Europe/Paris", "EUR", None, NOVEMBER)


def meter(aggregation: str = "sum", divisor: int = 1, *, per_month: bool = False) -> Meter:
    """Make a meter of one dimension."""
    return Meter(
        1,
        "m",
        "M",
        "unit",
        aggregation,
        Decimal(1),
        Decimal(divisor),
        per_month=per_month,
        billable=True,
        dimensions=frozenset({"model"}),
    )


STORAGE = meter("time_weighted", per_month=True)
CPU = meter("time_weighted", 3600)


def query(
    start: datetime, end: datetime, window: Window | None = None, zone: ZoneInfo = PARIS, fill: Fill | None = None
) -> Query:
    """Ask for the meter."""
    return Query(meters=("m",), start=start, end=end, zone=zone, window=window, fill=fill)


def cut(asked: Query, made: Meter) -> Slots:
    """Cut what is asked into slots."""
    return slots(ranges_of(asked, TEAM).asked, asked.zone, per_month=made.per_month)


def shown(asked: Query, made: Meter, names: list[Group], sums: Sequence[Sum] = ()) -> list[Item]:
    """Answer the items of groups from what the buckets say of them."""
    found = cells(sums, cut(asked, made), made)
    return items(asked, made, Groups(names, {}), ranges_of(asked, TEAM), found, {})


def local(year: int, month: int, zone: ZoneInfo = PARIS) -> datetime:
    """Answer the beginning of a local month, which no zone here changes its clocks at."""
    return datetime(year, month, 1, tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("year", "month", "seconds"),
    [
        (2026, 1, 31 * 86_400),
        (2026, 2, 28 * 86_400),
        (2028, 2, 29 * 86_400),
        (2026, 3, 31 * 86_400 - 3600),
        (2026, 10, 31 * 86_400 + 3600),
        (2026, 4, 30 * 86_400),
    ],
)
def test_months_have_their_own_length(year: int, month: int, seconds: int) -> None:
    """Leap years and clock changes counted; a gigabyte held for all of it is one GB-month."""
    start, end = local(year, month), local(year + month // 12, month % 12 + 1)
    assert month_seconds(start, PARIS) == month_seconds(end - timedelta(microseconds=1), PARIS) == seconds
    asked = query(start, end)
    held = Decimal(int((end - start).total_seconds()))
    (item,) = shown(asked, STORAGE, [()], [Sum(0, 0, 1, held)])
    assert item.quantity == 1


@pytest.mark.parametrize("zone", [PARIS, KATHMANDU])
@pytest.mark.parametrize("window", [*WINDOWS[1:], None])
def test_a_year_of_one_gigabyte_is_twelve_months(window: Window | None, zone: ZoneInfo) -> None:
    """Whatever the windows: a week across two months takes from each by its own length."""
    start, end = local(2028, 1, zone), local(2029, 1, zone)
    asked = query(start, end, window, zone)
    held = [Decimal(int((hi - lo).total_seconds())) for lo, hi in pairwise(cut(asked, STORAGE).bounds)]
    found = shown(asked, STORAGE, [()], [Sum(0, slot, 1, total) for slot, total in enumerate(held)])
    total = sum((Fraction(item.quantity or 0) for item in found), Fraction(0))
    assert abs(total - 12) < Fraction(1, 10**50)
    assert found[0].start == start
    assert found[-1].end == end
    assert all(one.end == after.start for one, after in pairwise(found))
    if window == "month":
        assert [item.quantity for item in found] == [1] * 12


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 3 * 365 * 86_400), st.integers(1, 100 * 86_400), st.sampled_from([*WINDOWS[1:], None]), st.booleans()
)
def test_slots_cut_windows_and_months(since: int, length: int, window: Window | None, per_month: bool) -> None:  # noqa: FBT001 - drawn, not passed
    """Each slot lies in one window and one month, and says which; windows keep their own bounds."""
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=since)
    asked = query(start, start + timedelta(seconds=length), window)
    made = meter("time_weighted", per_month=per_month)
    found = cut(asked, made)
    windows = cut(asked, CPU).bounds
    assert found.bounds == sorted(set(found.bounds))
    assert len(found.homes) == len(found.month_seconds) == len(found.bounds) - 1
    for (lo, hi), (at,), seconds in zip(pairwise(found.bounds), found.homes, found.month_seconds, strict=True):
        assert windows[at] <= lo < hi <= windows[at + 1]
        first, last = lo.astimezone(PARIS), (hi - timedelta(microseconds=1)).astimezone(PARIS)
        assert not per_month or (first.year, first.month) == (last.year, last.month)
        assert seconds == (month_seconds(lo, PARIS) if per_month else 1)
    filled = shown(query(asked.start, asked.end, window, fill="null"), made, [])
    assert [(item.start, item.end) for item in filled] == list(pairwise(windows))


def test_without_fill_only_windows_with_data_are_items() -> None:
    """In order of window and group, however the sums came."""
    asked = query(NOVEMBER, NOVEMBER + 3 * HOUR, "hour")
    sums = [Sum(1, 2, 1, Decimal(7)), Sum(0, 2, 2, Decimal(5)), Sum(1, 0, 3, Decimal(4))]
    found = shown(asked, meter(), [("a",), ("b",)], sums)
    assert [(item.start, item.group, item.quantity, item.events) for item in found] == [
        (NOVEMBER, ("b",), Decimal(4), 3),
        (NOVEMBER + 2 * HOUR, ("a",), Decimal(5), 2),
        (NOVEMBER + 2 * HOUR, ("b",), Decimal(7), 1),
    ]


@pytest.mark.parametrize(("fill", "missing"), [("null", None), ("zero", Decimal(0))])
@pytest.mark.parametrize("aggregation", ["sum", "count", "average", "time_weighted"])
def test_fill_says_what_it_was_asked_to(fill: Fill, missing: Decimal | None, aggregation: str) -> None:
    """No data is null or zero, per window and group; a measured zero stays a zero."""
    asked = query(NOVEMBER, NOVEMBER + 2 * HOUR, "hour", fill=fill)
    made = meter(aggregation)
    found = shown(asked, made, [("a",), ("b",)], [Sum(1, 1, 2, Decimal(0))])
    measured = Decimal(2) if aggregation == "count" else Decimal(0)
    assert [(item.quantity, item.events) for item in found] == [(missing, 0), (missing, 0), (missing, 0), (measured, 2)]
    assert [item.group for item in found] == [("a",), ("b",)] * 2


@pytest.mark.parametrize("fill", ["null", "zero"])
def test_fill_without_any_series_still_answers_each_window(fill: Fill) -> None:
    """Three hours of nothing are three items."""
    asked = query(NOVEMBER, NOVEMBER + 3 * HOUR, "hour", fill=fill)
    assert [item.events for item in shown(asked, meter(), [])] == [0, 0, 0]


def test_averages_divide_by_events() -> None:
    """Of all sums of a window together; an average of nothing is none."""
    made = meter("average")
    asked = query(NOVEMBER, NOVEMBER + HOUR)
    (item,) = shown(asked, made, [()], [Sum(0, 0, 2, Decimal(3)), Sum(0, 0, 1, Decimal(7))])
    assert item.quantity == Decimal(10) / 3 or abs(Fraction(item.quantity or 0) - Fraction(10, 3)) < Fraction(1, 10**50)
    assert item.events == 3
    assert value(made, "average", Cell(0, Decimal(5))) is None


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (meter(), "7200"),
        (meter("count"), "3"),
        (meter("average"), "2400"),
        (CPU, "2"),
        (meter("sum", 7), "1028.571428571429"),
    ],
)
def test_totals_are_divided_once(made: Meter, expected: str) -> None:
    """Into the meter's unit."""
    found = value(made, made.aggregation, Cell(3, Decimal(7200)))
    assert found is not None
    assert plain(found) == expected


numbers = st.builds(
    lambda digits, exponent: Decimal(f"{digits}E{exponent}"), st.integers(0, 10**45), st.integers(-30, 30)
)


@settings(max_examples=200, deadline=None)
@given(numbers)
@example(Decimal("0E+20"))
@example(Decimal("1E+39"))
@example(Decimal("9.9999999999999E+39"))
@example(Decimal("1E+40"))
@example(Decimal(100))
@example(Decimal("-0"))
@example(Decimal("-1E-13"))
def test_plain_numbers_are_plain(quantity: Decimal) -> None:
    """Digits and one point: no exponent, no idle zeros, no minus before a zero; 12 decimals, half up."""
    text = plain(quantity)
    assert set(text) <= set("0123456789.")
    whole, point, decimals = text.partition(".")
    assert whole == "0" or not whole.startswith("0")
    assert bool(point) == bool(decimals)
    assert not decimals.endswith("0")
    if quantity.adjusted() < 40:
        assert len(decimals) <= 12
        assert Decimal(text) == quantity.quantize(Decimal("1e-12"), context=Context(prec=200, rounding=ROUND_HALF_UP))
    else:
        assert Decimal(text) == quantity


@settings(max_examples=100)
@given(st.integers(0, 10**38 - 1))
def test_what_is_stored_is_shown_exactly(digits: int) -> None:
    """A number of numeric(38,12) comes back from its text."""
    stored = Decimal(f"{digits}E-12")
    assert Decimal(plain(stored)) == stored


@pytest.mark.parametrize(
    ("start", "end", "window"),
    [
        (NOVEMBER, NOVEMBER, None),
        (NOVEMBER + HOUR, NOVEMBER, "day"),
        (datetime(1, 1, 1, tzinfo=UTC), datetime(1, 1, 2, tzinfo=UTC), "day"),
        (datetime(9999, 12, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC), "month"),
        (datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC), "day"),
        (NOVEMBER - 2000 * DAY, NOVEMBER, "15m"),
    ],
)
def test_ranges_that_are_refused(start: datetime, end: datetime, window: Window | None) -> None:
    """Empty, reversed, beyond any calendar, or of too many windows: refused before anything is computed."""
    with pytest.raises(InvalidParameter):
        check(query(start, end, window))


@pytest.mark.parametrize("zone", ["Etc/GMT+12", "Pacific/Kiritimati", "Pacific/Apia", "Asia/Kathmandu"])
@pytest.mark.parametrize("window", ["week", "month"])
def test_the_widest_range_has_bounds(zone: str, window: Window) -> None:
    """What the check lets pass can be cut, in the zones farthest from UTC as well."""
    asked = query(datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC), window, ZoneInfo(zone))
    check(asked)
    found = cut(asked, STORAGE)
    assert (found.bounds[0], found.bounds[-1]) == (asked.start, asked.end)
    assert found.bounds == sorted(set(found.bounds))


async def test_trailing_windows_of_many_groups_are_refused_before_they_are_read() -> None:
    """What would take a minute to add up; a connection that is none shows that nothing is asked of the database."""
    asked = msgspec.structs.replace(query(NOVEMBER - 500 * DAY, NOVEMBER, "day"), rolling=500)
    check(asked)
    groups = Groups([(f"{number}",) for number in range(400)], {})
    with pytest.raises(InvalidParameter, match="rolling"):
        await usage._cells(cast("Connection", None), 1, meter(), asked, groups, ranges_of(asked, TEAM).asked)


async def test_what_takes_long_is_put_together_beside_the_event_loop() -> None:
    """Ingest goes on meanwhile; for a few items the way there and back would take longer."""
    here = threading.get_ident()
    assert await usage._aside(usage.MANY, threading.get_ident) == here
    assert await usage._aside(usage.MANY + 1, threading.get_ident) != here


def test_only_known_dimensions_may_be_asked_for() -> None:
    """Declared ones, member, service and key."""
    check_known(("member", "model", "key"), meter())
    with pytest.raises(InvalidParameter, match="colour"):
        check_known(("member", "colour"), meter())
