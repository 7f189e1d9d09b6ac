"""Before an invoice is final its usage is counted again from raw events: a difference stops it, and nothing else."""

from __future__ import annotations

from datetime import datetime

from meter import bill
from meter.adjustments import turn as adjustments
from meter.bill import Draft, Reason, Standing
from meter.database import Connection
from meter.errors import RawDataGone, UsageDiffers
from meter.model import Team
from meter.rating.periods import Period
from meter.verify import check

MOST_NAMED = 20


async def prepare(
    conn: Connection, team: Team, period: Period, now: datetime, reason: Reason = bill.PERIOD
) -> Draft | Standing:
    """As `bill.prepare`, proved by raw events; what was used in weeks whose raw events are gone is as the buckets say.

    What changed of earlier periods after their invoices is found first, so that it is on this one. `conn` in autocommit
    mode.

    Raises UsageDiffers, with where, beside what `bill.prepare` raises.
    """
    if reason == bill.PERIOD:
        await adjustments.of_team(conn, team, now)
    prepared = await bill.prepare(conn, team, period, now, reason)
    if isinstance(prepared, Draft):
        await prove(conn, prepared)
    return prepared


async def prove(conn: Connection, draft: Draft) -> None:
    """Raises UsageDiffers where the buckets that a draft was made of say something else than raw events."""
    try:
        found = await check(conn, draft)
    except RawDataGone:
        return
    if found:
        where = [
            {
                "meter": each.meter,
                "member": each.member,
                "service": each.service,
                "counted": f"{each.buckets.quantity:f}",
                "raw": f"{each.raw.quantity:f}",
            }
            for each in found[:MOST_NAMED]
        ]
        names = ", ".join(sorted({each.meter for each in found}))
        raise UsageDiffers(f"what was rolled up of {names} is not what the raw events say", differences=where)
