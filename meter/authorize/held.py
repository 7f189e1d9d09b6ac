"""Reservations in the database: what was set apart for calls, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from meter.authorize.requests import Closed, Made, Reservation
from meter.authorize.verdicts import Held
from meter.database import Connection
from meter.ledger.wallet import Burn
from sql import statement

_encode = msgspec.json.Encoder(decimal_format="string").encode


async def find(conn: Connection, public_ids: Iterable[UUID]) -> dict[UUID, Reservation]:
    """The reservations of these ids, as they stand; `lock` says what has changed since."""
    rows = await (await conn.execute(statement("find_reservations"), {"public_ids": list(public_ids)})).fetchall()
    return {row[1]: _read(row) for row in rows}


def _read(row: Sequence[Any]) -> Reservation:
    burns = msgspec.json.decode(row[13], type=list[tuple[int | None, Decimal, str]])
    held = Held(tuple(zip(row[10], row[11], strict=True)), row[12], tuple(map(Burn._make, burns)))
    answer = None if row[16] is None else row[16].encode()
    return Reservation._make((*row[:4], row[4] or 0, row[5] or 0, *row[6:10], held, row[14], row[15], answer))


def relocked(known: Reservation, row: Sequence[Any]) -> Reservation:
    """A reservation as it stands once it is locked, from a row of lock_reservations."""
    _, state, event_hash, answer = row
    return known._replace(state=state, event_hash=event_hash, answer=None if answer is None else answer.encode())


def made(reservations: Iterable[Made]) -> str:
    """What create_reservations takes."""
    rows = [
        {
            "public_id": each.public_id,
            "team_id": each.team_id,
            "key_id": each.use.key_id,
            "member_id": each.use.member_id,
            "service_id": each.use.service_id,
            "at": each.use.at,
            "expires_at": each.expires_at,
            "counter_ids": [counter_id for counter_id, _ in each.held.counters],
            "amounts": [amount for _, amount in each.held.counters],
            "account_id": each.held.account_id,
            "burns": each.held.burns,
        }
        for each in reservations
    ]
    return _encode(rows).decode()


def closed(reservations: Iterable[Closed]) -> str:
    """What close_reservations takes."""
    rows = [
        {
            "id": each.id,
            "state": each.state,
            "event_hash": None if each.event_hash is None else each.event_hash.hex(),
            "answer": None if each.answer is None else msgspec.Raw(each.answer),
        }
        for each in reservations
    ]
    return _encode(rows).decode()
