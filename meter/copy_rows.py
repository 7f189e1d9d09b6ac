"""Rows of usage_event, and of point, in PostgreSQL's binary COPY format.

psycopg's row writer costs 2.5 us of Python per row, this a tenth (measured, see DECISIONS.md); numbers are still
encoded by psycopg's own dumper. Format: the COPY page of the PostgreSQL manual, "Binary Format".
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import NamedTuple

import psycopg
from psycopg.pq import Format

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
_COLUMNS = 7
_COUNT = 2  # bytes that say how many columns a row has
_EXACT = Context(prec=60, traps=[Inexact, InvalidOperation])
_NUMERIC_OID = 1700
_NULL = b"\xff\xff\xff\xff"
_NO_MORE = _NULL + _NULL
_HEAD_STRUCT = struct.Struct(">hiqiqi16siqi")
_TEAM = struct.Struct(">hiqi")
_INT8_STRUCT = struct.Struct(">iq")
_INT8 = _INT8_STRUCT.pack
_POINT_HEAD = struct.Struct(">hiqiqiq").pack
_LENGTH = struct.Struct(">i")
_JSONB_VERSION = b"\x01"

_loader = psycopg.adapters.get_loader(_NUMERIC_OID, Format.BINARY)
if _loader is None:
    raise ImportError("psycopg reads no binary numeric")
_load = _loader(_NUMERIC_OID)
_numeric = psycopg.adapters.get_dumper_by_oid(_NUMERIC_OID, Format.BINARY)(Decimal)


def numeric(quantity: Decimal) -> bytes:
    """A Decimal as PostgreSQL's binary numeric."""
    encoded = _numeric.dump(_EXACT.normalize(quantity))  # as it is, a zero may bring any exponent
    if encoded is None:
        raise TypeError("a quantity can't be null")
    return bytes(encoded)


pack_row = struct.Struct(f">{_TEAM.size}sqi16s{_INT8_STRUCT.size}s").pack
"""A row up to its quantity: team_cells, microseconds since 2000, 16, 16 id bytes, series_cell."""


def team_cells(team_id: int) -> bytes:
    """How every row of a team begins."""
    return _TEAM.pack(7, 8, team_id, 8)


def series_cell(series_id: int) -> bytes:
    """The series of a row."""
    return _INT8(8, series_id)


def last_cells(quantity: Decimal) -> bytes:
    """How a row of this quantity ends that has neither of the two that may be null."""
    encoded = numeric(quantity)
    return _LENGTH.pack(len(encoded)) + encoded + _NO_MORE


def plain_row(team_id: int, time_us: int, event_id: bytes, series_id: int, last: bytes) -> bytes:
    """One row: team, microseconds since 2000, 16 id bytes, series, and the last_cells of its quantity."""
    return pack_row(team_cells(team_id), time_us, 16, event_id, series_cell(series_id)) + last


def full_row(plain: bytes, covers_us: int | None, attributes: bytes | None) -> bytes:
    """A plain row with what a sample covers and its attributes added."""
    head = plain.removesuffix(_NO_MORE)
    covers = _NULL if covers_us is None else _INT8(8, covers_us)
    extra = _NULL if attributes is None else _LENGTH.pack(len(attributes) + 1) + _JSONB_VERSION + attributes
    return head + covers + extra


def point_row(team_id: int, stream_id: int, time_us: int, value: Decimal | None, reading_id: int) -> bytes:
    """One row of point: team, stream, microseconds since 2000, the value if there is one, its reading."""
    if value is None:
        encoded = _NULL
    else:
        plain = numeric(value)
        encoded = _LENGTH.pack(len(plain)) + plain
    return _POINT_HEAD(5, 8, team_id, 8, stream_id, 8, time_us) + encoded + _INT8(8, reading_id)


class Stored(NamedTuple):
    """What a row says, read back: for the few that meet a duplicate."""

    series_id: int
    quantity: Decimal
    covers_us: int | None


def read_row(row: bytes) -> Stored:
    """The series, quantity and reach of a row made here."""
    *_, series_id, length = _HEAD_STRUCT.unpack_from(row)
    at = _HEAD_STRUCT.size + length
    covers = None if row[at : at + 4] == _NULL else _INT8_STRUCT.unpack_from(row, at)[1]
    return Stored(series_id, decimal(row[_HEAD_STRUCT.size : at]), covers)


def columns(rows: Iterable[bytes]) -> list[list[bytes]]:
    """The cells of rows made here, column by column, each with its length before it: what an array is made of."""
    found: list[list[bytes]] = [[] for _ in range(_COLUMNS)]
    for row in rows:
        at = _COUNT
        for column in found:
            end = at + _LENGTH.size + max(0, _LENGTH.unpack_from(row, at)[0])
            column.append(row[at:end])
            at = end
    return found


def body(rows: Iterable[bytes]) -> bytes:
    """The whole COPY stream of these rows."""
    return b"".join((HEADER, *rows, TRAILER))


def decimal(encoded: bytes) -> Decimal:
    """The Decimal of a binary numeric."""
    value: Decimal = _load.load(encoded)
    return value
