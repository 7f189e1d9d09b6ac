"""JSON whose numbers stay what was written: whole ones as int, all others as Decimal, never through a binary float."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TypeVar

import msgspec

from api.ingest.bodies import MAX_DETAIL, PARTS_EACH
from meter.errors import BatchTooLarge

T = TypeVar("T")


class UnreadableError(ValueError):
    """Is no JSON, or not of the form that was asked for; says why in few words."""


def value_of(text: bytes | msgspec.Raw) -> object:
    """What a JSON text says. Raises UnreadableError."""
    return _read(_value, text)


def object_of(text: bytes | msgspec.Raw) -> dict[str, object]:
    """What a JSON object says. Raises UnreadableError."""
    return _read(_object, text)


def check_parts(body: bytes, most: int) -> None:
    """Refuses a body with far more parts than `most` events have. Raises BatchTooLarge.

    An exact number takes thirty times the room of its digit, so this is asked before anything is made of a body.
    """
    if body.count(b",") > PARTS_EACH * most:
        raise BatchTooLarge(f"more than {PARTS_EACH * most} parts in one body; send fewer events at once")


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(f"no number has such an exponent: {text[:64]}") from None


_value: msgspec.json.Decoder[object] = msgspec.json.Decoder(object, float_hook=_decimal)
_object = msgspec.json.Decoder(dict[str, object], float_hook=_decimal)


def _read(decoder: msgspec.json.Decoder[T], text: bytes | msgspec.Raw) -> T:
    try:
        return decoder.decode(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(str(error)[:MAX_DETAIL]) from error
