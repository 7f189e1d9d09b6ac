"""`meter limits` as people run it: counters that say something else than was used are listed, and set right."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from meter import aggregate
from meter.database import Connection, Pool
from meter.ingest import Ingest
from meter.limits import acts, follow, store
from meter.limits.wish import Wish
from meter.model import Event
from tests.contract.place import make_team


def command(database: str, *options: str) -> tuple[int, str]:
    """Answer the exit code, and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "meter", "limits", *options],
        env=os.environ | {"DATABASE_URL": database},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
async def test_what_is_wrong_is_listed_and_set_right(database: str, pool: Pool, conn: Connection) -> None:
    """A counter that another tool has changed is found, with what it should say, until it is rebuilt."""
    now = datetime.now(UTC)
    team, caller = await make_team(conn)
    wish = Wish("tokens", "units", Decimal(10), "ever", meters=("tokens.input",))
    async with conn.transaction():
        await acts.create(conn, team, wish, now)
    event = Event("a", now, "tokens.input", 7)
    assert (await Ingest(pool, 90).take(team, caller, [event], now)).accepted == 1
    assert len(await store.budgets(conn, team.id)) == 1
    assert await aggregate.refresh(conn)
    await follow.turn(conn, now)
    assert command(database) == (0, "1 counters, 0 differ\n")
    await conn.execute("update counter set ingested = 12")
    code, said = command(database)
    assert (code, said.splitlines()[-1]) == (1, "1 counters, 1 differ")
    assert "12, not 7" in said
    code, said = command(database, "--rebuild")
    assert (code, said.splitlines()[-1]) == (0, "1 counters, 1 set right")
    assert command(database) == (0, "1 counters, 0 differ\n")
