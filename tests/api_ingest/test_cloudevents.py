"""CloudEvents: what the SDKs of CloudEvents and OpenMeter send is read to the letter, and nothing stops the rest."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from api.ingest import cloudevents
from api.ingest.bodies import MAX_DETAIL, PARTS_EACH
from meter.errors import BatchTooLarge, InvalidBody, Problem, UnsupportedEncoding
from meter.event_codes import EVENT_CODES
from meter.model import Rejection
from meter.streams import Occurrence
from tests.api_ingest.captures import capture

STRUCTURED = {"content-type": "application/cloudevents+json; charset=utf-8"}
BATCH = {"content-type": "application/cloudevents-batch+json"}
BINARY = {"ce-id": "e1", "ce-source": "/s", "ce-type": "t", "ce-specversion": "1.0"}
NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
MOST = 50
DEEP = 100_000
EVENT = {"specversion": "1.0", "id": "e1", "source": "/s", "type": "t", "time": "2026-11-20T08:00:00Z"}


def one(changes: dict[str, Any] | None = None, drop: Sequence[str] = ()) -> Occurrence | Rejection:
    """Decode one structured event made of parts."""
    merged = {name: value for name, value in {**EVENT, **(changes or {})}.items() if name not in drop}
    (found,) = cloudevents.decode(json.dumps(merged).encode(), STRUCTURED, MOST)
    return found


def data_of(changes: dict[str, Any]) -> object:
    """Answer the data of one structured event."""
    found = one(changes)
    assert isinstance(found, Occurrence), found
    return found.data


def binary(body: bytes, **headers: str) -> Occurrence | Rejection:
    """Decode one event whose attributes are headers."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    (found,) = cloudevents.decode(body, {**BINARY, **given}, MOST)
    return found


def check_sane(found: Sequence[Occurrence | Rejection]) -> None:
    """Rejections know their place and why; occurrences have a name, a zone and a data object."""
    for index, item in enumerate(found):
        if isinstance(item, Rejection):
            assert item.index == index
            assert item.code in EVENT_CODES
            assert 0 < len(item.detail) <= MAX_DETAIL
        else:
            assert item.id
            assert item.type
            assert item.source
            assert item.time is None or item.time.tzinfo is not None
            assert isinstance(item.data, dict)


@pytest.mark.parametrize(
    "name",
    [
        "cloudevents-js-structured",
        "cloudevents-py-structured",
        "openmeter-js-ingest",
        "openmeter-js-ingest-batch",
        "openmeter-py-ingest_event",
        "openmeter-py-ingest_events-batch",
        "openmeter-py-ingest_events_json",
    ],
)
def test_recorded_events_are_read(name: str) -> None:
    """Structured and in batches: each attribute as Python's own reader of JSON finds it."""
    sent = capture(name)
    found = cloudevents.decode(sent.body, sent.headers, MOST)
    said = json.loads(sent.body)
    expected = said if isinstance(said, list) else [said]
    assert len(found) == len(expected)
    for item, event in zip(found, expected, strict=True):
        assert isinstance(item, Occurrence)
        assert (item.id, item.type, item.source) == (event["id"], event["type"], event["source"])
        assert (item.subject, item.service) == (event["subject"], None)
        assert item.time == (datetime.fromisoformat(event["time"]) if "time" in event else None)
        assert {key: value for key, value in item.data.items() if not key.startswith("ce.")} == event["data"]
        assert item.data.get("ce.tenantid") == event.get("tenantid")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cloudevents-js-binary", Occurrence("llm.tokens", "js1", "/js", NOW, "customer-1", data={"tokens": 3})),
        (
            "cloudevents-py-binary",
            Occurrence(
                "llm.tokens",
                "e1",
                "/vm/acme-1",
                NOW.replace(microsecond=123456),
                "customer-1",
                data={"ce.tenantid": "acme", "tokens": 123, "model": "gpt-4o"},
            ),
        ),
        (
            "cloudevents-py1x-binary",
            Occurrence(
                "cpu",
                "v1-1",
                "/vm/1",
                datetime(2026, 11, 20, 8, 15, 54, 840493, UTC),
                "customer-1",
                data={"cpu": Decimal("0.5")},
            ),
        ),
        (
            "cloudevents-py-binary-nonascii",
            Occurrence("t", 'ü %"x', "/vm/ä", NOW.replace(microsecond=123456), "Grüße", data={"data_base64": "AAE="}),
        ),
        (
            "cloudevents-py-structured-data_base64-nonascii",
            Occurrence("t", 'ü %"x', "/vm/ä", NOW.replace(microsecond=123456), "Grüße", data={"data_base64": "AAE="}),
        ),
    ],
)
def test_recorded_binary_events_are_read(name: str, expected: Occurrence) -> None:
    """Attributes from headers, percent-decoded; the body is the data, in whatever type, or none at all."""
    sent = capture(name)
    assert cloudevents.decode(sent.body, sent.headers, MOST) == [expected]


def test_numbers_are_exact() -> None:
    """No digit is lost to a binary float, anywhere in the data."""
    body = (
        b'{"id": "e1", "source": "/s", "type": "t", "data": {"a": 0.1234567890123456789012345, '
        b'"b": [1e-7, 123456789012345678901234567890], "c": {"d": 1e400}}}'
    )
    (found,) = cloudevents.decode(body, STRUCTURED, MOST)
    assert isinstance(found, Occurrence)
    assert found.data == {
        "a": Decimal("0.1234567890123456789012345"),
        "b": [Decimal("1e-7"), 123456789012345678901234567890],
        "c": {"d": Decimal("1e400")},
    }
    assert binary(b'{"a": 0.1}') == Occurrence("t", "e1", "/s", data={"a": Decimal("0.1")})


@pytest.mark.parametrize("name", ["id", "source", "type"])
@pytest.mark.parametrize("instead", ["missing", None, "", 5, ["x"]])
def test_what_an_event_must_bring(name: str, instead: object) -> None:
    """What names the event and says what it is, as strings; the refusal says which is missing."""
    found = one(drop=[name]) if instead == "missing" else one({name: instead})
    assert isinstance(found, Rejection)
    assert (found.index, found.code) == (0, "invalid_event")
    assert f"`{name}`" in found.detail


def test_what_an_event_may_leave_out() -> None:
    """The version, the time, the subject and the data; null is as good as not there."""
    bare = Occurrence("t", "e1", "/s")
    assert one(drop=["specversion", "time"]) == bare
    assert one({"specversion": None, "time": None, "subject": None, "data": None, "ext": None}) == bare
    assert one({"subject": ""}, drop=["time"]) == bare


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"specversion": "0.3"}, "invalid_event"),
        ({"specversion": 1.0}, "invalid_event"),
        ({"subject": 5}, "invalid_event"),
        ({"datacontenttype": {}}, "invalid_event"),
        ({"data_base64": "%%"}, "invalid_event"),
        ({"data_base64": 5}, "invalid_event"),
        ({"data_base64": "e30=", "data": {}}, "invalid_event"),
        ({"data_base64": "eyI=", "datacontenttype": "application/json"}, "invalid_event"),
        ({"time": "2026-11-20T08:00:00"}, "invalid_time"),
        ({"time": "yesterday"}, "invalid_time"),
        ({"time": "2026-02-30T08:00:00Z"}, "invalid_time"),
        ({"time": 1795160000}, "invalid_time"),
    ],
)
def test_events_that_are_refused(changes: dict[str, Any], code: str) -> None:
    """Each with a code that the page of problems has."""
    found = one(changes)
    assert isinstance(found, Rejection)
    assert found.code == code


@pytest.mark.parametrize(
    ("changes", "data"),
    [
        ({}, {}),
        ({"data": {}}, {}),
        ({"data": {"a": 1}}, {"a": 1}),
        ({"data": 5}, {"value": 5}),
        ({"data": 0.1}, {"value": Decimal("0.1")}),
        ({"data": "12"}, {"value": "12"}),
        ({"data": False}, {"value": False}),
        ({"data": [1, 2]}, {"value": [1, 2]}),
        ({"data_base64": b64encode(b'{"a": 0.5}').decode()}, {"a": Decimal("0.5")}),
        ({"data_base64": "AAE="}, {"data_base64": "AAE="}),
        ({"data_base64": ""}, {}),
        ({"data_base64": b64encode(b"12").decode(), "datacontenttype": "text/plain; charset=utf-8"}, {"value": "12"}),
        ({"data_base64": b64encode(b"{}").decode(), "datacontenttype": "image/png"}, {"data_base64": "e30="}),
        ({"data": {"a": 1}, "tenantid": "acme", "count": 5}, {"a": 1, "ce.tenantid": "acme", "ce.count": 5}),
        ({"data": {"ce.tenantid": "own"}, "tenantid": "acme"}, {"ce.tenantid": "own"}),
        ({"dataschema": "urn:x", "datacontenttype": "application/json"}, {}),
    ],
)
def test_data_is_an_object(changes: dict[str, Any], data: dict[str, object]) -> None:
    """What is none stands in one under a name; extension attributes stand beside it and never in its place."""
    assert data_of(changes) == data


@pytest.mark.parametrize(
    ("body", "headers", "data"),
    [
        (b"", {}, {}),
        (b"", {"content_type": "application/json"}, {}),
        (b"7", {}, {"value": 7}),
        (b'{"a": 1}', {"content_type": "application/vnd.x+json; charset=utf-8"}, {"a": 1}),
        (b"12.5", {"content_type": "text/plain"}, {"value": "12.5"}),
        (b"\xff", {"content_type": "text/plain"}, {"data_base64": "/w=="}),
        (b"plain", {}, {"data_base64": "cGxhaW4="}),
        (b"{}", {"content_type": "application/octet-stream"}, {"data_base64": "e30="}),
        (b"{}", {"ce_tenantid": "acme", "ce_dataschema": "urn:x"}, {"ce.tenantid": "acme"}),
    ],
)
def test_the_body_of_a_binary_event_is_its_data(body: bytes, headers: dict[str, str], data: dict[str, object]) -> None:
    """In the type that the header says; where it says none, JSON if it is some."""
    found = binary(body, **headers)
    assert isinstance(found, Occurrence)
    assert found.data == data


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("%C3%BC%20%25%22", 'ü %"'),
        ('"quoted \\"text\\""', 'quoted "text"'),
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        ("100%", "100%"),
        ("%zz", "%zz"),
    ],
)
def test_headers_are_decoded_once(value: str, text: str) -> None:
    """Quotes first, then one round of percent-decoding."""
    found = binary(b"", ce_subject=value)
    assert isinstance(found, Occurrence)
    assert found.subject == text


@pytest.mark.parametrize("value", ["%FF", "\u00fc", "\u20ac", "%C3"])
def test_headers_that_are_no_utf8(value: str) -> None:
    """Refused by the name of the header."""
    found = binary(b"", ce_subject=value)
    assert isinstance(found, Rejection)
    assert "ce-subject" in found.detail


def test_a_binary_event_lacks_what_it_lacks() -> None:
    """It is told by any of the four headers, and still must have all three."""
    (found,) = cloudevents.decode(b"{}", {"ce-id": "e1", "content-type": "application/json"}, MOST)
    assert isinstance(found, Rejection)
    assert "`source`" in found.detail
    with pytest.raises(InvalidBody):
        binary(b"{", content_type="application/json")
    with pytest.raises(InvalidBody):
        binary(b"[" * DEEP, content_type="application/json")


def test_the_type_of_the_body_decides() -> None:
    """What says it is structured is, whatever other headers there are."""
    (found,) = cloudevents.decode(json.dumps(EVENT).encode(), {**STRUCTURED, **BINARY, "ce-id": "other"}, MOST)
    assert isinstance(found, Occurrence)
    assert found.id == "e1"
    for other in ("application/cloudevents+avro", "application/cloudevents", "application/cloudevents-batch+xml"):
        with pytest.raises(UnsupportedEncoding):
            cloudevents.decode(b"{}", {"content-type": other}, MOST)


def test_one_bad_event_does_not_spoil_the_batch() -> None:
    """Refused in its place, whether it lacks something, is nested too deep for a number, or is no UTF-8."""
    good = json.dumps(EVENT).encode()
    bad = [
        b'{"id": "x"}',
        b'{"id": "\\ud800"}',
        b'{"id": "\xff", "source": "s", "type": "t"}',
        b"7",
        b"null",
        b'{"id": "a", "source": "s", "type": "t", "data": {"n": 1e9999999999999999999999}}',
        b'{"id": "a", "source": "s", "type": "t", "data": {"n": ' + b"1" * 5_000 + b"}}",
        b'{"id": "a", "source": "s", "type": "t", "time": "2026-11-20T08:00:00"}',
    ]
    found = cloudevents.decode(b"[" + b",".join([good, *bad, good]) + b"]", BATCH, MOST)
    assert [item.index if isinstance(item, Rejection) else None for item in found] == [None, *range(1, 9), None]
    check_sane(found)


def test_problems() -> None:
    """Nothing readable, too many events, or far more parts than so many events have."""
    for body in (b"", b"nonsense", b"[", b"[" * DEEP, b'{"data":' * 40 + b"[" * DEEP, b'[{"data":' + b"[" * DEEP):
        with pytest.raises(InvalidBody):
            cloudevents.decode(body, BATCH, MOST)
    with pytest.raises(BatchTooLarge):
        cloudevents.decode(json.dumps([EVENT] * 3).encode(), BATCH, 2)
    with pytest.raises(BatchTooLarge):
        cloudevents.decode(json.dumps({**EVENT, "data": [0.1] * PARTS_EACH}).encode(), STRUCTURED, 1)
    assert cloudevents.decode(b"[]", BATCH, MOST) == []


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([STRUCTURED, BATCH, BINARY, {}, {"content-type": "text/plain"}]))
@example(b'{"id": ' * DEEP, STRUCTURED)
@example(b"\0", BINARY)
def test_any_bytes_are_events_or_a_problem(body: bytes, headers: dict[str, str]) -> None:
    """Binary, cut, nested beyond reason: never another exception."""
    try:
        found = cloudevents.decode(body, headers, MOST)
    except Problem:
        return
    check_sane(found)


RICH = {**EVENT, "subject": "ü", "tenantid": "acme", "data": {"tokens": 0.25, "deep": {"list": [1, "two", None, True]}}}


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_bodies_are_events_or_a_problem(data: st.DataObject) -> None:
    """A valid body with bytes cut out, put in, or bits turned."""
    body = json.dumps([RICH, EVENT, {**EVENT, "data_base64": "AAE="}], ensure_ascii=data.draw(st.booleans())).encode()
    start = data.draw(st.integers(0, len(body)))
    body = body[:start] + data.draw(st.binary(max_size=3)) + body[start + data.draw(st.integers(0, 3)) :]
    at, bit = data.draw(st.integers(0, len(body) - 1)), data.draw(st.integers(0, 7))
    body = body[:at] + bytes([body[at] ^ (1 << bit)]) + body[at + 1 :]
    if data.draw(st.booleans()):
        body = body[: data.draw(st.integers(0, len(body)))]
    try:
        found = cloudevents.decode(body, BATCH, MOST)
    except Problem:
        return
    check_sane(found)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["ce-id", "ce-source", "ce-time", "ce-x", "ce-", "ce-type"]), st.text()))
def test_any_headers_are_an_event_or_a_refusal(headers: dict[str, str]) -> None:
    """Whatever stands in a header."""
    check_sane(cloudevents.decode(b"{}", {**BINARY, **headers}, MOST))
