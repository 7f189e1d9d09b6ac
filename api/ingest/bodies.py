"""JSON bodies of one item, an array, or a line each: all typed at once when all are good, else one by one."""

from __future__ import annotations

import json
import re
from typing import Generic, TypeVar

import msgspec

from meter.errors import BatchTooLarge, InvalidBody
from meter.model import Rejection

T = TypeVar("T")

LINES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl", "application/jsonlines"})
OBJECTS_EACH = 16  # on average in a full batch: the event, its dimensions, quantities, attributes
PARTS_EACH = 64
MAX_DETAIL = 500  # a message may quote a name, and a name may be as long as the body
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_raw_item = msgspec.json.Decoder(msgspec.Raw)
_raw_items = msgspec.json.Decoder(list[msgspec.Raw])
_python = json.JSONDecoder(parse_int=str, parse_float=str)
_white = re.compile(r"[ \t\r\n]*")
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
        _check_parts(body, b"{", OBJECTS_EACH * most)
        if media_type in LINES:
            found = self._all_good_lines(body)
            if found:
                _check_size(len(found), most)
                return found
        elif body.lstrip()[:1] == b"[":
            return self._array(body, most)
        lines = [line for line in body.splitlines() if line.strip()] if media_type in LINES else [body]
        if len(lines) == 1 and media_type not in LINES:
            lines = _lines_or_one(body)
        if not lines:
            raise InvalidBody("the body is empty; send one object, an array of objects, or one object a line")
        _check_size(len(lines), most)
        each = [self._item(line, index) for index, line in enumerate(lines)]
        first = each[0]
        if isinstance(first, Rejection) and not any(_may_be_good(*pair) for pair in zip(each, lines, strict=True)):
            raise InvalidBody(f"the body is not JSON: {first.detail}")
        return each

    def _all_good_lines(self, body: bytes) -> list[T | Rejection]:
        """The items of a line each, or nothing where one of them can't be read."""
        try:
            return [*self._one.decode_lines(body)]
        except _UNREADABLE:
            return []

    def _array(self, body: bytes, most: int) -> list[T | Rejection]:
        try:
            found: list[T | Rejection] = self._many.decode(body)
        except _UNREADABLE:
            return self._each(body, most)
        _check_size(len(found), most)
        return found

    def _each(self, body: bytes, most: int) -> list[T | Rejection]:
        _check_parts(body, b",", PARTS_EACH * most)
        try:
            items = [bytes(item) for item in _raw_items.decode(body)]
        except _UNREADABLE as error:
            items = _told_apart(body, error)
        _check_size(len(items), most)
        return [self._item(item, index) for index, item in enumerate(items)]

    def _item(self, text: bytes, index: int) -> T | Rejection:
        try:
            return self._one.decode(text)
        except msgspec.ValidationError as error:
            return Rejection(index, code_of(error), str(error)[:MAX_DETAIL])
        except _UNREADABLE as error:
            return Rejection(index, "invalid_event", str(error)[:MAX_DETAIL])


def _lines_or_one(body: bytes) -> list[bytes]:
    """One object that may span lines, else a line each."""
    if not body.strip() or _is_json(body):
        return [body] if body.strip() else []
    return [line for line in body.splitlines() if line.strip()]


def _told_apart(body: bytes, why: Exception) -> list[bytes]:
    """The items of an array as Python's own reader tells them apart, which no lone surrogate stops.

    One such item must not hold up the others for ever. Raises InvalidBody when it is no JSON either way.
    """
    text = body.decode("utf-8", "surrogateescape")
    found: list[bytes] = []
    end = text.index("[")
    try:
        while not found or text[end : end + 1] == ",":
            start = _after_white(text, end + 1)
            _, stop = _python.raw_decode(text, start)
            found.append(text[start:stop].encode("utf-8", "surrogateescape"))
            end = _after_white(text, stop)
    except (ValueError, RecursionError):
        raise InvalidBody(f"the body is not JSON: {why}") from why
    if text[end:].strip() != "]":
        raise InvalidBody(f"the body is not JSON: {why}") from why
    return found


def _after_white(text: str, at: int) -> int:
    found = _white.match(text, at)
    return found.end() if found else at


def _may_be_good(item: object, line: bytes) -> bool:
    return not isinstance(item, Rejection) or _is_json(line)


def _is_json(text: bytes) -> bool:
    try:
        _raw_item.decode(text)
    except _UNREADABLE:
        return False
    return True


def _check_parts(body: bytes, mark: bytes, most: int) -> None:
    """Refuses what would unfold into many times its size, before anything is made of it."""
    if body.count(mark) > most:
        raise BatchTooLarge(f"more than {most} parts in one body; send fewer events at once")


def _check_size(count: int, most: int) -> None:
    if count > most:
        raise BatchTooLarge(f"{count} events in one body; send at most {most}")


def code_of(error: msgspec.ValidationError) -> str:
    """The event code of a decoding error, told by the field it names."""
    message = str(error)
    return next((code for field, code in _CODES.items() if field in message), "invalid_event")
