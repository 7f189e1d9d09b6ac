"""What was billed? Invoices as they were made, read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec

from meter.database import Connection
from meter.rating.charge import Step
from meter.rating.invoice import MemberShare
from meter.rating.line import Discount, Line, Share
from meter.rating.periods import Period
from sql import statement

Status = Literal["draft", "open", "paid", "void", "uncollectible"]


class Party(msgspec.Struct, frozen=True):
    """Who sells or who pays, as printed: a name and the lines under it."""

    name: str
    lines: tuple[str, ...] = ()


class Invoice(msgspec.Struct, frozen=True, kw_only=True):
    """One team, one period, one reason. A draft has no number and dates yet; what is final keeps all but its status.

    `meters` has title and unit of each meter in the members' usage. `exact` is the total before rounding. In a list the
    lines and members are left out.
    """

    id: int
    public_id: UUID
    team_id: int
    team: UUID
    reason: str
    period: Period
    plan: str
    book: str
    price_version: str
    rating_version: str
    currency: str
    total: Decimal
    exact: Decimal
    seller: Party
    customer: Party
    meters: dict[str, tuple[str, str]]
    as_of: datetime | None
    created_at: datetime
    status: Status
    number: str | None
    issued_at: datetime | None
    due_at: datetime | None
    lines: tuple[Line, ...] = ()
    members: tuple[MemberShare, ...] = ()


async def get(conn: Connection, public_id: UUID, team_id: int | None) -> Invoice | None:
    """The invoice with its lines, None where there is none or it is not of `team_id` (None: whosever it is)."""
    asked = {"public_id": public_id, "team_id": team_id}
    row = await (await conn.execute(statement("get_invoice"), asked)).fetchone()
    if row is None:
        return None
    lines = await (await conn.execute(statement("list_invoice_lines"), {"invoice_id": row[0]})).fetchall()
    members = await (await conn.execute(statement("list_invoice_members"), {"invoice_id": row[0]})).fetchall()
    return msgspec.structs.replace(_invoice(row), lines=tuple(map(_line, lines)), members=tuple(map(_member, members)))


async def list_invoices(conn: Connection, team_id: int | None, before: UUID | None, rows: int) -> list[Invoice]:
    """At most `rows` invoices made before the one named, newest first, without lines; of all teams with None."""
    asked = {"team_id": team_id, "before": before, "rows": rows}
    found = await (await conn.execute(statement("list_invoices"), asked)).fetchall()
    return [_invoice(row) for row in found]


def _invoice(row: Sequence[Any]) -> Invoice:
    """A row of get_invoice: its sixth to ninth column are the period's."""
    names = [name for name in Invoice.__struct_fields__ if name not in {"lines", "members"}]
    values = dict(zip(names, (*row[:5], Period(*row[5:9]), *row[9:]), strict=True))
    for name, kind in (("seller", Party), ("customer", Party), ("meters", dict[str, tuple[str, str]])):
        values[name] = msgspec.convert(values[name], kind)
    return Invoice(**values)


def _line(row: Sequence[Any]) -> Line:
    values = dict(zip(Line.__struct_fields__, row, strict=True))
    values["derivation"] = msgspec.convert(values["derivation"], tuple[Step, ...])
    values["discounts"] = msgspec.convert(values["discounts"], tuple[Discount, ...], strict=False)
    values["members"] = tuple(Share(member, Decimal(amount)) for member, amount in values["members"])
    return Line(**values)


def _member(row: Sequence[Any]) -> MemberShare:
    usage: Mapping[str, str] = row[2]
    return MemberShare(row[0], row[1], {meter: Decimal(quantity) for meter, quantity in usage.items()})
