"""`meter prices validate` and `schema`: is a book right, and how does an editor know while it is written?"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meter.commands.command import Page
from meter.commands.prices_given import (
    SETTINGS,
    WRONG,
    WRONG_CODE,
    One,
    WrongBookError,
    add_file,
    add_json,
    print_json,
    with_database,
    written,
)
from meter.settings import Settings

if TYPE_CHECKING:
    from meter.database import Connection
    from meter.rating.book import Book
    from meter.rating.table import BookError

_USE = (
    'Write "#:schema ./{name}" as the first line of a book, and editors with taplo know it (VS Code: Even Better TOML).'
)


def _validate_arguments(parser: ArgumentParser) -> None:
    add_file(parser)
    parser.add_argument(
        "--database", action="store_true", help="also whether the meters it prices are there, by the service's database"
    )
    add_json(parser)


def _validate(settings: Settings, options: Namespace) -> int:
    """Says everything that is wrong; of a book that is right what it has, and what its catalogue could not give it."""
    try:
        given = written(options.file)
    except WrongBookError as error:
        return _say(options, None, error.mistakes)
    text = given.source.text
    mistakes = [*_placed(options.file, given.book, text)]
    if options.database:
        mistakes += _unknown(settings, options.file, given.book, text)
    return _say(options, given.book, mistakes)


def _placed(file: Path, book: Book, text: str) -> Iterable[BookError]:
    """Taxes that a book may have and that can't be applied."""
    from meter.errors import InvalidBody
    from meter.prices.apply import check_taxes
    from meter.rating.book_lines import line_of
    from meter.rating.table import BookError

    try:
        check_taxes(book)
    except InvalidBody as error:
        yield BookError(file.name, "taxes", "rates", "can't be applied", error.detail, line_of(text, "taxes", "rates"))


def _unknown(settings: Settings, file: Path, book: Book, text: str) -> tuple[BookError, ...]:
    """Meters of the book that the catalogue of meters does not know: nothing can ever be used of them."""
    found: list[BookError] = []

    async def look(conn: Connection, _: str) -> int:
        from meter.ingest import load_meters

        known = await load_meters(conn, 0)  # no team's: the catalogue
        found.extend(_misnamed(file, book, text, known))
        return 0

    with_database(settings, look)
    return tuple(found)


def _misnamed(file: Path, book: Book, text: str, known: Iterable[str]) -> Iterable[BookError]:
    from difflib import get_close_matches

    from meter.rating.book_lines import line_of
    from meter.rating.table import BookError

    names = sorted(known)
    for plan in book.plans.values():
        for price in plan.prices:
            for meter, _ in price.counts:
                if meter in names:
                    continue
                table = f"plans.{plan.name}.prices.{price.id}"
                near = get_close_matches(meter, names, 1)
                instead = (
                    f"did you mean {near[0]}?" if near else "make the meter first, or teams that have one of their own"
                )
                line = line_of(text, table, "meter")
                yield BookError(file.name, table, "meter", f"there is no meter {meter!r}", instead, line)


def _say(options: Namespace, book: Book | None, mistakes: Iterable[BookError]) -> int:
    found = list(mistakes)
    if options.json:
        print_json(_document(options.file, book, found))
    else:
        for mistake in found:
            sys.stderr.write(f"{mistake}\n")
        if book is not None:
            _describe(options.file, book)
    return WRONG if found else 0


def _describe(file: Path, book: Book) -> None:
    prices = sum(len(plan.prices) for plan in book.plans.values())
    parts = [f"{len(book.plans)} plans", f"{prices} prices"]
    parts += [
        f"{len(some)} {what}"
        for what, some in (("add-ons", book.addons), ("coupons", book.coupons), ("overrides", book.overrides))
        if some
    ]
    print(f"{file}: book {book.name}, version {book.version}: {', '.join(parts)} in {book.currency}")
    if book.catalogue is None:
        return
    print(f"  {len(book.catalogue.prices)} models from {book.catalogue.file} of {book.catalogue.as_of}")
    for model, names in book.catalogue.left_out.items():
        print(f"  not from the catalogue: {model}: {', '.join(names)}")


def _document(file: Path, book: Book | None, mistakes: list[BookError]) -> dict[str, Any]:
    left_out = {} if book is None or book.catalogue is None else book.catalogue.left_out
    return {
        "file": str(file),
        "book": None if book is None else book.name,
        "version": None if book is None else book.version,
        "mistakes": [
            {
                "line": each.line,
                "table": each.table,
                "field": each.field,
                "problem": each.problem,
                "instead": each.instead,
            }
            for each in mistakes
        ],
        "left_out": left_out,
    }


def _schema_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write it there (default: standard output)")


def _schema(_settings: Settings, options: Namespace) -> int:
    import msgspec

    from meter.rating.book_schema import schema

    text = msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode() + "\n"
    if options.output is None:
        sys.stdout.write(text)
        return 0
    options.output.write_text(text, "utf-8")
    print(f"{options.output}: {_USE.format(name=options.output.name)}")
    return 0


VALIDATE = One(
    Page(
        "validate",
        "Say everything that is wrong with a book",
        "Each mistake names the file, the line, the table and the field, and what to write instead; those that can be "
        "told apart are all told at once. Of a catalogue it says which prices no book can express. It needs no "
        "database, unless it is asked whether the meters are there.",
        (
            ("meter prices validate cloud.toml", "before it is committed"),
            ("meter prices validate cloud.toml --database --json", "with the meters, for a program to read"),
        ),
        SETTINGS,
        {WRONG: "there are mistakes: they are listed"},
    ),
    _validate_arguments,
    _validate,
)
SCHEMA = One(
    Page(
        "schema",
        "Print the JSON Schema of a book, for editors",
        "Editors that know JSON Schema offer a book's fields, explain them and underline mistakes while it is written. "
        + _USE.format(name="book.schema.json"),
        (("meter prices schema -o book.schema.json", "beside the books"),),
        (),
        {WRONG: WRONG_CODE},
    ),
    _schema_arguments,
    _schema,
)
