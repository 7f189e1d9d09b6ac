"""Are the buckets that a draft was made from what the raw events say? Asked before it becomes final."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.pq import TransactionStatus

from meter import advance, billable
from meter.database import Connection
from meter.verify import compare, raw
from meter.verify.compare import Difference
from sql import statement

if TYPE_CHECKING:
    from meter.bill import Draft  # which may ask for this check


async def check(conn: Connection, draft: Draft) -> tuple[Difference, ...]:
    """Where the usage of a draft differs from raw events as they stood in its snapshot; nothing where all is well.

    Of meters whose streams brought something since (a late point takes rows away), buckets and events are compared as
    they are now. Raises RawDataGone where raw events of the period were dropped.
    """
    if draft.reason == advance.KIND:
        return ()
    asked, period, team_id = draft.agreement.asked, draft.period, draft.team.id
    snapshot = draft.billable.data_snapshot
    then = await raw.read(conn, team_id, period, asked, snapshot)
    found = compare.usage(draft.billable, then)
    if not found:
        return ()
    named = {"team_id": team_id, "since": period.start, "until": period.end, "snapshot": snapshot}
    rows = await (await conn.execute(statement("list_rewritten_meters"), named)).fetchall()
    rewritten = {row[0] for row in rows}
    sure = tuple(each for each in found if each.meter not in rewritten)
    if len(sure) == len(found):
        return found
    return (*sure, *(each for each in await _now(conn, draft) if each.meter in rewritten))


async def _now(conn: Connection, draft: Draft) -> tuple[Difference, ...]:
    """Where buckets and events differ by now, in one snapshot unless the caller's transaction has others."""
    if conn.info.transaction_status == TransactionStatus.IDLE:
        async with conn.transaction():
            await conn.execute(statement("begin_reading"))
            return await _both(conn, draft)
    return await _both(conn, draft)


async def _both(conn: Connection, draft: Draft) -> tuple[Difference, ...]:
    asked, period, team_id = draft.agreement.asked, draft.period, draft.team.id
    buckets = await billable.read(conn, team_id, period, asked)
    return compare.usage(buckets, await raw.read(conn, team_id, period, asked, buckets.data_snapshot))
