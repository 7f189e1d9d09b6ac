"""Requests of Prometheus remote write, of either version, written apart from every library."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from tests.api_ingest.protobuf import Value, message

RW1 = "application/x-protobuf"
RW2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
TIME_MS, START_MS = 1_795_161_999_346, 1_795_161_989_346
STALE = struct.unpack("<d", bytes.fromhex("020000000000f07f"))[0]
COUNTER, GAUGE, HISTOGRAM, GAUGE_HISTOGRAM, SUMMARY = range(1, 6)


class Symbols(dict[str, int]):
    """Texts and their places, the empty one first."""

    def __missing__(self, text: str) -> int:
        """Take the next place."""
        self[text] = len(self)
        return self[text]


def sample(value: float = 5.0, time: int = TIME_MS, start: int = 0) -> tuple[int, Value]:
    """Make a sample as a field of its series."""
    return 2, message((1, value), (2, time), *([(3, start)] if start else []))


def request_1(*series: tuple[Mapping[str, str], list[tuple[int, Value]]]) -> bytes:
    """Make a request of 1.0."""
    return message(
        *(
            (1, message(*((1, message((1, key), (2, value))) for key, value in labels.items()), *rest))
            for labels, rest in series
        )
    )


def request_2(*series: tuple[Mapping[str, str], list[tuple[int, Value]]]) -> bytes:
    """Make a request of 2.0."""
    symbols = Symbols({"": 0})
    made = [
        (5, message((1, [symbols[text] for pair in labels.items() for text in pair]), *rest)) for labels, rest in series
    ]
    return message(*((4, text) for text in symbols), *made)
