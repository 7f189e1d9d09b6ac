"""What do the invoices of a billing period hold of grants by now? What they took, less what they gave back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from meter.database import Connection
from sql import statement


class Held(NamedTuple):
    """Of a grant, in money: what an invoice holds (`own`), those that stand beside it (`others`), and all of a period.

    Where a later invoice gives back what an earlier one took, that is below zero; `all` is not.
    """

    grant: UUID
    lot: int
    own: Decimal
    others: Decimal
    all: Decimal

    @property
    def given_if_void(self) -> Decimal:
        """What the grant has back when the invoice is void: so much that the others hold what they took, and no less.

        Below zero where the invoice itself gave back what others still have.
        """
        return self.all - max(self.others, self.all * 0)


async def of_period(conn: Connection, invoice_id: int) -> tuple[Held, ...]:
    """What is held of each grant, by an invoice and by all of its period."""
    rows = await (await conn.execute(statement("sum_held_promotions"), {"invoice_id": invoice_id})).fetchall()
    return tuple(map(Held._make, rows))


def by_grant(held: Sequence[Held]) -> Mapping[str, Decimal]:
    """What all invoices of the period hold, by the grants' public ids."""
    return {str(each.grant): each.all for each in held}
