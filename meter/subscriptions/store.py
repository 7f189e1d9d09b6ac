"""Where decisions about a team's subscription are kept: a log that only grows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import msgspec

from meter.database import Connection
from meter.subscriptions.changes import Change, Decision
from sql import statement

_decode = msgspec.json.Decoder(Decision).decode
_encode = msgspec.json.Encoder().encode


class Log(NamedTuple):
    """Everything that was ever decided, withdrawn decisions too, in the order in which it takes effect."""

    subscription_id: int | None
    changes: tuple[Change, ...]

    @property
    def standing(self) -> tuple[Change, ...]:
        """What was not withdrawn."""
        return tuple(change for change in self.changes if change.withdrawn_at is None)


async def read(conn: Connection, team_id: int) -> Log:
    """The log of a team's subscription; empty where it never had one."""
    rows = await (await conn.execute(statement("list_subscription_changes"), {"team_id": team_id})).fetchall()
    changes = tuple(Change(row[1], row[2], _decode(row[3]), *row[4:]) for row in rows)
    return Log(rows[0][0] if rows else None, changes)


async def append(
    conn: Connection, team_id: int, decided: Iterable[tuple[datetime, Decision]], by: str, now: datetime
) -> None:
    """Writes decisions down, each with when it is to hold; in the caller's transaction, the team locked."""
    rows = [{"effective_at": at, "decision": decision} for at, decision in decided]
    named = {"team_id": team_id, "decisions": _encode(rows).decode(), "by": by, "now": now}
    await conn.execute(statement("begin_subscription"), named)
    await conn.execute(statement("append_subscription_changes"), named)


async def withdraw(conn: Connection, team_id: int, ids: Iterable[int], by: str, now: datetime) -> None:
    """Withdraws decisions, in the caller's transaction, the team locked."""
    await conn.execute(
        statement("withdraw_subscription_changes"), {"team_id": team_id, "ids": list(ids), "by": by, "now": now}
    )
