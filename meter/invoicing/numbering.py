"""Who gives an invoice its number? The last statement of its transaction, so that no number is lost."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from psycopg.errors import UniqueViolation

from meter.database import Connection
from meter.errors import InvoiceNumberTaken
from meter.invoicing.numbers import pattern
from sql import statement

DUE_AFTER: Final = timedelta(days=7)


async def give(conn: Connection, invoice_id: int, numbers: str, zone: str, now: datetime) -> None:
    """Makes a draft final under the next number by a format, in the caller's transaction; its day is that of `zone`.

    Others wait for the counter until the transaction ends. Raises InvoiceNumberTaken where an earlier format gave that
    number before.
    """
    around = pattern(numbers, now.astimezone(ZoneInfo(zone)).date())
    named = around._asdict() | {"invoice_id": invoice_id, "now": now, "due_at": now + DUE_AFTER}
    try:
        await conn.execute(statement("number_invoice"), named)
    except UniqueViolation as error:
        if error.diag.constraint_name != "invoice_number_key":
            raise
        raise InvoiceNumberTaken(f"the next number by {numbers} was given by an earlier format") from error
