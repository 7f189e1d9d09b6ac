"""What tells usage apart: (team, member, service, meter, key, billable, dimensions) to the id that every row carries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from meter.database import Connection
from meter.model import Caller, Meter
from sql import statement

MAX_STRING = 200
MAX_DIMENSIONS = 16
_encode = msgspec.json.Encoder(order="deterministic").encode


class SeriesKey(NamedTuple):
    """A series within one team and key, as an event names it; dimensions sorted by name."""

    meter: str
    member: str | None
    service: str | None
    dimensions: tuple[tuple[str, str], ...]


class Refusal(NamedTuple):
    """Why a series can't be: a code of EVENT_CODES and what to change."""

    code: str
    detail: str


def _bad_string(name: str, value: str | None) -> Refusal | None:
    if value is not None and (not 0 < len(value) <= MAX_STRING or "\0" in value):
        return Refusal("string_too_long", f"{name} must have 1 to {MAX_STRING} characters and no NUL")
    return None


def refusal(key: SeriesKey, meters: Mapping[str, Meter]) -> Refusal | None:
    """Why this series can't be made, or None: unknown meter, undeclared dimensions, strings out of bounds."""
    meter = meters.get(key.meter)
    if meter is None:
        return Refusal("unknown_meter", f"there is no meter {key.meter[:64]!r}; GET /v1/meters lists those there are")
    if len(key.dimensions) > MAX_DIMENSIONS:
        return Refusal("too_many_dimensions", f"at most {MAX_DIMENSIONS} dimensions")
    undeclared = [name for name, _ in key.dimensions if name not in meter.dimensions]
    if undeclared:
        declared = ", ".join(sorted(meter.dimensions)) or "none"
        return Refusal("undeclared_dimension", f"{undeclared[0][:64]!r} is not declared by {meter.slug}; it has {declared}")
    named = (("member", key.member), ("service", key.service), *key.dimensions)
    return next((bad for name, value in named if (bad := _bad_string(name, value))), None)


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
