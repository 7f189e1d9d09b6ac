"""Which event is this? 16 bytes that a retry gets again: from its id, its request, or its content.

XXH3 is fast and spreads well but keeps no secrets, and need not: identities are compared within a team only, so whoever
makes two ids collide harms nobody but their own count, which reusing the id would do as well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
from xxhash import xxh3_128_digest

from meter.model import Event

UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CROCKFORD = {char: value for value, char in enumerate("0123456789ABCDEFGHJKMNPQRSTVWXYZ")}
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}")
# With its hyphens only: of 32 plain hex digits (trace ids, md5) every 64th looks like a UUIDv7 and would get any time.
_UUID7 = re.compile(r"([0-9A-Fa-f]{8})-([0-9A-Fa-f]{4})-7[0-9A-Fa-f]{3}-[89ABab][0-9A-Fa-f]{3}-[0-9A-Fa-f]{12}")
_encode = msgspec.json.Encoder(order="deterministic", decimal_format="string").encode
_pack = msgspec.msgpack.Encoder().encode


def hashed(kind: bytes, source: str, text: str, meter: str) -> bytes:
    """16 bytes from what names an event; `kind` keeps ids, request positions and contents apart, NUL ends each part."""
    return xxh3_128_digest(b"\0".join((kind, source.encode(), text.encode(), meter.encode())))


def named(event: Event, meter: str, request: str | None, index: int) -> bytes:
    """The identity of one meter's part of an event.

    Its id, else its place in a request with an Idempotency-Key, else its content (two equal events at one instant are
    then one).
    """
    source = event.source or ""
    if event.id is not None:
        return hashed(b"i", source, event.id, meter)
    if request is not None:
        return hashed(b"k", source, f"{request}\0{index}", meter)
    if isinstance(event.quantity, int):  # 12 and "12" are one content
        event = msgspec.structs.replace(event, quantity=Decimal(event.quantity))
    return hashed(b"c", source, _encode(event).decode(), meter)


def segment(event_id: bytes, end_us: int) -> bytes:
    """The identity of an earlier segment of a sample whose last segment is `event_id`."""
    return xxh3_128_digest(event_id + end_us.to_bytes(8, "big", signed=True))


def stream(protocol: str, name: str, field: str, told_apart: Sequence[bytes]) -> bytes:
    """The identity of one number of a metric's series, whose `told_apart` are in an order that its sender can't change.

    Each part goes in with its length, so no two series run together into one.
    """
    return xxh3_128_digest(_pack((protocol, name, field, told_apart)))


def time_in(event_id: str) -> datetime | None:
    """The time that a UUIDv7 or ULID carries in its first 48 bits (milliseconds; RFC 9562, ULID spec), if it is one."""
    if _ULID.fullmatch(event_id):
        milliseconds = 0
        for char in event_id.upper()[:10]:
            milliseconds = milliseconds * 32 + _CROCKFORD[char]
        return _unix(milliseconds)
    found = _UUID7.fullmatch(event_id)
    return _unix(int(found[1] + found[2], 16)) if found else None


def _unix(milliseconds: int) -> datetime | None:
    return UNIX_EPOCH + timedelta(milliseconds=milliseconds) if milliseconds < 1 << 47 else None
