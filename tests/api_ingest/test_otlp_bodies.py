"""OTLP bodies of any making, bounded and refused as they should be; and how requests are answered."""

from __future__ import annotations

import json
import random
import tracemalloc
from decimal import Decimal

import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)

from api.ingest.otlp import JSON, decode
from api.ingest.otlp_answer import answer, status
from api.ingest.otlp_metrics import MOST_ATTRIBUTES
from api.ingest.protobuf_fields import LARGEST_PART
from meter.errors import BatchTooLarge, InvalidBody, UnsupportedEncoding
from meter.event_codes import EVENT_CODES
from tests.api_ingest.otlp_requests import (
    MOST,
    PROTOBUF,
    attributes,
    document,
    media_types,
    point,
    total,
    written,
)


def test_media_types() -> None:
    """Three are read, with parameters and in any case."""
    body = written(document(total(point())), PROTOBUF)
    for name in (PROTOBUF, "application/protobuf", "Application/X-Protobuf; proto=x"):
        assert len(decode(body, name, 1).streams) == 1
    for name in ("", "text/plain", "application/x-ndjson"):
        with pytest.raises(UnsupportedEncoding, match="x-protobuf"):
            decode(body, name, 1)


@media_types
def test_too_many_points(media_type: str) -> None:
    """As many as are allowed, and one more."""
    body = written(document(total(point(), point()), total(point())), media_type)
    assert sum(len(each.points) for each in decode(body, media_type, 3).streams) == 3
    with pytest.raises(BatchTooLarge, match="2 points"):
        decode(body, media_type, 2)


@media_types
def test_too_many_attributes(media_type: str) -> None:
    """Of one point."""
    many = total(point(attributes=attributes(**{f"a{n}": "" for n in range(MOST_ATTRIBUTES + 1)})))
    with pytest.raises(BatchTooLarge, match="attributes"):
        decode(written(document(many), media_type), media_type, MOST)


def nested(*tags: int, content: bytes) -> bytes:
    """Put content into fields that lie in each other, the outermost first."""
    for tag in reversed(tags):
        size, length = len(content), bytearray()
        while size >= 0x80:
            length.append(size & 0x7F | 0x80)
            size >>= 7
        content = bytes((tag, *length, size)) + content
    return content


@pytest.mark.parametrize(
    "body",
    [
        b"\x0a\x00" * 1_000_000,  # resources
        b"\x08\x00" * 1_000_000,  # what is not known
        nested(0x0A, content=b"\x12\x00" * 1_000_000),  # scopes
        nested(0x0A, 0x12, content=b"\x12\x00" * 1_000_000),  # metrics
        nested(0x0A, 0x12, 0x12, 0x3A, content=b"\x0a\x00" * 1_000_000),  # points
        nested(0x0A, 0x12, 0x12, 0x3A, 0x0A, content=b"\x3a\x00" * 1_000_000),  # attributes of a point
        nested(0x0A, 0x12, 0x12, 0x3A, 0x0A, content=b"\x2a\x00" * 1_000_000),  # exemplars of a point
        nested(0x0A, 0x0A, content=b"\x0a\x00" * 1_000_000),  # attributes of a resource
    ],
)
def test_empty_parts_take_no_memory(body: bytes) -> None:
    """Two bytes can stand for a message of a hundred: there is an end before they are made."""
    tracemalloc.start()
    with pytest.raises(BatchTooLarge):
        decode(body, PROTOBUF, MOST)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * len(body) + 5_000_000


def test_the_largest_part_takes_little() -> None:
    """What lies below the bound of a part is made, and let go of again."""
    content = b"\x2a\x00" * (LARGEST_PART // 2 - 20)  # exemplars
    body = nested(0x0A, 0x12, 0x12, 0x2A, 0x0A, content=content)
    assert [each.code for each in decode(body, PROTOBUF, MOST).refused] == ["invalid_event"]


def test_empty_parts_of_json_take_no_memory() -> None:
    """As protobuf's."""
    body = b'{"resourceMetrics":[' + b"{}," * 1_000_000 + b"{}]}"
    tracemalloc.start()
    with pytest.raises(BatchTooLarge):
        decode(body, JSON, MOST)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'"\xff"',
        b'{"resourceMetrics":5}',
        b'{"resourceMetrics":[{"resource":{"attributes":[{"key":"\xff"}]}}]}',
        b'{"resourceMetrics":[{"resource":{"attributes":[{"key":"\\ud800"}]}}]}',
        b'{"resourceMetrics":[{"resource":{"attributes":[{"key":"a","value":'
        + b'{"arrayValue":{"values":[' * 5_000
        + b"]}}" * 5_000
        + b"}]}}]}",
        b"[" * 100_000,
    ],
)
def test_what_is_no_request(body: bytes) -> None:
    """Of JSON; nesting without end among it."""
    with pytest.raises(InvalidBody):
        decode(body, JSON, 10**6)


@pytest.mark.parametrize(
    "body",
    [
        b"\x0a",
        b"\x0a\x05",
        b"\x0b",
        b"\x0f",
        b"\x80" * 11,
        b"\x09\x00",
        b"\x0d\x00",
        nested(0x0A, 0x0A, content=b"\x0a\x05"),
        nested(0x0A, 0x12, 0x12, 0x0A, content=b"\xff") + b"",
        nested(0x0A, 0x12, 0x12, 0x3A, 0x0A, content=b"\x09"),
    ],
)
def test_what_is_no_message(body: bytes) -> None:
    """Of protobuf: cut short, of no known form, texts that are none."""
    with pytest.raises(InvalidBody):
        decode(body, PROTOBUF, MOST)


def example(media_type: str) -> bytes:
    """Write a request with a bit of everything."""
    some = attributes(a="1", yes=True, n=3, x=0.5)
    histogram = {"dataPoints": [point(count="3", sum=1.5, attributes=some)], "aggregationTemporality": 2}
    metrics = (
        total(point(attributes=some), point(asDouble=2.5)),
        {"gauge": {"dataPoints": [point(flags=1)]}},
        {"histogram": histogram},
        {"exponentialHistogram": histogram},
        {"summary": {"dataPoints": [point(count="3", sum=1.5)]}},
    )
    return written(document(*metrics, resource=some, scope={"name": "s", "attributes": some}), media_type)


def survives(body: bytes, media_type: str) -> None:
    """Decode anything: telemetry that holds together, or a refusal."""
    try:
        found = decode(body, media_type, 50)
    except (InvalidBody, BatchTooLarge):
        return
    assert sum(len(each.points) for each in found.streams) <= 100
    points = [each for stream in found.streams for each in stream.points]
    assert all(each.value is None or type(each.value) is Decimal for each in points)
    assert all(abs(each.time_us) < 2**63 for each in points)
    assert all(type(text) is str for each in found.streams for text in each.labels.values())
    assert all(each.code in EVENT_CODES and each.points > 0 for each in found.refused)


@media_types
def test_bodies_cut_anywhere(media_type: str) -> None:
    """Every length: never anything but a refusal, or what the rest still says."""
    whole = example(media_type)
    for end in range(len(whole)):
        survives(whole[:end], media_type)


@media_types
def test_bodies_with_flipped_bits(media_type: str) -> None:
    """Some thousands of flips, one to three at once."""
    dice = random.Random(11)  # noqa: S311 - a seed makes a failure come back
    whole = example(media_type)
    for _ in range(4_000):
        body = bytearray(whole)
        for _ in range(dice.randint(1, 3)):
            body[dice.randrange(len(body))] ^= 1 << dice.randrange(8)
        survives(bytes(body), media_type)


@media_types
@given(body=st.binary(max_size=200))
def test_any_bytes(media_type: str, body: bytes) -> None:
    """Whatever they are."""
    survives(body, media_type)


# Answers.


def test_answers() -> None:
    """In the encoding of the request: empty when all was taken, else how much was not and why."""
    assert answer(PROTOBUF, 0, "") == b""
    assert answer(JSON, 0, "") == b"{}"
    said = ExportMetricsServiceResponse.FromString(answer(PROTOBUF, 3, "why")).partial_success
    assert (said.rejected_data_points, said.error_message) == (3, "why")
    assert json.loads(answer("application/json; charset=utf-8", 3, "why")) == {
        "partialSuccess": {"rejectedDataPoints": "3", "errorMessage": "why"}
    }


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_refusals(message: str) -> None:
    """A status with its message."""
    assert Status.FromString(status(message)).message == message


def test_a_long_refusal() -> None:
    """A length of three bytes."""
    assert Status.FromString(status("a" * 20_000)).message == "a" * 20_000
