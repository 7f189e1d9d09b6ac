"""`meter prices plan` and `apply`: what a book would change, for whom and for how much; and then it does."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from meter.commands.command import Page
from meter.commands.prices_given import (
    CHANGES,
    SETTINGS,
    WRONG,
    WRONG_CODE,
    One,
    Written,
    add_file,
    add_from,
    add_json,
    instant,
    print_json,
    with_database,
    written,
)
from meter.commands.prices_shown import show_effect, show_money, told
from meter.commands.prices_simulate import MONTHS, add_months, look
from meter.settings import Settings

if TYPE_CHECKING:
    from meter.database import Connection
    from meter.prices.effect import Effect, Money

FROM_COMMAND: Final = "meter prices apply"
_NOT_ASKED = "there is nobody to ask: add --yes to apply it"


def _plan_arguments(parser: ArgumentParser) -> None:
    add_file(parser)
    add_from(parser)
    add_months(parser, 1)
    add_json(parser)


def _plan(settings: Settings, options: Namespace) -> int:
    """Says what would change; whether anything would is the exit code."""
    given, now = written(options.file), datetime.now(UTC)

    async def plan(conn: Connection, url: str) -> int:
        effect, money = await _looked(conn, url, given, options, now)
        if options.json:
            print_json(_document(effect, money, given.book.version))
        else:
            _show(effect, money, options)
        if effect.refused is not None:
            return WRONG
        return CHANGES if effect.changes else 0

    return with_database(settings, plan)


async def _looked(
    conn: Connection, url: str, given: Written, options: Namespace, now: datetime
) -> tuple[Effect, Money | None]:
    from meter.prices.effect import effect

    found = await effect(conn, given.book, instant("--from", options.start, now))
    wanted = found.changes and options.months
    return found, await look(conn, url, given.source, options.months, now) if wanted else None


def _show(effect: Effect, money: Money | None, options: Namespace) -> None:
    show_effect(effect)
    if effect.changes and options.start and not effect.is_on_the_grid:
        print("not on a quarter of an hour: bills of that day need its raw events, as long as they are kept")
    if money is not None:
        show_money(money, options.months)
    if effect.refused is not None:
        sys.stderr.write(f"can't be applied: {effect.refused.detail}\n")


def _document(effect: Effect, money: Money | None, version: str) -> dict[str, Any]:
    from api.simulation_view import simulation_view

    refused = effect.refused
    return {
        "book": effect.book,
        "version": effect.version,
        "in_place_of": effect.old_version,
        "from": effect.since,
        "until": effect.until,
        "changes": effect.changes,
        "differences": effect.differences,
        "reaches": [each._asdict() for each in effect.reaches],
        "refused": None if refused is None else {"code": refused.code, "detail": refused.detail},
        "money": None if money is None else simulation_view(money.results, money.totals, version),
    }


def _apply_arguments(parser: ArgumentParser) -> None:
    add_file(parser)
    add_from(parser)
    add_months(parser, 1)
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _apply(settings: Settings, options: Namespace) -> int:
    """Shows what would change, asks, and puts it in force."""
    given, now = written(options.file), datetime.now(UTC)

    async def apply(conn: Connection, url: str) -> int:
        from meter.audit import Actor
        from meter.prices.change import put

        effect, money = await _looked(conn, url, given, options, now)
        _show(effect, money, options)
        if effect.refused is not None:
            return WRONG
        if effect.changes and not (options.yes or _agreed()):
            print("nothing was changed")
            return WRONG
        actor = Actor("system", now, request_id=FROM_COMMAND)
        applied = await put(conn, given.book, given.source, effect.since, actor, _by())
        if applied.changed:
            print(f"applied: {given.book.name} version {given.book.version} is in force from {told(applied.since)} on")
        return 0

    return with_database(settings, apply)


def _by() -> str:
    """Who applies it: a command has no key, but somebody's account."""
    import getpass

    try:
        return f"command of {getpass.getuser()}"
    except (KeyError, OSError):  # a container may run as a user without a name
        return "command"


def _agreed() -> bool:
    """Whether somebody at a terminal says yes."""
    if not sys.stdin.isatty():
        raise ValueError(_NOT_ASKED)
    return input("Apply it? [y/N] ").strip().lower() in ("y", "yes")


PLAN = One(
    Page(
        "plan",
        "Say what a book would change, for whom, and for how much money",
        "Each field that says something else than what is in force then, which plans it reaches and how many teams "
        "have them, whether it could be applied, and what every team would have paid for what it really used in its "
        f"last billing periods, up to {MONTHS} of them. Nothing is stored.",
        (
            ("meter prices plan cloud.toml", "as if it were applied now"),
            ("meter prices plan cloud.toml --from 2026-12-01 --months 3 --json", "from an instant on, for a program"),
            ("meter prices plan cloud.toml --months 0", "without the money, in a moment"),
        ),
        SETTINGS,
        {
            0: "nothing would change",
            WRONG: "the book is wrong, or can't be applied from then on: standard error says why",
            CHANGES: "something would change, and could be applied",
        },
    ),
    _plan_arguments,
    _plan,
)
APPLY = One(
    Page(
        "apply",
        "Put a book in force from an instant on",
        "Shows what `plan` does and asks before anything is changed. What final invoices were made by stays: it is "
        "refused from an instant at which another price was billed already, and says from when on it may be. A plan, "
        "add-on or coupon that a team has can't go. Applied again it changes nothing, so a pipeline may try again. Who "
        "applied what is in the audit log.",
        (
            ("meter prices apply cloud.toml", "from now on, after a look"),
            ("meter prices apply cloud.toml --from 2026-12-01T00:00:00+01:00 --yes", "without being asked"),
        ),
        SETTINGS,
        {0: "it is in force, or was already", WRONG: WRONG_CODE},
    ),
    _apply_arguments,
    _apply,
)
