"""Reads OTLP metrics from protobuf: metric by metric, and no more of them than wanted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    ExponentialHistogramDataPoint,
    Histogram,
    HistogramDataPoint,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
    SummaryDataPoint,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric as MetricMessage
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from api.ingest.otlp_metrics import (
    NO_RECORDED_VALUE,
    Metric,
    Origin,
    Plain,
    Reading,
    Shape,
    Temporality,
    check_attributes,
)
from api.ingest.protobuf_fields import VARINT, Walk, tag
from meter.streams import Field

_RESOURCE_METRICS = tag(1)  # of the request
_RESOURCE = tag(ResourceMetrics.RESOURCE_FIELD_NUMBER)
_SCOPE_METRICS = tag(ResourceMetrics.SCOPE_METRICS_FIELD_NUMBER)
_SCOPE = tag(ScopeMetrics.SCOPE_FIELD_NUMBER)
_METRICS = tag(ScopeMetrics.METRICS_FIELD_NUMBER)
_NAME = tag(MetricMessage.NAME_FIELD_NUMBER)
_DESCRIPTION = tag(MetricMessage.DESCRIPTION_FIELD_NUMBER)
_UNIT = tag(MetricMessage.UNIT_FIELD_NUMBER)
# The same numbers in every sort of metric that has them.
_POINTS = tag(Sum.DATA_POINTS_FIELD_NUMBER)
_TEMPORALITY = tag(Histogram.AGGREGATION_TEMPORALITY_FIELD_NUMBER, VARINT)
_MONOTONIC = tag(Sum.IS_MONOTONIC_FIELD_NUMBER, VARINT)


def read(body: bytes, most: int) -> Iterator[Metric]:
    """The metrics of a body, `most` points in all.

    Raises InvalidBody, BatchTooLarge, and what readers of messages and texts raise: DecodeError, UnicodeDecodeError.
    """
    walk = Walk(body, most)
    for name, start, end in walk.fields(0, len(body)):
        if name == _RESOURCE_METRICS:
            yield from _of_resource(walk, start, end)


def _of_resource(walk: Walk, start: int, end: int) -> Iterator[Metric]:
    resource, scopes = Resource(), []
    for name, begin, stop in walk.fields(start, end):
        if name == _RESOURCE:
            resource.MergeFromString(walk.content(begin, stop))
        elif name == _SCOPE_METRICS:
            scopes.append((begin, stop))
    attributes = _attributes(resource.attributes)
    for begin, stop in scopes:
        yield from _of_scope(walk, attributes, begin, stop)


def _of_scope(walk: Walk, resource: dict[str, Plain], start: int, end: int) -> Iterator[Metric]:
    scope, metrics = InstrumentationScope(), []
    for name, begin, stop in walk.fields(start, end):
        if name == _SCOPE:
            scope.MergeFromString(walk.content(begin, stop))
        elif name == _METRICS:
            metrics.append((begin, stop))
    origin = Origin(resource, scope.name, scope.version, _attributes(scope.attributes))
    for begin, stop in metrics:
        yield from _metric(walk, origin, begin, stop)


def _metric(walk: Walk, origin: Origin, start: int, end: int) -> Iterator[Metric]:
    """A metric for each of its data: one, or none of a sort that is not known here."""
    texts, data = {_NAME: "", _DESCRIPTION: "", _UNIT: ""}, []
    for name, begin, stop in walk.fields(start, end):
        if name in texts:
            texts[name] = walk.text(begin, stop)
        elif name in _SORTS:
            data.append((_SORTS[name], begin, stop))
    for sort, begin, stop in data:
        temporality, monotonic, points = Temporality.UNSPECIFIED, False, []
        for name, inner, until in walk.fields(begin, stop):
            if name == _POINTS:
                points.append((inner, until))
            elif name == _TEMPORALITY:
                temporality = walk.varint(inner, until)[0]
            elif name == _MONOTONIC:
                monotonic = walk.varint(inner, until)[0] != 0
        walk.count(len(points))
        readings = [sort.read(walk.content(inner, until)) for inner, until in points]
        yield Metric(
            origin, texts[_NAME], texts[_UNIT], texts[_DESCRIPTION], sort.shape, temporality, monotonic, readings
        )


def _number(content: bytes) -> Reading:
    point = NumberDataPoint.FromString(content)
    value: int | float | None = None
    if point.HasField("as_int"):
        value = point.as_int
    elif point.HasField("as_double"):
        value = point.as_double
    return _reading(point, (("value", value),))


def _histogram(content: bytes) -> Reading:
    return _distribution(HistogramDataPoint.FromString(content))


def _exponential_histogram(content: bytes) -> Reading:
    return _distribution(ExponentialHistogramDataPoint.FromString(content))


def _distribution(point: HistogramDataPoint | ExponentialHistogramDataPoint) -> Reading:
    if point.HasField("sum"):
        return _reading(point, (("sum", point.sum), ("count", point.count)))
    return _reading(point, (("count", point.count),))


def _summary(content: bytes) -> Reading:
    point = SummaryDataPoint.FromString(content)
    return _reading(point, (("sum", point.sum), ("count", point.count)))


_Point = NumberDataPoint | HistogramDataPoint | ExponentialHistogramDataPoint | SummaryDataPoint


def _reading(point: _Point, numbers: Sequence[tuple[Field, int | float | None]]) -> Reading:
    return Reading(
        _attributes(point.attributes),
        point.start_time_unix_nano,
        point.time_unix_nano,
        not point.flags & NO_RECORDED_VALUE,
        numbers,
    )


def _attributes(pairs: Collection[KeyValue]) -> dict[str, Plain]:
    check_attributes(len(pairs))
    found: dict[str, Plain] = {}
    for pair in pairs:
        value = pair.value
        found[pair.key] = value.string_value or _plain(value)
    return found


def _plain(value: AnyValue) -> Plain:
    """The value of an attribute; None where it has none."""
    name = value.WhichOneof("value")
    if name == "array_value":
        return [_plain(each) for each in value.array_value.values]
    if name == "kvlist_value":
        return {pair.key: _plain(pair.value) for pair in value.kvlist_value.values}
    found: str | bool | int | float | bytes | None = getattr(value, name) if name else None
    return found


class _Sort(NamedTuple):
    """What is read of the points of one field of a metric, and how."""

    shape: Shape
    read: Callable[[bytes], Reading]


_SORTS: dict[int, _Sort] = {
    tag(MetricMessage.GAUGE_FIELD_NUMBER): _Sort("gauge", _number),
    tag(MetricMessage.SUM_FIELD_NUMBER): _Sort("sum", _number),
    tag(MetricMessage.HISTOGRAM_FIELD_NUMBER): _Sort("histogram", _histogram),
    tag(MetricMessage.EXPONENTIAL_HISTOGRAM_FIELD_NUMBER): _Sort("histogram", _exponential_histogram),
    tag(MetricMessage.SUMMARY_FIELD_NUMBER): _Sort("summary", _summary),
}
