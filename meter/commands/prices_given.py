"""What the commands about prices are given: a book in a file, an instant, a database; and how they end."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, _ArgumentGroup
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from meter.commands.command import Page
from meter.commands.with_database import database, make_ready, url_of
from meter.settings import Settings

if TYPE_CHECKING:
    from meter.database import Connection
    from meter.prices.store import Source
    from meter.rating.book import Book
    from meter.rating.table import BookError

WRONG: Final = 1
CHANGES: Final = 2
SETTINGS: Final = ("DATABASE_URL", "METER_DATA_DIR")
WRONG_CODE: Final = "something is wrong, or refused: standard error says what and where"


class One(NamedTuple):
    """What a subcommand is: its page, what it adds to the options, and what it does."""

    page: Page
    add_arguments: Callable[[ArgumentParser], None]
    run: Callable[[Settings, Any], int]


class WrongBookError(ValueError):
    """A file that is no price book, with everything that is wrong with it."""

    def __init__(self, mistakes: Iterable[BookError]) -> None:
        """Keeps the mistakes, and says each on a line."""
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(map(str, self.mistakes)))


class Written(NamedTuple):
    """A book, and the texts it was read from."""

    book: Book
    source: Source


def add_file(parser: ArgumentParser) -> None:
    """Adds the file with the book."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the book (TOML); files it names lie beside it")


def add_json(parser: ArgumentParser | _ArgumentGroup) -> None:
    """Adds the form for programs."""
    parser.add_argument("--json", action="store_true", help="all of it as a JSON document")


def add_from(parser: ArgumentParser) -> None:
    """Adds from when on the book is to be in force."""
    what = "from when on it is to be in force: 2026-12-01T00:00:00+01:00, or a date, at midnight UTC (default: now)"
    parser.add_argument("--from", dest="start", metavar="INSTANT", help=what)


def source_of(file: Path) -> Source:
    """A book's text and those of the files it names that are there. Raises OSError and ValueError."""
    from meter.prices.store import Source
    from meter.rating.book import attachments

    text = _text(file)
    beside = {name: file.parent / name for name in attachments(text)}
    return Source(text, {name: _text(path) for name, path in beside.items() if path.exists()})


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: is not text in UTF-8 ({error.reason} at byte {error.start})") from error


def written(file: Path) -> Written:
    """The book in a file. Raises WrongBookError with all its mistakes, OSError and ValueError."""
    from meter.rating.book import parse_book
    from meter.rating.book_mistakes import mistakes

    source = source_of(file)
    if found := mistakes(source.text, file.name, source.attached):
        raise WrongBookError(found)
    return Written(parse_book(source.text, file.name, source.attached), source)


def instant(option: str, text: str | None, otherwise: datetime) -> datetime:
    """The UTC instant of an RFC 3339 time, or of a date's midnight in UTC. Raises ValueError."""
    if text is None:
        return otherwise
    try:
        if len(text) == len("2026-12-01"):
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        found = datetime.fromisoformat(text)
    except ValueError:
        found = datetime.min  # noqa: DTZ901 (has no zone, so it is refused)
    if found.tzinfo is None:
        raise ValueError(
            f"{option} {text!r}: write 2026-12-01T00:00:00+01:00, with its zone, or a date like 2026-12-01"
        )
    return found.astimezone(UTC)


def with_database(settings: Settings, work: Callable[[Connection, str], Awaitable[int]]) -> int:
    """What `work` answers, given a connection in autocommit mode and the URL behind it."""

    async def connected(opened: Settings) -> int:
        from meter.database import connect

        await make_ready(opened, is_ours=settings.database_url is None)
        async with await connect(url_of(opened), autocommit=True) as conn:
            return await work(conn, url_of(opened))

    with database(settings) as opened:
        return asyncio.run(connected(opened))


def print_json(document: object) -> None:
    """Prints a document, indented."""
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
