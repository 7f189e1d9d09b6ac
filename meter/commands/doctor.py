"""`meter doctor`: does everything add up?"""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from meter.commands.command import FOUND_SOMETHING, INTERRUPTED, PROGRAM, Command, Page, refuse
from meter.commands.with_database import database, url_of
from meter.settings import Settings

TEXT = """\
Each check states what must always hold, such as buckets that equal the raw events and readers that see what buckets \
hold, and lists what does not. Checks look at the last days first and at older ones by lot, each for a minute at \
most; the worker runs them every hour. One more looks for usage that no price is in force for, which changes the exit \
code only where --check names it: a price is missing, and nothing is wrong with what is counted.

With --since, the whole history from that day on is compared instead, day by day: quarters of an hour with the raw \
events, hours with quarters, days with hours; where raw events were dropped, buckets with each other. Stopped, it \
says from which day to go on.

It reads only, and may run beside the service at any time."""


def add_arguments(parser: ArgumentParser) -> None:
    """Adds which checks, how far back, and in which form."""
    parser.add_argument("--check", action="append", default=[], metavar="NAME", help="only this one; may be repeated")
    parser.add_argument(
        "--since", type=date.fromisoformat, metavar="DAY", help="compare all days from this one (UTC) on instead"
    )
    parser.add_argument(
        "--until", type=date.fromisoformat, metavar="DAY", help="with --since: up to this day (default: today)"
    )
    parser.add_argument("--json", action="store_true", help="all of it as a JSON document")


def run(settings: Settings, options: Namespace) -> int:
    """Runs the checks, or walks over the history, and shows what was found."""
    import sql
    from meter.checks import APART

    known = (*sql.checks(), *APART)
    unknown = [name for name in options.check if name not in known]
    if unknown:
        return refuse(f"there is no check {', '.join(unknown)}; there are {', '.join(known)}")
    if options.since is None:
        return _check(settings, options.check or known, named=bool(options.check), as_json=options.json)
    if options.check:
        return refuse("--since compares the whole history, and runs no checks: leave --check out")
    return _walk(settings, options)


def _check(settings: Settings, chosen: Collection[str], *, named: bool, as_json: bool) -> int:
    import sql
    from meter import checks
    from meter.held import listing
    from meter.prices import unpriced
    from meter.retention import state, words

    async def look(url: str) -> tuple[list[checks.Finding], list[listing.Waiting], state.State]:
        async with _opened(url) as conn:
            now = datetime.now(UTC)
            queries = {name: query for name, query in sql.checks().items() if name in chosen}
            found = await checks.run(conn, now, queries)
            if unpriced.NAME in chosen:
                found.append(await unpriced.look(conn, now))
            return found, await listing.waiting(conn), await state.state(conn)

    with database(settings) as opened:
        found, waiting, kept = asyncio.run(look(url_of(opened)))
    if as_json:
        held = [each._asdict() for each in waiting]
        checked = [_document(finding) for finding in found]
        _print_json({"checks": checked, "held": held, "kept": words.of_state(kept)})
    else:
        _show(found)
        _show_held(waiting)
        print("\n".join(words.of_state(kept)))
    # What waits for people is no fault of ours: it changes the exit code only where it was asked for by name.
    counted = [finding for finding in found if named or finding.name not in checks.APART]
    return 0 if all(finding.holds for finding in counted) else FOUND_SOMETHING


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Any]:
    from meter.database import connect
    from meter.migrate import check_current

    async with await connect(url, autocommit=True) as conn:
        await check_current(conn)
        yield conn


def _document(finding: Any) -> dict[str, Any]:  # noqa: ANN401 (a Finding, which is loaded when it runs)
    return {
        "name": finding.name,
        "holds": finding.holds,
        "says": finding.says,
        "unfinished": finding.unfinished,
        "took_ms": round(finding.took_s * 1000),
        "rows": finding.rows,
    }


def _print_json(document: object) -> None:
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def _show(found: Sequence[Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("check", "result", "ms", "what must hold", show_lines=True)
    for finding in found:
        result = "[green]holds" if finding.holds else f"[red]{finding.unfinished or f'{len(finding.rows)} found'}"
        table.add_row(finding.name, result, f"{finding.took_s * 1000:,.0f}", finding.says)
    Console().print(table)
    for finding in found:
        _print_rows(finding.name, finding.rows)


def _show_held(waiting: Iterable[Any]) -> None:
    """What waits for people: no fault of ours, so it does not change the exit code."""
    for each in waiting:
        ids = "1 event came" if each.events == 1 else f"{each.events:,} events came"
        print(f"{each.name} ({each.team}): {ids} again with another time, held until it is decided at /v1/held")


def _print_rows(name: str, rows: Iterable[Mapping[str, object]]) -> None:
    from rich.console import Console

    console = Console()
    for row in rows:
        console.print(f"{name}: {', '.join(f'{column} {value}' for column, value in row.items())}", markup=False)


def _walk(settings: Settings, options: Namespace) -> int:
    """Compares day after day, and says at the end, however it came to it, what was found and where to go on."""
    import psycopg

    since = datetime.combine(options.since, time(), UTC)
    until = datetime.combine(options.until, time(), UTC) + timedelta(days=1) if options.until else datetime.now(UTC)
    if since >= until:
        return refuse("--since lies after the last day to compare")
    found: list[Any] = []
    with database(settings) as opened:
        try:
            asyncio.run(_compare(url_of(opened), since, until, found))
        except KeyboardInterrupt:
            _tell(found, since, until, as_json=options.json)
            return INTERRUPTED
        except psycopg.OperationalError:  # the database went away: what was found is not lost, and the rest can follow
            if found:
                _tell(found, since, until, as_json=options.json)
            raise
    _tell(found, since, until, as_json=options.json)
    return 0 if all(day.holds for day in found) else FOUND_SOMETHING


def _tell(found: Sequence[Any], since: datetime, until: datetime, *, as_json: bool) -> None:
    from meter.history import days

    rest = days(since, until)[len(found) :]
    following = rest[0].start.date() if rest else None
    if as_json:
        _print_json({"days": [_day(day) for day in found], "go_on": following})
    else:
        _show_days(found, following)


async def _compare(url: str, since: datetime, until: datetime, found: list[Any]) -> None:
    """Adds each day to `found` once it is compared, with a bar on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from meter import history

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    bar = Progress(*columns, console=console, disable=not console.is_terminal)
    async with _opened(url) as conn:
        with bar:
            task = bar.add_task(f"{since:%Y-%m-%d}", total=len(history.days(since, until)))
            async for day in history.walk(conn, since, until):
                found.append(day)
                bar.update(task, advance=1, description=f"{day.start:%Y-%m-%d}")


def _day(day: Any) -> dict[str, Any]:  # noqa: ANN401 (a Day, which is loaded when it runs)
    return {
        "day": day.start.date(),
        "holds": day.holds,
        "places": day.places,
        "unfinished": day.unfinished,
        "took_ms": round(day.took_s * 1000),
        "rows": day.rows,
    }


def _differing(places: int) -> str:
    return f"{places:,} place{' differs' if places == 1 else 's differ'}"


def _show_days(found: Sequence[Any], following: date | None) -> None:
    """The days on which something differs, then how many hold."""
    for day in found:
        if not day.holds:
            print(f"{day.start:%Y-%m-%d}: {day.unfinished or _differing(day.places)}")
            _print_rows(f"{day.start:%Y-%m-%d}", day.rows)
    good = sum(1 for day in found if day.holds)
    seconds = sum(day.took_s for day in found)
    print(f"{good:,} of {len(found):,} days hold; {seconds:,.1f} s")
    if following is not None:
        print(f"stopped; go on with: {PROGRAM} doctor --since {following}")


COMMAND = Command(
    Page(
        "doctor",
        "Check that everything adds up",
        TEXT,
        (
            ("meter doctor", "the embedded database of METER_DATA_DIR, also while `meter serve` runs"),
            ("meter doctor --check quarters_equal_events --json", "one check, for a program to read"),
            ("meter doctor --since 2026-11-01", "every day since then, buckets with raw events"),
        ),
        ("DATABASE_URL", "METER_DATA_DIR"),
        {
            0: "everything that was looked at holds",
            FOUND_SOMETHING: "a check or a day found something, or could not finish: the rows are listed",
            INTERRUPTED: "stopped by Ctrl-C; with --since, what was found until then is shown, and where to go on",
        },
    ),
    run,
    add_arguments,
)
