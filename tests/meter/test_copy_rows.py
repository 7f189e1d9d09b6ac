"""Rows as PostgreSQL reads them: bytes taken apart by the manual, and a round trip through a server."""

from __future__ import annotations

import decimal
import struct
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from meter import copy_rows
from meter.copy_rows import Stored, body, full_row, last_cells, numeric, plain_row, read_row
from meter.copy_rows import decimal as read_decimal
from meter.database import Connection
from meter.facts import instant
from meter.packed import Cells
from meter.store import COLUMNS

WIDE = decimal.Context(prec=100)
INT8 = st.integers(-(1 << 63), (1 << 63) - 1)
quantities = st.builds(
    lambda digits, zeros: Decimal(f"{digits}E-12") + Decimal(0).scaleb(-12 - zeros, WIDE),
    st.one_of(st.integers(0, 10**38 - 1), st.integers(0, 10**14), st.integers(0, 10**26 - 1).map(lambda n: n * 10**12)),
    st.integers(0, 3),
)
json_bytes = st.sampled_from([b"{}", b'{"a": "\xc3\xbc"}', b'{"id": "x", "n": [1, 2.5, null, true]}'])


class Fields(NamedTuple):
    """What one row is made of."""

    team: int
    time_us: int
    event_id: bytes
    series: int
    quantity: Decimal
    covers: int | None
    attributes: bytes | None


fields = st.builds(
    Fields,
    INT8,
    INT8,
    st.binary(min_size=16, max_size=16),
    INT8,
    quantities,
    st.one_of(st.none(), st.integers(1, (1 << 63) - 1)),
    st.one_of(st.none(), json_bytes),
)


def packed(row: Fields) -> bytes:
    """Make the row as ingest does."""
    plain = plain_row(row.team, row.time_us, row.event_id, row.series, last_cells(row.quantity))
    return plain if row.covers is None and row.attributes is None else full_row(plain, row.covers, row.attributes)


def taken_apart(row: bytes) -> list[bytes | None]:
    """Answer the fields of a tuple: a count of 16 bits, then each as a 32-bit length (-1: null) and its bytes."""
    (count,) = struct.unpack_from(">h", row)
    at, found = 2, list[bytes | None]()
    for _ in range(count):
        (length,) = struct.unpack_from(">i", row, at)
        at += 4
        found.append(None if length == -1 else row[at : at + length])
        at += max(length, 0)
    assert at == len(row)
    return found


def reckoned(encoded: bytes) -> Fraction:
    """Answer the number of a binary numeric: digits to the base 10,000, the first one's weight, sign, and scale."""
    count, weight, sign, scale = struct.unpack_from(">hhHH", encoded)
    digits = struct.unpack_from(f">{count}h", encoded, 8)
    assert len(encoded) == 8 + 2 * count
    assert all(0 <= digit < 10_000 for digit in digits)
    assert sign == 0
    assert scale <= 16_383
    return sum((digit * Fraction(10_000) ** (weight - place) for place, digit in enumerate(digits)), Fraction(0))


@settings(max_examples=200)
@given(quantities)
@example(Decimal("-0"))
@example(Decimal("0E-999999"))
@example(Decimal("0E+999999"))
@example(Decimal("1." + "0" * 20_000))
@example(Decimal("1E+25"))
def test_numbers_are_encoded_exactly(quantity: Decimal) -> None:
    """Trailing zeros and the exponent of a zero don't matter, every digit does."""
    assert reckoned(numeric(quantity)) == Fraction(quantity)
    assert read_decimal(numeric(quantity)) == quantity


def test_a_number_of_too_many_digits_is_not_rounded() -> None:
    """It was to be refused before; here it raises."""
    with pytest.raises(decimal.Inexact):
        numeric(Decimal("1." + "0" * 80 + "1"))


@settings(max_examples=100)
@given(fields)
def test_a_row_is_seven_fields(row: Fields) -> None:
    """In the order and the widths that the COPY statement names."""
    found = taken_apart(packed(row))
    team, time_us, event_id, series, quantity, covers, attributes = found
    assert [team, time_us, series] == [struct.pack(">q", number) for number in (row.team, row.time_us, row.series)]
    assert event_id == row.event_id
    assert quantity is not None
    assert reckoned(quantity) == Fraction(row.quantity)
    assert covers == (None if row.covers is None else struct.pack(">q", row.covers))
    assert attributes == (None if row.attributes is None else b"\x01" + row.attributes)


@settings(max_examples=100)
@given(fields)
def test_a_row_can_be_read_back(row: Fields) -> None:
    """Series, quantity and reach are what a duplicate is compared by."""
    assert read_row(packed(row)) == Stored(row.series, row.quantity, row.covers)


def test_the_stream_begins_and_ends_as_the_manual_says() -> None:
    """Signature, no flags, no header extension; -1 ends it."""
    assert body([]) == b"PGCOPY\n\xff\r\n\0" + struct.pack(">iih", 0, 0, -1)
    assert body([b"a", b"b"]) == copy_rows.HEADER + b"ab" + copy_rows.TRAILER


TABLE = "create temporary table copied (like usage_event including defaults)"
COPY = "copy copied (team_id, time, event_id, series_id, quantity, covers_us, attributes) from stdin (format binary)"
READ = "select team_id, time, event_id, series_id, quantity, covers_us, attributes from copied order by series_id"
INSERT = """
insert into copied (team_id, time, event_id, series_id, quantity, covers_us, attributes)
select * from unnest(
    %(team_ids)s::bigint [], %(times)s::timestamptz [], %(event_ids)s::uuid [], %(series_ids)s::bigint [],
    %(quantities)s::numeric [], %(covers_us)s::bigint [], %(attributes)s::jsonb []
)"""


async def test_postgresql_reads_what_was_written(conn: Connection) -> None:
    """Limits, nulls, Unicode and many a number through a real COPY into the real columns."""
    numbers = [
        *("0", "-0", "1", "0E-999999", "1E-12", "1E+25", "10000", "0.0001", "1234.5678", "99999999.00000001"),
        *("99999999999999999999999999.999999999999", "0.333333333333", "1.000000000000000000000000", "1E+4", "1E+3"),
        *(f"{number * 7919}E-{number % 13}" for number in range(500)),
    ]
    rows = [
        Fields(
            team=1 + number,
            time_us=(-1) ** number * number * 1_234_567_891_011,
            event_id=UUID(int=number).bytes,
            series=number,
            quantity=Decimal(text),
            covers=None if number % 2 else number + 1,
            attributes=None if number % 3 else '{"a": "\u00fc\u2603", "b": [1.50, null]}'.encode(),
        )
        for number, text in enumerate(numbers)
    ]
    await conn.execute(TABLE)
    async with conn.cursor().copy(COPY) as copy:
        await copy.write(body(map(packed, rows)))
    found = await (await conn.execute(READ)).fetchall()
    columns = dict(zip(COLUMNS.items(), copy_rows.columns(map(packed, rows)), strict=True))
    await conn.execute("truncate copied")
    await conn.execute(INSERT, {name: Cells(kind, cells) for (name, kind), cells in columns.items()})
    assert await (await conn.execute(READ)).fetchall() == found  # the same cells as arrays
    assert len(found) == len(rows)
    for row, (team, time, event_id, series, quantity, covers, attributes) in zip(rows, found, strict=True):
        assert (team, time, event_id.bytes, series) == (row.team, instant(row.time_us), row.event_id, row.series)
        assert (quantity, covers) == (row.quantity, row.covers)
        assert attributes == (None if row.attributes is None else {"a": "\u00fc\u2603", "b": [1.5, None]})


async def test_postgresql_numbers_are_read_as_they_are(conn: Connection) -> None:
    """What the server sends as binary numeric is what `decimal` answers and `numeric` would have sent."""
    for text in ("0", "1E-12", "12345678901234567890.123456789012", "10000", "0.0001", "99999999999999999999999999"):
        row = await (await conn.execute("select numeric_send(%s::numeric), %s", [text, Jsonb({})])).fetchone()
        assert row is not None
        assert read_decimal(row[0]) == Decimal(text)
        assert reckoned(row[0]) == reckoned(numeric(Decimal(text)))
