"""What would usage cost at list price, by the plan that the team was on at that time?"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from meter.database import Connection
from meter.model import Team
from meter.prices import store as prices
from meter.rating import list_price
from meter.rating.book import Plan
from meter.rating.list_price import Listed, NoPrice
from meter.subscriptions import store as subscriptions
from meter.subscriptions import timeline
from meter.usage import EARLIEST, LATEST


class Cost(NamedTuple):
    """Money in major units of a currency, or the reason why there is none. Rounded nowhere."""

    amount: Decimal | None
    currency: str | None
    reason: NoPrice | None


class Tariffs(NamedTuple):
    """The plans of a team, each from its instant until the next; None where it has none."""

    starts: Sequence[datetime]
    plans: Sequence[Plan | None]
    currency: str

    def price(self, meter: str, at: datetime, *, billable: bool) -> Listed | NoPrice:
        """The list price of a meter at an instant, or why it has none."""
        if not billable:
            return "not_billable"
        place = bisect_right(self.starts, at) - 1
        plan = self.plans[place] if place >= 0 else None
        if plan is None:
            return "no_plan"
        return list_price.listed(plan, meter) if plan.currency == self.currency else "other_currency"

    def cost(self, meter: str, at: datetime, quantity: Decimal, divisor: Decimal, *, billable: bool) -> Cost:
        """What `quantity / divisor` units of a meter at an instant cost."""
        price = self.price(meter, at, billable=billable)
        if isinstance(price, str):
            return Cost(None, None, price)
        return Cost(list_price.cost(price, quantity, divisor), price.currency, None)


async def read(conn: Connection, team: Team) -> Tariffs:
    """The plans of a team by what is decided and in force; prices in a currency that it is not billed in are none."""
    books, log = await prices.read(conn), await subscriptions.read(conn, team.id)
    plans: dict[datetime, Plan | None] = {}
    for stretch in timeline.stretches(log.standing):
        start, end = stretch.start or EARLIEST, stretch.end or LATEST
        for at in (start, *sorted(books.edges(stretch.plan, team.public_id, start, end))):
            plans[at] = books.plan(stretch.plan, at, team.public_id)
        plans[end] = None
    return Tariffs(list(plans), list(plans.values()), team.currency)
