"""collectd: what write_http sends is read value by value, times and counts exact, other formats told what to set."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from api.ingest import collectd
from api.ingest.bodies import MAX_DETAIL
from meter.errors import BatchTooLarge, InvalidBody, Problem, UnsupportedEncoding
from meter.event_codes import EVENT_CODES
from meter.streams import Point, Refused, Stream, Telemetry
from tests.api_ingest.captures import capture

JSON = "application/json"
MOST = 500
DEEP = 100_000
EPOCH_2000_S = 946_684_800
KINDS = {"gauge": "gauge", "derive": "counter", "counter": "counter", "absolute": "delta"}
LIST: dict[str, Any] = {
    "values": [1901474177],
    "dstypes": ["derive"],
    "dsnames": ["value"],
    "time": 1795162423.741,
    "interval": 10.0,
    "host": "h1",
    "plugin": "cpu",
    "plugin_instance": "0",
    "type": "cpu",
    "type_instance": "idle",
}
LOAD: dict[str, Any] = {
    **LIST,
    "values": [0.5, 0.25, 1],
    "dstypes": ["gauge"] * 3,
    "dsnames": ["shortterm", "midterm", "longterm"],
    "plugin": "load",
    "plugin_instance": "",
    "type": "load",
    "type_instance": "",
}


def read(*lists: dict[str, Any], most: int = MOST) -> Telemetry:
    """Decode value lists."""
    return collectd.decode(json.dumps(lists).encode(), JSON, most)


def check_sane(found: Telemetry) -> None:
    """Streams have a name, points and a kind; refusals a registered code and a bounded text."""
    for stream in found.streams:
        assert len(stream.identity) == 16
        assert stream.points
        assert stream.kind in {"gauge", "counter", "delta"}
        assert all(point.value is not None for point in stream.points)
    for refused in found.refused:
        assert refused.code in EVENT_CODES
        assert 0 < len(refused.detail) <= MAX_DETAIL


def test_a_recorded_body_is_read() -> None:
    """Every value of it, as Python's own reader of JSON finds it when it keeps numbers as texts."""
    sent = capture("collectd-write_http-json")
    found = collectd.decode(sent.body, sent.media_type, MOST)
    expected = {
        (
            f"{item['plugin']}.{item['type']}" + ("" if name == "value" else f".{name}"),
            item["plugin_instance"],
            item["type_instance"],
            KINDS[kind],
            int((Decimal(item["time"]) - EPOCH_2000_S) * 1_000_000),
            Decimal(value),
        )
        for item in json.loads(sent.body, parse_float=str, parse_int=str)
        for value, kind, name in zip(item["values"], item["dstypes"], item["dsnames"], strict=True)
    }
    read_back = [
        (
            stream.name,
            stream.labels.get("plugin_instance", ""),
            stream.labels.get("type_instance", ""),
            stream.kind,
            *point,
        )
        for stream in found.streams
        for point in stream.points
    ]
    assert set(read_back) == expected
    assert len(read_back) == len(expected)
    assert (found.refused, found.described) == ([], [])
    assert {stream.labels["host"] for stream in found.streams} == {"h1"}
    assert {stream.kind for stream in found.streams} == {"gauge", "counter"}
    assert max(len(stream.points) for stream in found.streams) > 1
    assert len({stream.identity for stream in found.streams}) == len(found.streams)


@pytest.mark.parametrize("name", ["collectd-write_http-command", "collectd-write_http-kairosdb"])
def test_the_other_formats_are_told_what_to_set(name: str) -> None:
    """By what they are, not by their type alone."""
    sent = capture(name)
    for media_type in (sent.media_type, JSON, ""):
        with pytest.raises(UnsupportedEncoding, match=r'Format "JSON"'):
            collectd.decode(sent.body, media_type, MOST)


def test_one_value() -> None:
    """A derive is a counter whose start nobody said, at the very microsecond."""
    (stream,) = read(LIST).streams
    assert (stream.name, stream.kind, stream.start_us, stream.field, stream.unit) == (
        "cpu.cpu",
        "counter",
        None,
        "value",
        "",
    )
    assert stream.labels == {
        "host": "h1",
        "plugin": "cpu",
        "plugin_instance": "0",
        "type": "cpu",
        "type_instance": "idle",
        "dsname": "value",
    }
    assert list(stream.points) == [Point((1795162423 - EPOCH_2000_S) * 1_000_000 + 741_000, Decimal(1901474177))]


def test_several_values() -> None:
    """Each of a list is a stream of its own; empty parts of its name are no labels."""
    found = read(LOAD).streams
    assert [(stream.name, stream.points[0].value) for stream in found] == [
        ("load.load.shortterm", Decimal("0.5")),
        ("load.load.midterm", Decimal("0.25")),
        ("load.load.longterm", Decimal(1)),
    ]
    assert found[0].labels == {"host": "h1", "plugin": "load", "type": "load", "dsname": "shortterm"}


@pytest.mark.parametrize(("dstype", "kind"), KINDS.items())
def test_how_values_are_meant(dstype: str, kind: str) -> None:
    """A level, a count since ever, or what came since the last time."""
    assert [stream.kind for stream in read({**LIST, "dstypes": [dstype]}).streams] == [kind]


def test_streams_are_told_apart() -> None:
    """By every part of their name, by nothing else, and the same on every day."""
    parts = ("host", "plugin", "plugin_instance", "type", "type_instance")
    others = [{**LIST, part: "other"} for part in parts] + [{**LIST, "dsnames": ["rx"]}]
    found = [stream.identity for stream in read(LIST, *others).streams]
    assert len(set(found)) == len(others) + 1
    again = read({**LIST, "values": [7], "time": 1795162424, "interval": 1}).streams
    assert [stream.identity for stream in again] == found[:1]
    swapped = read({**LIST, "plugin_instance": "idle", "type_instance": "0"}).streams
    assert swapped[0].identity != found[0]


def test_points_of_a_stream_are_together() -> None:
    """In the order they came."""
    later = {**LIST, "time": 1795162433.742, "values": [1901474178]}
    (stream,) = read(LIST, later, later).streams
    assert [point.value for point in stream.points] == [1901474177, 1901474178, 1901474178]


def test_what_was_not_measured_is_left_out() -> None:
    """A null is no value, and no refusal either."""
    assert read({**LIST, "values": [None]}) == Telemetry([], [], [])
    assert [stream.name for stream in read({**LOAD, "values": [None, 0.25, None]}).streams] == ["load.load.midterm"]


@pytest.mark.parametrize(
    ("time", "us"),
    [
        ("1795162423.741", 1795162423_741000),
        ("1795162423", 1795162423_000000),
        ("1795162423.1234569", 1795162423_123456),
        ("1795162423.000001", 1795162423_000001),
        ("0", 0),
    ],
)
def test_times_are_exact(time: str, us: int) -> None:
    """Not what a binary float makes of them; finer than microseconds is cut off."""
    body = json.dumps([{**LIST, "time": "TIME"}]).replace('"TIME"', time).encode()
    (stream,) = collectd.decode(body, JSON, MOST).streams
    assert stream.points[0].time_us == us - EPOCH_2000_S * 1_000_000


@pytest.mark.parametrize(
    ("changes", "points", "code"),
    [
        ({"values": [1.5]}, 1, "invalid_quantity"),
        ({"values": ["many"]}, 1, "invalid_event"),
        ({"values": [1, 2]}, 2, "invalid_event"),
        ({"dstypes": ["histogram"]}, 1, "invalid_event"),
        ({"time": -1}, 1, "invalid_time"),
        ({"time": 253402300800}, 1, "invalid_time"),
        ({"time": "NaN"}, 1, "invalid_time"),
        ({"time": "soon"}, 1, "invalid_time"),
        ({"time": None}, 1, "invalid_time"),
        ({"host": None}, 1, "invalid_event"),
        ({"plugin": "p" * 300}, 1, "invalid_event"),
    ],
)
def test_values_that_are_refused(changes: dict[str, Any], points: int, code: str) -> None:
    """With a code and a count, and those beside them are kept."""
    found = read(LOAD, {**LIST, **changes}, LOAD)
    assert [(refused.points, refused.code) for refused in found.refused] == [(points, code)]
    assert len(found.streams) == 3
    check_sane(found)


def test_refusals_are_counted() -> None:
    """One line for a metric and a reason, however often."""
    bad = {**LOAD, "values": [1.5, 0.5, 2.5], "dstypes": ["derive", "gauge", "counter"]}
    found = read(bad, {**LIST, "values": [1.5]}, bad)
    assert [(refused.name, refused.code, refused.points) for refused in found.refused] == [
        ("load.load.shortterm", "invalid_quantity", 2),
        ("load.load.longterm", "invalid_quantity", 2),
        ("cpu.cpu", "invalid_quantity", 1),
    ]
    assert [(stream.name, len(stream.points)) for stream in found.streams] == [("load.load.midterm", 2)]


@pytest.mark.parametrize("value", ["-1", "NaN", "Infinity", "-Infinity", "1e99"])
@pytest.mark.parametrize("dstype", KINDS)
def test_numbers_that_can_not_be_counted_are_passed_on(dstype: str, value: str) -> None:
    """Below zero, not finite or too large: refused only where a rule would have them counted."""
    found = read({**LIST, "values": [value], "dstypes": [dstype]})
    assert [str(point.value) for stream in found.streams for point in stream.points] == [str(Decimal(value))]
    assert found.refused == []


def test_rates_are_no_counts() -> None:
    """What StoreRates made of a counter is refused with what to set; a gauge may be fractional."""
    for rate in (12.5, -12.5):
        (refused,) = read({**LIST, "values": [rate]}).refused
        assert isinstance(refused, Refused)
        assert "StoreRates false" in refused.detail
    assert read({**LIST, "values": [12.5], "dstypes": ["gauge"]}).refused == []


def test_problems() -> None:
    """Nothing readable, or too many values, counted one by one."""
    for body in (b"", b"nonsense", b"[", b"[" * DEEP, b'[{"meta":' + b"[" * DEEP):
        with pytest.raises(InvalidBody):
            collectd.decode(body, JSON, MOST)
    with pytest.raises(BatchTooLarge):
        read(LIST, LIST, LIST, most=2)
    with pytest.raises(BatchTooLarge):
        read(LOAD, most=2)
    with pytest.raises(BatchTooLarge):
        read({**LIST, "values": [1] * 200}, most=2)
    assert read(LOAD, most=3).refused == []
    assert collectd.decode(b"[]", JSON, MOST) == Telemetry([], [], [])


def test_meta_is_left_alone() -> None:
    """Plug-ins may add anything there."""
    assert read({**LIST, "meta": {"network:received": True, "deep": [{}]}}) == read(LIST)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([JSON, "", "text/plain"]))
@example(b'{"values":' * DEEP, JSON)
def test_any_bytes_are_telemetry_or_a_problem(body: bytes, media_type: str) -> None:
    """Binary, cut, nested beyond reason: never another exception."""
    try:
        found = collectd.decode(body, media_type, MOST)
    except Problem:
        return
    check_sane(found)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_bodies_are_telemetry_or_a_problem(data: st.DataObject) -> None:
    """A valid body with bytes cut out, put in, or bits turned."""
    body = json.dumps([LIST, LOAD, {**LOAD, "values": [None, 1e-9, 5e25]}]).encode()
    start = data.draw(st.integers(0, len(body)))
    body = body[:start] + data.draw(st.binary(max_size=3)) + body[start + data.draw(st.integers(0, 3)) :]
    at, bit = data.draw(st.integers(0, len(body) - 1)), data.draw(st.integers(0, 7))
    body = body[:at] + bytes([body[at] ^ (1 << bit)]) + body[at + 1 :]
    try:
        found = collectd.decode(body, JSON, MOST)
    except Problem:
        return
    check_sane(found)
    assert all(isinstance(stream, Stream) for stream in found.streams)
