"""A mapping tried on a body of any protocol: what each stream or event of it would become. Pure; nothing is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import msgspec

from api.body import unpacked
from api.ingest import cloudevents, collectd, lago, otlp, remote_write
from meter.mapping.occurrences import events_of
from meter.mapping.route import Mapped, Target, Unmapped, route
from meter.mapping.store import Rules
from meter.mapping.unmapped import listed
from meter.model import Event, Meter, Rejection
from meter.settings import Settings
from meter.streams import Kind, Occurrence, Stream, Telemetry

Source = Literal["otlp", "prometheus", "collectd", "cloudevents", "lago"]
Sent = tuple[Source, bytes, str, str]
"""Whose form, the body, its Content-Type and Content-Encoding."""

STREAMS: Mapping[str, Callable[[bytes, str, int], Telemetry]] = {
    "otlp": otlp.decode,
    "prometheus": remote_write.decode,
    "collectd": collectd.decode,
}


class CountsTo(msgspec.Struct, frozen=True):
    """The series that it counts to; `read_as` says how a stream's values are read, and is null for events."""

    meter: str | None
    member: str | None
    service: str | None
    dimensions: dict[str, str]
    read_as: str | None


class Became(msgspec.Struct, frozen=True):
    """A stream or event, what it would count to (nothing, or several meters), by which rule, and else why not."""

    name: str
    field: str
    points: int
    labels: dict[str, str]
    counts_to: list[CountsTo]
    rule: str | None
    why: str | None


class Known(NamedTuple):
    """What a route depends on beside the mapping: meters, what senders said of their metrics before, the member."""

    meters: Mapping[str, Meter]
    kinds: Mapping[str, Kind]
    member: str | None


def tried(sent: Sent, rules: Rules, known: Known, settings: Settings) -> tuple[list[Became], list[str]]:
    """What would become of a body, and what could not be counted whatever the mapping says.

    Raises InvalidBody, UnsupportedEncoding, BodyTooLarge and BatchTooLarge as the body's own address does.
    """
    source, packed, content_type, encoding = sent
    if source == "prometheus" and not encoding:
        encoding = "snappy"  # as at its address: some senders leave it unsaid
    body = unpacked(packed, encoding, settings.max_body_bytes)
    if source in STREAMS:
        telemetry = STREAMS[source](body, content_type, settings.max_batch)
        kinds = {**known.kinds, **{each.name: each.kind for each in telemetry.described}}
        items = [
            _stream(each, route(each, rules.streams, known.meters, kinds.get(each.name), known.member))
            for each in telemetry.streams
        ]
        return items, [f"{each.points} of {each.name}: {each.detail}" for each in telemetry.refused]
    if source == "lago":
        happened = lago.decode(body, settings.max_batch)
    else:
        happened = cloudevents.decode(body, {"content-type": content_type}, settings.max_batch)
    good = [each for each in happened if isinstance(each, Occurrence)]
    refused = [f"event {each.index}: {each.detail}" for each in happened if isinstance(each, Rejection)]
    return [_event(each, rules, known.meters) for each in good], refused


def _stream(stream: Stream, target: Target) -> Became:
    counts_to: list[CountsTo] = []
    if isinstance(target, Mapped):
        meter, member, service, dimensions, _ = target.series
        counts_to.append(CountsTo(meter, member, service, dict(dimensions), target.way))
    rule = None if isinstance(target, Unmapped) else target.rule
    why = target.detail if isinstance(target, Unmapped) else None if counts_to else "left out on purpose"
    return Became(stream.name, stream.field, len(stream.points), dict(stream.labels), counts_to, rule, why)


def _event(happened: Occurrence, rules: Rules, meters: Mapping[str, Meter]) -> Became:
    found = events_of(happened, rules.events, meters)
    made = [] if isinstance(found, Unmapped) else [each for each in found if isinstance(each, Event)]
    counts_to = [CountsTo(e.meter, e.member, e.service, dict(e.dimensions or {}), None) for e in made]
    if isinstance(found, Unmapped):
        why: str | None = found.detail
    else:
        told = [each.detail for each in found if not isinstance(each, Event)]
        why = "; ".join(told) or (None if made else "left out on purpose")
    return Became(happened.type, "value", 1, listed(happened.data), counts_to, None, why)
