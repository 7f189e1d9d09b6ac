"""What a collector's body says, whatever the protocol: streams of points, and things that happened.

A stream is one time series as its sender tells it apart; which of our series it counts to, the mapping says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec

Kind = Literal["counter", "gauge", "delta", "unknown"]
"""How a stream's values are meant: growing since a start, a level, what came since the last point, or not said."""

Field = Literal["value", "sum", "count"]
"""Which number of a point this is: its only one, or one of the two that a histogram or summary has."""


MOST_LABELS = 128
"""How many labels a stream may have to count to anything."""

REPLICA_LABELS = ("__replica__", "prometheus_replica")
"""Labels that tell replicas apart which send the same: in labels, and never in the identity of a stream."""


class Point(NamedTuple):
    """A value at an instant, in microseconds since 2000; no value: the sender says that the stream has ended.

    It may be any number, below zero and NaN too: what can't be counted is refused where a rule would have it counted.
    """

    time_us: int
    value: Decimal | None


def exact(number: float) -> Decimal:
    """A number as it is written: an int whole, a double by its shortest text."""
    return Decimal(number) if isinstance(number, int) else Decimal(repr(number + 0.0))  # no minus before a zero


class Stream(msgspec.Struct, frozen=True, gc=False):
    """The points of one stream in one body, in the order they came.

    `identity` (16 bytes) is of all that tells it apart for its sender but for `start_us`, the instant since which a
    counter counts (None: not said). `labels` are what mapping rules may ask for.
    """

    name: str
    labels: Mapping[str, str]
    identity: bytes
    kind: Kind
    points: Sequence[Point]
    field: Field = "value"
    unit: str = ""
    start_us: int | None = None


class Refused(NamedTuple):
    """Points of a metric that can't be counted: how many, a code of meter/event_codes.py, why, and which number."""

    name: str
    points: int
    code: str
    detail: str
    field: Field = "value"


class Description(NamedTuple):
    """What a sender says about a metric apart from its points."""

    name: str
    kind: Kind
    unit: str
    help: str


class Telemetry(NamedTuple):
    """All that a body of streams says."""

    streams: list[Stream]
    refused: list[Refused]
    described: list[Description]


class Occurrence(msgspec.Struct, frozen=True, gc=False):
    """Something that happened, as CloudEvents and Lago tell it: of a type, to a subject (our member) or a service.

    Which meters it counts to, and by which of its `data`, the mapping says.
    """

    type: str
    id: str
    source: str | None = None
    time: datetime | None = None
    subject: str | None = None
    service: str | None = None
    data: Mapping[str, object] = {}
