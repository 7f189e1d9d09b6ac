"""Our own protocol: what a client sends is the event that ingest gets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.ingest import events
from meter.errors import BatchTooLarge, InvalidBody
from meter.model import Event, Rejection

JSON = "application/json"
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
quantities = st.decimals(allow_nan=False, allow_infinity=False, places=6)
zones = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
any_event = st.builds(
    Event,
    id=st.none() | texts,
    time=st.none() | st.datetimes(timezones=zones),
    meter=st.none() | texts,
    quantity=st.none() | quantities,
    quantities=st.none() | st.dictionaries(texts, quantities, max_size=2),
    member=st.none() | texts,
    service=st.none() | texts,
    dimensions=st.none() | st.dictionaries(texts, texts, max_size=2),
    attributes=st.none() | st.dictionaries(texts, texts | st.integers(-(2**70), 2**70) | st.booleans(), max_size=2),
    source=st.none() | texts,
    duration_seconds=st.none() | quantities,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(any_event, min_size=1, max_size=4))
def test_events_come_as_they_were_sent(sent: list[Event]) -> None:
    """As an array, a line each, and alone."""
    lines = [msgspec.json.encode(event) for event in sent]
    assert events.decode(b"[" + b",".join(lines) + b"]", JSON, 9) == sent
    assert events.decode(b"\n".join(lines), "application/x-ndjson", 9) == sent
    assert events.decode(lines[0], JSON, 1) == sent[:1]


def test_the_smallest_event() -> None:
    """Nothing is needed to be read; what is missing, the next check says."""
    assert events.decode(b"{}", JSON, 1) == [Event()]
    found = events.decode(b'[{"time": "2026-11-20T09:00:00Z", "meter": "requests", "quantity": 1}]', JSON, 1)
    assert found == [Event(time=datetime(2026, 11, 20, 9, tzinfo=UTC), meter="requests", quantity=Decimal(1))]


@pytest.mark.parametrize(
    ("text", "naive"),
    [
        ('"2026-11-20T09:00:00"', True),
        ('"2026-11-20T09:00:00Z"', False),
        ('"2026-11-20t09:00:00z"', False),
        ('"2026-11-20 09:00:00+00:00"', False),
        ('"2026-11-20T10:00:00+01:00"', False),
    ],
)
def test_times_are_read_with_the_zone_they_bring(text: str, naive: bool) -> None:  # noqa: FBT001 - a column of the table
    """A time without a zone is read as such, to be refused with a code of its own."""
    (found,) = events.decode(f'{{"time": {text}}}'.encode(), JSON, 1)
    assert isinstance(found, Event)
    assert found.time is not None
    assert (found.time.tzinfo is None) == naive
    assert naive or found.time == datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ['"2026-11-20"', '"2026-13-01T00:00:00Z"', '"2026-06-30T23:59:60Z"', "1795165200", '""', "true", "{}"]
)
def test_other_times_are_refused(text: str) -> None:
    """Dates, seconds since 1970, leap seconds: an item refused, the others kept."""
    found = events.decode(f'[{{"time": {text}}}, {{}}]'.encode(), JSON, 2)
    assert isinstance(found[0], Rejection)
    assert (found[0].index, found[0].code) == (0, "invalid_time")
    assert found[1] == Event()


def test_fractions_beyond_microseconds_are_rounded() -> None:
    """Into the next second where they must."""
    (found,) = events.decode(b'{"time": "2026-12-31T23:59:59.9999999Z"}', JSON, 1)
    assert isinstance(found, Event)
    assert found.time == datetime(2027, 1, 1, tzinfo=UTC)


def test_unknown_fields_are_refused() -> None:
    """A typo in a field is no event with a field less."""
    (found,) = events.decode(b'[{"meter": "requests", "quantity": 1, "memebr": "m"}]', JSON, 1)
    assert isinstance(found, Rejection)
    assert "memebr" in found.detail


def test_problems_pass_through() -> None:
    """What the reader of bodies raises."""
    with pytest.raises(InvalidBody):
        events.decode(b"", JSON, 1)
    with pytest.raises(BatchTooLarge):
        events.decode(b"[{}, {}]", JSON, 1)
