"""Prices by the clock on the wall: windows, nights, days of the week, and the days on which clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.rating.invoice import lines_of
from meter.rating.models import time_of_day
from meter.rating.periods import Period
from meter.rating.price import Price
from meter.rating.price_table import read_price
from meter.rating.table import BookError, Table
from meter.rating.usage import Usage, UsageError
from tests.rating.cast import MARCH, plan_of, rated

DAY = {"from": "08:00", "to": "18:00", "days": ["mon", "tue", "wed", "thu", "fri"], "unit_amount": "0.30"}
NIGHT = {"from": "22:00", "to": "06:00", "unit_amount": "0.10", "title": "Night"}
PARIS = Period(
    datetime(2026, 2, 28, 23, tzinfo=UTC), datetime(2026, 3, 31, 22, tzinfo=UTC), "Europe/Paris"
)  # clocks go forward on the 29th


def price_of(rates: object, **fields: object) -> Price:
    """A price by the time of day."""
    table = {"title": "Power", "meter": "m", "unit": "kWh", "model": "time_of_day", "rates": rates, **fields}
    return read_price("power", Table("", "prices.power", table), "USD")


def used(*when: str) -> tuple[Usage, ...]:
    """One unit at each of these instants."""
    return tuple(Usage("m", Decimal(1), at=datetime.fromisoformat(each)) for each in when)


def cells(price: Price, *when: str, period: Period = MARCH) -> list[str | None]:
    """What the rates are called that units of these instants pay."""
    assert isinstance(price.terms, time_of_day.Terms)
    divided = time_of_day.divide(price.terms, used(*when), period)
    return [cell.label for cell in divided.cells] + ["unpriced"] * len(divided.unpriced)


@pytest.mark.parametrize(
    ("when", "cell"),
    [
        ("2026-03-02T07:59:59.999999Z", "other times"),  # a Monday
        ("2026-03-02T08:00:00Z", "08:00 to 18:00, mon tue wed thu fri"),
        ("2026-03-02T17:59:59.999999Z", "08:00 to 18:00, mon tue wed thu fri"),
        ("2026-03-02T18:00:00Z", "other times"),
        ("2026-03-01T12:00:00Z", "other times"),  # a Sunday
        ("2026-03-01T22:00:00Z", "Night"),
        ("2026-03-02T05:59:59Z", "Night"),
        ("2026-03-02T06:00:00Z", "other times"),
        ("2026-03-02T10:00:00+03:00", "other times"),  # seven o'clock where the bill is written
        ("2026-03-02T11:00:00+03:00", "08:00 to 18:00, mon tue wed thu fri"),
    ],
)
def test_windows_begin_with_their_first_instant_and_end_before_their_last(when: str, cell: str) -> None:
    """From the minute named up to the other, and neither gap nor overlap between neighbours."""
    assert cells(price_of([DAY, NIGHT], otherwise={"unit_amount": "0.20"}), when) == [cell]


@pytest.mark.parametrize(
    ("when", "cell"),
    [
        ("2026-03-06T23:00:00Z", "Friday night"),
        ("2026-03-07T05:00:00Z", "Friday night"),  # Saturday's morning is still Friday's night
        ("2026-03-06T05:00:00Z", "unpriced"),  # Friday's morning is Thursday's
        ("2026-03-07T23:00:00Z", "unpriced"),
        ("2026-03-08T23:59:00Z", "All Sunday"),
        ("2026-03-08T00:00:00Z", "All Sunday"),
        ("2026-03-09T00:00:00Z", "unpriced"),
    ],
)
def test_a_night_belongs_to_the_day_it_begins_on(when: str, cell: str) -> None:
    """Across midnight the day's name is that of the evening; 24:00 is the end of a day, and it has no night."""
    price = price_of(
        [
            {"from": "22:00", "to": "06:00", "days": ["fri"], "unit_amount": "1", "title": "Friday night"},
            {"from": "00:00", "to": "24:00", "days": ["sun"], "unit_amount": "1", "title": "All Sunday"},
        ]
    )
    found = cells(price, when)
    assert found[-1] == cell


@pytest.mark.parametrize(
    ("when", "cell"),
    [
        ("2026-03-28T07:30:00Z", "Morning"),  # half past eight in winter
        ("2026-03-29T06:30:00Z", "Morning"),  # and in summer, from the day of the change on
        ("2026-03-29T07:30:00Z", "other times"),
        ("2026-03-29T00:59:00Z", "Small hours"),  # 01:59, and a minute later it is three
        ("2026-03-29T01:00:00Z", "other times"),
    ],
)
def test_the_wall_clock_goes_with_the_zone(when: str, cell: str) -> None:
    """Eight o'clock is eight o'clock, an hour earlier by UTC once clocks went forward."""
    price = price_of(
        [
            {"from": "08:00", "to": "09:00", "unit_amount": "1", "title": "Morning"},
            {"from": "01:00", "to": "03:00", "unit_amount": "1", "title": "Small hours"},
        ],
        otherwise={"unit_amount": "2"},
    )
    assert cells(price, when, period=PARIS) == [cell]


def test_an_hour_that_comes_twice_is_paid_twice_at_its_rate() -> None:
    """When clocks go back, both of the hours from two to three are that hour."""
    october = Period(datetime(2026, 9, 30, 22, tzinfo=UTC), datetime(2026, 10, 31, 23, tzinfo=UTC), "Europe/Paris")
    price = price_of([{"from": "02:00", "to": "03:00", "unit_amount": "1", "title": "Two"}])
    rows = used("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z")
    (line,) = lines_of(price, rows, october, "USD")
    assert (line.cell, str(line.amount)) == ("Two", "2.00")


def test_one_line_for_each_rate_that_was_used() -> None:
    """By hand: 2 by day at 0.30, 1 by night at 0.10, 1 otherwise at 0.20."""
    price = price_of([DAY, NIGHT], otherwise={"unit_amount": "2.00", "per": 10, "title": "Rest"})
    rows = used("2026-03-02T07:00:00Z", "2026-03-02T23:00:00Z", "2026-03-02T08:30:00Z", "2026-03-03T17:59:00Z")
    lines = lines_of(price, rows, MARCH, "USD")
    assert [(line.cell, str(line.amount)) for line in lines] == [
        ("08:00 to 18:00, mon tue wed thu fri", "0.60"),
        ("Night", "0.10"),
        ("Rest", "0.20"),
    ]


def test_times_without_a_rate_are_unpriced() -> None:
    """Without `otherwise` the hours between are an alarm, never zero."""
    rates = '[{ from = "08:00", to = "18:00", unit_amount = "1" }]'
    plan = plan_of(f'prices.p = {{ title = "P", meter = "m", unit = "kWh", model = "time_of_day", rates = {rates} }}')
    result = rated(plan, *used("2026-03-02T07:00:00Z", "2026-03-02T09:00:00Z"))
    assert [(line.cell, str(line.amount)) for line in result.lines] == [("08:00 to 18:00", "1.00")]
    assert [(each.meter, str(each.quantity)) for each in result.unpriced] == [("m", "1")]


def test_usage_has_to_say_when() -> None:
    """A month's total has no hour of the day."""
    with pytest.raises(UsageError, match=r"m is priced by the time of day; give usage in rows that say when \(`at`\)"):
        lines_of(price_of([DAY]), (Usage("m", Decimal(1)),), MARCH, "USD")


@pytest.mark.parametrize(
    ("rates", "otherwise", "said"),
    [
        ([{"to": "18:00", "unit_amount": "1"}], None, '[prices.power.rates[1]] from: is missing; write from = "…"'),
        (
            [DAY | {"from": "8:00"}],
            None,
            "from: '8:00' is not a time of day; write hours and minutes, from = \"08:00\"",
        ),
        ([DAY | {"to": "24:30"}], None, "to: '24:30' is not a time of day; write hours and minutes, to = \"18:00\""),
        ([DAY | {"to": "08:00"}], None, 'to: is when it begins; write from = "00:00" and to = "24:00" for whole days'),
        ([DAY | {"from": "24:00", "to": "00:00"}], None, "to: is when it begins"),
        ([DAY | {"days": ["monday"]}], None, "days: monday is no day; write some of mon, tue, wed, thu, fri, sat, sun"),
        ([DAY | {"days": []}], None, "days: none is no day"),
        ([DAY | {"until": "18:00"}], None, "until: unknown field"),
        ([DAY], {"unit_amount": "1", "from": "18:00"}, "[prices.power.otherwise] from: unknown field"),
        ([DAY], {}, "[prices.power.otherwise] unit_amount: is missing"),
        ([NIGHT, DAY | {"title": "Night"}], None, "title: two rates are called 'Night'; write title"),
        ([DAY], {"unit_amount": "1", "title": "08:00 to 18:00, mon tue wed thu fri"}, "[prices.power.otherwise] title"),
        (
            [DAY, DAY | {"from": "09:00", "days": ["fri"]}],
            None,
            "[prices.power.rates[2]] from: never counts, as the rates before cover all of it; write the narrower one",
        ),
        (
            [NIGHT, {"from": "00:00", "to": "06:00", "unit_amount": "1"}],
            None,
            "[prices.power.rates[2]] from: never counts",
        ),
        (
            [{"from": "08:00", "to": "18:00", "unit_amount": "1", "title": str(at)} for at in range(169)],
            None,
            "rates: are 169; write at most 168, one for each hour of a week",
        ),
    ],
)
def test_mistakes_say_what_to_write(rates: Any, otherwise: Any, said: str) -> None:
    """Each mistake names the rate and its field, and what to write instead."""
    fields = {} if otherwise is None else {"otherwise": otherwise}
    with pytest.raises(BookError) as caught:
        price_of(rates, **fields)
    assert said in str(caught.value)


minutes = st.integers(0, 24 * 60 - 1)
some_days = st.lists(st.sampled_from(time_of_day.DAYS), min_size=1, unique=True)
windows = st.lists(
    st.tuples(minutes, minutes, some_days).filter(lambda window: window[0] != window[1]), min_size=1, max_size=4
)


def clock(minute: int) -> str:
    """A minute of the day as people write it."""
    return f"{minute // 60:02}:{minute % 60:02}"


def minutes_of(start: int, end: int, days: list[str]) -> set[int]:
    """Every minute of a week that a window has, counted one by one from where it begins."""
    length = (end - start) % (24 * 60)
    begins = [time_of_day.DAYS.index(day) * 24 * 60 + start for day in days]
    return {(begin + minute) % (7 * 24 * 60) for begin in begins for minute in range(length)}


@given(windows, st.integers(0, 31 * 24 * 60 - 1))
def test_any_minute_pays_the_first_window_that_has_it(windows: list[tuple[int, int, list[str]]], minute: int) -> None:
    """Against windows as sets of minutes; one that adds none to those before is refused."""
    taken: set[int] = set()
    reached = []
    for window in windows:
        if not minutes_of(*window) <= taken:
            reached.append(window)
            taken |= minutes_of(*window)
    rates = [
        {"from": clock(start), "to": clock(end), "days": days, "unit_amount": "1", "title": str(place)}
        for place, (start, end, days) in enumerate(reached)
    ]
    zone = ZoneInfo("Europe/Paris")
    when = PARIS.start + timedelta(minutes=minute)
    local = when.astimezone(zone)
    of_week = (local.weekday() * 24 + local.hour) * 60 + local.minute
    expected = [str(place) for place, window in enumerate(reached) if of_week in minutes_of(*window)][:1]
    found = cells(price_of(rates), when.isoformat(), period=PARIS)
    assert found[-1:] == (expected or ["unpriced"])
