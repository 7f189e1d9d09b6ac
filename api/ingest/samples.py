"""Resource samples as agents send them: allocated size over a duration, and how much of it was in use."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec

from api.ingest.bodies import Bodies
from meter.facts import MAX_DIGITS, size_refusal
from meter.model import Event, Rejection
from meter.segments import EXACT

MB_PER_GB = 1024
_STORED = Decimal("1e-12")


class Sample(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """CPU or memory of one service over [timestamp - duration, timestamp); one of the two sizes must be there."""

    user_id: str
    service_id: str
    timestamp: datetime
    duration_seconds: Decimal
    cpu_cores: Decimal | None = None
    cpu_usage_percent: Decimal | None = None
    memory_mb: Decimal | None = None
    memory_usage_percent: Decimal | None = None
    id: str | None = None
    dimensions: dict[str, str] | None = None


_bodies = Bodies(Sample)


def decode(body: bytes, media_type: str, most: int) -> list[Event | Rejection]:
    """The samples of a body as events; those that can't be read are refused in their place.

    Raises InvalidBody, BatchTooLarge.
    """
    found = _bodies.read(body, media_type, most)
    return [item if isinstance(item, Rejection) else event_of(item, index) for index, item in enumerate(found)]


def event_of(sample: Sample, index: int) -> Event | Rejection:
    """A sample as one fact: what is allocated (billed) and what of it is used (analytics), held for its duration."""
    quantities: dict[str, Decimal] = {}
    for meter, size, percent in (
        ("cpu", sample.cpu_cores, sample.cpu_usage_percent),
        ("memory", _gigabytes(sample.memory_mb), sample.memory_usage_percent),
    ):
        if size is not None:
            quantities[meter] = size
            if percent is not None:
                quantities[f"{meter}.used"] = _part(size, percent)
        elif percent is not None:
            return Rejection(index, "invalid_event", f"{meter}_usage_percent comes without its size")
    if not quantities:
        return Rejection(index, "invalid_event", "bring cpu_cores or memory_mb")
    return Event(
        id=sample.id,
        time=sample.timestamp,
        quantities=quantities,
        member=sample.user_id,
        service=sample.service_id,
        dimensions=sample.dimensions,
        duration_seconds=sample.duration_seconds,
    )


def _gigabytes(megabytes: Decimal | None) -> Decimal | None:
    """Exact: 1/1024 has ten decimals. A size that can't be reckoned with is left for the quantity check to refuse."""
    if megabytes is None or size_refusal(megabytes):
        return megabytes
    return EXACT.divide(megabytes, Decimal(MB_PER_GB))


def _part(size: Decimal, percent: Decimal) -> Decimal:
    if size_refusal(size) or size_refusal(percent):
        return Decimal("NaN")
    used = EXACT.divide(EXACT.multiply(size, percent), Decimal(100))
    return used if used.adjusted() >= MAX_DIGITS else EXACT.quantize(used, _STORED)
