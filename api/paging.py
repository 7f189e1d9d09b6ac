"""Pages of lists: `{items, next}`, at most 1,000 at a time; the cursor says where the next page begins."""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

import msgspec
from litestar.params import QueryParameter

from meter.errors import InvalidParameter

T = TypeVar("T")
R = TypeVar("R")

Limit = Annotated[int, QueryParameter(ge=1, le=1000, description="How many items at most.")]
Cursor = Annotated[
    str | None,
    QueryParameter(max_length=2000, description="`next` of the page before; the rest of the question unchanged."),
]
DEFAULT_LIMIT = 100
LAST_ROW = 2**63 - 1  # what a bigint holds
NOT_OURS = "cursor: send `next` of an earlier page as it came, or none"
NUL = re.compile(rb"(?<!\\)(\\\\)*\\u0000")  # as JSON writes it; an escaped backslash before u0000 is none


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A page of a list. `next` is the cursor of the page after, null on the last one."""

    items: list[T]
    next: str | None


def cursor_of(position: object) -> str:
    """An opaque cursor from anything JSON can hold."""
    return urlsafe_b64encode(msgspec.json.encode(position)).rstrip(b"=").decode()


def position_of(cursor: str | None, kind: type[T]) -> T | None:
    """The position in a cursor, None for none. Raises InvalidParameter for a cursor that we did not make."""
    if cursor is None:
        return None
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        decoded = urlsafe_b64decode(padded)
        position = msgspec.json.decode(decoded, type=kind)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise InvalidParameter(NOT_OURS) from error
    if NUL.search(decoded):
        raise InvalidParameter(NOT_OURS)
    return position


def row_of(cursor: str | None) -> int | None:
    """The inner id of a row in a cursor, None for none. Raises InvalidParameter for a cursor that we did not make."""
    position = position_of(cursor, int)
    if position is not None and not 0 < position <= LAST_ROW:
        raise InvalidParameter(NOT_OURS)
    return position


def page(rows: Sequence[R], limit: int, show: Callable[[R], T], position: Callable[[R], object]) -> Page[T]:
    """The first `limit` of rows read with one more than that; that one more tells whether there is another page."""
    shown = rows[:limit]
    more = len(rows) > limit
    return Page([show(row) for row in shown], cursor_of(position(shown[-1])) if more else None)
