"""Bodies as collectors of different protocols send them, prepared before anything is timed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import cramjam
import msgspec
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from tests.api_ingest.protobuf import message
from tests.bench import bodies

FIRST_S = 1_793_491_200  # 2026-11-01
STEP_S = 15
METRIC = "bench_bytes_total"
MAPPING = {
    "rules": [
        {
            "metric": METRIC,
            "meter": "network",
            "read": "counter",
            "starts": "ignored",
            "service": "{job}",
            "dimensions": {"instance": "{group}"},
        }
    ]
}


class Protocol(NamedTuple):
    """Where bodies go, with which headers, and how they are made: by tag, total, size of a body and connections."""

    path: str
    headers: Mapping[str, str]
    bodies: Callable[[str, int, int, int], list[bytes]]


def _events(tag: str, total: int, batch: int, _: int) -> list[bytes]:
    return bodies.bodies(tag, total, batch)


def _lines(tag: str, total: int, batch: int, _: int) -> list[bytes]:
    return [b"\n".join(map(msgspec.json.encode, each)) for each in bodies.batches(tag, total, batch)]


def _labels(tag: str, fleet: int, stream: int) -> dict[str, str]:
    return {"group": str(stream % 50), "instance": f"{tag}-{fleet}-{stream}:9100", "job": f"job-{stream % 7}"}


def _otlp(tag: str, total: int, batch: int, connections: int) -> list[bytes]:
    """A fleet of `batch` counters per connection; each body has the next point of every one of them."""
    found = []
    for number in range(total // batch):
        request = ExportMetricsServiceRequest()
        metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name=METRIC)
        metric.sum.is_monotonic = True
        metric.sum.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
        fleet, turn = number % connections, number // connections
        for stream in range(batch):
            point = metric.sum.data_points.add(
                time_unix_nano=(FIRST_S + turn * STEP_S) * 10**9, as_double=float(turn * 1_500 + stream)
            )
            for name, value in _labels(tag, fleet, stream).items():
                point.attributes.add(key=name).value.string_value = value
        found.append(request.SerializeToString())
    return found


def _remote_write(tag: str, total: int, batch: int, connections: int) -> list[bytes]:
    """The same fleet as Prometheus sends it: remote write 1.0, packed with snappy."""
    found = []
    for number in range(total // batch):
        fleet, turn = number % connections, number // connections
        parts = []
        for stream in range(batch):
            named = sorted({"__name__": METRIC, **_labels(tag, fleet, stream)}.items())
            labels = [(1, message((1, name), (2, value))) for name, value in named]
            sample = message((1, float(turn * 1_500 + stream)), (2, (FIRST_S + turn * STEP_S) * 1_000))
            parts.append(message((1, message(*labels, (2, sample)))))
        found.append(bytes(cramjam.snappy.compress_raw(b"".join(parts))))
    return found


PROTOCOLS: dict[str, Protocol] = {
    "events": Protocol("/v1/events", {"Content-Type": "application/json"}, _events),
    "ndjson": Protocol("/v1/events", {"Content-Type": "application/x-ndjson"}, _lines),
    "otlp": Protocol("/v1/metrics", {"Content-Type": "application/x-protobuf"}, _otlp),
    "remote_write": Protocol(
        "/api/v1/write",
        {
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "snappy",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        },
        _remote_write,
    ),
}
