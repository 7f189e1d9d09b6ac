"""A rule for counters meets a sender that tells by how much they grew: it is read as growth, or not at all."""

from __future__ import annotations

from decimal import Decimal

import pytest

from meter.mapping.route import Mapped, Named, Unmapped, route
from meter.mapping.rules import Read, Rule, Starts
from meter.streams import Kind, Point, Stream
from tests.meter.cast import METERS


def routed(kind: Kind, read: Read, starts: Starts, meter: str = "requests") -> str:
    """Answer in which way a stream is read, else why it is not."""
    stream = Stream("work.done", {"service.name": "shop"}, b"1" * 16, kind, [Point(0, Decimal(1))])
    rule = Rule(metric="work.done", meter=meter, read=read, starts=starts)
    target = route(stream, [Named("rules[0]", rule)], METERS, None, None)
    if isinstance(target, Mapped):
        return target.way
    assert isinstance(target, Unmapped)
    return target.reason


@pytest.mark.parametrize("meter", ["requests", "cpu"])
@pytest.mark.parametrize(
    ("kind", "read", "starts", "way"),
    [
        ("delta", "counter", "trusted", "delta"),
        ("delta", "auto", "trusted", "delta"),
        ("delta", "counter", "ignored", "not_countable"),
        ("delta", "auto", "ignored", "not_countable"),
        ("delta", "delta", "ignored", "delta"),
        ("counter", "counter", "ignored", "counter"),
        ("gauge", "counter", "trusted", "counter"),
        ("unknown", "delta", "ignored", "delta"),
    ],
)
def test_how_growth_is_read(kind: Kind, read: Read, starts: Starts, way: str, meter: str) -> None:
    """Growth is never read as a count; where the first one has all from before the sender began, it is not counted."""
    assert routed(kind, read, starts, meter) == way
