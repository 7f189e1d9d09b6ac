"""`meter prices list`, `export` and `drift`: what is in force, a book as it was applied, and is a file still that?"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meter.commands.command import Page
from meter.commands.prices_given import (
    CHANGES,
    SETTINGS,
    WRONG,
    WRONG_CODE,
    One,
    add_file,
    add_json,
    instant,
    print_json,
    with_database,
    written,
)
from meter.commands.prices_shown import show_differences, show_table, told
from meter.settings import Settings

if TYPE_CHECKING:
    from meter.database import Connection
    from meter.prices.schedule import InForce
    from meter.prices.store import Source
    from meter.rating.book import Book
    from meter.rating.book_diff import Difference

LISTED = 10_000
WORDS = {"past": "past", "in_force": "in force", "to_come": "to come", "replaced": "replaced"}


def _list(settings: Settings, options: Namespace) -> int:
    """Every version of every book, book by book; one that ships with us and nobody used has none yet."""

    async def show(conn: Connection, _: str) -> int:
        from meter.prices import history, store

        now = datetime.now(UTC)
        found = await history.entries(conn, options.book, None, LISTED)
        there = {each.book for each in found}
        books = await store.read(conn)
        unused = [name for name in books.names if name not in there and options.book in (None, name)]
        if options.book is not None and not found and not unused:
            raise ValueError(f"there is no book {options.book!r}; there are {', '.join(books.names)}")
        entries = sorted(found, key=lambda each: (each.book, -each.position))
        if options.json:
            print_json({"items": [_item(each, each.state(now)) for each in entries], "shipped": unused})
            return 0
        head = ("book", "version", "state", "from", "until", "applied", "by")
        rows = [
            (
                each.book,
                each.version,
                WORDS[each.state(now)],
                told(each.since),
                told(each.until) if each.until else "",
                told(each.applied_at.replace(microsecond=0)),
                each.applied_by,
            )
            for each in entries
        ]
        shipped = [(name, books.versions(name)[0].book.version, "as shipped", "", "", "", "") for name in unused]
        show_table(head, [*rows, *shipped])
        return 0

    return with_database(settings, show)


def _item(entry: Any, state: str) -> dict[str, Any]:  # noqa: ANN401 (an Entry, which is loaded when it runs)
    return {
        "book": entry.book,
        "version": entry.version,
        "state": state,
        "from": entry.since,
        "until": entry.until,
        "applied_at": entry.applied_at,
        "applied_by": entry.applied_by,
    }


def _list_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("book", nargs="?", metavar="BOOK", help="only this one")
    add_json(parser)


def _export_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("book", metavar="BOOK", help="its name")
    parser.add_argument("--at", metavar="INSTANT", help="as it is in force at that instant (default: now)")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write it there (default: standard output)")


def _export(settings: Settings, options: Namespace) -> int:
    """The text as it was applied, and beside it the files that it names."""
    at = instant("--at", options.at, datetime.now(UTC))

    async def export(conn: Connection, _: str) -> int:
        from meter.prices import history, store

        books = await store.read(conn)
        source = await history.source_of(conn, books, options.book, at)
        if source is None:
            raise ValueError(f"there is no book {options.book!r}; there are {', '.join(books.names)}")
        _write(source, options.output)
        return 0

    return with_database(settings, export)


def _write(source: Source, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(source.text)
        if source.attached:
            sys.stderr.write(f"it names {', '.join(source.attached)}: with -o they are written beside it\n")
        return
    beside = {output.parent / name: text for name, text in source.attached.items()}
    for path, text in beside.items():
        if path.exists() and path.read_text("utf-8") != text:
            raise ValueError(f"{path} is there and says something else; write to another folder")
    for path, text in {**beside, output: source.text}.items():
        path.write_text(text, "utf-8", newline="")
        print(path)


def _drift(settings: Settings, options: Namespace) -> int:
    """The file beside what is in force, and beside what is to come."""
    given = written(options.file)
    at = instant("--at", options.at, datetime.now(UTC))

    async def compare(conn: Connection, _: str) -> int:
        from meter.prices import store

        books = await store.read(conn)
        there = books.in_force(given.book.name, at)
        if there is None:
            raise ValueError(f"book {given.book.name} was never applied: `meter prices apply {options.file}` does")
        later = [each for each in books.versions(given.book.name) if each.since > max(at, there.since)]
        found = [_compared(each, given.book) for each in (there, *later)]
        _say(options, given.book, found, at)
        return CHANGES if any(differences for _, differences in found) else 0

    return with_database(settings, compare)


def _compared(there: InForce, book: Book) -> tuple[InForce, tuple[Difference, ...]]:
    from meter.rating.book_diff import diff

    return there, () if there.book.version == book.version else diff(there.book, book)


def _say(options: Namespace, book: Book, found: list[tuple[InForce, tuple[Difference, ...]]], at: datetime) -> None:
    if options.json:
        versions = [
            {
                "version": there.book.version,
                "from": there.since,
                "state": "in_force" if number == 0 else "to_come",
                "differences": differences,
            }
            for number, (there, differences) in enumerate(found)
        ]
        same = not any(differences for _, differences in found)
        print_json({"book": book.name, "version": book.version, "at": at, "same": same, "versions": versions})
        return
    for number, (there, differences) in enumerate(found):
        when = "in force" if number == 0 else f"to come at {told(there.since)}"
        if not differences:
            print(f"{book.name}: {options.file} is what is {when}, version {there.book.version}")
            continue
        print(f"{book.name}: {options.file} differs from version {there.book.version}, which is {when}:")
        show_differences(differences)


def _drift_arguments(parser: ArgumentParser) -> None:
    add_file(parser)
    parser.add_argument("--at", metavar="INSTANT", help="compare with what is in force at that instant (default: now)")
    add_json(parser)


LIST = One(
    Page(
        "list",
        "List the books, their versions, since when and by whom",
        "A version is kept for ever once it was applied or a team was put on one of its plans. A book that ships with "
        "us is as this release has it until a team uses it; then it is kept as it is.",
        (("meter prices list", "everything"), ("meter prices list cloud --json", "one book, for a program to read")),
        SETTINGS,
        {WRONG: WRONG_CODE},
    ),
    _list_arguments,
    _list,
)
EXPORT = One(
    Page(
        "export",
        "Print a book as it was applied, comments and all",
        "The text as it was applied, and with -o the files it takes prices from beside it. Applied again it changes "
        "nothing.",
        (
            ("meter prices export cloud -o cloud.toml", "what is in force, to be changed and applied"),
            ("meter prices export cloud --at 2026-10-01", "what was"),
        ),
        SETTINGS,
        {WRONG: WRONG_CODE},
    ),
    _export_arguments,
    _export,
)
DRIFT = One(
    Page(
        "drift",
        "Say whether a file is still what is in force",
        "Lists what the file says otherwise than the version in force, and than each that is to come: for a timed job "
        "beside the repository that has the books.",
        (("meter prices drift cloud.toml", "nothing to say, or the differences"),),
        SETTINGS,
        {0: "the file is what is in force, and nothing else is to come", WRONG: WRONG_CODE, CHANGES: "they differ"},
    ),
    _drift_arguments,
    _drift,
)
