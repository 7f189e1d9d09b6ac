"""Prometheus remote write, 1.0 and 2.0, to streams: samples, native histograms, and what is said about metrics."""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec
from google.protobuf.message import DecodeError
from xxhash import xxh3_128_digest

from api.ingest import remote_write_messages as messages
from api.ingest.bodies import MAX_DETAIL
from api.ingest.protobuf_fields import Part, Walk
from meter.errors import InvalidBody, UnsupportedEncoding
from meter.facts import PG_EPOCH
from meter.identity import UNIX_EPOCH, stream
from meter.model import Refusal
from meter.streams import REPLICA_LABELS, Description, Field, Kind, Point, Refused, Stream, Telemetry, exact

VERSIONS = {"prometheus.WriteRequest": 1, "io.prometheus.write.v2.Request": 2}
MEDIA_TYPE = "application/x-protobuf"
NAME = "__name__"
MOST_LABELS = 1_024
LONGEST_LABELS = 65_536
STALE = 0x7FF0000000000002
"""The bits of the NaN by which Prometheus says that a series has ended."""

_EPOCH_US = (PG_EPOCH - UNIX_EPOCH).days * 86_400_000_000
_MOST_MS = 253_402_300_800_000  # the year 10000
_COUNTED = ("_count", "_sum", "_bucket")
_pack = msgspec.msgpack.Encoder().encode


class RemoteWrite(NamedTuple):
    """What a request says, and how much of it is written once its streams are stored: refused ones are left out.

    `exemplars` is how many there are: we keep none, and a sender told of fewer would log an error at each request.
    """

    telemetry: Telemetry
    samples: int
    histograms: int
    exemplars: int
    version: int


class _Labelled(NamedTuple):
    """A series as its labels tell it: the labels but for its name, and a digest of those that tell it apart."""

    name: str
    labels: Mapping[str, str]
    packed: bytes


class _Series(NamedTuple):
    """A series of either version; `start_ms` is of all its points that say none."""

    labelled: _Labelled | Refusal
    kind: Kind
    unit: str
    samples: Sequence[messages.Sample]
    histograms: Sequence[messages.Histogram]
    exemplars: int
    start_ms: int


_NO_NAME = Refusal("invalid_event", f"the series has no name; send it as the label {NAME}")
_MANY_LABELS = Refusal("invalid_event", f"the series has more than {MOST_LABELS} labels")
_NO_EMPTY_SYMBOL = Refusal("invalid_event", "the first symbol must be the empty string")
_LONG_LABELS = Refusal("invalid_event", f"the labels of the series have more than {LONGEST_LABELS} characters")
_BAD_REFS = Refusal("invalid_event", "labels_refs must be pairs of places in symbols")
_BAD_TIME = Refusal("invalid_time", "the timestamp must be the sample's time in milliseconds since 1970")
_BAD_START = Refusal("invalid_time", "the start timestamp must be a time in milliseconds since 1970, or 0")


def decode(body: bytes, media_type: str, most: int) -> Telemetry:
    """The streams of a request: `read` says the rest of it. Raises UnsupportedEncoding, InvalidBody, BatchTooLarge."""
    return read(body, media_type, most).telemetry


def read(body: bytes, media_type: str, most: int) -> RemoteWrite:
    """The streams of a request and what to answer; a series or point that can't be one is refused, the others are kept.

    Raises:
        UnsupportedEncoding: `media_type`, with its parameters, is of neither version.
        InvalidBody: the body is no such message.
        BatchTooLarge: it has more than `most` samples and histograms, or is made of far more parts than they have.
    """
    version = version_of(media_type)
    written = _Written()
    try:
        walk = Walk(body, most)
        parts = walk.fields(0, len(body))
        for series in _SERIES[version](walk, parts, written.described):
            written.add(series)
    except (DecodeError, UnicodeDecodeError) as error:
        raise InvalidBody(f"the body is no remote write request: {str(error)[:MAX_DETAIL]}") from error
    return RemoteWrite(written.telemetry(), written.samples, written.histograms, written.exemplars, version)


def version_of(media_type: str) -> int:
    """The version that a Content-Type names: 1, also where it names none, or 2. Raises UnsupportedEncoding."""
    name, *parameters = (part.strip() for part in media_type.split(";"))
    pairs = (parameter.partition("=") for parameter in parameters)
    named = next((value.strip('" ') for key, _, value in pairs if key.strip().lower() == "proto"), next(iter(VERSIONS)))
    if name.lower() != MEDIA_TYPE or named not in VERSIONS:
        known = " or ".join(f"{MEDIA_TYPE};proto={each}" for each in VERSIONS)
        raise UnsupportedEncoding(f"Content-Type {media_type[:80]!r}; send {known}")
    return VERSIONS[named]


def _series_1(walk: Walk, parts: list[Part], described: dict[str, Description]) -> Iterator[_Series]:
    for tag, start, end in parts:
        if tag == messages.SERIES_1:
            series = messages.series_1(walk.content(start, end))
            walk.count(len(series.samples) + len(series.histograms))
            labelled = _MANY_LABELS if len(series.labels) > MOST_LABELS else _labelled_1(series.labels)
            samples, histograms = series.samples, series.histograms
            yield _Series(labelled, "unknown", "", samples, histograms, len(series.exemplars), 0)
        elif tag == messages.METADATA_1:
            said = messages.metadata_1(walk.content(start, end))
            kind, name = _KINDS.get(said.type, "unknown"), said.metric_family_name
            if name:
                described[name] = Description(name, kind, said.unit, said.help)


def _labelled_1(labels: Sequence[messages.Label]) -> _Labelled | Refusal:
    return _labelled({label.name: label.value for label in labels})


def _series_2(walk: Walk, parts: list[Part], described: dict[str, Description]) -> Iterator[_Series]:
    symbols = [walk.text(start, end) for tag, start, end in parts if tag == messages.SYMBOL]
    known: dict[tuple[int, ...], _Labelled | Refusal] = {}
    said: dict[tuple[str, int, int], Description] = {}
    for tag, start, end in parts:
        if tag == messages.SERIES_2:
            series = messages.series_2(walk.content(start, end))
            walk.count(len(series.samples) + len(series.histograms))
            refs = tuple(series.labels_refs)
            labelled = known.get(refs)
            if labelled is None:
                labelled = known[refs] = _labelled_2(refs, symbols)
            kind: Kind = "unknown"
            unit = ""
            if isinstance(labelled, _Labelled) and series.HasField("metadata"):
                metadata = series.metadata
                key = labelled.name, metadata.type, metadata.unit_ref
                told = said.get(key)
                if told is None:
                    told = said[key] = _description(labelled.name, metadata, symbols)
                    if metadata.type or told.unit or told.help:
                        described.setdefault(labelled.name, told)
                _, kind, unit, _ = told
            samples, histograms, started = series.samples, series.histograms, series.created_timestamp
            yield _Series(labelled, kind, unit, samples, histograms, len(series.exemplars), started)


_SERIES: dict[int, Callable[[Walk, list[Part], dict[str, Description]], Iterator[_Series]]] = {
    1: _series_1,
    2: _series_2,
}


def _description(name: str, metadata: messages.Metadata2, symbols: Sequence[str]) -> Description:
    """What is said about the metric of a series; a text that is nowhere is no reason to lose usage."""
    unit, told = (symbols[place] if place < len(symbols) else "" for place in (metadata.unit_ref, metadata.help_ref))
    return Description(name, _kind(metadata.type, name), unit, told)


def _labelled_2(refs: Sequence[int], symbols: Sequence[str]) -> _Labelled | Refusal:
    if len(refs) > 2 * MOST_LABELS:
        return _MANY_LABELS
    if symbols and symbols[0]:
        return _NO_EMPTY_SYMBOL
    if len(refs) % 2 or max(refs, default=-1) >= len(symbols):
        return _BAD_REFS
    return _labelled({symbols[name]: symbols[value] for name, value in zip(refs[::2], refs[1::2], strict=True)})


def _labelled(labels: dict[str, str]) -> _Labelled | Refusal:
    """Labels in the order of their names; one without a value is as if it were not there."""
    name = labels.pop(NAME, "")
    if not name:
        return _NO_NAME
    if sum(map(len, labels)) + sum(map(len, labels.values())) > LONGEST_LABELS:  # symbols are shared, copies are not
        return _LONG_LABELS
    kept = {label: labels[label] for label in sorted(labels) if labels[label]}
    packed = _pack([pair for pair in kept.items() if pair[0] not in REPLICA_LABELS])
    return _Labelled(name, kept, xxh3_128_digest(packed))


_KINDS: dict[int, Kind] = {messages.COUNTER: "counter", messages.GAUGE: "gauge"}


def _kind(metric_type: int, name: str) -> Kind:
    """How the samples of a series are meant: those of a classic histogram or summary by the end of their name."""
    if metric_type in (messages.HISTOGRAM, messages.SUMMARY):
        return "counter" if name.endswith(_COUNTED) else "unknown"
    return _KINDS.get(metric_type, "unknown")


class _Written:
    """What the series of a request came to so far."""

    def __init__(self) -> None:
        self.described: dict[str, Description] = {}
        self.samples = self.histograms = self.exemplars = 0
        self._streams: list[Stream] = []
        self._points: dict[tuple[bytes, Kind, int | None, str | None], list[Point]] = {}
        self._refused: Counter[tuple[str, Refusal]] = Counter()

    def telemetry(self) -> Telemetry:
        """All of it."""
        refused = [Refused(name, count, *why) for (name, why), count in self._refused.items() if count]
        return Telemetry(self._streams, refused, list(self.described.values()))

    def add(self, series: _Series) -> None:
        """Adds the points of a series; refuses those whose times are none, and all where its labels can't be read."""
        self.exemplars += series.exemplars
        labelled = series.labelled
        if isinstance(labelled, Refusal):
            self._refused["", labelled] += len(series.samples) + len(series.histograms)
            return
        for sample in series.samples:
            numbers: _Numbers = (("value", sample.value),)
            self.samples += self._point(series, labelled, series.kind, sample, numbers)
        for histogram in series.histograms:
            count = histogram.count_float if histogram.HasField("count_float") else histogram.count_int
            kind: Kind = "gauge" if histogram.reset_hint == messages.RESET_HINT_GAUGE else "counter"
            self.histograms += self._point(
                series, labelled, kind, histogram, (("sum", histogram.sum), ("count", count))
            )

    def _point(
        self,
        series: _Series,
        labelled: _Labelled,
        kind: Kind,
        point: messages.Sample | messages.Histogram,
        numbers: _Numbers,
    ) -> bool:
        """Adds the numbers of a point, whatever they are, to their streams; whether its times are good."""
        time_ms, start_ms = point.timestamp, point.start_timestamp or series.start_ms
        refusal = _time_refusal(time_ms, start_ms)
        if refusal is not None:
            self._refused[labelled.name, refusal] += 1
            return False
        start_us = start_ms * 1000 - _EPOCH_US if start_ms and kind != "gauge" else None
        replica = next((labelled.labels[label] for label in REPLICA_LABELS if label in labelled.labels), None)
        for field, value in _values(numbers):
            identity = stream("prometheus", labelled.name, field, (labelled.packed,))
            key = identity, kind, start_us, replica
            found = self._points.get(key)
            if found is None:
                found = self._points[key] = []
                told = labelled.name, labelled.labels, identity, kind, found, field, series.unit, start_us
                self._streams.append(Stream(*told))
            found.append(Point(time_ms * 1000 - _EPOCH_US, value))
        return True


_Numbers = tuple[tuple[Field, int | float], ...]


def _time_refusal(time_ms: int, start_ms: int) -> Refusal | None:
    if not 0 < time_ms < _MOST_MS:
        return _BAD_TIME
    return None if 0 <= start_ms < _MOST_MS else _BAD_START


def _values(numbers: _Numbers) -> list[tuple[Field, Decimal | None]]:
    """The numbers of a point, or none of them where one of them is the mark of an end."""
    if any(_is_stale(number) for _, number in numbers):
        return [(field, None) for field, _ in numbers]
    return [(field, exact(number)) for field, number in numbers]


def _is_stale(number: float) -> bool:
    return math.isnan(number) and int.from_bytes(struct.pack(">d", number)) == STALE
