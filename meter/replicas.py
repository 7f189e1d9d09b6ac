"""Replicas that send the same twice: the points of one are taken, the others' when that one has been silent.

Their clocks and moments differ, so taken together a counter would seem to fall now and then, and count anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from meter.database import Connection
from meter.errors import BatchTooLarge
from meter.mapping.unmapped import LONGEST_NAME, storable
from meter.streams import REPLICA_LABELS, Stream
from sql import statement

CLUSTER_LABELS = ("cluster", "prometheus")
SILENT = timedelta(seconds=30)
MOST_REPLICAS = 100


def replica_of(labels: Mapping[str, str]) -> tuple[str, str] | None:
    """Cluster and replica in some labels, None where they name no replica."""
    name = next((labels[label] for label in REPLICA_LABELS if labels.get(label)), None)
    if name is None:
        return None
    return _kept("/".join(labels.get(label, "") for label in CLUSTER_LABELS)), _kept(name)


def _kept(text: str) -> str:
    """A text as the database can hold it, and its index."""
    return storable(text)[:LONGEST_NAME]


async def elected(conn: Connection, team_id: int, streams: Sequence[Stream], now: datetime) -> list[Stream]:
    """The streams of no replica, and of those whose turn it is; the others are sent once more by these.

    Raises BatchTooLarge for more than MOST_REPLICAS in one body.
    """
    found = {id(stream): replica_of(stream.labels) for stream in streams}
    named = sorted({pair for pair in found.values() if pair is not None})
    if not named:
        return list(streams)
    if len(named) > MOST_REPLICAS:
        raise BatchTooLarge(f"more than {MOST_REPLICAS} replicas in one body; send fewer at once")
    asked = {
        "team_id": team_id,
        "clusters": [cluster for cluster, _ in named],
        "names": [name for _, name in named],
        "now": now,
        "silent": now - SILENT,
    }
    chosen: dict[str, str] = dict(await (await conn.execute(statement("elect_replicas"), asked)).fetchall())
    return [stream for stream in streams if (pair := found[id(stream)]) is None or chosen.get(pair[0]) == pair[1]]
