"""`meter bill`: the invoices of a month, of all teams or of one."""

from __future__ import annotations

import asyncio
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from meter.commands import bill_told
from meter.commands.command import FOUND_SOMETHING, Command, Page
from meter.commands.with_database import database, url_of
from meter.settings import Settings

if TYPE_CHECKING:
    from meter.database import Connection
    from meter.invoicing.report import Asked
    from meter.invoicing.run import Issuing, Skipped, Told
    from meter.model import Team

TEXT = """\
Bills every team for the billing periods that began in a month, by the clock of its zone: usage is priced, the invoice \
gets the next number and is final, or stays a draft for METER_INVOICE_GRACE_HOURS after its period. The worker does \
the same by itself, soon after each period; this is for what was missed, or comes before anybody watched.

It is safe to run again, beside the worker or another run, and after a crash: a period has one invoice, and what is \
there is left as it is. A team that can't be billed is listed with the reason and stops no other.

What each run did is kept, the worker's too: --runs lists the last ones, /v1/billing/runs has all of it."""
ROWS = 200
RUNS = 20


def add_arguments(parser: ArgumentParser) -> None:
    """Adds which month, which team, and how it is told."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--month", type=_month, metavar="YYYY-MM", help="the month that periods began in")
    what.add_argument("--runs", action="store_true", help=f"bill nothing, list the last {RUNS} runs and what they did")
    parser.add_argument("--team", type=UUID, metavar="ID", help="this team alone")
    parser.add_argument("--final", action="store_true", help="make invoices final at once, without time of grace")
    parser.add_argument("--json", action="store_true", help="tell it as JSON, a line per team and one with the sums")


def _month(text: str) -> date:
    try:
        return datetime.strptime(f"{text}-01", "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no month; write it as 2026-10") from None


def run(settings: Settings, options: Namespace) -> int:
    """Bills, and tells what came of each team; or tells of the runs there were."""
    with database(settings) as opened:
        return asyncio.run((_list_runs if options.runs else _bill)(opened, options))


async def _list_runs(settings: Settings, options: Namespace) -> int:
    from meter.database import connect
    from meter.invoicing import report_read
    from meter.migrate import check_current

    async with await connect(url_of(settings), autocommit=True) as conn:
        await check_current(conn)
        found = await report_read.runs(conn, None, RUNS)
    (bill_told.runs_as_json if options.json else bill_told.runs)(found)
    return 0


async def _bill(settings: Settings, options: Namespace) -> int:
    from meter.database import KEEPING_PLANS, connect
    from meter.invoicing import report
    from meter.invoicing.run import Issuing, revenue
    from meter.migrate import check_current

    grace = timedelta(0) if options.final else timedelta(hours=settings.invoice_grace_hours)
    told: list[Told | Skipped] = []
    async with await connect(url_of(settings), KEEPING_PLANS, autocommit=True) as conn:
        await check_current(conn)
        found = [team async for team in _teams(conn, options.team)]
        if options.team and not found:
            print(f"there is no team {options.team}", file=sys.stderr)
            return FOUND_SOMETHING
        kept = await report.begin(conn, _asked(options), datetime.now(UTC))
        with _progress(len(found), hidden=options.json) as advance:
            for team in found:
                came = await _of_team(conn, team, options.month, Issuing(settings, grace))
                await kept.add(came, datetime.now(UTC))
                told += came
                next(advance)
        await kept.end(datetime.now(UTC))
    sums = revenue(told)
    (bill_told.results_as_json if options.json else bill_told.results)(told, sums)
    return FOUND_SOMETHING if any(each.came == "failed" for each in told) else 0


def _asked(options: Namespace) -> Asked:
    """The run as it was asked for, in the words of the command."""
    from meter.invoicing.report import Asked

    team = f" --team {options.team}" if options.team else ""
    final = " --final" if options.final else ""
    return Asked("command", f"bill --month {options.month:%Y-%m}{team}{final}", options.month)


async def _teams(conn: Connection, only: UUID | None) -> AsyncIterator[Team]:
    """Every team, or the one that was named; of those that ended, what had a plan."""
    from meter import teams

    after = 0
    while page := await teams.to_bill(conn, after, ROWS, only):
        for team in page:
            yield team
        after = page[-1].id


async def _of_team(conn: Connection, team: Team, month: date, issuing: Issuing) -> list[Told | Skipped]:
    """What came of the periods of a team that began in a month; those that are not over are skipped."""
    from zoneinfo import ZoneInfo

    from meter.invoicing.run import Skipped, bill_period
    from meter.subscriptions import store as subscriptions
    from meter.subscriptions import timeline
    from meter.windows import following, utc

    now, zone = datetime.now(UTC), ZoneInfo(team.timezone)
    start = utc(datetime(month.year, month.month, 1), zone)  # noqa: DTZ001 - the zone is said beside it
    end = following(start, "month", zone)
    log = await subscriptions.read(conn, team.id)
    periods = timeline.periods(log.standing, team.timezone, start, end)
    began = [period for period in periods if start <= period.start < end]
    if not began:
        return [Skipped(team, "it never had a plan" if not log.standing else "no period of a plan began in that month")]
    return [
        await bill_period(conn, team, period, issuing, now)
        if period.end <= now
        else Skipped(team, f"its period ends at {period.end.isoformat()}", period)
        for period in began
    ]


@contextmanager
def _progress(teams: int, *, hidden: bool) -> Iterator[Iterator[None]]:
    """A bar on a terminal; each step of what it gives is a team."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=hidden or not console.is_terminal, transient=True) as bar:
        task = bar.add_task("billing", total=teams)

        def steps() -> Iterator[None]:
            while True:
                bar.advance(task)
                yield

        yield steps()


COMMAND = Command(
    Page(
        "bill",
        "Make the invoices of a month",
        TEXT,
        (
            ("meter bill --month 2026-10", "every team's October"),
            ("meter bill --month 2026-10 --final --json", "at once final, told line by line"),
            ("meter bill --runs", "what the last runs did"),
        ),
        ("DATABASE_URL", "METER_DATA_DIR", "METER_INVOICE_GRACE_HOURS", "METER_INVOICE_NUMBER"),
        {0: "every team is billed", FOUND_SOMETHING: "some could not be: they are listed with the reason"},
    ),
    run,
    add_arguments,
)
