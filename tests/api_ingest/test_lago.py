"""Lago's events: what its client sends is read to the letter, told from CloudEvents, and nothing stops the rest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import structs

from api.ingest import lago
from api.ingest.bodies import MAX_DETAIL, PARTS_EACH
from meter.errors import BatchTooLarge, InvalidBody, Problem
from meter.event_codes import EVENT_CODES
from meter.model import Rejection
from meter.streams import Occurrence
from tests.api_ingest.captures import capture

MOST = 50
DEEP = 100_000
EVENT: dict[str, Any] = {"transaction_id": "tx", "external_subscription_id": "sub", "code": "tokens"}


def one(changes: dict[str, Any] | None = None, drop: Sequence[str] = ()) -> Occurrence | Rejection:
    """Decode one event made of parts."""
    merged = {name: value for name, value in {**EVENT, **(changes or {})}.items() if name not in drop}
    (found,) = lago.decode(json.dumps({"event": merged}).encode(), MOST)
    return found


def check_sane(found: Sequence[Occurrence | Rejection]) -> None:
    """Rejections know their place and why; occurrences have a name and a data object."""
    for index, item in enumerate(found):
        if isinstance(item, Rejection):
            assert item.index == index
            assert item.code in EVENT_CODES
            assert 0 < len(item.detail) <= MAX_DETAIL
        else:
            assert item.id
            assert item.type
            assert item.subject or item.service
            assert isinstance(item.data, dict)


@pytest.mark.parametrize("name", ["lago-py-event", "lago-py-event-batch"])
def test_recorded_events_are_read(name: str) -> None:
    """Each field as Python's own reader of JSON finds it."""
    sent = capture(name)
    assert lago.is_lago(sent.body)
    found = lago.decode(sent.body, MOST)
    said = json.loads(sent.body)
    expected = said.get("events") or [said["event"]]
    assert found == [
        Occurrence(
            type=event["code"],
            id=event["transaction_id"],
            source=event["external_subscription_id"],
            time=datetime.fromtimestamp(int(event["timestamp"]), UTC),
            service=event["external_subscription_id"],
            data=event["properties"],
        )
        for event in expected
    ]


@pytest.mark.parametrize(
    "name",
    [
        "openmeter-js-ingest-batch",
        "openmeter-py-ingest_event",
        "openmeter-py-ingest_events_json",
        "cloudevents-js-binary",
    ],
)
def test_recorded_events_of_others_are_not_lagos(name: str) -> None:
    """They come to the same address."""
    assert not lago.is_lago(capture(name).body)


@pytest.mark.parametrize(
    ("body", "is_it"),
    [
        (b'{"event": {}}', True),
        (b' {"events": []}', True),
        (b'{"x": 1, "events": []}', True),
        (b'{"events": [{"code": "\\ud800"}]}', True),
        (b'{"events": [', True),
        (b'{"type": "t", "event": {}}', False),
        (b'{"specversion": "1.0", "events": []}', False),
        (b'{"id": "a"}', False),
        (b'[{"event": {}}]', False),
        (b'"event"', False),
        (b"", False),
        (b"nonsense", False),
        (b"[" * DEEP, False),
        (b"\xff\xfe", False),
    ],
)
def test_what_lagos_bodies_are_told_by(body: bytes, is_it: bool) -> None:  # noqa: FBT001 - an expected value
    """The name that wraps the events, where there is no type beside it."""
    assert lago.is_lago(body) is is_it


def test_who_and_what() -> None:
    """The subscription is the service and, as ids are its own, the source; the customer the subject; one is enough."""
    alone = Occurrence("tokens", "tx", source="sub", service="sub")
    assert one() == alone
    assert one({"external_customer_id": "c"}) == structs.replace(alone, subject="c")
    assert one({"external_customer_id": "c"}, drop=["external_subscription_id"]) == Occurrence(
        "tokens", "tx", subject="c"
    )
    assert one({"properties": None, "precise_total_amount_cents": "12.5", "more": []}) == alone


def test_numbers_are_exact() -> None:
    """No digit is lost to a binary float."""
    body = b'{"event": {"transaction_id": "t", "external_subscription_id": "s", "code": "c", "properties": {"n": 0.1}}}'
    (found,) = lago.decode(body, MOST)
    assert isinstance(found, Occurrence)
    assert found.data == {"n": Decimal("0.1")}


@pytest.mark.parametrize(
    ("timestamp", "us"),
    [
        (1795160000, 1795160000_000000),
        ("1795160000", 1795160000_000000),
        ("1795160000.5", 1795160000_500000),
        ("1795160000.123456789", 1795160000_123456),
        (" 0 ", 0),
        ("999.999999999999", 999_999999),
        (1795160000.25, 1795160000_250000),
    ],
)
def test_times_are_exact(timestamp: object, us: int) -> None:
    """As a number or a text, to the microsecond."""
    found = one({"timestamp": timestamp})
    assert isinstance(found, Occurrence)
    assert found.time == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)


@pytest.mark.parametrize(
    "timestamp",
    [
        "",
        "now",
        "2026-11-20T08:00:00Z",
        "-1",
        -1,
        1795160000_000,
        "999999999999",
        1e300,
        True,
        [],
        {"a": 1},
        "1_0",
        "٣",
    ],
)
def test_times_that_are_none(timestamp: object) -> None:
    """Milliseconds would be a time thousands of years ahead: told as no time of this kind."""
    found = one({"timestamp": timestamp})
    assert isinstance(found, Rejection)
    assert found.code == "invalid_time"


@pytest.mark.parametrize(
    ("changes", "drop", "named"),
    [
        ({}, ["transaction_id"], "transaction_id"),
        ({}, ["code"], "code"),
        ({}, ["external_subscription_id"], "external_subscription_id"),
        ({"transaction_id": ""}, [], "transaction_id"),
        ({"code": 5}, [], "code"),
        ({"external_customer_id": 5}, [], "external_customer_id"),
        ({"properties": []}, [], "properties"),
        ({"properties": "x"}, [], "properties"),
    ],
)
def test_events_that_are_refused(changes: dict[str, Any], drop: list[str], named: str) -> None:
    """By the name of what is wrong."""
    found = one(changes, drop)
    assert isinstance(found, Rejection)
    assert found.code == "invalid_event"
    assert named in found.detail


def test_one_bad_event_does_not_spoil_the_batch() -> None:
    """Refused in its place, even where it is no proper JSON."""
    good = json.dumps(EVENT).encode()
    bad = [b'{"code": "\\ud800"}', b"7", b'{"code": "\xff"}', b"{}"]
    found = lago.decode(b'{"events": [' + b",".join([good, *bad, good]) + b"]}", MOST)
    assert [item.index if isinstance(item, Rejection) else None for item in found] == [None, 1, 2, 3, 4, None]
    check_sane(found)


def test_problems() -> None:
    """Nothing readable, nothing wrapped, too many events, or far more parts than so many events have."""
    for body in (b"", b"{}", b"[]", b"nonsense", b'{"events": [', b'{"event": ' + b"[" * DEEP, b'{"events": [{}] x}'):
        with pytest.raises(InvalidBody):
            lago.decode(body, MOST)
    with pytest.raises(BatchTooLarge):
        lago.decode(json.dumps({"events": [EVENT] * 3}).encode(), 2)
    with pytest.raises(BatchTooLarge):
        lago.decode(json.dumps({"event": {**EVENT, "properties": {"a": [0.1] * PARTS_EACH}}}).encode(), 1)
    assert lago.decode(b'{"events": []}', MOST) == []


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
@example(b'{"event":' * DEEP)
def test_any_bytes_are_events_or_a_problem(body: bytes) -> None:
    """Binary, cut, nested beyond reason: never another exception."""
    lago.is_lago(body)
    try:
        found = lago.decode(body, MOST)
    except Problem:
        return
    check_sane(found)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_bodies_are_events_or_a_problem(data: st.DataObject) -> None:
    """A valid body with bytes cut out, put in, or bits turned."""
    rich = {**EVENT, "timestamp": "1795160000.5", "properties": {"n": 0.5, "deep": [{"a": None}]}}
    body = json.dumps({"events": [rich, EVENT]}).encode()
    start = data.draw(st.integers(0, len(body)))
    body = body[:start] + data.draw(st.binary(max_size=3)) + body[start + data.draw(st.integers(0, 3)) :]
    at, bit = data.draw(st.integers(0, len(body) - 1)), data.draw(st.integers(0, 7))
    body = body[:at] + bytes([body[at] ^ (1 << bit)]) + body[at + 1 :]
    lago.is_lago(body)
    try:
        found = lago.decode(body, MOST)
    except Problem:
        return
    check_sane(found)
