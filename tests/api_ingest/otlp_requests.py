"""OTLP requests as documents, and how they are written in either encoding."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from api.ingest.otlp import JSON
from meter.facts import microseconds

PROTOBUF = "application/x-protobuf"
MOST = 1_000
TIME, START = 1_795_161_999_346_000_999, 1_795_161_989_346_000_000
TIME_US = microseconds(datetime(2026, 11, 20, 8, 6, 39, 346_000, UTC))
START_US = TIME_US - 10_000_000
media_types = pytest.mark.parametrize("media_type", [PROTOBUF, JSON])

Document = dict[str, Any]


def attributes(**values: object) -> list[Document]:
    """Write attributes as JSON does: texts, truth values, whole numbers and others."""
    kinds = {str: "stringValue", bool: "boolValue", int: "intValue", float: "doubleValue"}
    return [{"key": key, "value": {kinds[type(value)]: value}} for key, value in values.items()]


def point(**fields: object) -> Document:
    """Make a point of now, with an integer of 5 where it has no other."""
    value = {} if {"asDouble", "count"} & set(fields) else {"asInt": "5"}
    return {"startTimeUnixNano": str(START), "timeUnixNano": str(TIME), **value, **fields}


def total(*points: Document, temporality: int = 2, monotonic: bool = True) -> Document:
    """Make a sum of points, by default a counter."""
    return {"sum": {"dataPoints": points, "aggregationTemporality": temporality, "isMonotonic": monotonic}}


def document(*metrics: Document, resource: list[Document] | None = None, scope: Document | None = None) -> Document:
    """Make a request of metrics, named m where they have no name."""
    of_scope = {"scope": scope or {}, "metrics": [{"name": "m", "unit": "s", **metric} for metric in metrics]}
    return {"resourceMetrics": [{"resource": {"attributes": resource or []}, "scopeMetrics": [of_scope]}]}


def written(request: Document, media_type: str) -> bytes:
    """Write a request in either encoding."""
    if media_type == JSON:
        return json.dumps(request).encode()
    made = ExportMetricsServiceRequest()
    _fill(made, request)
    return made.SerializeToString()


def _fill(message: Any, fields: Document) -> None:
    for name, value in fields.items():
        snake = "".join(f"_{char.lower()}" if char.isupper() else char for char in name)
        if isinstance(value, dict):
            getattr(message, snake).SetInParent()
            _fill(getattr(message, snake), value)
        elif isinstance(value, (list, tuple)):
            for each in value:
                _fill(getattr(message, snake).add(), each)
        else:
            whole = isinstance(value, str) and (snake.endswith("_nano") or snake in ("as_int", "count"))
            setattr(message, snake, int(value) if whole else value)
