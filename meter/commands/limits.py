"""`meter limits`: do the counters of budgets and quotas say what was used?"""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

from meter.commands.command import FOUND_SOMETHING, Command, Page
from meter.commands.with_database import database, url_of
from meter.settings import Settings

TEXT = """\
Each budget, and each price of a plan, has counters that say how far it is used in a window: by calls that were \
settled through them, and by all other usage, which the worker brings to them seconds after it came. This works out \
anew from the buckets what every counter of every team should say, and lists those that say something else. Usage \
that the worker has not followed yet is listed too, so look again a few seconds later before you worry.

With --rebuild they are set right, one team after the other, while calls go on."""


def add_arguments(parser: ArgumentParser) -> None:
    """Adds whether to set right what is not."""
    parser.add_argument("--rebuild", action="store_true", help="set right what says something else")


def run(settings: Settings, options: Namespace) -> int:
    """Compares all counters with what was used, and says what was found."""
    with database(settings) as opened:
        return asyncio.run(_compare(url_of(opened), rebuild=options.rebuild))


async def _compare(url: str, *, rebuild: bool) -> int:
    from meter.database import connect
    from meter.limits import follow
    from meter.migrate import check_current

    counters = wrong = 0
    async with await connect(url, autocommit=True) as conn:
        await check_current(conn)
        for team in await follow.teams(conn):
            now = datetime.now(UTC)
            found = await (follow.rebuild if rebuild else follow.compare)(conn, team, now)
            counters, wrong = counters + len(found.counters), wrong + len(found.wrong)
            for each in found.wrong:
                what = each.key.price or f"budget {each.key.budget_id}"
                should = each.settled + found.ingested[each.id]
                print(f"{team.name}: {what} since {each.key.starts_at:%Y-%m-%dT%H:%MZ}: {each.said:f}, not {should:f}")
    print(f"{counters:,} counters, {wrong:,} {'set right' if rebuild else 'differ'}")
    return FOUND_SOMETHING if wrong and not rebuild else 0


COMMAND = Command(
    Page(
        "limits",
        "Compare the counters of budgets and quotas with usage, or set them right",
        TEXT,
        (
            ("meter limits", "every counter that does not say what was used"),
            ("meter limits --rebuild", "set right what another tool has changed"),
        ),
        ("DATABASE_URL", "METER_DATA_DIR"),
        {0: "all of them say what was used, or do so now", FOUND_SOMETHING: "some say something else: they are listed"},
    ),
    run,
    add_arguments,
)
