"""Bodies: whatever bytes come, items and rejections in their places, or a Problem; nothing else ever comes out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from api.ingest.bodies import LINES, MAX_DETAIL, Bodies
from meter.errors import BatchTooLarge, InvalidBody, Problem
from meter.event_codes import EVENT_CODES
from meter.model import Event, Rejection

JSON = "application/json"
NDJSON = "application/x-ndjson"
MOST = 50
EVENTS = Bodies(Event)
DEEP = 100_000

GOOD = {
    "id": "e1",
    "time": "2026-11-20T09:00:00.123456+05:45",
    "meter": "requests",
    "quantity": "1.5",
    "member": "m",
    "dimensions": {"model": "a"},
    "attributes": {"a": [1, 2.5, None, {"b": "\u00fc"}]},
}


def read(body: bytes, media_type: str = JSON, most: int = MOST) -> list[Event | Rejection]:
    """Read a body as events."""
    return EVENTS.read(body, media_type, most)


def ids(found: Sequence[Event | Rejection]) -> list[object]:
    """Answer the id of each event, and of each rejection its index and code."""
    return [item.id if isinstance(item, Event) else (item.index, item.code) for item in found]


def check_sane(found: Sequence[Event | Rejection]) -> None:
    """Rejections know their place, their code is registered, and their text is bounded and fit for JSON."""
    for index, item in enumerate(found):
        if isinstance(item, Rejection):
            assert item.index == index
            assert item.code in EVENT_CODES
            assert 0 < len(item.detail) <= MAX_DETAIL
            msgspec.json.encode(item)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([JSON, NDJSON, ""]))
@example(b'"\xff"', JSON)
@example(b'[{"id": "\xff"}]', JSON)
@example(b'[{"id": 5}, garbage', JSON)
@example(b'[{"id": 5}, ' + b"[" * DEEP, JSON)
@example(b"[" * DEEP, JSON)
@example(b'{"attributes": ' * DEEP, JSON)
@example(b'{"attributes": {"a":' + b"[" * DEEP, NDJSON)
@example(b"\xef\xbb\xbf[]", JSON)
@example("[]".encode("utf-16"), JSON)
@example(b"\0", NDJSON)
def test_any_bytes_are_events_or_a_problem(body: bytes, media_type: str) -> None:
    """Binary, cut, nested beyond reason, or in another encoding: never another exception."""
    try:
        found = read(body, media_type)
    except Problem:
        return
    check_sane(found)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([GOOD, {"id": "x"}, {"id": 5}, 7]), max_size=4), st.data())
def test_mutated_bodies_are_events_or_a_problem(items: list[object], data: st.DataObject) -> None:
    """A valid body with bytes cut out, put in or turned, as an array and as lines."""
    lines = data.draw(st.booleans())
    body = b"\n".join(json.dumps(item).encode() for item in items) if lines else json.dumps(items).encode()
    start = data.draw(st.integers(0, len(body)))
    length = data.draw(st.integers(0, 3))
    body = body[:start] + data.draw(st.binary(max_size=3)) + body[start + length :]
    try:
        found = read(body, NDJSON if lines else JSON)
    except Problem:
        return
    check_sane(found)


items_strategy = st.lists(
    st.sampled_from(
        [
            ({"id": "good"}, "good"),
            ({"id": 5}, "invalid_event"),
            ({"nonsense": 1}, "invalid_event"),
            ({"time": "yesterday"}, "invalid_time"),
            ({"time": 17}, "invalid_time"),
            ({"quantity": True}, "invalid_quantity"),
            ({"quantity": "many"}, "invalid_quantity"),
            ({"quantities": {"a": "many"}}, "invalid_quantity"),
            ({"quantities": []}, "invalid_quantity"),
            ({"duration_seconds": []}, "invalid_duration"),
            ({"dimensions": {"a": 1}}, "invalid_event"),
            ({"member": 5}, "invalid_event"),
            ("text", "invalid_event"),
            (None, "invalid_event"),
        ]
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=100, deadline=None)
@given(items_strategy, st.sampled_from(["array", "lines", "lines by content"]))
def test_order_and_places_are_kept(items: list[tuple[object, str]], form: str) -> None:
    """Each item is answered in its place: the good ones kept, the others refused with the code of their field."""
    if form == "lines by content" and len(items) == 1:
        form = "lines"
    texts = [json.dumps(item) for item, _ in items]
    body = f"[{', '.join(texts)}]" if form == "array" else "\r\n".join(texts)
    found = read(body.encode(), NDJSON if form == "lines" else JSON)
    expected = [code if code == "good" else (index, code) for index, (_, code) in enumerate(items)]
    assert ids(found) == expected
    check_sane(found)


@pytest.mark.parametrize(
    "bad",
    [
        b'{"attributes": {"a": 1e999}}',
        b'{"id": "\\ud800"}',
        b'{"id": "\xff"}',
        b'{"id": "\\udc00"}',
        b'{"attributes": {"a": "\\ud83d\\ud83d", "b": 1e400, "c": [1, {}], "d": "\xc3\xbc"}}',
    ],
)
def test_one_unreadable_item_does_not_spoil_the_array(bad: bytes) -> None:
    """What is JSON in form but can't be read is refused alone, as long as the items can be told apart."""
    found = read(b'[{"id": "a"}, ' + bad + b',\n {"id": "b", "quantity": 1e5}\n]\n')
    assert ids(found) == ["a", (1, "invalid_event"), "b"]
    check_sane(found)


def test_lines_are_independent() -> None:
    """A line that is no JSON is refused in its place; blank lines don't count."""
    body = b'{"id": "a"}\n\nnonsense\n   \n{"id": "b"}\r\n{"id": \n'
    assert ids(read(body, NDJSON)) == ["a", (1, "invalid_event"), "b", (3, "invalid_event")]
    assert ids(read(body)) == ids(read(body, NDJSON))


def test_one_object_may_span_lines() -> None:
    """Pretty-printed JSON is one event, unless the type says a line each."""
    body = json.dumps(GOOD, indent=2).encode()
    (found,) = read(body)
    assert isinstance(found, Event)
    assert found.time == datetime(2026, 11, 20, 3, 15, 0, 123456, tzinfo=UTC)
    assert found.quantity == Decimal("1.5")
    assert ids(read(b"\n\n  " + body + b"\n")) == ["e1"]
    assert ids(read(b" \n[" + body + b"]")) == ["e1"]
    with pytest.raises(InvalidBody):
        read(b'{\n"id":\n"a",\n}', NDJSON)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" \r\n\t",
        b"nonsense",
        b"{",
        b"[",
        b'["a"',
        b'[{"id": "a"}',
        b'[{"id": "a"},]',
        b'[{"id": "a"}] trailing',
        b'[{"id": "a"}]\n[{"id": "b"}]',
        b'{"id": "a"} {"id": "b"}',
        b'{"id": "a",\n"meter": "requests",\n}',
        b"id=a&meter=requests",
        b"\xef\xbb\xbfnonsense",
        b"\x1f\x8b\x08\x00",
        b"NaN",
        b"[1 2]",
        b"[1[2]]",
        b"[,]",
        b'[{"id": "\\ud800"}, {"id": "b"}',
        b'[{"id": "\\ud800"},]',
        b'[{"id": "\\ud800"}] trailing',
        b'[{"id": "\\ud800"}, ' + b"[" * DEEP,
    ],
)
def test_what_cannot_be_read_at_all(body: bytes) -> None:
    """One problem, not a rejection per line of a broken text."""
    with pytest.raises(InvalidBody):
        read(body)


@pytest.mark.parametrize("media_type", [JSON, NDJSON, "", "text/plain"])
def test_an_empty_array_has_no_events(media_type: str) -> None:
    """Nothing to do is not an error, for a JSON body."""
    if media_type in LINES:
        assert ids(read(b"[]", media_type)) == [(0, "invalid_event")]
    else:
        assert read(b"[]", media_type) == []


@pytest.mark.parametrize("good", [True, False])
@pytest.mark.parametrize("media_type", [JSON, NDJSON])
def test_batches_are_bounded(media_type: str, good: bool) -> None:  # noqa: FBT001 - a column of the table
    """As many as allowed and no more, whether they can be read or not."""
    item = '{"id": "a"}' if good else '{"id": 5}'
    for count in (3, 4):
        for body in ("\n".join([item] * count), f"[{','.join([item] * count)}]"):
            if body.startswith("[") and media_type == NDJSON:
                continue
            if count == 3:
                assert len(read(body.encode(), media_type, 3)) == 3
            else:
                with pytest.raises(BatchTooLarge, match="4 events"):
                    read(body.encode(), media_type, 3)


@pytest.mark.parametrize("media_type", sorted(LINES))
def test_types_of_lines(media_type: str) -> None:
    """All names of newline-delimited JSON; one line of it is one event."""
    assert ids(read(b'{"id": "a"}', media_type)) == ["a"]
    assert ids(read(b'{"id": "a"}\n{"id": "b"}\n', media_type)) == ["a", "b"]


def test_the_last_of_two_equal_names_counts() -> None:
    """As JSON parsers do, and the same in an array, alone and in a line."""
    text = b'{"id": "a", "id": "b", "dimensions": {"x": "1", "x": "2"}}'
    alone, listed, lined = read(text), read(b"[" + text + b"]"), read(text, NDJSON)
    assert alone == listed == lined == [Event(id="b", dimensions={"x": "2"})]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", "1"),
        ("0.1", "0.1"),
        ('"0.10"', "0.10"),
        ("1e5", "1E+5"),
        ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ('"1E+999999"', "1E+999999"),
        ("1" * 4000, "1" * 4000),
        ("1" * 5000, None),
        ('"sNaN"', None),
        ("1e999999999999999999999", None),
        ('"1e999999999999999999999"', None),
        ("null", None),
        ('""', None),
    ],
)
def test_numbers_keep_every_digit(text: str, expected: str | None) -> None:
    """A JSON number or text becomes a decimal without a float between; what is absurd is left for the next check."""
    (found,) = read(f'{{"quantity": {text}}}'.encode())
    check_sane([found])
    if expected is not None:
        assert isinstance(found, Event)
        assert str(found.quantity) == expected


def test_long_names_are_not_sent_back_whole() -> None:
    """An unknown field of a megabyte is not repeated in the answer."""
    (found,) = read(json.dumps([{"x" * 1_000_000: 1}]).encode())
    check_sane([found])


class Other(msgspec.Struct):
    """An item of another protocol, with fields whose names begin like others."""

    quantity_unit: str = ""
    time_zone: str = ""
    duration_seconds: Decimal = Decimal(0)


@pytest.mark.parametrize(
    ("item", "code"),
    [({"duration_seconds": "x"}, "invalid_duration"), ({"duration_seconds": "1"}, None), ([], "invalid_event")],
)
def test_any_struct_can_be_read(item: Any, code: str | None) -> None:
    """The reader knows the item type only; codes go by the field that the error names."""
    (found,) = Bodies(Other).read(json.dumps([item]).encode(), JSON, 1)
    assert (found.code if isinstance(found, Rejection) else None) == code


@pytest.mark.parametrize("body", [b"[" + b"{}," * 200 + b"{}]", b"[" + b"1," * 700 + b"1]"])
def test_what_unfolds_far_beyond_a_batch_is_refused_unread(body: bytes) -> None:
    """A few bytes an item must not become a hundred times their size in memory."""
    with pytest.raises(BatchTooLarge):
        EVENTS.read(body, JSON, 10)
