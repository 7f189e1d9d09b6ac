"""Which level answers which part: against a cell-by-cell reading of the rule."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from meter.spans import Span, spans
from meter.windows import DAY, HOUR, QUARTER, WINDOWS, Window, bounds

BASE = datetime(2026, 3, 27, tzinfo=UTC)
EARLY = datetime(1999, 12, 30, tzinfo=UTC)  # the grid's origin lies within two days
WIDTHS = (("daily", DAY), ("hourly", HOUR), ("quarter", QUARTER))


def offsets(unit: timedelta, most: int) -> st.SearchStrategy[timedelta]:
    """Make distances that are whole units."""
    return st.integers(0, most).map(lambda count: unit * count)


distances = st.one_of(
    offsets(DAY, 5),
    offsets(HOUR, 120),
    offsets(QUARTER, 480),
    offsets(timedelta(microseconds=1), 5 * 86_400 * 10**6),
    st.integers(0, 480).flatmap(lambda count: st.sampled_from((-1, 1)).map(lambda us: QUARTER * count + _us(us))),
)


def _us(count: int) -> timedelta:
    return timedelta(microseconds=count)


def cuts(count: int) -> st.SearchStrategy[list[timedelta]]:
    """Make ascending bounds as distances, at least two."""
    return st.lists(distances, min_size=2, max_size=count, unique=True).map(sorted)


def cell(at: datetime, width: timedelta) -> Span:
    """Answer the UTC cell that holds an instant: days, hours and quarters all begin at midnight."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    start = midnight + (at - midnight) // width * width
    return Span(start, start + width)


def whole(held: Span, cut_at: list[datetime]) -> bool:
    """Whether the range holds all of a cell and no bound cuts it."""
    inside = cut_at[0] <= held.start and held.end <= cut_at[-1]
    return inside and not any(held.start < cut < held.end for cut in cut_at)


def expected_level(part: Span, cut_at: list[datetime]) -> str:
    """Answer the coarsest level whose cell around a part is whole."""
    levels = (name for name, width in WIDTHS if whole(cell(part.start, width), cut_at))
    return next(levels, "raw")


def quarters(spans_: Iterable[Span]) -> Iterable[Span]:
    """Cut spans at quarters."""
    for span in spans_:
        at = span.start
        while at < span.end:
            end = min(cell(at, QUARTER).end, span.end)
            yield Span(at, end)
            at = end


@settings(max_examples=150, deadline=None)
@given(cuts(8), st.sampled_from((BASE, EARLY)))
@example([timedelta(0), DAY], BASE)
@example([_us(1), _us(2)], BASE)
@example([QUARTER - _us(1), QUARTER, QUARTER + _us(1)], BASE)
@example([HOUR * 23 + _us(1), DAY, DAY * 2, DAY * 2 + _us(5)], BASE)
def test_each_quarter_is_answered_by_the_coarsest_whole_level(distances: list[timedelta], base: datetime) -> None:
    """Quarter by quarter, the level is the coarsest whose cell no bound cuts; together they cover the range once."""
    cut_at = [base + distance for distance in distances]
    found = spans(cut_at)
    pieces = sorted((piece, name) for name, list_ in found._asdict().items() for piece in quarters(list_))
    assert pieces[0][0].start == cut_at[0]
    assert pieces[-1][0].end == cut_at[-1]
    assert all(one.end == next_.start for (one, _), (next_, _) in pairwise(pieces))
    assert [name for _, name in pieces] == [expected_level(piece, cut_at) for piece, _ in pieces]


@settings(max_examples=100, deadline=None)
@given(cuts(12))
def test_spans_of_a_level_lie_on_its_grid(distances: list[timedelta]) -> None:
    """Whole cells only; neighbours are merged; a bound inside a span lies between two of its cells."""
    cut_at = [BASE + distance for distance in distances]
    found = spans(cut_at)._asdict()
    for name, width in WIDTHS:
        for span in found[name]:
            assert (span.start - BASE) % width == (span.end - BASE) % width == timedelta(0)
            assert span.start < span.end
            assert all((cut - BASE) % width == timedelta(0) for cut in cut_at if span.start < cut < span.end)
        assert found[name] == sorted(found[name])
    assert all(one.end < after.start for one, after in pairwise(found["daily"]))


@settings(max_examples=100, deadline=None)
@given(cuts(12))
def test_raw_spans_lie_in_one_quarter_between_two_bounds(distances: list[timedelta]) -> None:
    """Raw events are read for one slot and one quarter at a time."""
    cut_at = [BASE + distance for distance in distances]
    for span in spans(cut_at).raw:
        assert cell(span.start, QUARTER).end >= span.end
        assert not any(span.start < cut < span.end for cut in cut_at)
        assert span.start < span.end


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**12),
    st.integers(1, 3 * 10**11),
    st.sampled_from(WINDOWS),
    st.sampled_from(("Europe/Paris", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns")),
)
def test_only_the_ragged_ends_of_windows_need_raw_events(since: int, length: int, window: Window, name: str) -> None:
    """Windows of any zone begin on quarters: raw events are read at the two ends only, at most once each."""
    start = BASE + _us(since)
    end = start + _us(length)
    raw = spans(bounds(start, end, window, ZoneInfo(name))).raw
    assert len(raw) <= 2
    assert all(start == span.start or end == span.end for span in raw)


def test_a_year_of_local_days_reads_days_hours_and_quarters_but_no_events() -> None:
    """For Kathmandu, each UTC day is cut at 18:15: hours around it, quarters inside that hour."""
    start = datetime(2025, 12, 31, 18, 15, tzinfo=UTC)
    found = spans(bounds(start, datetime(2026, 12, 31, 18, 15, tzinfo=UTC), "day", ZoneInfo("Asia/Kathmandu")))
    assert not found.raw
    assert not found.daily
    assert sum((span.end - span.start for span in found.hourly), timedelta(0)) == HOUR * 23 * 365 + HOUR * 0
