"""Did the usage of an invoice change after it was final? The difference is told from raw events and written down once.

What was rolled up tells cheaply that nothing changed, which is the rule; only where it says otherwise are raw events
counted. Prices are those that the invoice was made by.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from uuid_utils.compat import uuid7

from meter import advance, bill, billable
from meter.adjustments import store
from meter.adjustments.decide import Decided, decide
from meter.adjustments.difference import Delta, Standing, between, standing_of
from meter.adjustments.store import Adjustment, Came, Known
from meter.audit import Actor
from meter.billable import Billable
from meter.credit_notes.make import make
from meter.credit_notes.wanted import OfLine, Reason, Wanted
from meter.database import Connection
from meter.errors import CreditRefused, InvoiceState, RawDataGone
from meter.invoices import Invoice
from meter.invoicing import change, giving_back, held
from meter.invoicing.booking import Named
from meter.invoicing.held import Held
from meter.invoicing.promotional import Promotion, came_off, given_back, no_more
from meter.model import Team
from meter.rating.invoice import RATING_VERSION
from meter.verify import raw
from meter.verify.invoice import Terms, terms_of
from sql import statement

_log = logging.getLogger(__name__)


class _Found(NamedTuple):
    known: Known
    made: Standing
    after: Standing
    delta: Delta
    snapshot: str
    came: tuple[Came, ...]
    booked: tuple[Held, ...]
    back: tuple[Promotion, ...]


async def look(conn: Connection, team: Team, invoice: Invoice, now: datetime) -> Adjustment | None:
    """Writes down by how much a final invoice differs from what it would be by now, and decides what becomes of that.

    None where nothing changed that costs anything, where somebody else was faster, and where another version of rating
    made it. `conn` in autocommit mode.

    Raises a Problem or ValueError where it can't be told any more: what was agreed is gone, or raw events are.
    """
    if invoice.reason == advance.KIND or invoice.rating_version != RATING_VERSION:
        return None
    found = await _found(conn, team, invoice)
    return None if found is None else await _written(conn, team, invoice, found, now)


async def _found(conn: Connection, team: Team, invoice: Invoice) -> _Found | None:
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        known = await store.known(conn, invoice.id)
        if known is None:
            return None
        booked = await held.of_period(conn, invoice.id) if invoice.sums and invoice.sums.promotions else ()
        terms = await _terms(conn, team, invoice, known, booked)
        usage = await billable.read(conn, team.id, invoice.period, terms.agreement.asked)
        if not _delta(known, terms, usage, invoice).lines:
            return None
        usage = await _counted(conn, team, invoice, terms, usage)
        delta = _delta(known, terms, usage, invoice)
        if not delta.lines:
            return None
        made = known if known.number == 0 else await store.known(conn, invoice.id, as_made=True)
        asked = {"team_id": team.id, "since": invoice.period.start, "until": invoice.period.end}
        rows = await conn.execute(statement("sum_changes_since"), asked | {"snapshot": known.snapshot})
        came = tuple(Came(*row) for row in await rows.fetchall())
        after = _after(terms, usage)
        had = no_more(terms.promotions, held.by_grant(booked))  # some may be reversed by hand
        back = given_back(had, came_off(after.lines, invoice.currency))
        return _Found(known, (made or known).standing, after, delta, usage.data_snapshot, came, booked, back)


async def _terms(conn: Connection, team: Team, invoice: Invoice, known: Known, booked: Sequence[Held]) -> Terms:
    """By what an invoice was made, but for what was billed before its period's end by one that is void by now.

    Of grants no more comes off than by now does, and is `booked`: what came off a void one, or was given back, is
    theirs again.
    """
    terms = await terms_of(conn, team, invoice)
    promotions = no_more(terms.promotions, came_off(known.standing.lines, invoice.currency))
    if not terms.billed:
        return terms._replace(promotions=promotions)
    numbers = {each.number for each in await bill.billed_before(conn, team.id, invoice.period, bill.PERIOD)}
    billed = tuple(each for each in terms.billed if each.number in numbers)
    if len(billed) < len(terms.billed):
        promotions = no_more(promotions, held.by_grant(booked))
    return terms._replace(billed=billed, promotions=promotions)


async def _counted(conn: Connection, team: Team, invoice: Invoice, terms: Terms, rolled: Billable) -> Billable:
    """The usage of an invoice's period from raw events; what was rolled up where they are gone, and can't change."""
    try:
        return await raw.read(conn, team.id, invoice.period, terms.agreement.asked, None)
    except RawDataGone:
        return rolled


def _after(terms: Terms, usage: Billable) -> Standing:
    _, document = bill.owed(terms.agreement, usage, terms.billed, terms.adjusted, terms.promotions)
    return standing_of(document)


def _delta(known: Known, terms: Terms, usage: Billable, invoice: Invoice) -> Delta:
    return between(known.standing, _after(terms, usage), invoice.number or "", invoice.currency)


async def _written(conn: Connection, team: Team, invoice: Invoice, found: _Found, now: datetime) -> Adjustment | None:
    """Writes it down unless somebody was faster; holds team, invoice, wallet, counter in the order all others do."""
    async with conn.transaction():
        await conn.execute(statement("lock_team"), {"team_id": team.id})
        await change.lock(conn, invoice.public_id, team.id)
        if not await _is_latest(conn, invoice, found.known):
            return None
        if found.back and not await _give_back(conn, team, invoice, found, now):
            return None
        decided = decide(found.delta, found.made, (await store.kept_policy(conn, team.id))[0])
        note = await _credited(conn, invoice, found, decided, now) if decided.credited else None
        if decided.credited and note is None:
            decided = Decided("next_invoice")
        adjustment = _adjustment(team, invoice, found, decided, now, note)
        await store.write(conn, adjustment)
        return adjustment


async def _give_back(conn: Connection, team: Team, invoice: Invoice, found: _Found, now: datetime) -> bool:
    """Gives grants back what less usage needs of them; False where what is booked of them has changed since."""
    wallet = await giving_back.hold(conn, team, found.back)
    if await held.of_period(conn, invoice.id) != found.booked:
        return False
    named = Named(invoice.public_id, invoice.number or "")
    await giving_back.grants_back(conn, wallet, named, found.back, named.given_back(found.known.number + 1), now)
    return True


async def _credited(conn: Connection, invoice: Invoice, found: _Found, decided: Decided, now: datetime) -> UUID | None:
    """The credit note of a difference; None where so much of the invoice is not left to credit."""
    reason: Reason = "late_usage" if any(each.late for each in found.came) else "correction"
    lines = tuple(OfLine(*each) for each in decided.credited)
    wanted = Wanted(invoice, reason, lines, note="Usage that changed after the invoice was made")
    try:
        async with conn.transaction():
            made = await make(conn, wanted, Actor("system", now))
    except (CreditRefused, InvoiceState) as error:
        _log.info("invoice %s: its difference goes on the next one: %s", invoice.number, error)
        return None
    return made.note.public_id


async def _is_latest(conn: Connection, invoice: Invoice, known: Known) -> bool:
    """Whether a difference is from what the invoice stands at, and it stands."""
    row = await (await conn.execute(statement("find_last_adjustment"), {"invoice_id": invoice.id})).fetchone()
    return row is not None and tuple(row) == (known.number, False)


def _adjustment(
    team: Team, invoice: Invoice, found: _Found, decided: Decided, now: datetime, credit_note: UUID | None
) -> Adjustment:
    return Adjustment(
        public_id=uuid7(),
        team_id=team.id,
        invoice_id=invoice.id,
        number=found.known.number + 1,
        found_at=now,
        snapshot=found.snapshot,
        came=found.came,
        before=found.known.standing,
        after=found.after,
        delta=found.delta,
        outcome=decided.outcome,
        credit_note=credit_note,
        note=decided.note,
    )
