"""`meter bill`: the invoices of a month, of all teams or of one."""

from __future__ import annotations

import asyncio
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from meter.commands.command import FOUND_SOMETHING, Command, Page
from meter.commands.with_database import database, url_of
from meter.settings import Settings

if TYPE_CHECKING:
    from meter.database import Connection
    from meter.invoicing.run import Issuing, Told
    from meter.model import Team

TEXT = """\
Bills every team for the billing periods that began in a month, by the clock of its zone: usage is priced, the invoice \
gets the next number and is final, or stays a draft for METER_INVOICE_GRACE_HOURS after its period. The worker does \
the same by itself, soon after each period; this is for what was missed, or comes before anybody watched.

It is safe to run again, beside the worker or another run, and after a crash: a period has one invoice, and what is \
there is left as it is. A team that can't be billed is listed with the reason and stops no other."""
ROWS = 200


def add_arguments(parser: ArgumentParser) -> None:
    """Adds which month, which team, and how it is told."""
    parser.add_argument(
        "--month", required=True, type=_month, metavar="YYYY-MM", help="the month that periods began in"
    )
    parser.add_argument("--team", type=UUID, metavar="ID", help="this team alone")
    parser.add_argument("--final", action="store_true", help="make invoices final at once, without time of grace")
    parser.add_argument("--json", action="store_true", help="tell it as JSON, a line per team and one with the sums")


def _month(text: str) -> tuple[int, int]:
    try:
        day = datetime.strptime(f"{text}-01", "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no month; write it as 2026-10") from None
    return day.year, day.month


def run(settings: Settings, options: Namespace) -> int:
    """Bills, and tells what came of each team."""
    with database(settings) as opened:
        return asyncio.run(_bill(opened, options))


async def _bill(settings: Settings, options: Namespace) -> int:
    from meter.database import connect
    from meter.invoicing.run import Issuing
    from meter.migrate import check_current

    grace = timedelta(0) if options.final else timedelta(hours=settings.invoice_grace_hours)
    told: list[Told] = []
    async with await connect(url_of(settings), autocommit=True) as conn:
        await check_current(conn)
        found = [team async for team in _teams(conn, options.team)]
        with _progress(len(found), hidden=options.json) as advance:
            for team in found:
                told += await _of_team(conn, team, options.month, Issuing(settings, grace))
                next(advance)
    (_tell_json if options.json else _tell)(told)
    if options.team and not found:
        print(f"there is no team {options.team} that has a plan", file=sys.stderr)
    return FOUND_SOMETHING if any(each.came == "failed" for each in told) or (options.team and not found) else 0


async def _teams(conn: Connection, only: UUID | None) -> AsyncIterator[Team]:
    """Every team that has or had a plan, or the one that was named."""
    from meter import teams

    after = 0
    while page := await teams.with_plans(conn, after, ROWS):
        for team in page:
            if only in {None, team.public_id}:
                yield team
        after = page[-1].id


async def _of_team(conn: Connection, team: Team, month: tuple[int, int], issuing: Issuing) -> list[Told]:
    """What came of the periods of a team that began in a month and are over."""
    from zoneinfo import ZoneInfo

    from meter.invoicing.run import bill_period
    from meter.subscriptions import store as subscriptions
    from meter.subscriptions import timeline
    from meter.windows import following, utc

    now, zone = datetime.now(UTC), ZoneInfo(team.timezone)
    start = utc(datetime(*month, 1), zone)  # noqa: DTZ001 - the zone is said beside it
    end = following(start, "month", zone)
    log = await subscriptions.read(conn, team.id)
    periods = timeline.periods(log.standing, team.timezone, start, end)
    return [
        await bill_period(conn, team, period, issuing, now)
        for period in periods
        if start <= period.start < end and period.end <= now
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


def _tell(told: Sequence[Told]) -> None:
    """A line per team, then how many, and what they come to."""
    from meter.invoicing.run import revenue

    for each in told:
        line = f"{each.team.name}: {each.period.start:%Y-%m-%d} {each.came}"
        made = each.invoice
        told_of = each.why or "in parts" if made is None else f"{made.number or ''} {made.total:f} {made.currency}"
        print(f"{line}: {told_of}")
    came = Counter(each.came for each in told)
    print(", ".join(f"{came[name]:,} {name}" for name in ("billed", "draft", "there", "failed")))
    for billed in revenue(told):
        print(f"{billed.total:f} {billed.currency} in {billed.invoices:,} invoices")


def _tell_json(told: Sequence[Told]) -> None:
    from meter.invoicing.run import revenue

    for each in told:
        made = each.invoice
        shown: dict[str, Any] = {
            "team": each.team.public_id,
            "from": each.period.start,
            "to": each.period.end,
            "came": each.came,
            "why": each.why or None,
            "invoice": made and made.public_id,
            "number": made and made.number,
            "total": made and f"{made.total:f}",
            "currency": made and made.currency,
        }
        print(msgspec.json.encode(shown).decode())
    sums = [
        {"currency": each.currency, "invoices": each.invoices, "total": f"{each.total:f}"} for each in revenue(told)
    ]
    print(msgspec.json.encode({"came": Counter(each.came for each in told), "revenue": sums}).decode())


COMMAND = Command(
    Page(
        "bill",
        "Make the invoices of a month",
        TEXT,
        (
            ("meter bill --month 2026-10", "every team's October"),
            ("meter bill --month 2026-10 --final --json", "at once final, told line by line"),
        ),
        ("DATABASE_URL", "METER_DATA_DIR", "METER_INVOICE_GRACE_HOURS", "METER_SELLER_NAME"),
        {0: "every team is billed", FOUND_SOMETHING: "some could not be: they are listed with the reason"},
    ),
    run,
    add_arguments,
)
