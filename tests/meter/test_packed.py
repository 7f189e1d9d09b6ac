"""Packed lists arrive in the database as they are."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest

from meter.database import Connection
from meter.facts import PG_EPOCH, instant
from meter.packed import Bigints, Instants, Numerics, Uuids


@pytest.mark.parametrize("values", [[], [None], [1, None, -(2**63), 2**63 - 1, 0]])
async def test_bigints(conn: Connection, values: list[int | None]) -> None:
    """Nulls, both ends of the range, and none at all."""
    row = await (await conn.execute("select %s::bigint []", (Bigints(values),))).fetchone()
    assert row == (values,)


@pytest.mark.parametrize("values", [[], [None, Decimal("1.50"), Decimal(0), Decimal("123456789012.000000000001")]])
async def test_numerics(conn: Connection, values: list[Decimal | None]) -> None:
    """To the last digit."""
    row = await (await conn.execute("select %s::numeric []", (Numerics(values),))).fetchone()
    assert row == (values,)


async def test_instants_and_identities(conn: Connection) -> None:
    """To the microsecond and the byte, before 2000 too; and none of either."""
    times, ids = [-1, 0, 847_000_000_000_001], [bytes(16), b"0123456789abcdef", b"\xff" * 16]
    row = await (await conn.execute("select %s::timestamptz [], %s::uuid []", (Instants(times), Uuids(ids)))).fetchone()
    assert row == ([instant(time) for time in times], [UUID(bytes=each) for each in ids])
    assert row[0][1] == PG_EPOCH
    row = await (await conn.execute("select %s::timestamptz [], %s::uuid []", (Instants([]), Uuids([])))).fetchone()
    assert row == ([], [])


async def test_places_are_kept(conn: Connection) -> None:
    """Lists of one length are joined by their places, nulls too."""
    given = (Bigints([1, None, 3]), Numerics([None, Decimal(2), Decimal(3)]))
    rows = await (await conn.execute("select * from unnest(%s::bigint [], %s::numeric [])", given)).fetchall()
    assert rows == [(1, None), (None, 2), (3, 3)]
