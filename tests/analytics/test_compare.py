"""Comparisons: which window meets which, over clock changes and leap days, and what no data means."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import analytics
from analytics import compare as job
from analytics.compare import Comparison, GroupComparison, Pair, compare, month_over_month, months_of, spans_of
from analytics.frames.change import Change
from meter.windows import Window
from tests.analytics.traces import (
    DAY,
    HOUR,
    LATER,
    MONDAY,
    PARIS,
    Quantities,
    as_floats,
    asked,
    cloud_monitoring,
    local,
    needs_traces,
    picked,
    rows,
    shuffled,
    statistic,
)


def daily(now: Quantities, before: Quantities = (), *, at: datetime = LATER, additive: bool = True) -> GroupComparison:
    """Compare days from MONDAY on with as many before."""
    frame = rows([*before, *now], start=MONDAY - len(before) * DAY).drop("group")
    to = MONDAY + len(now) * DAY
    return compare(frame, from_=MONDAY, to=to, window="day", tz="UTC", now=at, additive=additive).groups[0]


def test_the_job_is_listed() -> None:
    """JOBS is how others find it."""
    assert job in analytics.JOBS


def test_a_span_against_the_one_before() -> None:
    """Three days against the three before: sums, difference, percent, and both lines of a chart."""
    answer = daily([20, 30, 40], [10, 20, 30])
    assert answer.change == Change(Decimal(90), Decimal(60), Decimal(30), Decimal(50))
    assert answer.pairs[0] == Pair(
        MONDAY, MONDAY + DAY, Decimal(20), MONDAY - 3 * DAY, MONDAY - 2 * DAY, Decimal(10), complete=True
    )
    assert picked(answer.pairs, "quantity", "base") == [(20, 10), (30, 20), (40, 30)]


def test_what_is_not_over_meets_nothing() -> None:
    """Half of Wednesday is in the chart, and neither it nor the whole Sunday it would meet is in the sums."""
    answer = daily([20, 30, 5], [10, 20, 30], at=MONDAY + 2 * DAY + 12 * HOUR)
    assert answer.change == Change(Decimal(50), Decimal(30), Decimal(20), statistic(Decimal(200) / 3))
    assert picked(answer.pairs, "quantity", "base", "complete")[2] == (5, 30, False)


def test_a_month_to_date_meets_as_much_of_its_base() -> None:
    """Windows to come are not gaps; the comparison says how many have begun and how many are compared."""
    frame = rows([1] * 60, start=MONDAY - 30 * DAY)
    at = MONDAY + 10 * DAY + HOUR
    answer = compare(frame, from_=MONDAY, to=MONDAY + 30 * DAY, window="day", tz="UTC", now=at)
    assert (answer.windows, answer.compared, len(answer.groups[0].pairs)) == (11, 10, 11)
    assert picked([answer.groups[0].change], "current", "base") == [(10, 10)]


def test_no_data_is_not_zero() -> None:
    """No row and null: no sum where nothing is, no percentage of nothing; the counts tell of gaps."""
    assert daily([5, 6]).change == Change(Decimal(11), None, None, None)
    assert daily([5], [0]).change == Change(Decimal(5), Decimal(0), Decimal(5), None)
    gaps = daily([None, 4, 6], [1, 2, None])
    assert picked([gaps], "windows_with_data", "base_windows_with_data") == [(2, 2)]
    assert gaps.change == Change(Decimal(10), Decimal(3), Decimal(7), statistic(Decimal(700) / 3))
    assert picked(daily([None], [None]).pairs, "quantity", "base") == [(None, None)]


def test_every_digit_is_kept() -> None:
    """Thirty digits, where the default context of Decimal keeps 28."""
    answer = daily(["999999999999999999.000000000001"], ["0.000000000002"])
    assert answer.change.absolute == Decimal("999999999999999998.999999999999")
    with pytest.raises(ValueError, match="38 digits"):
        daily(["9" * 26] * 5)


def test_what_cannot_be_added_up_is_compared_by_means() -> None:
    """Averages of 30 and 50 against 10 and 30; several rows per window are refused."""
    assert daily([30, 50], [10, 30], additive=False).change == Change(*map(Decimal, (40, 20, 20, 100)))
    with pytest.raises(ValueError, match="one row per window"):
        compare(rows([1, 2], step=HOUR), from_=MONDAY, to=LATER, window="day", tz="UTC", now=LATER, additive=False)


def test_the_rhythm_is_that_of_local_hours_of_the_week() -> None:
    """Two weeks in which only Tuesday, nine o'clock in Paris, is busy: 168 means of each side."""
    frame = rows([0] * (28 * 24), start=local(2025, 3, 10), step=HOUR)
    busy = [local(2025, 3, day, 9) for day in (11, 18)] + [local(2025, 3, 25, 9), local(2025, 4, 1, 9)]
    frame = frame.with_columns(
        quantity=pl.when(pl.col("start").is_in(busy)).then(pl.lit(6, pl.Decimal(38, 12))).otherwise("quantity")
    )
    span = {"from_": local(2025, 3, 24), "to": local(2025, 4, 7), "window": "hour", "tz": PARIS, "now": LATER}
    rhythm = compare(frame, **span).groups[0].rhythm  # type: ignore[arg-type]
    assert len(rhythm) == 168
    assert picked([beat for beat in rhythm if beat.mean], "weekday", "hour", "mean", "base") == [(2, 9, 6, 6)]
    # 02:00 of the Sunday that lacks it is a mean of the other Sunday
    assert picked([rhythm[6 * 24 + 2]], "weekday", "hour", "mean", "base") == [(7, 2, 0, 0)]


@pytest.mark.parametrize(
    ("window", "days", "beats"),
    [
        ("15m", 7, 168),
        ("hour", 7, 168),
        ("hour", 3, 24),
        ("day", 7, 7),
        ("day", 2, 7),
        ("week", 28, 0),
        ("month", 30, 0),
    ],
)
def test_the_rhythm_is_as_fine_as_windows_allow(window: Window, days: int, beats: int) -> None:
    """Hours of the week, of the day below a week, weekdays of days, nothing of what is longer."""
    answer = compare(rows([1]), from_=MONDAY, to=MONDAY + days * DAY, window=window, tz="UTC", now=LATER)
    assert len(answer.groups[0].rhythm) == beats


def test_the_rhythm_is_of_complete_pairs_with_data() -> None:
    """The mean of a weekday leaves out gaps and the day that is not over; null: no data."""
    answer = daily([1, None, 9], [4, 5, 6], at=MONDAY + 2 * DAY + HOUR)
    assert picked(answer.rhythm[:3], "weekday", "mean", "base") == [(1, 1, None), (2, None, None), (3, None, None)]
    assert picked(answer.rhythm[4:], "weekday", "mean", "base") == [(5, None, 4), (6, None, 5), (7, None, None)]


def months(quantities: Quantities, at: datetime, count: int) -> Any:
    """Answer months in Paris of days from 1 January 2025 on, as known at an instant."""
    frame = rows(quantities, start=local(2025, 1, 1, 12))
    return month_over_month(frame, months=count, tz=PARIS, now=at)


def test_each_month_against_the_one_before() -> None:
    """Days of 1 unit: March has 31 against 28; April is not over, and just begun it has no data yet."""
    answer = months([1] * 90, local(2025, 4, 1, 6), 2)
    feb, mar, apr = answer.groups[0].months
    assert (feb.from_, feb.complete, mar.from_, mar.complete) == (local(2025, 2, 1), True, local(2025, 3, 1), True)
    assert feb.change == Change(Decimal(28), Decimal(31), Decimal(-3), statistic(Decimal(-300) / 31))
    assert mar.change == Change(Decimal(31), Decimal(28), Decimal(3), statistic(Decimal(300) / 28))
    assert (apr.from_, apr.complete, apr.change) == (local(2025, 4, 1), False, Change(None, Decimal(31), None, None))
    assert (answer.from_, answer.to) == (local(2025, 2, 1), local(2025, 5, 1))


def test_a_running_month_has_a_quantity_and_no_difference() -> None:
    """Ten days against a whole month say nothing."""
    last = months([1] * 100, local(2025, 4, 11), 1).groups[0].months[-1]
    assert last.change == Change(Decimal(10), Decimal(31), None, None)


def test_a_month_that_is_just_over_is_the_last() -> None:
    """At the first instant of April, April has not begun."""
    assert [month.from_ for month in months([1] * 90, local(2025, 4, 1), 2).groups[0].months] == [
        local(2025, 2, 1),
        local(2025, 3, 1),
    ]
    assert months_of(2, PARIS, local(2025, 4, 1)).read_from == local(2025, 1, 1)
    with pytest.raises(ValueError, match="at least one"):
        months_of(0, PARIS, LATER)


def test_a_month_without_data_is_not_zero() -> None:
    """There is no change to it, nor from it."""
    answer = months([1] * 31 + [None] * 28 + [1] * 31, local(2025, 4, 1), 3)
    assert picked(answer.groups[0].months, "change")[1:] == [
        (Change(None, Decimal(31), None, None),),
        (Change(Decimal(31), None, None, None),),
    ]


def test_groups_are_apart_and_come_by_falling_size() -> None:
    """Null is a group of its own, and so is one that only the base has; what is older is no group."""
    gone, older = rows([9], start=MONDAY - DAY, group="gone"), rows([9], start=MONDAY - 2 * DAY, group="older")
    frame = pl.concat([rows([1], group="small"), rows([5], group="big"), rows([5]), gone, older])
    answer = compare(frame, from_=MONDAY, to=MONDAY + DAY, window="day", tz="UTC", now=LATER)
    assert [(group.group, group.change.current, group.change.base) for group in answer.groups] == [
        ("big", 5, None),
        (None, 5, None),
        ("small", 1, None),
        ("gone", None, 9),
    ]
    none = compare(frame.clear(), from_=MONDAY, to=MONDAY + DAY, window="day", tz="UTC", now=LATER)
    assert none.groups == ()


def test_the_answer_is_json_with_numbers_as_strings() -> None:
    """The struct goes out as it is; an empty span is refused."""
    answer = compare(rows([1, 2]), from_=MONDAY + DAY, to=MONDAY + 2 * DAY, window="day", tz="UTC", now=LATER)
    body = msgspec.json.decode(msgspec.json.encode(answer))
    assert (body["from"], body["base_from"]) == ("2025-11-04T00:00:00Z", "2025-11-03T00:00:00Z")
    assert body["groups"][0]["change"] == {"current": "2", "base": "1", "absolute": "1", "percent": "100"}
    assert msgspec.json.decode(msgspec.json.encode(answer), type=Comparison) == answer
    with pytest.raises(ValueError, match="empty"):
        spans_of(MONDAY, MONDAY, "day", "UTC", "before")


quantity = st.none() | st.decimals(min_value=-(10**9), max_value=10**9, places=6)
series = st.lists(quantity, min_size=2, max_size=16)


def eight_days(frame: pl.DataFrame, *, shift: timedelta = timedelta()) -> Comparison:
    """Compare the second eight days with the first."""
    from_ = MONDAY + 8 * DAY + shift
    return compare(frame, from_=from_, to=from_ + 8 * DAY, window="day", tz="UTC", now=LATER)


@given(series, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(quantities: Quantities, random: Any) -> None:
    """Shuffled rows of two groups give the same answer."""
    frame = pl.concat([rows(quantities, group="a"), rows(quantities[::-1], group="b")])
    assert eight_days(frame) == eight_days(shuffled(frame, random))


@given(series, series)
def test_a_group_does_not_see_its_neighbours(mine: Quantities, theirs: Quantities) -> None:
    """An answer about one group is the same with and without another."""
    alone = eight_days(rows(mine, group="mine"))
    both = eight_days(pl.concat([rows(mine, group="mine"), rows(theirs, group="theirs")]))
    assert [group for group in both.groups if group.group == "mine"] == list(alone.groups)


@given(series, st.integers(2, 1000))
def test_another_unit_scales_sums_and_no_percentage(quantities: Any, factor: int) -> None:
    """A thousandth of the unit is a thousand times the numbers, to the last digit."""
    one = eight_days(rows(quantities).drop("group")).groups[0]
    many = eight_days(rows([None if each is None else factor * each for each in quantities]).drop("group")).groups[0]
    assert many.change.percent == one.change.percent
    for name in ("current", "base", "absolute"):
        number = getattr(one.change, name)
        assert getattr(many.change, name) == (None if number is None else factor * number)


@given(series, st.integers(-100, 100))
def test_whole_weeks_later_nothing_is_different(quantities: Quantities, weeks: int) -> None:
    """The same numbers at another time compare the same."""
    shift = 7 * weeks * DAY
    here = eight_days(rows(quantities).drop("group")).groups[0]
    there = eight_days(rows(quantities, start=MONDAY + shift).drop("group"), shift=shift).groups[0]
    assert (here.change, here.rhythm) == (there.change, there.rhythm)


SUMS = """
    with local as (select "group", quantity, timezone('Europe/Paris', timezone('UTC', start)) as seen from rows)
    select "group",
        sum(quantity) filter (seen >= timestamp '2018-07-02' and seen < timestamp '2018-07-09'),
        sum(quantity) filter (seen >= timestamp '2018-06-25' and seen < timestamp '2018-07-02')
    from local group by "group" order by "group"
"""
RHYTHM = """
    with hours as (
        select "group", date_trunc('hour', start) as hour, sum(quantity) as quantity from rows group by 1, 2),
    local as (select "group", quantity, timezone('Europe/Paris', timezone('UTC', hour)) as seen from hours)
    select "group", isodow(seen), hour(seen), avg(quantity::double) from local
    where quantity is not null and seen >= timestamp '2018-07-02' and seen < timestamp '2018-07-09' group by 1, 2, 3
"""
MONTHS = """
    with local as (select "group", quantity, timezone('Europe/Paris', timezone('UTC', start)) as seen from rows)
    select "group", month(seen), sum(quantity) from local group by 1, 2
"""


@needs_traces
def test_a_week_of_real_traces_is_what_duckdb_says() -> None:
    """Sums of every series in two weeks of Paris to the last digit, and the means of its hours."""
    trace = cloud_monitoring()
    from_, to = local(2018, 7, 2), local(2018, 7, 9)
    answer = compare(trace, from_=from_, to=to, window="hour", tz=PARIS, now=LATER)
    ours = {group.group: (group.change.current, group.change.base) for group in answer.groups}
    told = {group: sums for group, *sums in asked(SUMS, trace) if any(each is not None for each in sums)}
    assert ours == {group: tuple(sums) for group, sums in told.items()}
    assert len(ours) > 10
    means = {(group, weekday, hour): mean for group, weekday, hour, mean in asked(RHYTHM, trace)}
    beats = {(each.group, beat.weekday, beat.hour): beat.mean for each in answer.groups for beat in each.rhythm}
    assert {cell: mean for cell, mean in beats.items() if mean is not None} == pytest.approx(
        {cell: statistic(Decimal(mean)) for cell, mean in means.items()}, rel=Decimal("1e-9")
    )


@needs_traces
def test_months_of_real_traces_are_what_duckdb_says() -> None:
    """Every series from March to July 2018 in Paris, to the last digit."""
    trace = cloud_monitoring()
    answer = month_over_month(trace, months=5, tz=PARIS, now=local(2018, 8, 1))
    told = {(group, month): total for group, month, total in asked(MONTHS, trace)}
    ours = {
        (group.group, month.from_.astimezone(ZoneInfo(PARIS)).month): month.change.current
        for group in answer.groups
        for month in group.months
    }
    assert {key: total for key, total in ours.items() if total is not None} == told
    assert len(answer.groups) == 31


def test_floats_are_compared_as_well() -> None:
    """What is too large for exact sums is about right."""
    frame = as_floats(rows(["1e25", "3e25"]))
    answer = compare(frame, from_=MONDAY + DAY, to=MONDAY + 2 * DAY, window="day", tz="UTC", now=LATER)
    assert answer.groups[0].change == Change(*map(Decimal, ("3e25", "1e25", "2e25", "200")))
