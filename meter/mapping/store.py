"""The mapping of each team: read, replaced, and kept ready for the next body."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from psycopg.types.json import Jsonb

from meter.database import Connection
from meter.errors import InvalidMapping
from meter.mapping.event_rules import EventRule
from meter.mapping.presets import presets, usual
from meter.mapping.route import Named, in_order
from meter.mapping.rules import Document, wrong
from meter.model import Meter
from sql import statement

FIRST_VERSION = 1
CACHED = 1_000
_encode = msgspec.json.Encoder(decimal_format="string").encode


class Kept(NamedTuple):
    """A mapping, its version, and when it was put; a team that never put one has the usual presets."""

    document: Document
    version: int
    changed_at: datetime | None


class Rules(NamedTuple):
    """What a mapping comes to: all its rules for streams and for things that happened, in the order they are asked."""

    version: int
    streams: Sequence[Named]
    events: Sequence[EventRule]


async def get(conn: Connection, team_id: int) -> Kept:
    """The mapping of a team."""
    row = await (await conn.execute(statement("get_mapping"), {"team_id": team_id})).fetchone()
    if row is None:
        return Kept(usual(), FIRST_VERSION, None)
    version, document, changed_at = row
    return Kept(msgspec.json.decode(document, type=Document), version, changed_at)


async def lock(conn: Connection, team_id: int) -> None:
    """Keeps the mapping of a team from others until the transaction ends."""
    await conn.execute(statement("lock_team"), {"team_id": team_id})


async def put(conn: Connection, team_id: int, document: Document, meters: dict[str, Meter], now: datetime) -> Kept:
    """Makes this the mapping of a team. Raises InvalidMapping, which says where and what to write instead."""
    found = wrong(document, meters, presets())
    if found:
        raise InvalidMapping(found)
    parameters = {"team_id": team_id, "document": Jsonb(document, dumps=_encode), "now": now}
    row = await (await conn.execute(statement("put_mapping"), parameters)).fetchone()
    return Kept(document, FIRST_VERSION if row is None else row[0], now)


def rules_of(kept: Kept) -> Rules:
    """The rules of a mapping and its presets, in the order they are asked."""
    known = presets()
    events = [
        *kept.document.events,
        *(e for name in kept.document.presets if name in known for e in known[name].events),
    ]
    return Rules(kept.version, in_order(kept.document, known), events)


class MappingCache:
    """The rules of teams that sent lately, made anew when their version is another."""

    def __init__(self) -> None:
        """Starts empty."""
        self._kept: dict[int, Rules] = {}

    async def of(self, conn: Connection, team_id: int) -> Rules:
        """The rules of a team as they are now."""
        kept = await get(conn, team_id)
        known = self._kept.get(team_id)
        if known is None or known.version != kept.version:
            if len(self._kept) >= CACHED:
                self._kept.clear()
            known = self._kept[team_id] = rules_of(kept)
        return known
