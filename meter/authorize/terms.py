"""What decides about a team's calls: its budgets, its plan and prices, its accounts and meters. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from meter import agreement
from meter.authorize.pricing import Pricing, pricing
from meter.errors import UnknownPlan
from meter.limits.budget import Budget
from meter.model import Meter, Team
from meter.prices.schedule import Schedule
from meter.rating.periods import Period
from meter.subscriptions import timeline
from meter.subscriptions.changes import Change
from meter.usage import EARLIEST, LATEST

Versions = tuple[int, ...]


class Terms:
    """The terms of one team at some versions; what follows from them is worked out once and kept."""

    def __init__(
        self,
        versions: Versions,
        team: Team,
        meters: Mapping[str, Meter],
        budgets: Sequence[Budget],
        accounts: Mapping[int | None, int],
        changes: Sequence[Change],
        books: Schedule,
    ) -> None:
        """Takes them as they were read; `accounts` by key, the team's own under None."""
        self.versions = versions
        self.team = team
        self.zone = ZoneInfo(team.timezone)
        self.meters = meters
        self.budgets = tuple(budgets)
        self.accounts = accounts
        self._changes = changes
        self._books = books
        self._period: Period | None = None
        self._pricings: dict[datetime, Pricing | None] = {}

    def account_of(self, key_id: int) -> int | None:
        """The account that a key's calls are paid from: its own, else the team's; None where there is neither."""
        return self.accounts.get(key_id, self.accounts.get(None))

    def billing(self, at: datetime) -> Period | None:
        """The billing period that holds an instant; None where the team has no plan then."""
        if self._period is None or at not in self._period:
            self._period = timeline.period_at(self._changes, self.team.timezone, at)
        return self._period

    def pricing(self, at: datetime) -> Pricing | None:
        """The plan of an instant by the prices of that instant; None where the team has none, or its book lost it."""
        start = self._edges[max(0, bisect_right(self._edges, at) - 1)]
        if start not in self._pricings:
            self._pricings[start] = self._read(at)
        return self._pricings[start]

    def _read(self, at: datetime) -> Pricing | None:
        stretch = timeline.stretch_at(self._changes, at)
        if stretch is None:
            return None
        try:
            return pricing(agreement.plan_of(self.team, stretch, self._books, at), self.meters)
        except UnknownPlan:
            return None

    @cached_property
    def _edges(self) -> list[datetime]:
        """When plan or prices change, first to last."""
        edges = {EARLIEST}
        for stretch in timeline.stretches(self._changes):
            start, end = stretch.start or EARLIEST, stretch.end or LATEST
            edges |= {start, end, *self._books.edges(stretch.plan, self.team.public_id, start, end)}
        return sorted(edges)
