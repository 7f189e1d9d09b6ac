"""Columns find their fields: by what was given, what was kept, and their own names; nothing is lost unsaid."""

from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.load.delimited import Delimited
from meter.load.events import body, events
from meter.load.mapping import (
    Columns,
    MappingError,
    check,
    from_toml,
    guessed,
    is_target,
    merged,
    pairs,
    to_toml,
)
from meter.load.source import ROW, Batch, LoadError, Position, Reading
from meter.load.times import rfc3339
from meter.model import Event

NAMES = st.text(max_size=12)
TARGETS = st.sampled_from(["id", "time", "member"]) | st.builds("dimensions.{}".format, NAMES.filter(bool))
KEPT = st.builds(
    Columns,
    map=st.dictionaries(TARGETS, NAMES),
    set=st.dictionaries(TARGETS, NAMES),
    ignore=st.lists(NAMES),
    others=st.none() | st.sampled_from(["ignore", "attributes"]),
    separator=st.none() | st.characters(exclude_categories=["Cs"]),
)
_events = msgspec.json.Decoder(list[Event])


@given(KEPT)
def test_a_kept_mapping_is_read_back_the_same(columns: Columns) -> None:
    """Whatever names columns have, the file says them."""
    assert from_toml(to_toml(columns)) == columns


@pytest.mark.parametrize(
    ("text", "said"),
    [("time", "write --map TARGET=COLUMN"), ("when=ts", "'when' is no field"), ("dimensions.=x", "no field")],
)
def test_a_wrong_word_is_told(text: str, said: str) -> None:
    """What can't be a mapping is answered with what to write."""
    with pytest.raises(MappingError, match=said):
        pairs([text], "--map")


def test_names_that_are_ours_are_guessed() -> None:
    """A column named as a field is that field, unless either is spoken for."""
    names = ["time", "quantity", "meter", "dimensions.model", "who", "id"]
    found = guessed(Columns(map={"member": "who", "id": "time"}, ignore=["meter"]), names)
    assert found.map == {"member": "who", "id": "time", "quantity": "quantity", "dimensions.model": "dimensions.model"}


def test_several_quantities_leave_the_one_alone() -> None:
    """With meters mapped by name, columns called meter and quantity are not taken for a second fact."""
    given_ = Columns(map={"quantities.tokens.input": "in"})
    assert guessed(given_, ["meter", "quantity", "time", "in"]).map.keys() == {"quantities.tokens.input", "time"}


def test_every_trouble_is_told_at_once() -> None:
    """Columns without a place, fields without a column, columns that are not there: each with the option that helps."""
    with pytest.raises(MappingError) as told:
        check(Columns(map={"member": "whom"}, zone="Mars/Olympus"), ["who", "n"], fixed=True)
    for said in ("no column 'whom'", "--ignore who", "--map time=COLUMN", "--map quantity=COLUMN", "--set meter=METER",
                 "Mars/Olympus"):  # fmt: skip
        assert said in str(told.value)


def test_a_source_needs_ids() -> None:
    """Row numbers of two files under one column's source would be taken for the same rows; so would one id for all."""
    whole = {"time": "t", "quantity": "n", "meter": "m"}
    with pytest.raises(MappingError, match="--source"):
        check(Columns(map=whole | {"source": "s"}), ["t", "n", "m", "s"], fixed=True)
    with pytest.raises(MappingError, match="names none of them"):
        check(Columns(map=whole, set={"id": "x"}), ["t", "n", "m"], fixed=True)
    check(Columns(map=whole | {"source": "s", "id": "i"}), ["t", "n", "m", "s", "i"], fixed=True)


def test_a_line_that_is_being_written_is_not_taken(tmp_path: Path) -> None:
    """Half a number is another number: a last line without its end is read only where nobody writes."""
    file = tmp_path / "a.csv"
    file.write_text("time,meter,quantity\n2026-11-01T00:00:00Z,requests,1\n2026-11-01T00:00:01Z,requests,12")
    reader = Delimited(file, Reading())
    assert [batch.frame.height for batch in reader.batches(Position(), 10)] == [2]
    batches = reader.batches(Position(), 1)
    assert next(batches).frame.height == 1
    with file.open("a") as writer:
        writer.write("3")
    with pytest.raises(LoadError, match="being written"):
        next(batches)


def test_what_is_given_wins_over_what_is_kept() -> None:
    """Options replace the kept column or text of the same field, and an ignored column may be wanted after all."""
    kept = Columns(map={"time": "a", "member": "b"}, set={"meter": "requests"}, ignore=["c"], zone="UTC")
    now = Columns(map={"time": "c", "meter": "m"}, set={"member": "bob"})
    assert merged(kept, now) == Columns(map={"time": "c", "meter": "m"}, set={"member": "bob"}, zone="UTC")


TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20)
VALUE = st.none() | TEXT


@given(
    st.lists(st.tuples(TEXT, VALUE, VALUE, VALUE), min_size=1, max_size=20), st.text(string.ascii_letters, min_size=1)
)
def test_events_say_what_the_rows_say(rows: list[tuple[str, str | None, str | None, str | None]], name: str) -> None:
    """Any text comes out as it went in, whatever has to be escaped; what is missing is left out."""
    frame = pl.DataFrame(
        {
            "n": pl.Series([str(place) for place in range(len(rows))], dtype=pl.String),
            "who": pl.Series([row[0] for row in rows], dtype=pl.String),
            "model": pl.Series([row[1] for row in rows], dtype=pl.String),
            'we"ird': pl.Series([row[2] for row in rows], dtype=pl.String),
            "note": pl.Series([row[3] for row in rows], dtype=pl.String),
            ROW: pl.Series(range(1, len(rows) + 1), dtype=pl.Int64),
        }
    )
    columns = Columns(
        map={"quantity": "n", "member": "who", "dimensions.model": "model", f"dimensions.{name}\n": 'we"ird',
             "attributes.note": "note"},
        set={"time": "2026-11-01T00:00:00Z", "meter": "requests", "attributes.by": 'a "b"'},
    )  # fmt: skip
    made = _events.decode(body(events(Batch(frame, (), Position(), 0), columns, "f").texts))
    assert [event.member for event in made] == [row[0] for row in rows]
    for event, (_, model, weird, note) in zip(made, rows, strict=True):
        dimensions = {"model": model, f"{name}\n": weird}
        assert event.dimensions == ({k: v for k, v in dimensions.items() if v is not None} or None)
        assert event.attributes == {"by": 'a "b"'} | ({} if note is None else {"note": note})
    assert [event.id for event in made] == [f"f:{n + 1}" for n in range(len(rows))]


@given(st.lists(st.floats(min_value=0, allow_nan=False, allow_infinity=False), min_size=1))
def test_doubles_travel_by_their_shortest_text(values: list[float]) -> None:
    """A double is the number that Python prints for it, and reads back the same."""
    frame = pl.DataFrame({"n": values, ROW: range(1, len(values) + 1)})
    columns = Columns(map={"quantity": "n"}, set={"time": "2026-11-01T00:00:00Z", "meter": "requests"})
    made = _events.decode(body(events(Batch(frame, (), Position(), 0), columns, "f").texts))
    assert [float(event.quantity or 0) for event in made] == values


def told(values: pl.Series, zone: str | None = None, unit: str | None = None) -> list[str | None]:
    """The times of a column as text."""
    return values.to_frame("t").select(rfc3339("t", values.dtype, zone, unit)).to_series().to_list()


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 12, 31)))  # noqa: DTZ001 - made aware below
def test_numbers_since_1970_are_exact(naive: datetime) -> None:
    """Microseconds as a number, in any unit and as text with a fraction, are the same instant."""
    us = (naive.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
    for column, unit in (
        (pl.Series([us]), "us"),
        (pl.Series([f"{us // 10**6}.{us % 10**6:06}"]), "s"),
        (pl.Series([f"{us // 1000}.{us % 1000:03}"]), "ms"),
    ):
        found = told(column, unit=unit)[0]
        assert found is not None
        assert datetime.fromisoformat(found) == naive.replace(tzinfo=UTC), unit


def test_times_that_mean_nothing_are_not_guessed() -> None:
    """Out of range, no number, an hour that a clock showed twice or never: null, which rejects the row."""
    assert told(pl.Series([10**18, -1, 1793491200]), unit="s") == [None, None, "2026-11-01T00:00:00.000000+00:00"]
    assert told(pl.Series(["x", "1e9", "1793491200.5"]), unit="s") == [None, None, "2026-11-01T00:00:00.500000+00:00"]
    clock = pl.Series(["2026-10-25 02:30:00", "2026-03-29T02:30:00", "2026-11-01", "2026-11-01T00:00:00Z", "soon"])
    assert told(clock, zone="Europe/Paris") == [
        None, None, "2026-10-31T23:00:00.000000+00:00", "2026-11-01T00:00:00Z", None
    ]  # fmt: skip
    for values in (pl.Series([1]), pl.Series([datetime(2026, 11, 1)]), pl.Series([True])):  # noqa: DTZ001 - naive on purpose
        with pytest.raises(MappingError):
            told(values)


@pytest.mark.parametrize("text", ["time", "dimensions.a.b", "quantities.x"])
def test_fields(text: str) -> None:
    """A field, or a group with a name in it."""
    assert is_target(text)


@pytest.mark.parametrize("text", ["dimensions", "dimensions.", "ts", ".model"])
def test_no_fields(text: str) -> None:
    """A group needs a name."""
    assert not is_target(text)
