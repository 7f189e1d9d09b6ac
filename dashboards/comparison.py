"""What changed from one invoice to the next? Line by line and member by member, by what both have in common. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from dashboards.invoice import InvoiceDocument


class Entry(NamedTuple):
    """An amount of an invoice: by what it is found on the other one, and how it is called; None is nobody's."""

    key: str | None
    words: str | None
    amount: Decimal
    quantity: Decimal | None = None
    unit: str = ""


class Change(NamedTuple):
    """What both invoices have of one thing; None where one has nothing of it."""

    words: str | None
    this: Decimal | None
    last: Decimal | None
    quantity: Decimal | None = None
    quantity_before: Decimal | None = None
    unit: str = ""

    @property
    def difference(self) -> Decimal:
        """What this one has more, minus for less."""
        return (self.this or Decimal(0)) - (self.last or Decimal(0))

    @property
    def percent(self) -> Decimal | None:
        """The difference in percent of the last one; None where there was nothing, or less than nothing."""
        return self.difference / self.last * 100 if self.last is not None and self.last > 0 else None


def lines(this: InvoiceDocument, last: InvoiceDocument | None) -> list[Change]:
    """Answer each line and sum of either invoice, this one's first; lines of one price and cell are one."""
    return _compared(_lines(this), _lines(last) if last else ())


def members(this: InvoiceDocument, last: InvoiceDocument | None) -> list[Change]:
    """Answer each member of either invoice; nobody's row is the last."""
    changes = _compared(_members(this), _members(last) if last else ())
    return sorted(changes, key=lambda change: change.words is None)


def total(this: InvoiceDocument, last: InvoiceDocument | None) -> Change:
    """Answer both totals."""
    return Change("Total", this.total, last.total if last else None)


def _lines(document: InvoiceDocument) -> list[Entry]:
    found = [
        Entry(line.key or line.description, line.description, line.amount, line.quantity, line.unit)
        for line in document.lines
    ]
    return found + [Entry(f"{each.kind} {each.label}", each.label, each.amount) for each in document.sums]


def _members(document: InvoiceDocument) -> list[Entry]:
    return [Entry(share.member, share.member, share.cost) for share in document.members]


def _compared(this: Sequence[Entry], last: Sequence[Entry]) -> list[Change]:
    new, old = _by_key(this), _by_key(last)
    return [_change(new.get(key) or old[key], new.get(key), old.get(key)) for key in dict.fromkeys((*new, *old))]


def _by_key(entries: Iterable[Entry]) -> dict[str | None, Entry]:
    """Answer the entries by key; what one invoice has several times is added up."""
    found: dict[str | None, Entry] = {}
    for each in entries:
        before = found.get(each.key)
        found[each.key] = each if before is None else _together(before, each)
    return found


def _together(one: Entry, other: Entry) -> Entry:
    known = [each for each in (one.quantity, other.quantity) if each is not None]
    quantity = sum(known, Decimal(0)) if known else None
    return one._replace(amount=one.amount + other.amount, quantity=quantity, unit=other.unit or one.unit)


def _change(shown: Entry, this: Entry | None, last: Entry | None) -> Change:
    return Change(
        shown.words,
        this and this.amount,
        last and last.amount,
        this and this.quantity,
        last and last.quantity,
        shown.unit,
    )
