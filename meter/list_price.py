"""What would usage cost at list price, by the plan that the team was on at that time?"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from meter.database import Connection
from meter.prices import plan_named
from meter.rating import list_price
from meter.rating.book import Plan
from meter.rating.list_price import Listed, NoPrice
from sql import statement


class Cost(NamedTuple):
    """Money in major units of a currency, or the reason why there is none. Rounded nowhere."""

    amount: Decimal | None
    currency: str | None
    reason: NoPrice | None


class Tariffs(NamedTuple):
    """The plans of a team, each from its instant until the next; before the first one the newest applies."""

    starts: Sequence[datetime]
    plans: Sequence[Plan]
    currency: str

    def price(self, meter: str, at: datetime, *, billable: bool) -> Listed | NoPrice:
        """The list price of a meter at an instant, or why it has none."""
        if not billable:
            return "not_billable"
        if not self.plans:
            return "no_plan"
        plan = self.plans[bisect_right(self.starts, at) - 1]
        return list_price.listed(plan, meter) if plan.currency == self.currency else "other_currency"

    def cost(self, meter: str, at: datetime, quantity: Decimal, divisor: Decimal, *, billable: bool) -> Cost:
        """What `quantity / divisor` units of a meter at an instant cost."""
        price = self.price(meter, at, billable=billable)
        if isinstance(price, str):
            return Cost(None, None, price)
        return Cost(list_price.cost(price, quantity, divisor), price.currency, None)


async def read(conn: Connection, team_id: int, currency: str) -> Tariffs:
    """The plans of a team that is billed in a currency; prices in another are none."""
    rows = await (await conn.execute(statement("list_subscriptions"), {"team_id": team_id})).fetchall()
    return Tariffs([row[0] for row in rows], [plan_named(row[1]) for row in rows], currency)
