"""What is left of each line of an invoice that can be credited? As it was billed, less what credit notes took back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from meter.credit_notes.rates import Taxed, cells
from meter.database import Connection
from meter.explain.statements import statements
from meter.invoices import Invoice, plain_settled, plain_sums
from meter.rating.credit import RateTax
from meter.rating.document.document import LineTax
from meter.rating.line import Line
from sql import statement


class Creditable(NamedTuple):
    """A line by its number from 1: billed `net` of tax with `taxes`, in all `total`, and whose that is.

    `credited` of its net went back already (None: nothing yet), with tax `credited_total`, and to whom.
    """

    number: int
    line: Line
    net: Decimal
    total: Decimal
    taxes: tuple[RateTax, ...]
    members: Mapping[str | None, Decimal]
    credited: Decimal | None
    credited_total: Decimal
    given: Mapping[str | None, Decimal]

    @property
    def left(self) -> Decimal:
        """What of its net was not credited yet."""
        return self.net - (self.credited or 0)

    @property
    def is_left(self) -> bool:
        """Whether there is anything to credit yet."""
        return self.total != self.credited_total


async def read(conn: Connection, invoice: Invoice) -> tuple[Creditable, ...]:
    """The lines of an invoice, which nobody else may credit meanwhile."""
    found = await conn.execute(statement("list_credited_lines"), {"invoice_id": invoice.id})
    return creditable(invoice, await found.fetchall())


def creditable(invoice: Invoice, rows: Sequence[Sequence[Any]]) -> tuple[Creditable, ...]:
    """The lines of an invoice, with a row for each: its taxes, what was credited without and with tax, and of whom."""
    settled = invoice.settled or tuple(plain_settled(line.amount) for line in invoice.lines)
    taxed = [Taxed(own, _taxes(row[0])) for own, row in zip(settled, rows, strict=True)]
    taxes = cells(taxed, (invoice.sums or plain_sums(invoice.total)).taxes, invoice.currency)
    members = _members(invoice)
    return tuple(
        Creditable(
            number=number,
            line=line,
            net=own.total - own.tax,
            total=own.total,
            taxes=taxes[number - 1],
            members=members.get(number, {None: own.total}),
            credited=row[1] if row[3] else None,
            credited_total=row[2],
            given={member: Decimal(amount) for member, amount in row[3]},
        )
        for number, (line, own, row) in enumerate(zip(invoice.lines, settled, rows, strict=True), 1)
    )


def _taxes(stored: Sequence[Mapping[str, Any]] | None) -> tuple[LineTax, ...]:
    return msgspec.convert(stored or (), tuple[LineTax, ...], strict=False)


def _members(invoice: Invoice) -> dict[int, dict[str | None, Decimal]]:
    """Whose each line is, discounts and taxes in it, as the statements of the invoice say."""
    settled = invoice.settled or tuple(plain_settled(line.amount) for line in invoice.lines)
    found: dict[int, dict[str | None, Decimal]] = {}
    for each in statements(invoice.lines, settled, invoice.currency):
        for part in each.parts:
            found.setdefault(part.line, {})[each.member] = part.total
    return found
