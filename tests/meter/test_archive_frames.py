"""Files of the archive without a database: what goes in comes out, to the last digit, and adds up in whole numbers."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from meter.archive import frames
from meter.archive.tallies import EPOCH, Tallies, add, differing, of_buckets

EXACT = Context(prec=100)
QUARTER_US = 900_000_000
LABELS = [(n, "m", "u", "sum", "1", False, True, None, f"s{n}", None, "{}", n == 3) for n in range(1, 5)]
MONDAY_US = (datetime(2026, 11, 2, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
QUANTITIES = st.integers(0, 10**38 - 1).map(lambda n: Decimal(n).scaleb(-12, EXACT))
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)
EVENTS = st.lists(
    st.tuples(
        st.integers(0, 7 * 96 * QUARTER_US - 1),
        st.binary(min_size=16, max_size=16),
        st.integers(1, 4),
        QUANTITIES,
        st.none() | st.integers(1, 31 * 96 * QUARTER_US),
        st.none() | TEXTS,
        st.none() | TEXTS,
    ),
    min_size=1,
    max_size=30,
)
Events = list[tuple[int, bytes, int, Decimal, int | None, str | None, str | None]]


def lines(events: Events) -> bytes:
    """Answer events as PostgreSQL writes CSV."""
    rows = (
        [MONDAY_US + time, id_.hex(), series, f"{quantity:f}", *more] for time, id_, series, quantity, *more in events
    )
    return "".join(",".join(map(cell, row)) + "\n" for row in rows).encode()


def cell(value: str | int | None) -> str:
    """Answer one value as COPY does: nothing for null, quotes around what would end a value or the line."""
    text = "" if value is None else str(value)
    odd = value == "" or text == "\\." or any(mark in text for mark in ',"\r\n')
    return '"' + text.replace('"', '""') + '"' if odd else text


@given(EVENTS)
@example([(0, bytes(16), 1, Decimal(1), None, mark, f"a{mark}b") for mark in ("\r", "\r\n", '"', ",", "\\.", " ")])
@settings(deadline=None, max_examples=60)
def test_what_goes_in_comes_out(events: Events) -> None:
    """Through the file: every column of every row, and the same number for the same rows."""
    events.sort(key=lambda event: event[:2])
    made = frames.frame(lines(events), frames.labels(LABELS))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "week.parquet"
        frames.sink(path, iter([made]), {"team": "t"})
        (read,) = frames.windows(path)
    assert frames.hashed(read) == frames.hashed(made)
    assert read.schema == frames.COLUMNS
    for row, (time, id_, series, quantity, covers, original, attributes) in zip(read.to_dicts(), events, strict=True):
        at = EPOCH + timedelta(microseconds=MONDAY_US + time)
        assert (row["time"], row["event_id"], row["series_id"]) == (at, id_, series)
        assert row["quantity"] == quantity
        assert (row["covers_us"], row["id"], row["attributes"]) == (covers, original, attributes)
        assert (row["service"], row["voided"]) == (f"s{series}", series == 3)
        if covers is None:
            assert row["segment_from"] is row["segment_to"] is None
        else:
            quarter = at - timedelta(microseconds=time % QUARTER_US)
            tick = timedelta(microseconds=1)
            assert row["segment_to"] == at + tick
            assert row["segment_from"] == max(quarter, at + tick - timedelta(microseconds=covers))


@given(EVENTS, st.integers(0, 30))
@settings(deadline=None, max_examples=60)
def test_sums_are_exact(events: Events, cut: int) -> None:
    """In two parts added up as in one, equal to sums of decimals; one trillionth less is found."""
    described = frames.labels(LABELS)
    found: Tallies = {}
    for part in (events[:cut], events[cut:]):
        if part:
            add(found, frames.tallied(frames.frame(lines(part), described)))
    by_place: dict[tuple[int, int], list[Decimal]] = defaultdict(list)
    for time, _, series, quantity, *_ in events:
        by_place[MONDAY_US + time - time % QUARTER_US, series].append(quantity)
    rows = [(*place, len(each), _sum(each), min(each), max(each)) for place, each in by_place.items()]
    assert differing(found, of_buckets(rows)) == []
    quarter, series, count, total, *rest = rows[0]
    wrong = [(quarter, series, count, EXACT.add(total, Decimal("1e-12")), *rest), *rows[1:]]
    (said,) = differing(found, of_buckets(wrong))
    assert f"series {series}" in said
    assert differing(found, of_buckets(rows[1:]))[0].endswith("buckets nothing")


def _sum(quantities: list[Decimal]) -> Decimal:
    total = Decimal(0)
    for quantity in quantities:
        total = EXACT.add(total, quantity)
    return total


def test_an_event_of_no_series_is_refused() -> None:
    """It could not be told whose it is."""
    with pytest.raises(ValueError, match="no series"):
        frames.frame(lines([(0, bytes(16), 9, Decimal(1), None, None, None)]), frames.labels(LABELS))
