"""The terms of teams, remembered and checked.

Each batch asks in its own transaction whether anything of this has changed, and begins again if so: a budget that was
lowered, a credit line or a price holds for the next call, whichever process answers it.
"""

from __future__ import annotations

from collections.abc import Sequence

from meter.authorize.terms import Terms, Versions
from meter.database import Connection
from meter.ingest import load_meters
from meter.ledger import store as ledger
from meter.limits import kept
from meter.model import Team
from meter.prices import store as prices
from meter.subscriptions import store as subscriptions
from sql import statement

MOST_TEAMS = 1_000


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
