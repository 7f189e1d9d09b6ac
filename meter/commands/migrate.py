"""`meter migrate`: the database in the shape this version needs."""

from __future__ import annotations

import asyncio
from argparse import Namespace

from meter.commands.command import Command, Page
from meter.commands.with_database import database, url_of
from meter.settings import Settings


def run(settings: Settings, _options: Namespace) -> int:
    """Migrates and names what was applied."""
    from meter.database import connect
    from meter.migrate import migrate

    async def bring(url: str) -> list[str]:
        async with await connect(url, autocommit=True) as conn:
            return await migrate(conn)

    with database(settings) as opened:
        applied = asyncio.run(bring(url_of(opened)))
    print("\n".join([f"applied {name}" for name in applied] or ["nothing to apply: the database is current"]))
    return 0


COMMAND = Command(
    Page(
        "migrate",
        "Bring the database to the shape this version needs",
        "Forward only; safe to run at any time, and twice at once. In a database with TimescaleDB (Timescale licence) "
        "the first run makes hypertables and continuous aggregates, elsewhere partitions and roll-up tables.",
        (
            (
                "DATABASE_URL=postgresql://hourmeter@db/hourmeter meter migrate",
                "before `meter serve`, and after updates",
            ),
        ),
        ("DATABASE_URL", "METER_DATA_DIR"),
    ),
    run,
)
