"""Reads OTLP metrics from JSON, whose numbers may be texts, and whose NaN is null."""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import UNSET, UnsetType

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
from meter.errors import BatchTooLarge
from meter.streams import Field

OBJECTS_EACH = 32  # a point, and two for each of its attributes
_NOTHING: tuple[()] = ()
_TEMPORALITIES = {
    "AGGREGATION_TEMPORALITY_DELTA": Temporality.DELTA,
    "AGGREGATION_TEMPORALITY_CUMULATIVE": Temporality.CUMULATIVE,
}

Integer = int | float | str | None
Double = float | str | None


class _Value(msgspec.Struct, rename="camel", gc=False):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: Integer = None
    double_value: Double | UnsetType = UNSET
    array_value: _Values | None = None
    kvlist_value: _Pairs | None = None
    bytes_value: str | None = None


class _Values(msgspec.Struct, gc=False):
    values: list[_Value] | None = None


class _Pair(msgspec.Struct, gc=False):
    key: str | None = None
    value: _Value | None = None


class _Pairs(msgspec.Struct, gc=False):
    values: list[_Pair] | None = None


class _Number(msgspec.Struct, rename="camel", gc=False):
    attributes: list[_Pair] | None = None
    start_time_unix_nano: Integer = 0
    time_unix_nano: Integer = 0
    as_int: Integer = None
    as_double: Double | UnsetType = UNSET
    flags: int | None = None


class _Distribution(msgspec.Struct, rename="camel", gc=False):
    """A point of a histogram of either sort, or of a summary."""

    attributes: list[_Pair] | None = None
    start_time_unix_nano: Integer = 0
    time_unix_nano: Integer = 0
    count: Integer = 0
    sum: Double | UnsetType = UNSET
    flags: int | None = None


class _Gauge(msgspec.Struct, rename="camel", gc=False):
    data_points: list[_Number] | None = None


class _Sum(msgspec.Struct, rename="camel", gc=False):
    data_points: list[_Number] | None = None
    aggregation_temporality: int | str | None = None
    is_monotonic: bool | None = None


class _Histogram(msgspec.Struct, rename="camel", gc=False):
    data_points: list[_Distribution] | None = None
    aggregation_temporality: int | str | None = None


class _Summary(msgspec.Struct, rename="camel", gc=False):
    data_points: list[_Distribution] | None = None


class _Metric(msgspec.Struct, rename="camel", gc=False):
    name: str | None = None
    unit: str | None = None
    description: str | None = None
    gauge: _Gauge | None = None
    sum: _Sum | None = None
    histogram: _Histogram | None = None
    exponential_histogram: _Histogram | None = None
    summary: _Summary | None = None


class _Scope(msgspec.Struct, gc=False):
    name: str | None = None
    version: str | None = None
    attributes: list[_Pair] | None = None


class _ScopeMetrics(msgspec.Struct, gc=False):
    scope: _Scope | None = None
    metrics: list[_Metric] | None = None


class _Resource(msgspec.Struct, gc=False):
    attributes: list[_Pair] | None = None


class _ResourceMetrics(msgspec.Struct, rename="camel", gc=False):
    resource: _Resource | None = None
    scope_metrics: list[_ScopeMetrics] | None = None


class _Request(msgspec.Struct, rename="camel", gc=False):
    resource_metrics: list[_ResourceMetrics] | None = None


_decoder = msgspec.json.Decoder(_Request)


def read(body: bytes, most: int) -> Iterator[Metric]:
    """The metrics of a body, `most` points in all.

    Raises BatchTooLarge, and what the reader of JSON raises: DecodeError, UnicodeDecodeError, RecursionError.
    """
    if body.count(b"{") > OBJECTS_EACH * (most + OBJECTS_EACH):
        raise BatchTooLarge(f"more parts in one body than {most} points have; send less at once")
    points = 0
    for origin, metric in _metrics(_decoder.decode(body)):
        points += _points(metric)
        if points > most:
            raise BatchTooLarge(f"more than {most} points in one body; send fewer at once")
        yield from _data(origin, metric)


def _points(metric: _Metric) -> int:
    """How many points a metric has, before anything is made of them."""
    data = (metric.sum, metric.gauge, metric.histogram, metric.exponential_histogram, metric.summary)
    return sum(len(each.data_points or _NOTHING) for each in data if each is not None)


def _metrics(request: _Request) -> Iterator[tuple[Origin, _Metric]]:
    for of_resource in request.resource_metrics or _NOTHING:
        resource = _attributes(of_resource.resource.attributes if of_resource.resource else None)
        for of_scope in of_resource.scope_metrics or _NOTHING:
            scope = of_scope.scope or _Scope()
            origin = Origin(resource, scope.name or "", scope.version or "", _attributes(scope.attributes))
            for metric in of_scope.metrics or _NOTHING:
                yield origin, metric


def _data(origin: Origin, metric: _Metric) -> Iterator[Metric]:
    """A metric for each of its data: one, or none of a sort that is not known here."""
    if metric.sum is not None:
        readings = _numbers(metric.sum.data_points)
        temporality = _temporality(metric.sum.aggregation_temporality)
        yield _metric(origin, metric, "sum", readings, temporality, monotonic=metric.sum.is_monotonic or False)
    if metric.gauge is not None:
        yield _metric(origin, metric, "gauge", _numbers(metric.gauge.data_points))
    for histogram in (metric.histogram, metric.exponential_histogram):
        if histogram is not None:
            readings = _distributions(histogram.data_points)
            yield _metric(origin, metric, "histogram", readings, _temporality(histogram.aggregation_temporality))
    if metric.summary is not None:
        yield _metric(origin, metric, "summary", _distributions(metric.summary.data_points, 0))


def _metric(
    origin: Origin,
    metric: _Metric,
    shape: Shape,
    readings: list[Reading],
    temporality: int = Temporality.UNSPECIFIED,
    *,
    monotonic: bool = False,
) -> Metric:
    name, unit, description = metric.name or "", metric.unit or "", metric.description or ""
    return Metric(origin, name, unit, description, shape, temporality, monotonic, readings)


def _numbers(points: list[_Number] | None) -> list[Reading]:
    return [_reading(point, (("value", _number(point)),)) for point in points or _NOTHING]


def _number(point: _Number) -> int | float | None:
    return _integer(point.as_int) if point.as_double is UNSET else _double(point.as_double)


def _distributions(points: list[_Distribution] | None, unsaid_sum: Double | UnsetType = UNSET) -> list[Reading]:
    return [_distribution(point, point.sum if point.sum is not UNSET else unsaid_sum) for point in points or _NOTHING]


def _distribution(point: _Distribution, total: Double | UnsetType) -> Reading:
    count = _integer(point.count or 0)
    if total is UNSET:
        return _reading(point, (("count", count),))
    return _reading(point, (("sum", _double(total)), ("count", count)))


def _reading(point: _Number | _Distribution, numbers: Sequence[tuple[Field, int | float | None]]) -> Reading:
    return Reading(
        _attributes(point.attributes),
        _integer(point.start_time_unix_nano or 0),
        _integer(point.time_unix_nano or 0),
        not (point.flags or 0) & NO_RECORDED_VALUE,
        numbers,
    )


def _temporality(given: int | str | None) -> int:
    return _TEMPORALITIES.get(given, Temporality.UNSPECIFIED) if isinstance(given, str) else given or 0


def _integer(given: Integer) -> int | None:
    """A whole number however it is written; None where it is none."""
    if isinstance(given, int):
        return given
    try:
        return int(given) if isinstance(given, str) or (given is not None and given.is_integer()) else None
    except ValueError:
        return None


def _double(given: Double | UnsetType) -> float | None:
    """A number however it is written; None for null, which is how NaN is sent, and where it is none."""
    try:
        return None if given is None or given is UNSET else float(given)
    except ValueError:
        return None


def _attributes(pairs: list[_Pair] | None) -> dict[str, Plain]:
    if not pairs:
        return {}
    check_attributes(len(pairs))
    found: dict[str, Plain] = {}
    for pair in pairs:
        value = pair.value
        found[pair.key or ""] = (value.string_value if value else None) or _plain(value)
    return found


def _plain(value: _Value | None) -> Plain:  # noqa: PLR0911 - one per sort of value
    """The value of an attribute; None where it has none."""
    if value is None:
        return None
    if value.string_value is not None:
        return value.string_value
    if value.int_value is not None:
        return _integer(value.int_value)
    if value.bool_value is not None:
        return value.bool_value
    if value.double_value is not UNSET:
        return _double(value.double_value)
    if value.array_value is not None:
        return [_plain(each) for each in value.array_value.values or _NOTHING]
    if value.kvlist_value is not None:
        return {pair.key or "": _plain(pair.value) for pair in value.kvlist_value.values or _NOTHING}
    return _bytes(value.bytes_value)


def _bytes(given: str | None) -> Plain:
    try:
        return a2b_base64(given) if given else None
    except ValueError:
        return given
