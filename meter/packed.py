"""Long lists as PostgreSQL's binary arrays: as parameters, some twenty times as cheap as psycopg's own lists.

The format is that of array_recv: dimensions, a flag for nulls, the element's type, length and lower bound; then each
element with its length, -1 for null.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

from meter.copy_rows import numeric

_HEAD = struct.Struct(">iiIii").pack
_LENGTH = struct.Struct(">i").pack
_NULL = _LENGTH(-1)
_SIXTEEN = _LENGTH(16)
_INT8 = struct.Struct(">iq").pack


class Bigints(NamedTuple):
    """A list for a parameter `::bigint []`."""

    values: Sequence[int | None]


class Instants(NamedTuple):
    """A list for a parameter `::timestamptz []`, in microseconds since 2000."""

    values: Sequence[int]


class Uuids(NamedTuple):
    """A list for a parameter `::uuid []`, of 16 bytes each."""

    values: Sequence[bytes]


class Numerics(NamedTuple):
    """A list for a parameter `::numeric []`."""

    values: Sequence[Decimal | None]


class Cells(NamedTuple):
    """A list for a parameter `::type []`, of cells that are packed already, each with its length before it."""

    type: str
    cells: Sequence[bytes]


class _Cells(Dumper):
    format = Format.BINARY
    oid = 0  # the statement says of what type

    def dump(self, obj: Cells) -> bytes:
        return _array(len(obj.cells), psycopg.adapters.types[obj.type].oid, obj.cells)


class _Bigints(Dumper):
    format = Format.BINARY
    oid = psycopg.adapters.types["int8"].array_oid

    def dump(self, obj: Bigints) -> bytes:
        packed = (_NULL if value is None else _INT8(8, value) for value in obj.values)
        return _array(len(obj.values), psycopg.adapters.types["int8"].oid, packed)


class _Instants(Dumper):
    format = Format.BINARY
    oid = psycopg.adapters.types["timestamptz"].array_oid

    def dump(self, obj: Instants) -> bytes:
        packed = (_INT8(8, value) for value in obj.values)
        return _array(len(obj.values), psycopg.adapters.types["timestamptz"].oid, packed)


class _Uuids(Dumper):
    format = Format.BINARY
    oid = psycopg.adapters.types["uuid"].array_oid

    def dump(self, obj: Uuids) -> bytes:
        packed = (_SIXTEEN + value for value in obj.values)
        return _array(len(obj.values), psycopg.adapters.types["uuid"].oid, packed)


class _Numerics(Dumper):
    format = Format.BINARY
    oid = psycopg.adapters.types["numeric"].array_oid

    def dump(self, obj: Numerics) -> bytes:
        return _array(len(obj.values), psycopg.adapters.types["numeric"].oid, map(_numeric, obj.values))


def _numeric(value: Decimal | None) -> bytes:
    if value is None:
        return _NULL
    packed = numeric(value)
    return _LENGTH(len(packed)) + packed


def _array(size: int, element_oid: int, packed: Iterable[bytes]) -> bytes:
    return b"".join((_HEAD(1, 1, element_oid, size, 1), *packed)) if size else struct.pack(">iiI", 0, 0, element_oid)


psycopg.adapters.register_dumper(Cells, _Cells)
psycopg.adapters.register_dumper(Bigints, _Bigints)
psycopg.adapters.register_dumper(Instants, _Instants)
psycopg.adapters.register_dumper(Uuids, _Uuids)
psycopg.adapters.register_dumper(Numerics, _Numerics)
