"""What would an invoice come to if it became final now, and what would credits pay of it? Nothing is booked."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from meter.database import Connection
from meter.invoicing import paying, purse
from meter.invoicing.promoting import promoted

if TYPE_CHECKING:
    from meter.bill import Draft


async def foreseen(conn: Connection, draft: Draft, now: datetime) -> Draft:
    """The draft with promotional credits taken off before tax, and (`expected`) what else would settle it."""
    seen = await purse.see(conn, draft)
    given = promoted(draft, seen, now)
    return given._replace(expected=paying.expected(given, seen, now))
