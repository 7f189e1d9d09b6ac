"""How much of what a plan includes is used, and what does the rest cost? Per price with free units."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from meter.rating.adjust.convert import converted
from meter.rating.charge import total
from meter.rating.draft import counted
from meter.rating.money import cut, displayed, exact, plain, quotient

if TYPE_CHECKING:
    from meter.rating.book import Plan
    from meter.rating.line import Line
    from meter.rating.price import Price
    from meter.rating.usage import Usage

_HUNDRED: Final = Decimal(100)
_PERCENT_PLACES: Final = 2


class Allowance(NamedTuple):
    """What a price includes per period, in its unit; `included`, `remaining` and `percent` are None without limit.

    `overage` is what was used beyond, `overage_cost` what the price's lines come to: `unit_amount` for `per` units.
    """

    price: Price
    included: Decimal | None
    used: Decimal
    remaining: Decimal | None
    percent: Decimal | None
    overage: Decimal
    overage_cost: Decimal


def allowances(plan: Plan, usage: Sequence[Usage], lines: Sequence[Line]) -> tuple[Allowance, ...]:
    """Every price of the plan that includes something, used or not, in the plan's order.

    `usage` and `lines` are those of one rating. Raises UsageError as `rate` does.
    """
    used = tuple(row for row in usage if row.quantity)
    return tuple(_allowance(price, used, lines) for price in plan.prices if price.included != 0 and price.counts)


@exact()
def _allowance(price: Price, usage: tuple[Usage, ...], lines: Sequence[Line]) -> Allowance:
    used = _used(price, usage)
    cost = sum((line.amount for line in lines if line.price == price.id), Decimal(0))
    if price.included is None:
        return Allowance(price, None, used, None, None, Decimal(0), cost)
    return Allowance(
        price=price,
        included=price.included,
        used=used,
        remaining=max(Decimal(0), plain(price.included - used)),
        percent=cut(quotient(used * _HUNDRED, price.included), _PERCENT_PLACES),
        overage=max(Decimal(0), plain(used - price.included)),
        overage_cost=cost,
    )


def _used(price: Price, usage: tuple[Usage, ...]) -> Decimal:
    """What was used of a price, in its unit, free units not yet taken off."""
    rows = counted(price, usage)
    quantity, divisor = total(row.quantity for row in rows), rows[0].divisor if rows else Decimal(1)
    return displayed(*(converted(price.conversion, quantity, divisor) if price.conversion else (quantity, divisor)))
