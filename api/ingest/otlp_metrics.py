"""What an OTLP body says, whether it came as protobuf or JSON: metrics of a resource and a scope, with their points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from meter.errors import BatchTooLarge
from meter.streams import Field

MOST_ATTRIBUTES = 1_024
NO_RECORDED_VALUE = 1  # the bit of a point's flags

Plain = str | bool | int | float | bytes | None | Sequence["Plain"] | Mapping[str, "Plain"]
"""An attribute's value."""

Shape = Literal["gauge", "sum", "histogram", "summary"]
"""What the points of a metric hold; histograms of both sorts are one."""


class Temporality:
    """Since when points count, by the numbers of the protocol."""

    UNSPECIFIED, DELTA, CUMULATIVE = range(3)


class Origin(NamedTuple):
    """Which resource and which of its scopes a metric is of."""

    resource: Mapping[str, Plain]
    scope: str
    version: str
    attributes: Mapping[str, Plain]


class Reading(NamedTuple):
    """One point: times in nanoseconds since 1970 (0: not said, None: not readable), numbers as they were sent.

    A number that is None was not sent, or can't be read. `recorded` is false where the sender says that there is none.
    """

    attributes: Mapping[str, Plain]
    start_ns: int | None
    time_ns: int | None
    recorded: bool
    numbers: Sequence[tuple[Field, int | float | None]]


class Metric(NamedTuple):
    """The points of one metric. `temporality` and `monotonic` are of sums, `temporality` of histograms too."""

    origin: Origin
    name: str
    unit: str
    description: str
    shape: Shape
    temporality: int
    monotonic: bool
    readings: Sequence[Reading]


def check_attributes(count: int) -> None:
    """Refuses more attributes of one resource, scope or point than anybody means. Raises BatchTooLarge."""
    if count > MOST_ATTRIBUTES:
        raise BatchTooLarge(f"{count} attributes in one place; at most {MOST_ATTRIBUTES}")
