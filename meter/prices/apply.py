"""Putting a book in force: what a version may change, and from when, so that nothing that was billed changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple
from uuid import UUID

from msgspec.structs import replace

from meter.database import Connection
from meter.errors import InvalidBody, PlanInUse, PricesInUse
from meter.prices import store
from meter.prices.schedule import Schedule
from meter.prices.store import Source
from meter.rating.book import Book
from meter.rating.invoice import lines_of
from meter.rating.periods import month_period
from meter.rating.plan import Plan
from sql import statement

_EVER: Final = datetime(1, 1, 1, tzinfo=UTC)
_ANY_MONTH: Final = month_period(datetime(2026, 1, 1, tzinfo=UTC), "UTC")


class Applied(NamedTuple):
    """A version of a book, and since when it is in force; not `changed` where it was already."""

    version_id: int
    since: datetime
    changed: bool


class Used(NamedTuple):
    """A plan of the book by which a team was billed, and until when."""

    team: UUID
    plan: str
    until: datetime


class Holder(NamedTuple):
    """A plan, add-on or coupon that a team has, or is to have, after an instant."""

    team: UUID
    kind: str
    name: str


async def apply(conn: Connection, book: Book, source: Source, since: datetime, by: str, now: datetime) -> Applied:
    """Keeps a book and puts it in force from an instant on, in a transaction of its own; again, nothing changes.

    Raises:
        PricesInUse: an invoice that is final would have been another one by these prices.
        PlanInUse: a plan, add-on or coupon is missing that some team has.
    """
    async with conn.transaction():
        await conn.execute(statement("lock_price_book"), {"book": book.name})
        await store.adopt(conn, book.name, now)
        books = await store.read(conn)
        there = books.in_force(book.name, since)
        if there is not None and there.book.version == book.version and there.version_id is not None:
            return Applied(there.version_id, there.since, changed=False)
        check_taxes(book)
        await check(conn, books, book, since)
        version_id = await store.keep(conn, book, source, now)
        await store.put_in_force(conn, version_id, book.name, since, by, now)
    return Applied(version_id, since, changed=True)


def check_taxes(book: Book) -> None:
    """Raises InvalidBody for rates of a place: where a team is taxed is not known, so they would fit nobody."""
    placed = next((rate for rate in book.taxes.rates if rate.place.country), None) if book.taxes else None
    if placed is not None:
        said = f"taxes: {placed.name} is for {placed.place.country}, and no team says where it is taxed"
        raise InvalidBody(f"{said}; leave the country out, or keep such rates for /v1/billing/calculate")


async def check(conn: Connection, books: Schedule, book: Book, since: datetime) -> None:
    """Whether a book may be put in force from an instant on. Raises as `apply`."""
    asked = {"book": book.name, "since": since}
    begins = _begins(books, book, since)
    found = await conn.execute(statement("list_billed_plans"), asked | {"since": begins})
    used = [Used(*row) for row in await found.fetchall()]
    billed = [each for each in used if _changes(books, book, each, begins)]
    if billed:
        last = max(each.until for each in billed)
        if begins < since:  # it would be the first version, which holds before its instant too
            last = max(last, books.versions(book.name)[0].since)
        teams = len({each.team for each in billed})
        raise PricesInUse(
            f"final invoices of {teams} teams bill until {last.isoformat()} by prices that this would change; "
            "put it in force from then on"
        )
    rows = await (await conn.execute(statement("list_subscribed_names"), asked)).fetchall()
    missing = [each for each in (Holder(*row) for row in rows) if each.name not in _names(book, each.kind)]
    if missing:
        what = ", ".join(sorted({f"{each.kind} {each.name}" for each in missing}))
        teams = len({each.team for each in missing})
        raise PlanInUse(f"{what}: {teams} teams have it; keep it, a plan with `retired = true`")


def _names(book: Book, kind: str) -> Iterable[str]:
    known: dict[str, Iterable[str]] = {"plan": book.plans, "add-on": book.addons, "coupon": book.coupons}
    return known[kind]


def _begins(books: Schedule, book: Book, since: datetime) -> datetime:
    """From when on it would hold: the first version of a book is what holds before its instant too."""
    versions = books.versions(book.name)
    return _EVER if versions and since < versions[0].since else since


def _changes(books: Schedule, book: Book, used: Used, since: datetime) -> bool:
    """Whether a team's invoice would be another one by the new book, which holds until the next version takes over."""
    name = f"{book.name}/{used.plan}"
    until = min(used.until, books.next_after(book.name, since) or used.until)
    edges = books.edges(name, used.team, since, until) | set(book.edges_for(used.team, since, until))
    for at in (since, *edges):
        there = books.in_force(book.name, at)
        if used.plan not in book.plans or there is None or used.plan not in there.book.plans:
            return True
        if (there.book.taxes, there.book.exchange) != (book.taxes, book.exchange):
            return True
        if not (_has_all(there.book.addons, book.addons) and _has_all(there.book.coupons, book.coupons)):
            return True
        if not only_adds(there.book.plan_for(used.plan, used.team, at), book.plan_for(used.plan, used.team, at)):
            return True
    return False


def _has_all(old: Mapping[str, object], new: Mapping[str, object]) -> bool:
    """Whether all that was there is as it was."""
    return all(new.get(name) == each for name, each in old.items())


def only_adds(old: Plan, new: Plan) -> bool:
    """Whether a plan differs by prices only, of meters that had none: nothing of them can have been billed.

    An invoice is refused while there is usage without a price, so one that was made had none. Nor may such a price be
    owed without usage, by a minimum or a tier's fee.
    """
    kept = {price.id for price in old.prices}
    known = {*old.unbilled, *(meter for price in old.prices for meter, _ in price.counts)}
    added = [price for price in new.prices if price.id not in kept]
    if any(not price.counts or known.intersection(meter for meter, _ in price.counts) for price in added):
        return False
    if any(lines_of(price, (), _ANY_MONTH, new.currency) for price in added):
        return False
    if known.intersection(new.unbilled) != set(old.unbilled):
        return False
    same = tuple(price for price in new.prices if price.id in kept)
    return _bare(replace(new, prices=same)) == _bare(old)


def _bare(plan: Plan) -> Plan:
    """What of a plan decides about the money of an invoice, whenever that is paid."""
    return replace(plan, book_version="", title="", unbilled=(), retired=False, over_quota="", charge="")
