"""Coverage without a database: quarters counted one by one, times told from days, rhythms, and who is silent."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import accumulate, pairwise
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.coverage import rhythm, share
from meter.coverage.facts import Report, Silence, facts, next_expected, state_of
from meter.coverage.follow import Change, Standing, went_on
from meter.coverage.share import (
    DAY,
    HOUR,
    WHOLE_DAY,
    Counts,
    Seen,
    Summed,
    Time,
    cover,
    grid,
    slot,
    together,
    until,
    widened,
)
from meter.coverage.times import GONE, There, first, last, times
from meter.spans import Span
from meter.windows import ORIGIN, QUARTER

NOW = datetime(2026, 11, 18, 12, 7, tzinfo=UTC)
SERIES = UUID(int=1)
DAYS = 3


def mask(quarters: set[int], day: int) -> int:
    """Answer the quarters of a day as bits, the first one leftmost."""
    return int("".join("1" if day * DAY + n in quarters else "0" for n in range(DAY)), 2)


def at(number: int) -> datetime:
    """Answer when a quarter begins."""
    return ORIGIN + number * QUARTER


lives = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, DAYS * DAY - 1),
        st.integers(1, DAYS * DAY),
        st.sets(st.integers(0, DAYS * DAY - 1), max_size=40),
    ),
    max_size=5,
)
ranges = st.lists(st.tuples(st.integers(0, DAYS * DAY * 900), st.integers(0, DAYS * DAY * 900)), min_size=1, max_size=5)


@given(lives, ranges)
def test_counts_are_those_of_quarters_one_by_one(
    lived: list[tuple[int, int, int, set[int]]], asked: list[tuple[int, int]]
) -> None:
    """For any series in any groups, and ranges that overlap, are empty or lie off the quarters."""
    spans = [Span(*(ORIGIN + timedelta(seconds=each) for each in sorted(pair))) for pair in asked]
    due = [Time(group, start, min(start + length, DAYS * DAY)) for group, start, length, _ in lived]
    there = [{n for n in seen if time.start <= n < time.end} for time, (*_, seen) in zip(due, lived, strict=True)]
    rows = [
        Seen(time.group, day, mask(mine, day), 1) for time, mine in zip(due, there, strict=True) for day in range(DAYS)
    ]
    whole = Span(ORIGIN, at(DAYS * DAY))
    asked_ = grid(spans, whole)
    cuts = share.cuts(asked_.edges)
    summed = [
        Summed(each.group, each.day, each.quarters.bit_count(), (each.quarters >> DAY - sum(cut)).bit_count())
        for each in rows
        if len(cut := cuts.get(each.day, [])) <= 1
    ]
    found = cover(asked_, due, [each for each in rows if len(cuts.get(each.day, ())) > 1], summed)
    assert found == cover(asked_, due, rows)
    for number, span in enumerate(spans):
        inside = range(share.quarter(span.start), share.quarter(span.end))
        of_groups = []
        for group in range(3):
            mine = [(time, seen) for time, seen in zip(due, there, strict=True) if time.group == group]
            counts = Counts(
                sum(n in seen for _, seen in mine for n in inside),
                sum(time.start <= n < time.end for time, _ in mine for n in inside),
            )
            assert found.items.get((number, group)) == (counts if counts.expected else None)
            of_groups.append(counts)
        assert found.ranges[number] == together(of_groups)
    assert found.whole == Counts(sum(map(len, there)), sum(time.end - time.start for time in due))


def test_series_with_the_same_quarters_are_counted_together() -> None:
    """One row stands for as many."""
    day = Span(ORIGIN, at(DAY))
    due = [Time(0, 0, DAY)] * 3
    assert cover(grid([day], day), due, [Seen(0, 0, WHOLE_DAY, 2)]).whole == Counts(2 * DAY, 3 * DAY)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (Counts(0, 0), None),
        (Counts(0, 7), Decimal(0)),
        (Counts(7, 7), Decimal(1)),
        (Counts(99_999, 100_000), Decimal("0.9999")),
        (Counts(2, 3), Decimal("0.6666")),
    ],
)
def test_a_share_is_never_said_to_be_all_that_is_not(counts: Counts, expected: Decimal | None) -> None:
    """Rounded down, and nothing of nothing."""
    assert counts.share == expected


@pytest.mark.parametrize(
    ("seconds", "held", "expected"),
    [(1, False, 1), (900, False, 1), (901, False, HOUR), (3_600, False, HOUR), (3_601, False, DAY), (86_400, True, 1)],
)
def test_what_one_report_speaks_for(seconds: int, *, held: bool, expected: int) -> None:
    """A quarter, an hour or a day; a level says itself how long it was held."""
    assert slot(seconds, held=held) == expected


@given(st.sets(st.integers(0, DAY - 1)), st.sampled_from([1, HOUR, DAY]), st.integers(0, 2 * DAY))
def test_quarters_are_widened_and_cut(quarters: set[int], slot_: int, end: int) -> None:
    """To all of the hour or day, and to what lies before an end."""
    wide = {n for n in range(DAY) if any(each // slot_ == n // slot_ for each in quarters)}
    assert widened(mask(quarters, 0), slot_) == mask(wide, 0)
    assert until(mask(quarters, 0), 0, end) == mask({n for n in quarters if n < end}, 0)
    if quarters:
        assert (first(mask(quarters, 0)), last(mask(quarters, 0))) == (min(quarters), max(quarters))


def test_days_and_quarters_have_numbers() -> None:
    """Back and forth, before the start of the count too."""
    for day in (date(1999, 12, 31), date(2026, 2, 28)):
        assert share.date_of(share.day_number(day)) == day
    assert (share.quarter(ORIGIN - timedelta(seconds=1)), share.start_of(-1)) == (-1, ORIGIN - QUARTER)
    assert share.missing_before(3_600, HOUR, at(9)) == 4
    assert share.missing_before(60, 1, at(9)) == 8
    assert share.missing_before(60, 1, at(9) + share.LAG) == 9


@given(st.lists(st.tuples(st.integers(0, 2 * GONE), st.booleans()), min_size=1, max_size=12), st.integers(0, 400))
def test_times_are_told_from_days(steps: list[tuple[int, bool]], start: int) -> None:
    """A gap of more than a week ends a time with its last data, an end that the sender told at once."""
    quarters = list(accumulate((gap for gap, _ in steps), initial=start))
    ends = [earlier + 1 for earlier, (gap, ended) in zip(quarters, steps, strict=False) if ended and gap]
    expected: list[There] = []
    since = quarters[0]
    for earlier, later in pairwise(quarters):
        if later > earlier and (earlier + 1 in ends or later - earlier > GONE):
            expected.append(There(since, earlier + 1, earlier + 1 in ends))
            since = later
    expected.append(There(since, None))
    days = {n // DAY for n in quarters}
    assert times([(day, mask(set(quarters), day)) for day in sorted(days)], ends) == expected


def test_an_end_that_was_told_stays() -> None:
    """Also where data comes late that lies before it; without data there is no time."""
    assert times([(0, mask({3, 9}, 0))], [12]) == [There(3, 12, ended=True)]
    assert times([(0, mask({3, 9, 40}, 0))], [12]) == [There(3, 12, ended=True), There(40, None)]
    assert times([], [12]) == []


@given(st.sets(st.integers(0, 30 * DAY), min_size=1, max_size=20), st.sets(st.integers(0, 30 * DAY), max_size=5))
def test_going_on_is_what_telling_anew_says(before: set[int], added: set[int]) -> None:
    """Where the short way answers, the times told from all days are the same with a later end."""
    old, new = (
        times([(day, found) for day in range(31) if (found := mask(quarters, day))], [])
        for quarters in (before, before | added)
    )
    changes = [
        Change(1, day, mask(before, day), mask(before | added, day))
        for day in range(31)
        if mask(before, day) != mask(before | added, day)
    ]
    newest = went_on(Standing(max(before), old[-1].since), changes)
    if newest is None:
        assert added - before
    else:
        assert (new, newest) == (old, max(before | added))


def test_a_rhythm_is_found_through_outages_and_jitter() -> None:
    """A tenth lost and hours of silence change nothing; random arrivals have none."""
    dice = Random(3)  # noqa: S311 - the same each time
    steady = [NOW + timedelta(seconds=60 * n + dice.uniform(-0.2, 0.2)) for n in range(300)]
    lossy = [each for n, each in enumerate(steady) if n % 10 and not 100 < n < 200]
    assert (rhythm.of_samples(steady), rhythm.of_samples(lossy)) == (60, 60)
    assert rhythm.of_samples(steady[:5]) is None
    random = sorted(NOW + timedelta(seconds=dice.uniform(0, 86_400)) for _ in range(300))
    assert rhythm.of_samples(random) is None
    assert rhythm.of_quarters([1] * 8, [86_400.0 * n for n in range(8)]) == 86_400
    assert rhythm.of_quarters([90] * 8, [900.0 * n for n in range(8)]) == 10
    assert rhythm.of_quarters([1] * 8, [90_000.0 * n for n in range(8)]) is None  # more seldom than daily


def report(last: timedelta | None, every: int | None = 60, until: datetime | None = None) -> Report:
    """Answer how a series reports that had data so long ago."""
    return Report(
        SERIES, "cpu", every, declared=False, last_seen=None if last is None else NOW - last, until=until, ended=False
    )


def test_who_is_silent() -> None:
    """Three reports and five minutes are waited for; who is gone or has no rhythm is not silent."""
    minutes = timedelta(minutes=1)
    assert state_of(report(5 * minutes), NOW) == "reporting"
    assert state_of(report(5 * minutes + timedelta(seconds=1)), NOW) == "silent"
    assert state_of(report(29 * minutes, 600), NOW) == "reporting"
    assert state_of(report(31 * minutes, 600), NOW) == "silent"
    assert state_of(report(9_000 * minutes, 60, NOW - timedelta(days=1)), NOW) == "gone"
    assert state_of(report(31 * minutes, None), NOW) is None
    assert next_expected(report(minutes)) == NOW
    assert next_expected(report(None)) is None
    silent, older = report(6 * minutes), report(60 * minutes)
    found = facts(NOW, [silent, report(minutes), older, report(60 * minutes, None)])
    assert found == [Silence(SERIES, "cpu", NOW - n * minutes, 60) for n in (60, 6)]
