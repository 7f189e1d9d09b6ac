"""Where price books are kept: read what is in force, keep a version, put it on the schedule."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import msgspec

from meter.database import Connection
from meter.prices.schedule import InForce, Schedule, schedule_of
from meter.rating.book import DEMO_BOOKS, Book, Plan, load_book, parse_book
from sql import statement

SINCE_EVER = datetime(1970, 1, 1, tzinfo=UTC)
PRODUCT = "hourmeter"
# Versions never change, so a book that was parsed once stays so; this many is years of changes.
_MOST_PARSED = 512
_parsed: dict[tuple[int, str], Book] = {}


class Source(NamedTuple):
    """A book as it was written: its text, and those of the files it takes prices from."""

    text: str
    attached: Mapping[str, str]


async def read(conn: Connection, known_at: datetime | None = None) -> Schedule:
    """Every book with all its versions; a demo book that nobody used yet is as this release ships it.

    With `known_at` only with those that were applied until then.
    """
    rows = await (await conn.execute(statement("list_price_schedule"), {"known_at": known_at})).fetchall()
    books = {key: _parsed[key] for key in {(row[2], row[3]) for row in rows} if key in _parsed}
    missing = [row[2] for row in rows if (row[2], row[3]) not in books]
    if missing:
        found = await (await conn.execute(statement("get_price_versions"), {"ids": missing})).fetchall()
        for version_id, book, version, content, attached in found:
            books[version_id, version] = parse_book(content, f"{book}.toml", attached)
        if len(_parsed) > _MOST_PARSED:
            _parsed.clear()
        _parsed.update(books)
    entries = [(name, since, version_id, books[version_id, version]) for name, since, version_id, version in rows]
    unused = {name: [InForce(SINCE_EVER, None, load_book(name))] for name in DEMO_BOOKS}
    return Schedule({**unused, **schedule_of(entries)})


async def keep(conn: Connection, book: Book, source: Source, now: datetime) -> int:
    """The id under which a version of a book is kept for ever; it is kept on first use."""
    named = {"book": book.name, "version": book.version}
    row = await (await conn.execute(statement("find_price_version"), named)).fetchone()
    if row is None:
        content = {"content": source.text, "attached": msgspec.json.encode(source.attached).decode(), "now": now}
        await conn.execute(statement("keep_price_version"), named | content)
        row = (await (await conn.execute(statement("find_price_version"), named)).fetchall())[0]
    kept: int = row[0]
    return kept


async def version_of(conn: Connection, plan: Plan) -> int:
    """The id of the version that a plan was read from, which must be kept."""
    named = {"book": plan.book, "version": plan.book_version}
    found: int = (await (await conn.execute(statement("find_price_version"), named)).fetchall())[0][0]
    return found


async def put_in_force(conn: Connection, version_id: int, book: str, since: datetime, by: str, now: datetime) -> None:
    """Puts a kept version on the schedule, in the caller's transaction."""
    entry = {"book": book, "effective_from": since, "price_version_id": version_id, "now": now, "by": by}
    await conn.execute(statement("schedule_price_version"), entry)


async def adopt(conn: Connection, name: str, now: datetime) -> None:
    """Keeps the demo book of this name as it is now, and in force since ever, before its prices are first used.

    From then on a release that ships it with other prices changes nothing.
    """
    if name not in DEMO_BOOKS or await _is_scheduled(conn, name):
        return
    await conn.execute(statement("lock_price_book"), {"book": name})
    if not await _is_scheduled(conn, name):
        version_id = await keep(conn, load_book(name), shipped(name), now)
        await put_in_force(conn, version_id, name, SINCE_EVER, PRODUCT, now)


async def _is_scheduled(conn: Connection, name: str) -> bool:
    row = await (await conn.execute(statement("find_scheduled_book"), {"book": name})).fetchone()
    return row is not None


@cache
def shipped(name: str) -> Source:
    """A demo book as it ships."""
    return Source(files("meter.rating").joinpath("books", f"{name}.toml").read_text("utf-8"), {})
