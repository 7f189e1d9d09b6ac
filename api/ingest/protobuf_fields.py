"""Where are the fields of a protobuf message? So that a body is counted, and cut into parts, before it is unfolded.

Two bytes can stand for a whole empty message, which takes some fifty times as much memory once it is made. What repeats
is therefore walked here, up to a bound, and only parts of a bounded size are made into messages.
"""

from __future__ import annotations

from meter.errors import BatchTooLarge, InvalidBody

VARINT, FIXED64, DELIMITED, FIXED32 = 0, 1, 2, 5
FIELDS_EACH = 16  # of what is walked: a point with a metric, a scope and a resource of its own has fewer
LARGEST_PART = 1 << 20
_LONGEST_VARINT = 10
_MORE = 0x80

Part = tuple[int, int, int]
"""A field: its tag, where its content begins in the body, and where that ends."""


def tag(number: int, form: int = DELIMITED) -> int:
    """The tag of a field: its number and how it is written."""
    return number << 3 | form


class Walk:
    """The fields of a body and of messages in it, `FIELDS_EACH` for each of `most` points at most."""

    def __init__(self, body: bytes, most: int) -> None:
        """Walks over `body`."""
        self.body = body
        self._most = most
        self._left = FIELDS_EACH * (most + FIELDS_EACH)
        self._points = 0

    def fields(self, start: int, end: int) -> list[Part]:
        """The fields of the message in [start, end). Raises InvalidBody, and BatchTooLarge once there are too many."""
        body, found, at = self.body, [], start
        while at < end:
            name = body[at]
            at += 1
            if name >= _MORE:
                name, at = self.varint(at - 1, end)
            begin, at = self._content(name & 7, at, end)
            if at > end:
                raise InvalidBody("the protobuf message ends within a field")
            found.append((name, begin, at))
            if len(found) > self._left:
                raise BatchTooLarge(f"more parts in one body than {self._most} points have; send less at once")
        self._left -= len(found)
        return found

    def _content(self, form: int, at: int, end: int) -> tuple[int, int]:
        """Where the content of a field begins and ends."""
        if form == DELIMITED:
            size, at = self.varint(at, end)
            return at, at + size
        if form == VARINT:
            return at, self.varint(at, end)[1]
        if form == FIXED64:
            return at, at + 8
        if form == FIXED32:
            return at, at + 4
        raise InvalidBody("the body is no such protobuf message")

    def varint(self, at: int, end: int) -> tuple[int, int]:
        """The number at a place, and where it ends. Raises InvalidBody."""
        body, number, shift = self.body, 0, 0
        while at < end and shift < 7 * _LONGEST_VARINT:
            byte = body[at]
            at += 1
            if byte < _MORE:
                return number | byte << shift, at
            number |= (byte & 0x7F) << shift
            shift += 7
        raise InvalidBody("the protobuf message ends within a number")

    def content(self, start: int, end: int) -> bytes:
        """The bytes of a part that is small enough to be made into a message. Raises BatchTooLarge."""
        if end - start > LARGEST_PART:
            raise BatchTooLarge(f"a part of the body takes {end - start} bytes; at most {LARGEST_PART}")
        return self.body[start:end]

    def text(self, start: int, end: int) -> str:
        """The string that a field holds. Raises UnicodeDecodeError."""
        return self.body[start:end].decode()

    def count(self, points: int) -> None:
        """Counts points that are about to be read. Raises BatchTooLarge once there are more than wanted."""
        self._points += points
        if self._points > self._most:
            raise BatchTooLarge(f"more than {self._most} points in one body; send fewer at once")
