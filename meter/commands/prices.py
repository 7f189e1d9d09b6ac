"""`meter prices`: price books as code, looked at, tried on what was really used, and put in force."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import NoReturn

from meter.commands import prices_change, prices_check, prices_kept, prices_simulate
from meter.commands.command import PROGRAM, Command, Page, add_page
from meter.commands.prices_given import CHANGES, SETTINGS, WRONG, WRONG_CODE
from meter.settings import Settings

_ONES = (
    prices_check.VALIDATE,
    prices_change.PLAN,
    prices_change.APPLY,
    prices_kept.DRIFT,
    prices_kept.EXPORT,
    prices_simulate.SIMULATE,
    prices_kept.LIST,
    prices_check.SCHEMA,
)


class _Parser(ArgumentParser):
    """Ends with 1 on a line it can't read: 2 says that something would change."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(WRONG, f"{self.prog}: error: {message}\n")


def add_arguments(parser: ArgumentParser) -> None:
    """Adds what can be done with prices."""
    parser.set_defaults(cannot=WRONG)
    ones = parser.add_subparsers(title="what to do", metavar="WHAT", required=True, parser_class=_Parser)
    for each in _ONES:
        one = add_page(ones, each.page)
        one.set_defaults(work=each.run)
        each.add_arguments(one)


def run(settings: Settings, options: Namespace) -> int:
    """Does it, and says in plain words why it can't."""
    import psycopg

    from meter.embedded import EmbeddedError
    from meter.errors import Problem
    from meter.jobs import describe
    from meter.migrate import MigrationError

    try:
        code: int = options.work(settings, options)
    except Problem as problem:
        return _refuse(f"{problem.detail}. {problem.remedy}")
    except psycopg.Error as error:
        return _refuse(f"the database: {describe(error, settings)}")
    except (ValueError, OSError, EmbeddedError, MigrationError) as error:
        return _refuse(str(error))
    return code


def _refuse(why: str) -> int:
    sys.stderr.write(f"{PROGRAM}: {why}\n")
    return WRONG


COMMAND = Command(
    Page(
        "prices",
        "See, try and change prices, written as code",
        "A price book is a TOML file with plans and their prices, coupons, taxes and what was agreed with single "
        "teams; docs/pricing.md has its fields. Its versions are kept for ever, and each is in force from an instant "
        "on. These commands work on the service's database, beside it or without it.",
        (
            ("meter prices export cloud -o cloud.toml", "begin with what is there"),
            ("meter prices validate cloud.toml", "is it right?"),
            ("meter prices plan cloud.toml --from 2026-12-01", "what would change, and for how much money?"),
            ("meter prices apply cloud.toml --from 2026-12-01", "put it in force"),
        ),
        SETTINGS,
        {WRONG: WRONG_CODE, CHANGES: "plan and drift: there are differences"},
    ),
    run,
    add_arguments,
)
