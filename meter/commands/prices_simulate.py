"""`meter prices simulate`: who would have paid less by a book, and who more?"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from meter.commands.command import Page
from meter.commands.prices_given import (
    SETTINGS,
    WRONG,
    WRONG_CODE,
    One,
    add_file,
    add_json,
    print_json,
    with_database,
    written,
)
from meter.commands.prices_shown import show_money
from meter.settings import Settings

if TYPE_CHECKING:
    from meter.database import Connection
    from meter.prices.effect import Money
    from meter.prices.store import Source

MONTHS: Final = 24
TEAMS: Final = 1_000_000
SECONDS: Final = 600


def add_months(parser: ArgumentParser, default: int) -> None:
    """Adds how many of each team's billing periods are looked at."""
    what = f"how many of each team's last billing periods are rated, 0 to {MONTHS} (default: %(default)s)"
    parser.add_argument("--months", type=int, choices=range(MONTHS + 1), default=default, metavar="N", help=what)


async def look(conn: Connection, url: str, source: Source, months: int, now: datetime) -> Money:
    """What teams paid and would have paid, with a bar on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from meter.prices.effect import money
    from meter.simulation.apart import Database
    from meter.simulation.question import Question

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("teams", total=None)
        return await money(
            conn,
            Database(url, SECONDS),
            Question(source, months, now),
            lambda each: bar.update(task, completed=each.done, total=each.teams),
        )


def _simulate_arguments(parser: ArgumentParser) -> None:
    add_file(parser)
    add_months(parser, 1)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="a row per team, as CSV")
    add_json(form)


def _simulate(settings: Settings, options: Namespace) -> int:
    given, now = written(options.file), datetime.now(UTC)

    async def simulate(conn: Connection, url: str) -> int:
        money = await look(conn, url, given.source, max(options.months, 1), now)
        if options.csv:
            _print_csv(money)
        elif options.json:
            _print_json(money, given.book.version)
        else:
            show_money(money, options.months, TEAMS)
        return 0

    return with_database(settings, simulate)


def _print_csv(money: Money) -> None:
    import sys

    from api.formats import as_csv
    from api.simulation_view import HEADING, row

    sys.stdout.write(as_csv(HEADING, map(row, money.results)))


def _print_json(money: Money, version: str) -> None:
    from api.simulation_view import simulation_view

    print_json(simulation_view(money.results, money.totals, version))


SIMULATE = One(
    Page(
        "simulate",
        "Show who would have paid less by a book, and who more",
        "What every team really used in its last billing periods is rated twice, by what was in force and by the "
        "book, as if it always had been: old, new and difference per plan and per team, and in all. Nothing is stored. "
        "A team that can't be rated both ways is in no sum and named with the reason.",
        (
            ("meter prices simulate cloud.toml --months 12", "a year, as tables"),
            ("meter prices simulate cloud.toml --months 12 --csv", "a row per team"),
        ),
        SETTINGS,
        {WRONG: WRONG_CODE},
    ),
    _simulate_arguments,
    _simulate,
)
