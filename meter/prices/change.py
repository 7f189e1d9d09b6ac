"""Putting a book in force, and writing down who did."""

from __future__ import annotations

from datetime import datetime

from meter import audit
from meter.audit import Actor
from meter.database import Connection
from meter.prices import store
from meter.prices.apply import Applied, apply
from meter.prices.store import Source
from meter.rating.book import Book
from meter.rating.book_diff import diff
from sql import statement

ACTION = "prices.apply"
MOST_TOLD = 200


async def put(
    conn: Connection, book: Book, source: Source, since: datetime, actor: Actor, by: str | None = None
) -> Applied:
    """Puts a book in force from an instant on, in a transaction with its note in the audit log; again, nothing changes.

    `by` is who did it in words, where the actor does not say.
    Raises PricesInUse, PlanInUse and InvalidBody, as `apply`.
    """
    async with conn.transaction():
        await conn.execute(statement("lock_price_book"), {"book": book.name})
        there = (await store.read(conn)).in_force(book.name, since)
        old = None if there is None else there.book
        applied = await apply(conn, book, source, since, by or audit.who(actor), actor.at)
        if applied.changed:
            subject = audit.of(None, "price_book", book.name)
            before = None if old is None else {"version": old.version}
            after = {
                "version": book.version,
                "from": since,
                "differences": [each for each in diff(old, book)[:MOST_TOLD] if old is not None],
            }
            await audit.record(conn, actor, ACTION, subject, before, after)
    return applied
