"""How an invoice came about, line by line: words, what is behind each line, and whether it is what was written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from meter.credit_notes import store as credit_notes
from meter.credit_notes.store import CreditNote
from meter.database import Connection
from meter.errors import NotFound
from meter.explain.behind import USAGE, meters_of
from meter.explain.digest import Statement, digest, stated
from meter.explain.largest import Largest, largest
from meter.explain.truth import Truth
from meter.explain.words import Said, said
from meter.ingest import load_meters
from meter.invoices import Invoice, Settled, plain_settled
from meter.model import Meter
from meter.prices import store as prices
from meter.prices.schedule import Schedule
from meter.rating.line import Line
from meter.spans import Span
from sql import statement

EVENTS = "/v1/usage/events"
_Behind = tuple[tuple[Largest, ...], tuple[Largest, ...]]


class Explained(NamedTuple):
    """A line: its sentences, the largest hours and services, the events behind it, and what it states.

    `as_written` tells whether its digest is that of what it states; None of a line from before there were any. `drill`
    is the address of its events, None of a line without usage.
    """

    number: int
    line: Line
    settled: Settled
    steps: tuple[Said, ...]
    hours: tuple[Largest, ...]
    services: tuple[Largest, ...]
    truth: Truth
    statement: Statement
    as_written: bool | None
    drill: str | None


class Explanation(NamedTuple):
    """The lines of an invoice, how its sums came about, and from which data (pg_current_snapshot() as text).

    `credit_notes` are what took a part of it back later, the first first, with their lines.
    """

    snapshot: str
    lines: tuple[Explained, ...]
    sums: tuple[Said, ...]
    credit_notes: tuple[CreditNote, ...]


async def explain(conn: Connection, invoice: Invoice, number: int | None = None) -> Explanation:
    """All lines of an invoice, or the one of this number (from 1), read in one snapshot. Raises NotFound."""
    if number is not None and not 1 <= number <= len(invoice.lines):
        raise NotFound(f"there is no line {number}; the invoice has {len(invoice.lines)}")
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        truths = await truths_of(conn, invoice)
        found = await (await conn.execute(statement("get_invoice_data"), {"invoice_id": invoice.id})).fetchall()
        meters = await load_meters(conn, invoice.team_id)
        known: dict[tuple[str, Span], _Behind] = {}
        books = await prices.read(conn)
        credited = await credit_notes.of_invoice(conn, invoice.public_id, invoice.team_id)
        lines = [
            await _explained(
                conn, invoice, each, truths[each - 1], _meters(books, invoice.lines[each - 1], meters), known
            )
            for each in range(1, len(invoice.lines) + 1)
            if number in {None, each}
        ]
    derivation = invoice.sums.derivation if invoice.sums else ()
    return Explanation(found[0][0], tuple(lines), said(derivation, "", invoice.currency), credited)


async def truths_of(conn: Connection, invoice: Invoice) -> list[Truth]:
    """What was kept of each line."""
    rows = await (await conn.execute(statement("list_line_truths"), {"invoice_id": invoice.id})).fetchall()
    return [Truth(*row) for row in rows]


def altered(invoice: Invoice, truths: Sequence[Truth]) -> tuple[int, ...]:
    """The numbers of lines that are not what was written: their digest is of something else."""
    return tuple(number for number, truth in enumerate(truths, 1) if _as_written(invoice, number, truth) is False)


def settled_at(invoice: Invoice, number: int) -> Settled:
    """What coupons and taxes made of a line."""
    return invoice.settled[number - 1] if invoice.settled else plain_settled(invoice.lines[number - 1].amount)


def _stated(invoice: Invoice, number: int, truth: Truth) -> Statement:
    line, settled = invoice.lines[number - 1], settled_at(invoice, number)
    return stated(invoice.public_id, number, line, settled, truth.events, truth.coverage)


def _as_written(invoice: Invoice, number: int, truth: Truth) -> bool | None:
    return None if truth.digest is None else digest(_stated(invoice, number, truth)) == truth.digest


async def _explained(
    conn: Connection,
    invoice: Invoice,
    number: int,
    truth: Truth,
    meters: Sequence[Meter],
    known: dict[tuple[str, Span], _Behind],
) -> Explained:
    line = invoice.lines[number - 1]
    span = Span(line.start or invoice.period.start, line.end or invoice.period.end)
    behind: _Behind = ((), ())
    for meter in meters:
        key = (meter.slug, span)
        if key not in known:
            known[key] = await _largest(conn, invoice, meter, span)
        behind = (behind[0] + known[key][0], behind[1] + known[key][1])
    return Explained(
        number,
        line,
        settled_at(invoice, number),
        said(line.derivation, line.unit, invoice.currency),
        *behind,
        truth,
        _stated(invoice, number, truth),
        _as_written(invoice, number, truth),
        _drill(invoice.team, meters, span) if meters else None,
    )


async def _largest(conn: Connection, invoice: Invoice, meter: Meter, span: Span) -> _Behind:
    zone, team_id = ZoneInfo(invoice.period.zone), invoice.team_id
    hours = await largest(conn, team_id, meter, span, zone, "hour")
    return tuple(hours), tuple(await largest(conn, team_id, meter, span, zone, "service"))


def _meters(books: Schedule, line: Line, meters: Mapping[str, Meter]) -> list[Meter]:
    """The meters that a line for usage counts: those of its price, which may have several and call them by one name."""
    if line.kind != USAGE:
        return []
    names = _counted(books, line) or (line.meter,)
    return [meters[name] for name in names if name in meters]


def _counted(books: Schedule, line: Line) -> tuple[str, ...]:
    book, _, plan = line.plan.partition("/")
    versions = (each.book for each in books.versions(book) if each.book.version == line.price_version)
    plans = (version.plans[plan] for version in versions if plan in version.plans)
    return next((meters_of(price) for own in plans for price in own.prices if price.id == line.price), ())


def _drill(team: UUID, meters: Iterable[Meter], span: Span) -> str:
    start, end = (each.isoformat().replace("+00:00", "Z") for each in span)
    asked = [("team", str(team)), *(("meter", meter.slug) for meter in meters), ("from", start), ("to", end)]
    return f"{EVENTS}?{urlencode(asked)}"
