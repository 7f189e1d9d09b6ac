"""OpenTelemetry metrics over HTTP, as protobuf or JSON, to streams; and how they are answered: otlp_answer.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import islice

import msgspec
from google.protobuf.message import DecodeError
from xxhash import xxh3_128_digest

from api.ingest import otlp_json, otlp_protobuf
from api.ingest.bodies import MAX_DETAIL
from api.ingest.otlp_metrics import Metric, Origin, Plain, Reading, Temporality
from meter.errors import InvalidBody, UnsupportedEncoding
from meter.facts import PG_EPOCH
from meter.identity import UNIX_EPOCH, stream
from meter.model import Refusal
from meter.streams import (
    MOST_LABELS,
    REPLICA_LABELS,
    Description,
    Field,
    Kind,
    Point,
    Refused,
    Stream,
    Telemetry,
    exact,
)

SCOPE_NAME, SCOPE_VERSION = "otel.scope.name", "otel.scope.version"
JSON = "application/json"
READERS: dict[str, Callable[[bytes, int], Iterator[Metric]]] = {
    "application/x-protobuf": otlp_protobuf.read,
    "application/protobuf": otlp_protobuf.read,
    JSON: otlp_json.read,
}
_EPOCH_US = (PG_EPOCH - UNIX_EPOCH).days * 86_400_000_000
_MOST_NS = 1 << 63
_NAN = Decimal("NaN")
Points = dict[tuple[bytes, Kind, int | None, str | None], list[Point]]
"""By identity, kind, start and replica, of which one has its turn."""

_UNREADABLE = (DecodeError, msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError)
_pack = msgspec.msgpack.Encoder(order="deterministic").encode
_json = msgspec.json.Encoder(order="deterministic").encode


def decode(body: bytes, media_type: str, most: int) -> Telemetry:
    """The streams of an export request; what can't be made into one is refused by metric.

    Raises:
        UnsupportedEncoding: another media type than protobuf and JSON.
        InvalidBody: the body is no export request.
        BatchTooLarge: it has more than `most` points, or is made of far more parts than they have.
    """
    told = Telemetry([], [], [])
    try:
        _tell(told, _reader(media_type)(body, most))
    except _UNREADABLE as error:
        raise InvalidBody(f"the body is no OTLP export request: {str(error)[:MAX_DETAIL]}") from error
    return told


def media(media_type: str) -> str:
    """A media type without its parameters."""
    return media_type.partition(";")[0].strip().lower()


def _reader(media_type: str) -> Callable[[bytes, int], Iterator[Metric]]:
    name = media(media_type)
    if name not in READERS:
        raise UnsupportedEncoding(f"Content-Type {media_type[:40]!r}; send application/x-protobuf or {JSON}")
    return READERS[name]


_NO_NAME = Refusal("invalid_event", "the metric has no name")
_NO_TEMPORALITY = Refusal("unsupported_point", "the metric says no temporality; export it as cumulative")
_DELTA_LEVEL = Refusal("unsupported_point", "a delta of a sum that goes up and down; export it as cumulative")
_BAD_TIME = Refusal("invalid_time", "timeUnixNano must be the point's time in nanoseconds since 1970")
_BAD_START = Refusal("invalid_time", "startTimeUnixNano must be a time in nanoseconds since 1970, or 0")


class _Told:
    """Attributes of points seen of one origin: as labels with those of the origin, under their canonical bytes."""

    def __init__(self, origin: Origin) -> None:
        self.of = origin
        scope = {SCOPE_NAME: origin.scope, SCOPE_VERSION: origin.version}
        named = {name: text for name, text in scope.items() if text}
        self._labels = {**_texts(origin.resource), **named, **_texts(origin.attributes)}
        named_apart = (
            _without_replica(origin.resource),
            origin.scope,
            origin.version,
            _without_replica(origin.attributes),
        )
        self.packed = xxh3_128_digest(_pack(named_apart))
        self._seen: dict[bytes, Mapping[str, str]] = {}

    def labels(self, attributes: Mapping[str, Plain]) -> Mapping[str, str]:
        """All labels of a point, whose attributes win over those of scope and resource."""
        packed = _pack(attributes)
        found = self._seen.get(packed)
        if found is None:
            found = {**self._labels, **_texts(attributes)}
            if len(found) > MOST_LABELS:  # too many for any rule, and for as many copies as there are points
                found = dict(islice(found.items(), MOST_LABELS + 1))
            self._seen[packed] = found
        return found


def _tell(into: Telemetry, metrics: Iterable[Metric]) -> None:
    streams: Points = {}
    refused: Counter[tuple[str, Refusal]] = Counter()
    described: dict[str, Description] = {}
    told: _Told | None = None
    for metric in metrics:
        if told is None or told.of is not metric.origin:
            told = _Told(metric.origin)
        kind = kind_of(metric)
        if isinstance(kind, Refusal):
            refused[metric.name, kind] += len(metric.readings)
            continue
        if metric.name not in described:
            described[metric.name] = Description(metric.name, kind, metric.unit, metric.description)
        for reading in metric.readings:
            refusal = _add(into.streams, streams, metric, kind, told, reading)
            if refusal is not None:
                refused[metric.name, refusal] += 1
    into.refused.extend(Refused(name, count, *why) for (name, why), count in refused.items() if count)
    into.described.extend(described.values())


def kind_of(metric: Metric) -> Kind | Refusal:
    """How the values of a metric are meant, or why none is taken, whatever it is."""
    if not metric.name:
        return _NO_NAME
    if metric.shape == "gauge":
        return "gauge"
    if metric.shape == "summary":
        return "counter"
    counts = metric.monotonic or metric.shape == "histogram"
    if metric.temporality == Temporality.CUMULATIVE:
        return "counter" if counts else "gauge"
    if metric.temporality == Temporality.DELTA:
        return "delta" if counts else _DELTA_LEVEL
    return _NO_TEMPORALITY


def _add(
    streams: list[Stream],
    points: Points,
    metric: Metric,
    kind: Kind,
    told: _Told,
    reading: Reading,
) -> Refusal | None:
    """Adds the numbers of a point, whatever they are, to their streams; why not, where its times are none."""
    time_ns, start_ns = reading.time_ns, reading.start_ns
    if time_ns is None or not 0 < time_ns < _MOST_NS:
        return _BAD_TIME
    if start_ns is None or not 0 <= start_ns < _MOST_NS:
        return _BAD_START
    time_us = time_ns // 1000 - _EPOCH_US
    start_us = start_ns // 1000 - _EPOCH_US if start_ns and kind != "gauge" else None
    packed = _pack(_without_replica(reading.attributes))
    labels = told.labels(reading.attributes)
    replica = next((labels[label] for label in REPLICA_LABELS if label in labels), None)
    for field, value in _values(reading):
        identity = stream("otlp", metric.name, field, (told.packed, packed))
        key = identity, kind, start_us, replica
        found = points.get(key)
        if found is None:
            found = points[key] = []
            streams.append(Stream(metric.name, labels, identity, kind, found, field, metric.unit, start_us))
        found.append(Point(time_us, value))
    return None


def _values(reading: Reading) -> list[tuple[Field, Decimal | None]]:
    """The numbers of a point, none of them where it says that nothing was recorded.

    What was not sent or can't be read is NaN, as null is in JSON.
    """
    if not reading.recorded:
        ended: tuple[Field, ...] = ("value",) if reading.numbers[0][0] == "value" else ("sum", "count")
        return [(field, None) for field in ended]
    return [(field, _NAN if number is None else exact(number)) for field, number in reading.numbers]


def _without_replica(attributes: Mapping[str, Plain]) -> Mapping[str, Plain]:
    """What tells streams apart: replicas send the same one."""
    if not any(label in attributes for label in REPLICA_LABELS):
        return attributes
    return {name: value for name, value in attributes.items() if name not in REPLICA_LABELS}


def _texts(attributes: Mapping[str, Plain]) -> dict[str, str]:
    return {name: value if isinstance(value, str) else _text(value) for name, value in attributes.items()}


def _text(value: Plain) -> str:
    """An attribute's value as a label: a text as it is, numbers as they are written, all else as JSON."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return repr(value)
    return value if isinstance(value, str) else _json(value).decode()
