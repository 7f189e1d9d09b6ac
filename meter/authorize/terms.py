"""What decides about a team's calls: its budgets, its plan and prices, its accounts and meters; remembered and checked.

Each batch asks in its own transaction whether anything of this has changed, and begins again if so: a budget that was
lowered, a credit line or a price holds for the next call, whichever process answers it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from meter import agreement
from meter.authorize.pricing import Pricing, pricing
from meter.database import Connection
from meter.errors import UnknownPlan
from meter.ingest import load_meters
from meter.ledger import store as ledger
from meter.limits import kept
from meter.limits.budget import Budget
from meter.model import Meter, Team
from meter.prices import store as prices
from meter.prices.schedule import Schedule
from meter.rating.periods import Period
from meter.subscriptions import store as subscriptions
from meter.subscriptions import timeline
from meter.subscriptions.changes import Change
from meter.usage import EARLIEST, LATEST
from sql import statement

MOST_TEAMS = 1_000
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


class TermsCache:
    """The terms that a process remembers, the latest asked for last; no more than MOST_TEAMS."""

    def __init__(self) -> None:
        """Remembers none yet."""
        self._known: dict[int, Terms] = {}

    async def of(self, conn: Connection, team: Team) -> Terms:
        """The terms of a team as remembered, else as they are; the batch checks the versions."""
        found = self._known.pop(team.id, None) or await read(conn, team)
        if len(self._known) >= MOST_TEAMS:
            del self._known[next(iter(self._known))]
        self._known[team.id] = found
        return found

    def forget(self, team_ids: Sequence[int]) -> None:
        """Reads these teams' terms anew next time."""
        for team_id in team_ids:
            self._known.pop(team_id, None)

    def remembered(self, team_id: int) -> Terms | None:
        """The last terms known of a team, for when nobody can be asked."""
        return self._known.get(team_id)


async def read(conn: Connection, team: Team) -> Terms:
    """The terms of a team, all in one snapshot."""
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        versions = (await current(conn, [team.id]))[team.id]
        return Terms(
            versions,
            team,
            await load_meters(conn, team.id),
            await kept.budgets(conn, team.id),
            {key: account.id for key, account in (await ledger.find(conn, team.id)).items()},
            (await subscriptions.read(conn, team.id)).standing,
            await prices.read(conn),
        )


async def current(conn: Connection, team_ids: Sequence[int]) -> dict[int, Versions]:
    """The versions of what decides about these teams, now."""
    rows = await (await conn.execute(statement("list_terms_versions"), {"team_ids": list(team_ids)})).fetchall()
    return {team_id: tuple(versions) for team_id, versions in rows}
