"""What is a total made of, and which parts of it made it change? Of quantities, and just so of amounts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from math import fsum
from typing import Literal, NamedTuple

import msgspec
import polars as pl

from analytics.frames.change import WIDE, Change, change, percent_of, total
from analytics.frames.number import exact, statistic
from analytics.frames.rows import shaped

NAME = "breakdown"

Order = Literal["quantity", "name", "change"]


class Item(msgspec.Struct, frozen=True):
    """One group's part; `group` is null for what has no value of the dimension.

    `quantity` and `base` are null without data in that period. `share` of the total is a fraction, 0 to 1 where nothing
    is negative. `contribution` is what the group adds to the total's change: having no data adds nothing, so one that
    is new contributes all it has and one that is gone takes away all it had. `contribution_percent` says so in percent
    of the base total; `percent` is the group's own change. Contributions are null where the total's change is.
    """

    group: str | None
    quantity: Decimal | None
    share: Decimal | None
    base: Decimal | None
    contribution: Decimal | None
    contribution_percent: Decimal | None
    percent: Decimal | None
    new: bool
    gone: bool


class Other(msgspec.Struct, frozen=True):
    """All groups beyond the top ones in one; how many they are, and the same figures as of an item."""

    groups: int
    quantity: Decimal | None
    share: Decimal | None
    base: Decimal | None
    contribution: Decimal | None
    contribution_percent: Decimal | None
    percent: Decimal | None


class Breakdown(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """What [from, to) is made of. Items and `other` add up to `change.current`, contributions to `change.absolute`.

    Both exactly. `base_from` and `base_to` are null where there is no base period.
    """

    from_: datetime
    to: datetime
    base_from: datetime | None
    base_to: datetime | None
    order: Order
    change: Change
    groups: int
    items: tuple[Item, ...]
    other: Other | None


class Base(NamedTuple):
    """The period to compare with, and its rows."""

    rows: pl.DataFrame
    from_: datetime
    to: datetime


class _Size(NamedTuple):
    """A group, with what it has in each period."""

    group: str | None
    quantity: Decimal | None
    base: Decimal | None


def breakdown(
    rows: pl.DataFrame,
    *,
    from_: datetime,
    to: datetime,
    base: Base | None = None,
    order: Order = "quantity",
    top: int | None = None,
) -> Breakdown:
    """Answer what the total of [from_, to) is made of, and what changed it against the base period.

    `rows`: `start` (Datetime, UTC), `group` (String; null = no value of the dimension), `quantity` (Decimal or float)
    of what can be added up. Rows that start outside of their period are left out; null quantities are no data. Sums of
    Decimals are exact. Floats are added up without loss, rounded once per group, and the total is the sum of that.
    Orders: by falling quantity, by name, or by falling size of the contribution, up or down; equals by quantity, then
    by name. The `top` first items stay, the rest is `other`; the item without a value is never part of that and does
    not count for `top`. Groups without data in both periods are no items.

    Raises:
        ValueError: an empty period, `top` below 1, an order by change without a base, quantities beyond all bounds.
    """
    if top is not None and top < 1:
        raise ValueError("`top` must be at least 1.")
    if order == "change" and base is None:
        raise ValueError("Without a base period there is no change to order by.")
    current = _sums(rows, from_, to)
    before = {} if base is None else _sums(base.rows, base.from_, base.to)
    whole = change(total(current.values()), total(before.values()))
    sizes = [_Size(group, current.get(group), before.get(group)) for group in current.keys() | before.keys()]
    first, rest = _cut(_ordered(sizes, order), top)
    return Breakdown(
        from_=from_,
        to=to,
        base_from=None if base is None else base.from_,
        base_to=None if base is None else base.to,
        order=order,
        change=whole,
        groups=len(sizes),
        items=tuple(_item(size, whole) for size in first),
        other=_other(rest, whole) if rest else None,
    )


def _sums(rows: pl.DataFrame, from_: datetime, to: datetime) -> dict[str | None, Decimal]:
    """Answer what each group with data has in [from_, to)."""
    if from_ >= to:
        raise ValueError("The period is empty: `from` must lie before `to`.")
    known = shaped(rows).filter(pl.col("start").is_between(from_, to, closed="left")).drop_nulls("quantity")
    grouped = known.group_by("group")
    if known.schema["quantity"].is_decimal():
        return _known(grouped.agg(pl.col("quantity").sum()).iter_rows())
    # fsum rounds once, whatever the order; polars rounds at every addition
    lists = grouped.agg(pl.col("quantity")).iter_rows()
    return _known((group, _fsum(quantities)) for group, quantities in lists)


def _known(sums: Iterable[tuple[str | None, Decimal | float]]) -> dict[str | None, Decimal]:
    """Answer sums as decimals."""
    return {group: number for group, quantity in sums if (number := exact(quantity)) is not None}


def _fsum(quantities: Sequence[float]) -> float:
    """Answer the sum of floats, correctly rounded."""
    try:
        return fsum(quantities)
    except OverflowError as error:
        raise ValueError("The quantities are too large to be added up.") from error


def _ordered(sizes: list[_Size], order: Order) -> list[_Size]:
    """Answer the groups in order; sorting is stable, so the first key sorted by is the last to count."""
    named = sorted(sizes, key=lambda size: (size.group is None, size.group or ""))
    if order == "name":
        return named
    falling = sorted(named, key=lambda size: (size.quantity is not None, size.quantity or 0), reverse=True)
    if order == "quantity":
        return falling
    return sorted(falling, key=lambda size: _difference(size).copy_abs(), reverse=True)


def _difference(size: _Size) -> Decimal:
    """Answer what a group adds to the change; no data adds nothing."""
    return WIDE.subtract(size.quantity or Decimal(0), size.base or Decimal(0))


def _cut(ordered: list[_Size], top: int | None) -> tuple[list[_Size], list[_Size]]:
    """Answer the items to show and those that become one; what has no value of the dimension is always shown."""
    named = [size for size in ordered if size.group is not None]
    if top is None or len(named) <= top:
        return ordered, []
    last = ordered.index(named[top - 1])
    rest = named[top:]
    return ordered[: last + 1] + [size for size in ordered[last + 1 :] if size.group is None], rest


def _item(size: _Size, whole: Change) -> Item:
    """Answer one group's figures. It is new or gone only against a base period that has data at all."""
    compared = whole.absolute is not None
    return Item(
        group=size.group,
        new=compared and size.base is None,
        gone=compared and size.quantity is None,
        **_figures(size, whole),
    )


def _other(rest: list[_Size], whole: Change) -> Other:
    """Answer the figures of many groups as of one."""
    together = _Size(None, total(size.quantity for size in rest), total(size.base for size in rest))
    return Other(groups=len(rest), **_figures(together, whole))


def _figures(size: _Size, whole: Change) -> dict[str, Decimal | None]:
    """Answer the numbers that items and `other` share."""
    contribution = None if whole.absolute is None else _difference(size)
    return {
        "quantity": size.quantity,
        "share": statistic(size.quantity / whole.current) if size.quantity is not None and whole.current else None,
        "base": size.base,
        "contribution": exact(contribution),
        "contribution_percent": None if contribution is None else percent_of(contribution, whole.base or Decimal(0)),
        "percent": change(size.quantity, size.base).percent,
    }
