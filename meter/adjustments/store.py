"""Adjustments as they are kept: what waits for an invoice, what an invoice comes to by now, what was decided."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from meter import audit
from meter.adjustments.billed import Adjusted
from meter.adjustments.decide import Outcome, Policy
from meter.adjustments.difference import Delta, Standing
from meter.audit import Actor
from meter.database import Connection
from meter.errors import InvoiceState
from meter.model import Team
from sql import statement

USUAL: Policy = "next_invoice"
_encode = msgspec.json.Encoder(decimal_format="string").encode


class Came(msgspec.Struct, frozen=True):
    """What came of a meter since: events that came late, and ones that counted and were corrected."""

    meter: str
    late: int
    corrected: int


class Known(NamedTuple):
    """What an invoice comes to by its last adjustment, which has this `number`; as it was made, with 0.

    `snapshot` is the data that it was told from.
    """

    number: int
    snapshot: str
    standing: Standing


class Adjustment(msgspec.Struct, frozen=True, kw_only=True):
    """A difference as it is written down, and what becomes of it. `after` is all of the invoice by now."""

    public_id: UUID
    team_id: int
    invoice_id: int
    number: int
    found_at: datetime
    snapshot: str
    came: tuple[Came, ...]
    before: Standing
    after: Standing
    delta: Delta
    outcome: Outcome
    credit_note: UUID | None = None
    note: str = ""


async def known(conn: Connection, invoice_id: int, *, as_made: bool = False) -> Known | None:
    """What an invoice comes to by what was found until now, or as it was made; None where lines don't say enough."""
    asked = {"invoice_id": invoice_id, "as_made": as_made}
    row = await (await conn.execute(statement("get_invoice_standing"), asked)).fetchone()
    if row is None or row[2] is None:
        return None
    return Known(row[0], row[1], msgspec.json.decode(row[2], type=Standing, strict=False))


async def write(conn: Connection, adjustment: Adjustment) -> bool:
    """Writes a difference down, in the caller's transaction; False where somebody wrote one of that number before."""
    row = msgspec.structs.asdict(adjustment) | {
        "came": _encode(adjustment.came).decode(),
        "total_before": adjustment.before.total,
        "total_after": adjustment.after.total,
        "lines": _encode(adjustment.delta.lines).decode(),
        "taxes": _encode(adjustment.delta.taxes).decode(),
        "members": _encode(adjustment.delta.members).decode(),
        "standing": _encode(adjustment.after).decode(),
    }
    return (await conn.execute(statement("create_adjustment"), row)).rowcount == 1


async def waiting(conn: Connection, team_id: int, currency: str, before: datetime) -> tuple[Adjusted, ...]:
    """What waits for an invoice in a currency, of periods that ended until an instant, in the order it was found."""
    asked = {"team_id": team_id, "currency": currency, "period_to": before}
    return await _adjusted(conn, "list_waiting_adjustments", asked)


async def on_invoice(conn: Connection, invoice_id: int) -> tuple[Adjusted, ...]:
    """What of earlier invoices one bills or gives back."""
    return await _adjusted(conn, "list_billed_adjustments", {"invoice_id": invoice_id})


async def _adjusted(conn: Connection, name: str, asked: dict[str, object]) -> tuple[Adjusted, ...]:
    rows = await (await conn.execute(statement(name), asked)).fetchall()
    return tuple(
        Adjusted(number, public_id, invoice, msgspec.json.decode(delta, type=Delta, strict=False))
        for number, public_id, invoice, delta in rows
    )


async def bill(conn: Connection, invoice_id: int, adjusted: Iterable[Adjusted]) -> None:
    """Says that an invoice that is made final, in the caller's transaction, has these among its lines."""
    ids = [each.id for each in adjusted]
    if ids:
        await conn.execute(statement("bill_adjustments"), {"invoice_id": invoice_id, "ids": ids})


async def give_back(conn: Connection, invoice_id: int) -> None:
    """What a voided invoice billed of earlier ones waits for another, in the caller's transaction.

    Raises InvoiceState where what was found of the voided one itself is billed or credited elsewhere.
    """
    row = await (await conn.execute(statement("find_decided_adjustment"), {"invoice_id": invoice_id})).fetchone()
    if row is not None:
        raise InvoiceState(f"what changed since is on {row[0]}: take back what is wrong with it by a credit note")
    await conn.execute(statement("release_adjustments"), {"invoice_id": invoice_id})


async def agree(conn: Connection, team: Team, policy: Policy, actor: Actor) -> None:
    """Keeps what a team has agreed to for usage that changes after its invoice, in the caller's transaction."""
    row = {"team_id": team.id, "late_usage": policy, "now": actor.at}
    found = await (await conn.execute(statement("keep_billing_policy"), row)).fetchone()
    if found is not None and (found[0] or USUAL) != policy:
        before = None if found[0] is None else {"late_usage": found[0]}
        subject = audit.of(team, "billing_policy", team.public_id)
        await audit.record(conn, actor, "billing_policy.update", subject, before, {"late_usage": policy})


async def kept_policy(conn: Connection, team_id: int) -> tuple[Policy, int]:
    """What a team has agreed to for usage that changed after its invoice, and the version of that: 0 for nothing."""
    row = await (await conn.execute(statement("get_billing_policy"), {"team_id": team_id})).fetchone()
    return (USUAL, 0) if row is None else (row[0], row[1])
