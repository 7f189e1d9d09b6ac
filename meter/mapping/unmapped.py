"""What no rule takes: counted by name and reason, never billed, never dropped in silence; and listed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

import msgspec
from psycopg.types.json import Jsonb

from meter.database import Connection
from meter.mapping.event_rules import text_of
from meter.mapping.route import Unmapped
from meter.streams import MOST_LABELS
from sql import statement

MOST_NAMES = 10_000
NOT_NOTED = "what no rule takes could not be noted; send it again, nothing counts twice"
OTHERS = "(other names)"
LONGEST_NAME = 300
LONGEST_LABEL = 1_024
LONGEST_DETAIL = 500
Key = tuple[str, str]
"""A name, and the reason why it makes no usage."""


class Left(NamedTuple):
    """Points or events of one name that make no usage: how many, why, and the labels of one of them."""

    name: str
    why: Unmapped
    points: int
    unit: str
    labels: Mapping[str, object]


class UnmappedName(msgspec.Struct, frozen=True):
    """A metric or type of event that makes no usage: why, how much of it came, and what its sender says about it.

    `labels` are those of one of them. A body that was sent twice is counted twice here.
    """

    source: str
    name: str
    reason: str
    detail: str
    points: int
    unit: str
    kind: str
    help: str
    labels: dict[str, Any]
    first_seen_at: datetime
    last_seen_at: datetime


async def note(conn: Connection, team_id: int, source: str, left: Iterable[Left], now: datetime) -> None:
    """Counts what was left over of a body. A body that comes again is counted again here, and only here.

    Of a team at most MOST_NAMES are listed; what comes under yet another name is counted as OTHERS.
    """
    found: dict[Key, Left] = {}
    for each in left:
        _add(found, (storable(each.name)[:LONGEST_NAME], each.why.reason), each)
    if not found:
        return
    named = {"names": [name for name, _ in found], "reasons": [reason for _, reason in found]}
    asked = {"team_id": team_id, "source": source} | named
    row = await (await conn.execute(statement("count_unmapped"), asked)).fetchone()
    names, known = row or (0, [])
    if names + len(found) - len(known) > MOST_NAMES:
        found = _folded(found, set(known))
    parameters = {
        "team_id": team_id,
        "source": source,
        "now": now,
        "names": [name for name, _ in found],
        "reasons": [reason for _, reason in found],
        "details": [storable(each.why.detail)[:LONGEST_DETAIL] for each in found.values()],
        "points": [each.points for each in found.values()],
        "units": [storable(each.unit)[:LONGEST_NAME] for each in found.values()],
        "labels": [jsonb(each.labels) for each in found.values()],
    }
    await conn.execute(statement("note_unmapped"), parameters)


def _add(found: dict[Key, Left], key: Key, left: Left) -> None:
    before = found[key].points if key in found else 0
    found[key] = left._replace(points=before + left.points)


def _folded(found: dict[Key, Left], known: set[int]) -> dict[Key, Left]:
    """The names that are listed already, and all others as one."""
    kept: dict[Key, Left] = {}
    for place, ((name, reason), left) in enumerate(found.items(), 1):
        _add(kept, (name if place in known else OTHERS, reason), left)
    return kept


async def unmapped(conn: Connection, team_id: int, after: tuple[str, str, str], rows: int) -> list[UnmappedName]:
    """What no rule takes, at most `rows` after a source, name and reason."""
    source, name, reason = after
    asked = {"team_id": team_id, "after_source": source, "after_name": name, "after_reason": reason, "rows": rows}
    found = await (await conn.execute(statement("list_unmapped"), asked)).fetchall()
    return [UnmappedName(*(*row[:8], msgspec.json.decode(row[8]), *row[9:])) for row in found]


def storable(text: str) -> str:
    """A text as the database can hold it: it has no NUL."""
    return text.replace("\0", "")


def listed(labels: Mapping[str, object]) -> dict[str, str]:
    """Labels as they can be kept and shown: texts, numbers and truth values, as texts; bounded, and nothing nested."""
    texts = ((name, text) for name, value in labels.items() if (text := text_of(value)) is not None)
    kept = islice(texts, MOST_LABELS)
    return {storable(name)[:LONGEST_NAME]: storable(text[:LONGEST_LABEL]) for name, text in kept}


def jsonb(labels: Mapping[str, object]) -> Jsonb:
    """Labels as the database can hold them."""
    return Jsonb(listed(labels))
