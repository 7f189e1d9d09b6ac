"""One team, one period: read what was used, rate it, write the invoice. Reading, deciding and writing stand apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple
from uuid import UUID

import msgspec
from msgspec.structs import replace
from uuid_utils.compat import uuid7

from meter import advance, billable, parties, progressive
from meter.adjustments import store as adjustments
from meter.adjustments.billed import Adjusted
from meter.advance import Billed
from meter.agreement import CHOOSE, Agreement, agreed
from meter.billable import Billable
from meter.database import Connection
from meter.errors import (
    Busy,
    Forbidden,
    InvalidParameter,
    InvoiceExists,
    NoSubscription,
    NotRateable,
    PeriodNotOver,
    Unpriced,
)
from meter.explain import truth
from meter.held.settle import settle as settle_held
from meter.invoices import Invoice, Party, sums_of
from meter.invoicing import numbering, paying
from meter.invoicing import purse as purses
from meter.invoicing.document import Around, document_of
from meter.invoicing.promoting import promoted
from meter.invoicing.promotional import Promotion
from meter.invoicing.settled import Expected
from meter.mail import outbox
from meter.model import Team
from meter.prices import store as prices
from meter.prices.schedule import Schedule, name_of
from meter.rating.document import Document
from meter.rating.invoice import MemberShare, Rated, unpriced_of
from meter.rating.line import in_order
from meter.rating.periods import Period, month_period
from meter.rating.segments import rate_period
from meter.subscriptions import store as subscriptions
from meter.subscriptions import timeline
from meter.subscriptions.changes import Change
from meter.subscriptions.store import Log
from meter.usage import EARLIEST, LATEST
from meter.windows import MOMENT
from sql import statement

Reason = Literal["period", "advance", "progressive"]
PERIOD: Final = "period"
ADVANCE: Final = "advance"
PROGRESSIVE: Final = "progressive"
LONGEST = timedelta(days=366)
_encode = msgspec.json.Encoder(decimal_format="string").encode


class Draft(NamedTuple):
    """What a team owes for a period, by what was agreed and from which data, before anything is written.

    What there is of promotional credits comes off when it is written, or foreseen; what came off before already did.
    """

    team: Team
    subscription_id: int
    reason: Reason
    agreement: Agreement
    rated: Rated
    document: Document
    billable: Billable
    billed: tuple[Billed, ...] = ()
    adjusted: tuple[Adjusted, ...] = ()
    promotions: tuple[Promotion, ...] = ()
    expected: tuple[Expected, ...] = ()

    @property
    def period(self) -> Period:
        """The period it is for."""
        return self.agreement.period

    @property
    def plan(self) -> str:
        """The plan at the period's end, `book/plan`."""
        return name_of(self.agreement.last)


class Standing(NamedTuple):
    """The invoice that a period has already; a draft is written anew until it is final."""

    public_id: UUID
    id: int
    is_draft: bool


class Outcome(NamedTuple):
    """The invoice of a period, and whether it was made now."""

    public_id: UUID
    created: bool


class Until(NamedTuple):
    """An invoice is kept as a draft, until an instant or (None) until somebody makes it final."""

    at: datetime | None


async def generate(
    conn: Connection, team: Team, period: Period, seller: Party, now: datetime, reason: Reason = PERIOD
) -> Outcome:
    """Makes and finalises the invoice of a period; where it is there already, answers that: safe to run again.

    Raises what `prepare` and `conclude` raise. Nothing is left behind then.
    """
    return await conclude(conn, await prepare(conn, team, period, now, reason), seller, now)


async def prepare(
    conn: Connection, team: Team, period: Period, now: datetime, reason: Reason = PERIOD
) -> Draft | Standing:
    """Everything that is needed to write the invoice, or the one there is; writes nothing of it and holds no lock.

    For the reason `advance` it is of the fees that are owed before the period, which has begun; for `progressive` of
    what was used from its beginning to an instant within it, and was not billed yet.

    Events whose id came before with another time are held first, where no worker has looked yet; and what is charged as
    it is used is charged.

    Raises:
        Busy: looking at those takes long; ask again.
        PeriodNotOver: it ends after `now`.
        InvoiceExists: an invoice of another period bills part of this one.
        NoSubscription, CurrencyMismatch: the team has no plan, or one in another currency.
        Unpriced: the plan has no price for something that was used.
        NotRateable, InvalidParameter, RawDataGone: the usage can't be priced, or not between these instants.
    """
    check_due(period, now, reason)
    standing = await _standing(conn, team, period, reason)
    if standing is not None and not standing.is_draft:
        return standing
    if reason != ADVANCE:
        await settle_held(conn, team, (period.start, period.end), now)
    priced = await price(conn, team, period, reason)
    check_priced(priced.rated)
    if reason != ADVANCE:
        await paying.catch_up(conn, priced, now)
    return priced


async def price(conn: Connection, team: Team, period: Period, reason: Reason = PERIOD) -> Draft:
    """What the team would be billed for a period by what is known now, over or not; all read in one snapshot.

    Raises as `prepare`, but neither PeriodNotOver nor InvoiceExists nor Unpriced: `rated.unpriced` says what has none.
    """
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        books, log = await prices.read(conn), await subscriptions.read(conn, team.id)
        return await draft(conn, team, period, books, log, reason)


async def draft(
    conn: Connection, team: Team, period: Period, books: Schedule, log: Log, reason: Reason = PERIOD
) -> Draft:
    """What the team would be billed for a period by these prices and decisions, there or only thought of.

    In the caller's transaction, which must be of one snapshot (`begin_reading`). Raises as `price`.
    """
    agreement = agreement_of(team, log.standing, books, period, reason)
    billed = await billed_before(conn, team.id, period, reason)
    adjusted = await _adjusted(conn, team, agreement, reason)
    try:
        if reason == ADVANCE:
            found = await billable.none(conn, team.id)
            rated, document = advance.owed(agreement)
        else:
            found = await billable.read(conn, team.id, period, agreement.asked)
            rated, document = owed(agreement, found, billed, adjusted)
    except ValueError as error:
        raise NotRateable(str(error)) from error
    return Draft(team, log.subscription_id or 0, reason, agreement, rated, document, found, billed, adjusted)


def agreement_of(team: Team, changes: Sequence[Change], books: Schedule, period: Period, reason: Reason) -> Agreement:
    """By what a period is billed for a reason. Raises as `agreed`."""
    return (progressive.so_far if reason == PROGRESSIVE else agreed)(team, changes, books, period)


async def billed_before(
    conn: Connection, team_id: int, period: Period, reason: Reason, *, voids: bool = False
) -> tuple[Billed, ...]:
    """What other invoices billed of a period, that one for this reason takes off; those void since with `voids`."""
    if reason == ADVANCE:
        return ()
    kinds = advance.KINDS if reason == PERIOD else (PROGRESSIVE,)
    return await advance.billed(conn, team_id, period, kinds, voids=voids)


def owed(
    agreement: Agreement,
    found: Billable,
    billed: Iterable[Billed] = (),
    adjusted: Iterable[Adjusted] = (),
    promotions: tuple[Promotion, ...] | None = None,
) -> tuple[Rated, Document]:
    """Rate what was used and settle the sum, then take off what was `billed` of it before; pure.

    What changed of earlier periods after their invoices (`adjusted`) comes last. Of grants come off `promotions`, or
    (None) what was taken of them by what was billed before.
    What was used while there was no plan has no price. Raises ValueError for usage that can't be priced.
    """
    rated = rate_period(agreement.segments(found.parts), agreement.month, agreement.currency)
    outside = unpriced_of(found.outside)
    rated = replace(rated, period=agreement.period, unpriced=(*rated.unpriced, *outside))
    return rated, document_of(agreement, rated, Around(tuple(billed), tuple(adjusted), promotions))


async def conclude(
    conn: Connection,
    prepared: Draft | Standing,
    seller: Party,
    now: datetime,
    *,
    by_team: bool = False,
    draft: Until | None = None,
) -> Outcome:
    """Writes and finalises what was prepared, in one transaction (a part of the caller's, if one is open).

    With `draft` it is kept as one, without a number; a draft that is there is written anew, in either case.

    Teams go side by side, one team's invoices one after the other; whoever comes second finds the first one's. The
    number is taken last, so others wait for it only as long as a commit takes. Raises InvoiceExists, and Busy where the
    team's zone was changed since: its periods begin at another time then; InvoiceNumberTaken where the seller's numbers
    are not new. Where it is the team that asks (`by_team`), Forbidden for what would be given the free units of a month
    once more.
    """
    if isinstance(prepared, Standing):
        return Outcome(prepared.public_id, created=False)
    async with conn.transaction():
        locked = await (await conn.execute(statement("lock_team"), {"team_id": prepared.team.id})).fetchone()
        if locked is None or locked[0] != prepared.team.timezone:
            raise Busy("the team's zone was changed at this very moment; ask again")
        standing = await _standing(conn, prepared.team, prepared.period, prepared.reason)
        if standing is not None and not standing.is_draft:
            return Outcome(standing.public_id, created=False)
        await _check_agreed(conn, prepared, now)
        if by_team and prepared.reason == PERIOD:
            await _check_free_units(conn, prepared)
        purse = await purses.hold(conn, prepared, now) if draft is None else await purses.see(conn, prepared)
        await _check_billed(conn, prepared)
        prepared = promoted(prepared, purse, now)
        if draft is not None:
            prepared = prepared._replace(expected=paying.expected(prepared, purse, now))
        written = await _write(conn, prepared, seller, now, standing)
        if draft is None:
            await adjustments.bill(conn, written.id, prepared.adjusted)
            await numbering.give(conn, written.id, seller.numbers, prepared.period.zone, now)
            await paying.pay(conn, prepared, (written.id, written.public_id), purse, now)
            await outbox.invoice(conn, written.id, prepared.team.id, "invoice", now)
        else:
            await conn.execute(statement("keep_draft"), {"invoice_id": written.id, "finalise_at": draft.at})
    return Outcome(written.public_id, created=standing is None or draft is None)


async def _check_agreed(conn: Connection, draft: Draft, now: datetime) -> None:
    """What was agreed when the draft was made must still be; until the commit no prices change. Raises Busy."""
    for book in sorted({part.plan.book for part in draft.agreement.parts}):
        await prices.adopt(conn, book, now)  # first, as that may have to wait for all who share the book
        await conn.execute(statement("share_price_book"), {"book": book})
    books, log = await prices.read(conn), await subscriptions.read(conn, draft.team.id)
    if agreement_of(draft.team, log.standing, books, draft.period, draft.reason) != draft.agreement:
        raise Busy("the prices or the plan were changed at this very moment; ask again")
    if await _adjusted(conn, draft.team, draft.agreement, draft.reason) != draft.adjusted:
        raise Busy("usage of earlier periods was found to have changed at this very moment; ask again")


async def _check_billed(conn: Connection, draft: Draft) -> None:
    """What was billed before must still be, and be no more, by who holds the wallet: a void one has gifts back.

    Raises Busy.
    """
    if await billed_before(conn, draft.team.id, draft.period, draft.reason) != draft.billed:
        raise Busy("a part of the period was billed at this very moment; ask again")


async def _adjusted(conn: Connection, team: Team, agreement: Agreement, reason: Reason) -> tuple[Adjusted, ...]:
    """What changed of earlier periods after their invoices, and waits for this one."""
    if reason != PERIOD:
        return ()
    exchange = agreement.terms.exchange
    currency = agreement.currency if exchange is None else exchange.to
    return await adjustments.waiting(conn, team.id, currency, agreement.period.start)


async def _check_free_units(conn: Connection, draft: Draft) -> None:
    """Refuses a part of a month that has an invoice already, where a plan has free units: each part would get them all.

    Raises Forbidden.
    """
    period = draft.period
    if not any(price.included for part in draft.agreement.parts for price in part.plan.prices):
        return
    first, last = (month_period(each, period.zone, period.anchor_day) for each in (period.start, period.end - MOMENT))
    there = {"team_id": draft.team.id, "reason": PERIOD, "period_from": first.start, "period_to": last.end}
    asked = there | {"drafts": False}
    row = await (await conn.execute(statement("find_overlapping_invoice"), asked)).fetchone()
    if row is not None:
        raise Forbidden(f"{row[1]} has the month's free units already; the operator's key bills the rest of that month")


def reason_of(invoice: Invoice) -> Reason:
    """Why an invoice was made."""
    found: Reason = msgspec.convert(invoice.reason, Reason)
    return found


async def default_period(conn: Connection, team: Team, now: datetime) -> Period:
    """The last period of the team's subscription that is over. Raises NoSubscription."""
    log = await subscriptions.read(conn, team.id)
    found = timeline.previous_period(log.standing, team.timezone, now)
    if found is None:
        raise NoSubscription(CHOOSE)
    return found


def period_between(start: datetime, end: datetime, zone: str) -> Period:
    """The period [start, end) in the calendar of a zone. Raises InvalidParameter when it is empty or above a year."""
    if not EARLIEST <= start < end <= LATEST or end - start > LONGEST:
        raise InvalidParameter(f"`from` must lie before `to`, by {LONGEST.days} days at most")
    return Period(start, end, zone)


def check_due(period: Period, now: datetime, reason: Reason) -> None:
    """Raises PeriodNotOver while usage may still come in time, and for fees of a period that has not begun."""
    if reason == ADVANCE and period.start > now:
        raise PeriodNotOver(f"it begins at {period.start.isoformat()}; its fees are owed from then on")
    if reason != ADVANCE and period.end > now:
        raise PeriodNotOver(f"it ends at {period.end.isoformat()}; `preview` shows what it would cost by now")


def check_priced(rated: Rated) -> None:
    """Raises Unpriced, with the meters, for usage that the plan neither prices nor leaves unbilled on purpose."""
    if rated.unpriced:
        meters = [{"meter": each.meter, "quantity": f"{each.quantity:f}"} for each in rated.unpriced]
        names = ", ".join(each.meter for each in rated.unpriced)
        raise Unpriced(f"{rated.book}/{rated.plan} has no price for {names}", meters=meters)


async def _standing(conn: Connection, team: Team, period: Period, reason: Reason) -> Standing | None:
    """The period's invoice. Raises InvoiceExists for one of another period that shares a moment with this one.

    Fees in advance of a period that was cut may be billed again for what it became: the first are taken off again, as
    is what was billed of a part of a running one.
    """
    asked = {"team_id": team.id, "reason": reason, "period_from": period.start, "period_to": period.end, "drafts": True}
    row = await (await conn.execute(statement("find_overlapping_invoice"), asked)).fetchone()
    if row is not None and row[2:4] == (period.start, period.end):
        return Standing(row[0], *row[4:])
    if reason != PERIOD:  # the invoice of the period has all of it, and takes off nothing any more
        row = await (await conn.execute(statement("find_overlapping_invoice"), asked | {"reason": PERIOD})).fetchone()
    if row is None:
        return None
    public_id, number, start, end, *_ = row
    said = f"{number or 'a draft'} bills {start.isoformat()} to {end.isoformat()}; nothing is billed twice"
    raise InvoiceExists(said, invoice=str(public_id))


async def _write(conn: Connection, draft: Draft, seller: Party, now: datetime, standing: Standing | None) -> Standing:
    """Stores the draft with its prices, lines and shares; in place of what stands there as one.

    Raises Busy where that was discarded meanwhile.
    """
    version_id = await prices.version_of(conn, draft.agreement.last)
    public_id = standing.public_id if standing else uuid7()
    customer = await parties.customer(conn, draft.team)
    head = header(draft, seller, customer, now) | {"public_id": public_id, "price_version_id": version_id}
    if standing is None:
        invoice_id: int = (await (await conn.execute(statement("create_invoice"), head)).fetchall())[0][0]
    else:
        invoice_id = standing.id
        await conn.execute(statement("erase_invoice_parts"), {"invoice_id": invoice_id})
        if (await conn.execute(statement("rewrite_invoice"), head | {"invoice_id": invoice_id})).rowcount == 0:
            raise Busy("the draft was discarded at this very moment; ask again")
    parts = {
        "invoice_id": invoice_id,
        "team_id": draft.team.id,
        "lines": _encode(draft.document.lines).decode(),
        "members": _encode(members_of(draft)).decode(),
        "truths": _encode(await truth.of_draft(conn, draft, public_id, now)).decode(),
    }
    for name in ("create_invoice_lines", "create_invoice_members"):
        await conn.execute(statement(name), parts)
    return Standing(public_id, invoice_id, is_draft=True)


def members_of(draft: Draft) -> tuple[MemberShare, ...]:
    """What each member used, and what is to be paid for it after coupons and taxes."""
    used = {each.member: each.usage for each in draft.rated.members}
    owed = {each.member: each.amount for each in draft.document.members}
    nothing = draft.document.total * 0
    names = in_order({*used, *owed})
    return tuple(MemberShare(name, owed.get(name, nothing), used.get(name, {})) for name in names)


def header(draft: Draft, seller: Party, customer: Party, now: datetime) -> dict[str, object]:
    """The columns of an invoice, without ids of its own, number and dates."""
    team, rated, document, period = draft.team, draft.rated, draft.document, draft.period
    return {
        "team_id": team.id,
        "subscription_id": draft.subscription_id,
        "reason": draft.reason,
        "period_from": period.start,
        "period_to": period.end,
        "zone": period.zone,
        "anchor_day": period.anchor_day,
        "plan": draft.plan,
        "rating_version": rated.rating_version,
        "currency": document.currency,
        "total": document.total,
        "exact": rated.exact,
        "document": _encode(sums_of(document, draft.promotions, draft.expected)).decode(),
        "seller": _encode(seller).decode(),
        "customer": _encode(customer).decode(),
        "meters": _encode(draft.billable.meters).decode(),
        "data_snapshot": draft.billable.data_snapshot,
        "as_of": draft.billable.as_of,
        "now": now,
    }
