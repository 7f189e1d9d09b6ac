"""A stored invoice made again from raw events, by the prices and decisions it was made by; and what changed since."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple

from msgspec.structs import replace

from meter import advance, bill
from meter.adjustments import store as adjustments
from meter.adjustments.billed import Adjusted
from meter.advance import Billed
from meter.agreement import Agreement
from meter.database import Connection
from meter.errors import CurrencyMismatch, NoSubscription, RawDataGone, UnknownCoupon, UnknownPlan
from meter.ingest import load_meters
from meter.invoices import Invoice, plain_settled, settled_of
from meter.invoicing.document import in_advance
from meter.invoicing.promotional import Promotion
from meter.model import Team
from meter.prices import store as prices
from meter.rating.document import Document
from meter.rating.invoice import RATING_VERSION
from meter.retention.floors import floors
from meter.subscriptions import store as subscriptions
from meter.subscriptions.changes import Change
from meter.verify import compare, raw
from meter.verify.compare import Account, LineDifference
from sql import statement

State = Literal["agrees", "differs", "unverifiable"]


class Came(NamedTuple):
    """What came of a meter after an invoice was made: events that came later, and ones it counted, corrected since."""

    meter: str
    late: int
    corrected: int


class Since(NamedTuple):
    """What changed since an invoice was made: by meter, and what its lines and total would be by now.

    Prices are those it was made by.
    """

    came: tuple[Came, ...]
    lines: tuple[LineDifference, ...]
    total: Decimal


class Verdict(NamedTuple):
    """What came of making an invoice again: `unverifiable` says `why`, and `until` when raw events are gone.

    `snapshot` is the data it was made from, in which it is made again; `total` what that comes to. `since` is None
    where nothing can be counted again.
    """

    state: State
    why: str
    until: datetime | None
    snapshot: str
    total: Decimal | None
    lines: tuple[LineDifference, ...]
    since: Since | None


class Terms(NamedTuple):
    """By what an invoice was made: what was agreed, what was billed in advance, and what changed of earlier ones.

    `promotions` are what came off grants, which was decided when it was made.
    """

    agreement: Agreement
    billed: tuple[Billed, ...] = ()
    adjusted: tuple[Adjusted, ...] = ()
    promotions: tuple[Promotion, ...] = ()


async def verify(conn: Connection, team: Team, invoice: Invoice) -> Verdict:
    """Makes an invoice again from raw events in the snapshot it was made from, and from what is there now.

    All in one snapshot; raises nothing for what can't be verified: the verdict says so.
    """
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        snapshot = await _snapshot_of(conn, invoice)
        if invoice.rating_version != RATING_VERSION:
            said = f"it was made by rating version {invoice.rating_version}, and this program has {RATING_VERSION}"
            return _unknown(said, snapshot)
        try:
            terms = await terms_of(conn, team, invoice)
            then = await _made(conn, invoice, terms, snapshot)
            came = await _came(conn, invoice, snapshot)
            now = await _made(conn, invoice, terms, None) if came else then
        except RawDataGone as error:
            return _unknown(error.detail, snapshot, (await floors(conn)).raw)
        except (NoSubscription, CurrencyMismatch, UnknownPlan, UnknownCoupon) as error:
            return _unknown(f"what was agreed can't be told any more: {error.detail}", snapshot)
        except ValueError as error:
            return _unknown(str(error), snapshot)
        since = Since(came, compare.lines(then, now), now.total)
        stored = account_of(invoice)
        differing = compare.lines(stored, then)
        agrees = not differing and stored.total == then.total
        if not agrees and (rewritten := await _rewritten(conn, invoice, snapshot, differing)):
            said = f"late points of {rewritten} took rows away that it counted; they can't be counted as they were"
            return Verdict("unverifiable", said, None, snapshot, then.total, differing, since)
        return Verdict("agrees" if agrees else "differs", "", None, snapshot, then.total, differing, since)


def _unknown(why: str, snapshot: str, until: datetime | None = None) -> Verdict:
    return Verdict("unverifiable", why, until, snapshot, None, (), None)


def account_of(invoice: Invoice) -> Account:
    """The lines of a stored invoice; of one from before there were coupons and taxes, nothing was made."""
    settled = invoice.settled or tuple(plain_settled(line.amount) for line in invoice.lines)
    return Account(invoice.lines, settled, invoice.total)


def account(document: Document) -> Account:
    """The lines of a document."""
    return Account([each.line for each in document.lines], settled_of(document), document.total)


async def _snapshot_of(conn: Connection, invoice: Invoice) -> str:
    found = await (await conn.execute(statement("get_invoice_data"), {"invoice_id": invoice.id})).fetchall()
    snapshot: str = found[0][0]
    return snapshot


async def terms_of(conn: Connection, team: Team, invoice: Invoice) -> Terms:
    """What was agreed when it was made final: what was decided or put in force later says nothing about it.

    Raises NoSubscription, CurrencyMismatch, UnknownPlan, UnknownCoupon where that can't be told any more.
    """
    known_at = invoice.issued_at
    team = replace(team, timezone=invoice.period.zone, currency=invoice.currency)
    books, log = await prices.read(conn, known_at), await subscriptions.read(conn, team.id)
    changes = _known(log.changes, known_at)
    period = invoice.period
    reason = bill.reason_of(invoice)
    agreement = bill.agreement_of(team, changes, books, period, reason)
    promotions = invoice.sums.promotions if invoice.sums else ()
    if reason == bill.ADVANCE:
        return Terms(agreement, promotions=promotions)
    numbers = {step.facts.get("invoice") for step in (invoice.sums.derivation if invoice.sums else ())}
    billed = await bill.billed_before(conn, team.id, period, reason, voids=True)
    adjusted = await adjustments.on_invoice(conn, invoice.id)
    return Terms(agreement, tuple(each for each in billed if each.number in numbers), adjusted, promotions)


def _known(changes: Iterable[Change], at: datetime | None) -> tuple[Change, ...]:
    """The decisions that stood at an instant (None: stand now)."""
    if at is None:
        return tuple(each for each in changes if each.withdrawn_at is None)
    return tuple(
        replace(each, withdrawn_at=None)
        for each in changes
        if each.decided_at <= at and (each.withdrawn_at is None or each.withdrawn_at > at)
    )


async def _made(conn: Connection, invoice: Invoice, terms: Terms, snapshot: str | None) -> Account:
    if invoice.reason == bill.ADVANCE:
        document = in_advance(terms.agreement, advance.owed(terms.agreement)[0], terms.promotions)
    else:
        found = await raw.read(conn, invoice.team_id, invoice.period, terms.agreement.asked, snapshot)
        _, document = bill.owed(terms.agreement, found, terms.billed, terms.adjusted, terms.promotions)
    return account(document)


async def _came(conn: Connection, invoice: Invoice, snapshot: str) -> tuple[Came, ...]:
    if invoice.reason == bill.ADVANCE:
        return ()
    rows = await (await conn.execute(statement("sum_changes_since"), _asked(invoice, snapshot))).fetchall()
    return tuple(Came(*row) for row in rows)


async def _rewritten(conn: Connection, invoice: Invoice, snapshot: str, differing: Iterable[LineDifference]) -> str:
    """The meters whose streams brought something since, where they can be all that differs; nothing otherwise.

    A price of several meters calls them by a name of its own.
    """
    rows = await (await conn.execute(statement("list_rewritten_meters"), _asked(invoice, snapshot))).fetchall()
    rewritten = {row[0] for row in rows}
    others = (await load_meters(conn, invoice.team_id)).keys() - rewritten
    sure = any(each.kind == "usage" and each.meter in others for each in differing)
    return "" if sure else ", ".join(sorted(rewritten))


def _asked(invoice: Invoice, snapshot: str) -> dict[str, object]:
    period = invoice.period
    return {"team_id": invoice.team_id, "since": period.start, "until": period.end, "snapshot": snapshot}
