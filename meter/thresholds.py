"""From which amount on is a team billed before its period is over? What it has agreed to, or that it has not."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec

from meter.database import Connection
from sql import statement


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """An `amount` in the team's currency, without taxes; None: no invoice before a period is over.

    A `recurring` one is for as often as what was not billed yet reaches it, another for the first time in a period.
    `version` is 0 where nothing was ever said.
    """

    amount: Decimal | None = None
    recurring: bool = True
    version: int = 0
    changed_at: datetime | None = None


async def get(conn: Connection, team_id: int) -> Threshold:
    """The threshold of a team, none where it never had one."""
    row = await (await conn.execute(statement("get_billing_threshold"), {"team_id": team_id})).fetchone()
    if row is None:
        return Threshold()
    amount, recurring, version, changed_at = row
    return Threshold(amount=amount, recurring=recurring, version=version, changed_at=changed_at)


async def put(conn: Connection, team_id: int, threshold: Threshold, now: datetime) -> Threshold:
    """Makes this the threshold of a team, looked at within minutes. The caller holds the team's lock."""
    asked = {"team_id": team_id, "amount": threshold.amount, "recurring": threshold.recurring, "now": now}
    (version,) = (await (await conn.execute(statement("put_billing_threshold"), asked)).fetchall())[0]
    return msgspec.structs.replace(threshold, version=version, changed_at=now)
