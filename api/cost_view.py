"""Costs at list price as the API shows them: text, never a float, and a reason where there is no amount."""

from __future__ import annotations

import msgspec

from meter.list_price import Cost
from meter.rating.list_price import NoPrice
from meter.rating.money import cut


class CostView(msgspec.Struct, frozen=True):
    """What usage costs at list price, in major units of `currency`, free units and minimums apart; 12 decimals at most.

    Without an amount `reason` says why: `unpriced` (the plan has no price for it), `by_peak` (the period's peak is paid
    for), `no_list_price` (there are several prices), `no_plan`, `other_currency`, `unbilled` (on purpose) or
    `not_billable` (an internal key, or a meter that is never billed). Beside an amount it says why a part is not in it.
    """

    amount: str | None
    currency: str | None
    reason: NoPrice | None


def cost_view(cost: Cost) -> CostView:
    """The cost, rounded half up where it has more than 12 decimals."""
    return CostView(None if cost.amount is None else f"{cut(cost.amount):f}", cost.currency, cost.reason)
