"""Replicas that send the same twice: the points of one are taken, the others' when that one has been silent.

Their clocks and moments differ, so taken together a counter would seem to fall now and then, and count anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from meter.database import Connection
from meter.streams import REPLICA_LABELS, Stream
from sql import statement

CLUSTER_LABELS = ("cluster", "prometheus")
SILENT = timedelta(seconds=30)


def replica_of(labels: Mapping[str, str]) -> tuple[str, str] | None:
    """Cluster and replica in some labels, None where they name no replica."""
    name = next((labels[label] for label in REPLICA_LABELS if labels.get(label)), None)
    if name is None:
        return None
    return "/".join(labels.get(label, "") for label in CLUSTER_LABELS), name


async def elected(conn: Connection, team_id: int, streams: Sequence[Stream], now: datetime) -> list[Stream]:
    """The streams of no replica, and of those whose turn it is; the others are sent once more by these."""
    found = {id(stream): replica_of(stream.labels) for stream in streams}
    chosen: dict[str, str] = {}
    for cluster, name in sorted({pair for pair in found.values() if pair is not None}):
        asked = {"team_id": team_id, "cluster": cluster, "name": name, "now": now, "silent": now - SILENT}
        row = await (await conn.execute(statement("elect_replica"), asked)).fetchone()
        chosen[cluster] = name if row is None else row[0]
    return [stream for stream in streams if (pair := found[id(stream)]) is None or chosen[pair[0]] == pair[1]]
