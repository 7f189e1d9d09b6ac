"""What OpenTelemetry's bodies say was used, worked out by the rules of OTLP alone: nothing of the service is used."""

from __future__ import annotations

import gzip
import itertools
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import NamedTuple

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

Labels = dict[str, str]
US = 1_000_000


class Reading(NamedTuple):
    """A number of a metric: of which stream, its labels, the microsecond, the value, and the start."""

    stream: tuple[str, str]
    labels: Labels
    time_us: int
    value: Fraction
    start_us: int


def readings(bodies: Iterable[bytes], metric: str) -> list[Reading]:
    """Answer the numbers of a metric (no histogram) in packed bodies, in the order they came."""
    found: list[Reading] = []
    for body in bodies:
        request = ExportMetricsServiceRequest.FromString(_unpacked(body))
        for resource in request.resource_metrics:
            for scope in resource.scope_metrics:
                for each in scope.metrics:
                    if each.name == metric:
                        data = each.sum if each.HasField("sum") else each.gauge
                        for point in data.data_points:
                            value = point.as_int if point.WhichOneof("value") == "as_int" else point.as_double
                            labels = {label.key: _text(label) for label in point.attributes}
                            stream = resource.resource.SerializeToString(), point.attributes
                            found.append(
                                Reading(
                                    (str(stream[0]), str(sorted(labels.items()))),
                                    labels,
                                    point.time_unix_nano // 1000,
                                    Fraction(value) if isinstance(value, int) else Fraction(repr(value)),
                                    point.start_time_unix_nano // 1000,
                                )
                            )
    return found


def grown(bodies: Iterable[bytes], metric: str, wanted: Callable[[Labels], bool]) -> Fraction:
    """Answer by how much cumulative counters of a host grew between the first and the last body."""
    values: dict[tuple[str, str], list[Reading]] = defaultdict(list)
    for reading in readings(bodies, metric):
        if wanted(reading.labels):
            values[reading.stream].append(reading)
    return sum((_grown(each) for each in values.values()), Fraction(0))


def held(bodies: Iterable[bytes], metric: str, wanted: Callable[[Labels], bool]) -> Fraction:
    """Answer a level times the seconds it was held, between the first and the last body."""
    values: dict[tuple[str, str], dict[int, Fraction]] = defaultdict(dict)
    for reading in readings(bodies, metric):
        if wanted(reading.labels):
            values[reading.stream][reading.time_us] = reading.value
    area = Fraction(0)
    for points in values.values():
        times = sorted(points)
        area += sum((points[at] * (after - at) / US for at, after in itertools.pairwise(times)), Fraction(0))
    return area


def _grown(readings: list[Reading]) -> Fraction:
    ordered = [each.value for each in sorted(readings, key=lambda each: each.time_us)]
    return sum(
        (after - before if after >= before else after for before, after in itertools.pairwise(ordered)),
        Fraction(0),
    )


def _unpacked(body: bytes) -> bytes:
    if body[:2] == b"\x1f\x8b":
        return gzip.decompress(body)
    return zlib.decompress(body) if body[:1] == b"\x78" else body


def _text(label: KeyValue) -> str:
    kind = label.value.WhichOneof("value")
    return "" if kind is None else str(getattr(label.value, kind))
