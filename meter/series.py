"""From what tells usage apart (team, member, service, meter, key, billable, dimensions) to the id that rows carry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from meter.database import Connection
from meter.model import Caller, Meter, SeriesKey
from sql import statement

_encode = msgspec.json.Encoder(order="deterministic").encode


def _identity(key: SeriesKey, meter: Meter, caller: Caller, *, billable: bool) -> UUID:
    named = (meter.id, key.member, key.service, caller.key_id, billable, key.dimensions)
    return UUID(bytes=blake2b(_encode(named), digest_size=16).digest())


async def resolve(
    conn: Connection, team_id: int, caller: Caller, keys: Iterable[SeriesKey], meters: Mapping[str, Meter]
) -> dict[SeriesKey, int]:
    """The id of each series, made where missing along with its member and service, in a transaction of its own.

    Rows go in in key order, so that two writers of the same new series wait for each other and never deadlock.
    """
    billable = not caller.internal
    wanted = {_identity(key, meters[key.meter], caller, billable=billable): key for key in keys}
    ordered = sorted(wanted)
    named = [wanted[identity] for identity in ordered]
    parameters = {
        "team_id": team_id,
        "key_id": caller.key_id,
        "billable": billable,
        "identities": ordered,
        "meters": [meters[key.meter].id for key in named],
        "members": [key.member for key in named],
        "services": [key.service for key in named],
        "dimensions": [Jsonb(dict(key.dimensions)) for key in named],
        "user_ids": sorted({key.member for key in named if key.member is not None}),
        "slugs": sorted({key.service for key in named if key.service is not None}),
    }
    async with conn.transaction():
        for name in ("register_members", "register_services", "register_series"):
            await conn.execute(statement(name), parameters)
        found = await (await conn.execute(statement("find_series"), parameters)).fetchall()
    return {wanted[identity]: series_id for identity, series_id in found}
