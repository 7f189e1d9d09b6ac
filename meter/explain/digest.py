"""What a line states, in one form and order for everybody, and the digest of that. Pure.

The digest is SHA-256, in hex, of the statement as JSON in UTF-8: keys sorted, no spaces, nothing escaped that need not
be. Numbers are text without an exponent and without zeros at the end, instants are UTC to the microsecond.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from meter.invoices import Settled
from meter.rating.line import Line, in_order
from meter.rating.money import plain

FORM = "hourmeter-line-1"

Statement = dict[str, object]


def stated(
    invoice: UUID, number: int, line: Line, settled: Settled, events: int | None, coverage: Decimal | None
) -> Statement:
    """What the line of that number (from 1) states: its facts, what became of it, and what is behind it."""
    shares = {each.member: each.amount for each in line.members}
    return {
        "form": FORM,
        "invoice": str(invoice),
        "line": number,
        "kind": line.kind,
        "price": line.price,
        "cell": line.cell,
        "category": line.category,
        "description": line.description,
        "plan": line.plan,
        "price_version": line.price_version,
        "from": _instant(line.start),
        "to": _instant(line.end),
        "meter": line.meter,
        "measure": line.measure,
        "unit": line.unit,
        "quantity": _number(line.quantity),
        "included": _number(line.included),
        "billed_quantity": _number(line.billed_quantity),
        "unit_amount": None if line.unit_amount is None else _number(line.unit_amount),
        "per": _number(line.per),
        "gross": _number(line.gross),
        "discounts": [{"kind": each.kind, "amount": _number(each.amount)} for each in line.discounts],
        "exact": _number(line.exact),
        "amount": _number(line.amount),
        "discount": _number(settled.discount),
        "tax": _number(settled.tax),
        "tax_included": _number(settled.tax_included),
        "total": _number(settled.total),
        "members": [{"member": name, "amount": _number(shares[name])} for name in in_order(shares)],
        "derivation": [{"name": each.name, "facts": each.facts} for each in line.derivation],
        "events": events,
        "coverage": None if coverage is None else _number(coverage),
    }


def digest(statement: Statement) -> str:
    """The digest of a statement."""
    text = json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _number(value: Decimal) -> str:
    return f"{plain(value):f}"


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
