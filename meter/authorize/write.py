"""What a batch came to, written: usage, counters, ledger and reservations, in the transaction that holds them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from meter.authorize import held
from meter.authorize.decide import Done
from meter.authorize.till import Till
from meter.database import Connection
from meter.ledger import store as ledger
from meter.packed import Bigints, Numerics
from meter.store import inserting
from sql import statement


async def write(conn: Connection, done: Done, till: Till, now: datetime) -> None:
    """Sends everything in the caller's pipeline.

    UniqueViolation is raised at its end where somebody else stored one of its events meanwhile.
    """
    changed = list(till.changed())
    statements: list[tuple[str, dict[str, Any]]] = []
    if changed:
        added = {
            "ids": Bigints([each.read.id for each in changed]),
            "settled": Numerics([each.settled for each in changed]),
            "reserved": Numerics([each.reserved for each in changed]),
            "charged": Numerics([each.charged for each in changed]),
        }
        statements.append(("add_to_counters", added))
    if till.wallets != till.before:
        written = ledger.written(till.before, till.wallets, till.entries, now)
        statements.append((ledger.WRITING, {"ledger": written}))
    if done.made:
        statements.append(("create_reservations", {"reservations": held.made(done.made)}))
    if done.closed:
        statements.append(("close_reservations", {"closed": held.closed(done.closed), "now": now}))
    if done.rows:
        statements += inserting({team_id: sorted(rows) for team_id, rows in done.rows.items()})
    for name, given in statements:
        await conn.execute(statement(name), given)
