"""OTLP metrics, as protobuf and JSON: what real clients sent, each rule, and whatever else may arrive."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from msgspec import structs
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from api.ingest.otlp import JSON, decode
from meter.event_codes import EVENT_CODES
from meter.streams import Point, Stream, Telemetry
from tests.api_ingest.captures import capture, recordings
from tests.api_ingest.otlp_requests import (
    MOST,
    PROTOBUF,
    START_US,
    TIME,
    TIME_US,
    Document,
    attributes,
    document,
    media_types,
    point,
    total,
    written,
)


def told(*metrics: Document, media_type: str = PROTOBUF, **parts: Any) -> Telemetry:
    """Decode a request of metrics."""
    return decode(written(document(*metrics, **parts), media_type), media_type, MOST)


def one(metric: Document, media_type: str = PROTOBUF, **parts: Any) -> Stream:
    """Answer the only stream that comes of a metric."""
    found = told(metric, media_type=media_type, **parts)
    assert found.refused == []
    (stream,) = found.streams
    return stream


def refusal(metric: Document, media_type: str = PROTOBUF) -> str:
    """Answer the code under which the only point of a metric is refused."""
    found = told(metric, media_type=media_type)
    assert found.streams == []
    (refused,) = found.refused
    assert (refused.name, refused.points) == (metric.get("name", "m"), 1)
    assert refused.code in EVENT_CODES
    return refused.code


# What real clients sent, read once more here.


def data_of(request: Document) -> Iterator[tuple[str, str, Document]]:
    """Walk over name, sort and data of each metric of a request as JSON has it."""
    for resource in request.get("resourceMetrics", []):
        for scope in resource.get("scopeMetrics", []):
            for metric in scope.get("metrics", []):
                (sort,) = metric.keys() & {"sum", "gauge", "histogram", "exponentialHistogram", "summary"}
                yield metric["name"], sort, metric[sort]


def expected(request: Document) -> tuple[Counter[tuple[str, str]], dict[tuple[str, str], float]]:
    """Answer points and the total of their numbers, by metric and field."""
    counts: Counter[tuple[str, str]] = Counter()
    sums: dict[tuple[str, str], float] = {}
    for name, sort, data in data_of(request):
        for each in data.get("dataPoints", []):
            numbers = {"value": each.get("asInt", each.get("asDouble"))}
            if sort not in ("sum", "gauge"):
                numbers = {field: each[field] for field in ("sum", "count") if field in each}
            for field, number in numbers.items():
                counts[name, field] += 1
                plain = 0.0 if number is None or not math.isfinite(float(number)) else float(number)
                sums[name, field] = sums.get((name, field), 0) + plain
    return counts, sums


@recordings("otlp-")
def test_what_clients_sent_adds_up(recording: str) -> None:
    """Every point is there, and by metric they come to what another reader finds."""
    body, media_type, _ = capture(recording)
    request = json.loads(body) if media_type == JSON else MessageToDict(ExportMetricsServiceRequest.FromString(body))
    counts, sums = expected(request)
    found = decode(body, media_type, MOST)
    points: Counter[tuple[str, str]] = Counter()
    added: dict[tuple[str, str], float] = {}
    for stream in found.streams:
        key = stream.name, stream.field
        points[key] += len(stream.points)
        numbers = [each.value for each in stream.points if each.value is not None and each.value.is_finite()]
        added[key] = added.get(key, 0) + float(sum(numbers))
    assert points == counts
    assert added == pytest.approx(sums)
    assert found.refused == []
    assert {each.name for each in found.described} >= {stream.name for stream in found.streams}


def by_text(found: Telemetry) -> tuple[list[tuple[Stream, list[tuple[int, str]]]], Telemetry]:
    """Answer streams with their values as texts, since NaN equals nothing, and all else that is told."""
    streams = [
        (structs.replace(each, points=[]), [(time_us, str(value)) for time_us, value in each.points])
        for each in found.streams
    ]
    return streams, found._replace(streams=[])


@recordings("otlp-proto-")
def test_what_clients_sent_is_the_same_as_json(recording: str) -> None:
    """The same metrics in the other encoding are the same streams, under the same identities."""
    body, media_type, _ = capture(recording)
    request = MessageToDict(ExportMetricsServiceRequest.FromString(body))
    assert by_text(decode(json.dumps(request).encode(), JSON, MOST)) == by_text(decode(body, media_type, MOST))


def test_tokens_of_a_language_model() -> None:
    """The sum of a histogram is what is counted, by model and type of token."""
    found = decode(*capture("otlp-proto-genai-openai_v2")[:2], MOST)
    sums = [each for each in found.streams if (each.name, each.field) == ("gen_ai.client.token.usage", "sum")]
    assert {each.labels["gen_ai.token.type"] for each in sums} == {"input", "output"}
    assert all(each.labels["gen_ai.response.model"] for each in sums)


# Each rule.


@media_types
def test_a_counter(media_type: str) -> None:
    """A cumulative sum that only grows counts since its start."""
    stream = one(total(point()), media_type)
    assert (stream.name, stream.kind, stream.field, stream.unit) == ("m", "counter", "value", "s")
    assert stream.points == [Point(TIME_US, Decimal(5))]
    assert stream.start_us == START_US
    assert len(stream.identity) == 16


@media_types
def test_kinds_by_temporality(media_type: str) -> None:
    """A sum up and down is a level, a delta is one, a gauge is a level; levels have no start."""
    level = one(total(point(), monotonic=False), media_type)
    assert (level.kind, level.start_us) == ("gauge", None)
    delta = one(total(point(), temporality=1), media_type)
    assert (delta.kind, delta.start_us) == ("delta", START_US)
    gauge = one({"gauge": {"dataPoints": [point()]}}, media_type)
    assert (gauge.kind, gauge.start_us) == ("gauge", None)


@media_types
def test_kinds_that_are_not_taken(media_type: str) -> None:
    """Steps up and down, and what says no temporality, name the remedy."""
    assert refusal(total(point(), temporality=1, monotonic=False), media_type) == "unsupported_point"
    assert refusal(total(point(), temporality=0), media_type) == "unsupported_point"
    assert refusal({"name": "", **total(point())}, media_type) == "invalid_event"
    (refused,) = told(total(point(), point(), temporality=0)).refused
    assert refused.points == 2
    assert "cumulative" in refused.detail


@media_types
@pytest.mark.parametrize("sort", ["histogram", "exponentialHistogram"])
def test_histograms_are_a_sum_and_a_count(media_type: str, sort: str) -> None:
    """Two streams, told apart by field; without a sum there is but the count."""
    for temporality, kind in ((2, "counter"), (1, "delta")):
        data = {"dataPoints": [point(count="3", sum=1.5)], "aggregationTemporality": temporality}
        found = told({sort: data}, media_type=media_type).streams
        assert [(each.field, each.kind, each.start_us) for each in found] == [
            ("sum", kind, START_US),
            ("count", kind, START_US),
        ]
        assert [each.points[0].value for each in found] == [Decimal("1.5"), Decimal(3)]
        assert found[0].identity != found[1].identity
    data = {"dataPoints": [point(count="3")], "aggregationTemporality": 2}
    assert one({sort: data}, media_type).field == "count"
    assert refusal({sort: {"dataPoints": [point(count="3", sum=1.5)]}}, media_type) == "unsupported_point"


@media_types
@pytest.mark.parametrize("sort", ["histogram", "exponentialHistogram"])
@pytest.mark.parametrize(("sum_of", "in_json"), [(-1.5, -1.5), (math.nan, None), (math.inf, "Infinity")])
def test_histograms_whose_sum_can_not_be_counted(media_type: str, sort: str, sum_of: float, in_json: object) -> None:
    """Below zero or not finite: passed on as it is, with the count, which may be what a rule takes."""
    said = in_json if media_type == JSON else sum_of
    data = {"dataPoints": [point(count="3", sum=said)], "aggregationTemporality": 2}
    found = told({sort: data}, media_type=media_type)
    assert found.refused == []
    assert [(each.field, str(each.points[0].value)) for each in found.streams] == [
        ("sum", str(Decimal(repr(sum_of)))),
        ("count", "3"),
    ]


@media_types
def test_summaries_are_a_sum_and_a_count(media_type: str) -> None:
    """Both count since the start; zero may be left out."""
    found = told({"summary": {"dataPoints": [point(count="3")]}}, media_type=media_type).streams
    assert [(each.field, each.kind, each.points[0].value) for each in found] == [
        ("sum", "counter", Decimal(0)),
        ("count", "counter", Decimal(3)),
    ]


@media_types
def test_no_recorded_value(media_type: str) -> None:
    """The flag ends a stream, whatever number comes with it, or none."""
    assert one(total(point(flags=1)), media_type).points == [Point(TIME_US, None)]
    assert one(total(point(flags=1, asDouble=float("nan"))), PROTOBUF).points == [Point(TIME_US, None)]
    assert one(total(point(flags=2)), media_type).points == [Point(TIME_US, Decimal(5))]
    data = {"dataPoints": [point(flags=1, count="0")], "aggregationTemporality": 2}
    ended = told({"histogram": data}, media_type=media_type).streams
    assert [(each.field, each.points[0].value) for each in ended] == [("sum", None), ("count", None)]


@media_types
def test_numbers_are_exact(media_type: str) -> None:
    """Whole ones to the last digit, others as they are written."""
    assert one(total(point(asInt=str(2**63 - 1))), media_type).points[0].value == 2**63 - 1
    assert one(total(point(asDouble=0.1)), media_type).points[0].value == Decimal("0.1")
    assert str(one(total(point(asDouble=-0.0)), media_type).points[0].value) == "0.0"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, -5e-324])
def test_numbers_that_can_not_be_counted_are_passed_on(value: float) -> None:
    """Not finite, or below zero: refused only where a rule would have them counted."""
    for metric in (total(point(asDouble=value)), {"gauge": {"dataPoints": [point(asDouble=value)]}}):
        (found,) = one(metric).points
        assert str(found.value) == str(Decimal(repr(value)))


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        ({"asDouble": None}, None),
        ({"asDouble": "NaN"}, None),
        ({"asDouble": "Infinity"}, None),
        ({"asDouble": "many"}, None),
        ({"asDouble": 9007199254740992}, 2**53),
        ({"asDouble": "1.5"}, Decimal("1.5")),
        ({"asInt": 7}, 7),
        ({"asInt": "7"}, 7),
        ({"asInt": 7.0}, 7),
        ({"asInt": 7.5}, None),
        ({"asInt": "seven"}, None),
        ({"asInt": None}, None),
    ],
)
def test_numbers_in_json(value: Document, taken: Decimal | None) -> None:
    """As numbers or as texts; null is how NaN is sent."""
    metric = total({"timeUnixNano": TIME, **value})
    if taken is None:
        (found,) = one(metric, JSON).points
        assert found.value is not None
        assert not found.value.is_finite()
    else:
        assert one(metric, JSON).points == [Point(TIME_US, taken)]


def test_json_is_read_leniently() -> None:
    """Names of enumerations, null for what is left out, times as numbers, what is not known."""
    data = total(point(timeUnixNano=TIME, startTimeUnixNano=None, exemplars=[{"traceId": "00ff"}], attributes=None))
    data["sum"]["aggregationTemporality"] = "AGGREGATION_TEMPORALITY_CUMULATIVE"
    stream = one({**data, "unknown": {"a": [1]}}, JSON)
    assert (stream.kind, stream.start_us) == ("counter", None)
    assert decode(b"{}", "Application/JSON; charset=utf-8", 1) == Telemetry([], [], [])
    assert decode(b'{"resourceMetrics":null}', JSON, 1) == Telemetry([], [], [])


@media_types
def test_times(media_type: str) -> None:
    """A point needs a time within what 64 bits hold; a start that is not said is none, one at the time stays."""
    assert one(total(point(startTimeUnixNano="0")), media_type).start_us is None
    assert one(total(point(startTimeUnixNano=str(TIME))), media_type).start_us == TIME_US
    for bad in ("0", str(2**63), str(2**64 - 1)):
        assert refusal(total(point(timeUnixNano=bad)), media_type) == "invalid_time"
    assert refusal(total(point(startTimeUnixNano=str(2**63))), media_type) == "invalid_time"
    for bad in ("-1", "now", "9" * 5_000):
        assert refusal(total(point(timeUnixNano=bad)), JSON) == "invalid_time"


@media_types
def test_labels(media_type: str) -> None:
    """Those of the point win over those of the scope, these over those of the resource; all become text."""
    resource = attributes(where="resource", scoped="resource", host="h", **{"otel.scope.name": "resource"})
    scope = {"name": "lib", "version": "1", "attributes": attributes(where="scope", scoped="scope")}
    metric = total(point(attributes=attributes(where="point", yes=True, no=False, n=3, x=0.5, empty="")))
    assert one(metric, media_type, resource=resource, scope=scope).labels == {
        "where": "point",
        "scoped": "scope",
        "host": "h",
        "otel.scope.name": "lib",
        "otel.scope.version": "1",
        "yes": "true",
        "no": "false",
        "n": "3",
        "x": "0.5",
        "empty": "",
    }


@media_types
def test_labels_of_many_parts(media_type: str) -> None:
    """Lists and maps are told as JSON, what has no value as null."""
    values = {"values": [{"stringValue": "a"}, {"intValue": 1}, {}]}
    pairs = {"values": [{"key": "k", "value": {"arrayValue": values}}]}
    given = [
        {"key": "list", "value": {"arrayValue": values}},
        {"key": "map", "value": {"kvlistValue": pairs}},
        {"key": "none", "value": {}},
    ]
    assert one(total(point(attributes=given)), media_type).labels == {
        "list": '["a",1,null]',
        "map": '{"k":["a",1,null]}',
        "none": "null",
    }


def test_bytes_are_the_same_in_both_encodings() -> None:
    """JSON writes them in base 64."""
    request = document(total(point()))
    made = ExportMetricsServiceRequest.FromString(written(request, PROTOBUF))
    data = made.resource_metrics[0].scope_metrics[0].metrics[0].sum
    data.data_points[0].attributes.add(key="b").value.bytes_value = b"\xff\x00"
    (stream,) = decode(made.SerializeToString(), PROTOBUF, 1).streams
    assert stream.labels == {"b": '"/wA="'}
    assert one(total(point(attributes=[{"key": "b", "value": {"bytesValue": "/wA="}}])), JSON) == stream
    odd = one(total(point(attributes=[{"key": "b", "value": {"bytesValue": "?"}}])), JSON)
    assert odd.labels["b"] in ('""', "?")


def test_identity() -> None:
    """All that tells a stream apart counts, where it stands too, and nothing else does."""
    base = one(total(point(attributes=attributes(a="1", b="2"))))
    turned = one(total(point(attributes=attributes(b="2", a="1"))))
    assert turned.identity == base.identity
    later = one(total(point(attributes=attributes(a="1", b="2"), startTimeUnixNano="5"), temporality=1))
    assert later.identity == base.identity
    others = [
        one({"name": "n", **total(point(attributes=attributes(a="1", b="2")))}),
        one(total(point(attributes=attributes(a="1", b=2)))),
        one(total(point(attributes=attributes(a="1")))),
        one(total(point(attributes=attributes(a="1"))), resource=attributes(b="2")),
        one(total(point(attributes=attributes(a="1"))), scope={"attributes": attributes(b="2")}),
        one(total(point(attributes=attributes(a="1", b="2"))), scope={"name": "s"}),
        one(total(point(attributes=attributes(a="1", b="2"))), scope={"version": "s"}),
        one({"name": "m", "unit": "By", **total(point(attributes=attributes(a="1b2")))}),
    ]
    assert len({base.identity, *(each.identity for each in others)}) == 1 + len(others)
    assert one({"unit": "By", **total(point())}).identity == one({"unit": "s", **total(point())}).identity


def test_points_of_one_stream_come_together() -> None:
    """In their order, across metrics of the same name; another start is another stream."""
    first, second = point(asInt="1"), point(asInt="2", timeUnixNano=str(TIME + 1_000))
    (stream,) = told(total(first), total(second)).streams
    assert stream.points == [Point(TIME_US, Decimal(1)), Point(TIME_US + 1, Decimal(2))]
    restarted = told(total(first, point(startTimeUnixNano=str(TIME)))).streams
    assert [each.start_us for each in restarted] == [START_US, TIME_US]
    assert restarted[0].identity == restarted[1].identity


def test_good_points_are_kept() -> None:
    """Refusals are told by metric and reason, with how many there are."""
    bad = total(point(), point(startTimeUnixNano=str(2**64 - 1)), point(timeUnixNano="0"), point(timeUnixNano="0"))
    found = told(bad, {"name": "n", **total(point())})
    assert [(each.name, len(each.points)) for each in found.streams] == [("m", 1), ("n", 1)]
    assert [(each.name, each.code, each.points) for each in found.refused] == [
        ("m", "invalid_time", 1),
        ("m", "invalid_time", 2),
    ]


@media_types
def test_descriptions(media_type: str) -> None:
    """What is said about each metric."""
    (said,) = told({"description": "words", **total(point())}, media_type=media_type).described
    assert said == ("m", "counter", "s", "words")
