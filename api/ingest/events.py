"""Our own protocol: events as JSON, one, an array, or a line each."""

from __future__ import annotations

from api.ingest.bodies import Bodies
from meter.model import Event, Rejection

_bodies = Bodies(Event)


def decode(body: bytes, media_type: str, most: int) -> list[Event | Rejection]:
    """The events of a body; those that can't be read are refused in their place. Raises InvalidBody, BatchTooLarge."""
    return _bodies.read(body, media_type, most)
