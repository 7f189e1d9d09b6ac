"""JSON bodies of one item, an array, or a line each: all typed at once when all are good, else one by one."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from meter.errors import BatchTooLarge, InvalidBody
from meter.model import Rejection

T = TypeVar("T")

LINES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl", "application/jsonlines"})
_raw_items = msgspec.json.Decoder(list[msgspec.Raw])
_CODES = {
    "`$.time": "invalid_time",
    "`$.quantit": "invalid_quantity",
    "`$.duration_seconds`": "invalid_duration",
}


class Bodies(Generic[T]):
    """Reads bodies of one item type: an item that can't be read is refused in its place, the others are kept."""

    def __init__(self, item: type[T]) -> None:
        """Reads bodies of `item`, a msgspec struct."""
        self._one = msgspec.json.Decoder(item)
        self._many = msgspec.json.Decoder(list[item])  # type: ignore[valid-type]

    def read(self, body: bytes, media_type: str, most: int) -> list[T | Rejection]:
        """The items of a body in order: a JSON array, one object, or an object a line (told by type or by content).

        Raises InvalidBody when nothing of it can be read, and BatchTooLarge above `most` items.
        """
        if media_type not in LINES and body.lstrip()[:1] == b"[":
            return self._array(body, most)
        lines = [line for line in body.splitlines() if line.strip()] if media_type in LINES else [body]
        if len(lines) == 1 and media_type not in LINES:
            lines = _lines_or_one(body)
        if not lines:
            raise InvalidBody("the body is empty; send one object, an array of objects, or one object a line")
        _check_size(len(lines), most)
        found = [self._item(line, index) for index, line in enumerate(lines)]
        if len(found) == 1 and isinstance(found[0], Rejection) and not _is_json(lines[0]):
            raise InvalidBody(f"the body is not JSON: {found[0].detail}")
        return found

    def _array(self, body: bytes, most: int) -> list[T | Rejection]:
        try:
            found: list[T | Rejection] = self._many.decode(body)
        except msgspec.ValidationError:
            raw = _raw_items.decode(body)
            _check_size(len(raw), most)
            return [self._item(bytes(item), index) for index, item in enumerate(raw)]
        except (msgspec.DecodeError, RecursionError) as error:
            raise InvalidBody(f"the body is not JSON: {error}") from error
        _check_size(len(found), most)
        return found

    def _item(self, text: bytes, index: int) -> T | Rejection:
        try:
            return self._one.decode(text)
        except msgspec.ValidationError as error:
            return Rejection(index, code_of(error), str(error))
        except (msgspec.DecodeError, RecursionError) as error:
            return Rejection(index, "invalid_event", str(error))


def _lines_or_one(body: bytes) -> list[bytes]:
    """One object that may span lines, else a line each."""
    if not body.strip() or _is_json(body):
        return [body] if body.strip() else []
    return [line for line in body.splitlines() if line.strip()]


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _check_size(count: int, most: int) -> None:
    if count > most:
        raise BatchTooLarge(f"{count} events in one body; send at most {most}")


def code_of(error: msgspec.ValidationError) -> str:
    """The event code of a decoding error, told by the field it names."""
    message = str(error)
    return next((code for field, code in _CODES.items() if field in message), "invalid_event")
