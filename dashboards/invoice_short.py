"""What goes on paper when an invoice has thousands of lines? They are added up; each alone is in the CSV. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from dashboards.invoice import InvoiceLine, MemberShare, Usage

LINES_MAX = 60
MEMBERS_MAX = 40
OTHER = "Other"


def few_lines(lines: Sequence[InvoiceLine]) -> Sequence[InvoiceLine]:
    """Answer the lines as they are up to LINES_MAX, else one for each group, and so many of those at most."""
    if len(lines) <= LINES_MAX:
        return lines
    groups: dict[tuple[str, str], list[InvoiceLine]] = {}
    for line in lines:
        groups.setdefault((line.group or line.description, line.unit), []).append(line)
    added = [own[0] if len(own) == 1 else _together(name, own) for (name, _), own in groups.items()]
    if len(added) <= LINES_MAX:
        return added
    largest = sorted(range(len(added)), key=lambda at: (-abs(added[at].amount), at))[: LINES_MAX - 1]
    kept = sorted(largest)
    rest = [line for at, line in enumerate(added) if at not in set(kept)]
    return [*(added[at] for at in kept), replace(_together(OTHER, rest), quantity=None, included=None, unit="")]


def _together(name: str, lines: Sequence[InvoiceLine]) -> InvoiceLine:
    """Answer several lines as one, without a price: they may have had different ones."""
    return replace(
        lines[0],
        description=name,
        amount=sum((line.amount for line in lines), Decimal(0)),
        quantity=_added([line.quantity for line in lines]),
        included=_added([line.included for line in lines]) or None,
        unit_price=None,
        per=Decimal(1),
        detail=f"{len(lines)} lines",
    )


def _added(values: Sequence[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    return sum(known, Decimal(0)) if known else None


def few_members(members: Sequence[MemberShare]) -> Sequence[MemberShare]:
    """Answer the rows as they are up to MEMBERS_MAX, else those that cost most, all others as one, and nobody's."""
    if len(members) <= MEMBERS_MAX:
        return members
    named = [share for share in members if share.member is not None]
    nobody = [share for share in members if share.member is None]
    by_cost = sorted(named, key=lambda share: (-share.cost, share.member))
    kept = MEMBERS_MAX - 1 - len(nobody)
    rest = by_cost[kept:]
    used: dict[tuple[str, str], Usage] = {}
    for usage in (each for share in rest for each in share.usage):
        before = used.get((usage.name, usage.unit))
        quantity = usage.quantity + (before.quantity if before else 0)
        used[usage.name, usage.unit] = replace(usage, quantity=quantity)
    cost = sum((share.cost for share in rest), Decimal(0))
    others = replace(rest[0], member="", cost=cost, usage=tuple(used.values()), others=len(rest))
    return [*by_cost[:kept], others, *nobody]
