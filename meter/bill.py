"""One team, one period: read what was used, rate it, write the invoice. Reading, deciding and writing stand apart."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from meter import billable, subscriptions
from meter.billable import Billable
from meter.database import Connection
from meter.errors import Busy, Forbidden, InvalidParameter, InvoiceExists, NotRateable, PeriodNotOver, Unpriced
from meter.held.settle import settle
from meter.invoices import Party
from meter.model import Team
from meter.prices import keep_version, plan_named
from meter.rating.invoice import Rated, rate
from meter.rating.periods import Period, month_period, previous_month
from meter.subscriptions import TICK, Subscription
from meter.usage import EARLIEST, LATEST
from sql import statement

PERIOD = "period"
DUE_AFTER = timedelta(days=7)
LONGEST = timedelta(days=366)
_encode = msgspec.json.Encoder(decimal_format="string").encode


class Draft(NamedTuple):
    """What a team owes for a period and from which data, before anything is written."""

    team: Team
    subscription: Subscription
    rated: Rated
    billable: Billable


class Standing(NamedTuple):
    """The invoice that a period has already."""

    public_id: UUID


class Outcome(NamedTuple):
    """The invoice of a period, and whether it was made now."""

    public_id: UUID
    created: bool


async def generate(conn: Connection, team: Team, period: Period, seller: Party, now: datetime) -> Outcome:
    """Makes and finalises the invoice of a period; where it is there already, answers that: safe to run again.

    Raises what `prepare` and `conclude` raise. Nothing is left behind then.
    """
    return await conclude(conn, await prepare(conn, team, period, now), seller, now)


async def prepare(conn: Connection, team: Team, period: Period, now: datetime) -> Draft | Standing:
    """Everything that is needed to write the invoice, or the one there is; writes nothing of it and holds no lock.

    Events whose id came before with another time are held first, where no worker has looked yet.

    Raises:
        Busy: looking at those takes long; ask again.
        PeriodNotOver: it ends after `now`.
        InvoiceExists: an invoice of another period bills part of this one.
        NoSubscription, CurrencyMismatch: the team has no plan, or one in another currency.
        Unpriced: the plan has no price for something that was used.
        NotRateable, InvalidParameter, RawDataGone: the usage can't be priced, or not between these instants.
    """
    check_over(period, now)
    standing = await _standing(conn, team, period)
    if standing is not None:
        return standing
    await settle(conn, team, (period.start, period.end), now)
    draft = await price(conn, team, period)
    check_priced(draft.rated)
    return draft


async def price(conn: Connection, team: Team, period: Period) -> Draft:
    """What the team would be billed for a period by what is known now, over or not; all read in one snapshot.

    Raises as `prepare`, but neither PeriodNotOver nor InvoiceExists nor Unpriced: `rated.unpriced` says what has none.
    """
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        subscription = await subscriptions.at(conn, team.id, period.end)
        plan = plan_named(subscription.plan)
        subscriptions.check_currency(team, plan)
        try:
            found = await billable.read(conn, team.id, period, plan.needs)
            rated = rate(plan, found.usage, period, team.currency)
        except ValueError as error:
            raise NotRateable(str(error)) from error
    return Draft(team, subscription, rated, found)


async def conclude(
    conn: Connection, prepared: Draft | Standing, seller: Party, now: datetime, *, by_team: bool = False
) -> Outcome:
    """Writes and finalises what was prepared, in one transaction (a part of the caller's, if one is open).

    Teams go side by side, one team's invoices one after the other; whoever comes second finds the first one's. The
    number is taken last, so others wait for it only as long as a commit takes. Raises InvoiceExists, and Busy where the
    team's zone was changed since: its periods begin at another time then. Where it is the team that asks (`by_team`),
    Forbidden for what would be given the free units of a month once more.
    """
    if isinstance(prepared, Standing):
        return Outcome(prepared.public_id, created=False)
    async with conn.transaction():
        locked = await (await conn.execute(statement("lock_team"), {"team_id": prepared.team.id})).fetchone()
        if locked is None or locked[0] != prepared.team.timezone:
            raise Busy("the team's zone was changed at this very moment; ask again")
        standing = await _standing(conn, prepared.team, prepared.rated.period)
        if standing is not None:
            return Outcome(standing.public_id, created=False)
        if by_team:
            await _check_free_units(conn, prepared)
        public_id, invoice_id = await _write(conn, prepared, seller, now)
        numbered = {"invoice_id": invoice_id, "now": now, "due_at": now + DUE_AFTER}
        await conn.execute(statement("number_invoice"), numbered)
    return Outcome(public_id, created=True)


async def _check_free_units(conn: Connection, draft: Draft) -> None:
    """Refuses a part of a month that has an invoice already, where a plan has free units: each part would get them all.

    Raises Forbidden.
    """
    period, anchor = draft.rated.period, draft.subscription.anchor_day
    if not any(price.included for price in plan_named(draft.subscription.plan).prices):
        return
    first, last = (month_period(each, period.zone, anchor) for each in (period.start, period.end - TICK))
    asked = {"team_id": draft.team.id, "reason": PERIOD, "period_from": first.start, "period_to": last.end}
    row = await (await conn.execute(statement("find_overlapping_invoice"), asked)).fetchone()
    if row is not None:
        raise Forbidden(f"{row[1]} has the month's free units already; the operator's key bills the rest of that month")


async def default_period(conn: Connection, team: Team, now: datetime) -> Period:
    """The last month of the team's own calendar that is over, from its plan's anchor day. Raises NoSubscription."""
    subscription = await subscriptions.current(conn, team.id)
    return previous_month(now, team.timezone, subscription.anchor_day)


def period_between(start: datetime, end: datetime, zone: str) -> Period:
    """The period [start, end) in the calendar of a zone. Raises InvalidParameter when it is empty or above a year."""
    if not EARLIEST <= start < end <= LATEST or end - start > LONGEST:
        raise InvalidParameter(f"`from` must lie before `to`, by {LONGEST.days} days at most")
    return Period(start, end, zone)


def check_over(period: Period, now: datetime) -> None:
    """Raises PeriodNotOver while usage may still come in time."""
    if period.end > now:
        raise PeriodNotOver(f"it ends at {period.end.isoformat()}; `preview` shows what it would cost by now")


def check_priced(rated: Rated) -> None:
    """Raises Unpriced, with the meters, for usage that the plan neither prices nor leaves unbilled on purpose."""
    if rated.unpriced:
        meters = [{"meter": each.meter, "quantity": f"{each.quantity:f}"} for each in rated.unpriced]
        names = ", ".join(each.meter for each in rated.unpriced)
        raise Unpriced(f"{rated.book}/{rated.plan} has no price for {names}", meters=meters)


async def _standing(conn: Connection, team: Team, period: Period) -> Standing | None:
    """The period's invoice. Raises InvoiceExists for one of another period that shares a moment with this one."""
    asked = {"team_id": team.id, "reason": PERIOD, "period_from": period.start, "period_to": period.end}
    row = await (await conn.execute(statement("find_overlapping_invoice"), asked)).fetchone()
    if row is None:
        return None
    public_id, number, start, end = row
    if (start, end) != (period.start, period.end):
        said = f"{number} bills {start.isoformat()} to {end.isoformat()}; nothing is billed twice"
        raise InvoiceExists(said, invoice=str(public_id))
    return Standing(public_id)


async def _write(conn: Connection, draft: Draft, seller: Party, now: datetime) -> tuple[UUID, int]:
    """Stores the draft with its prices, lines and shares."""
    prices = await keep_version(conn, plan_named(draft.subscription.plan), now)
    public_id = uuid7()
    head = header(draft, seller, now) | {"public_id": public_id, "price_version_id": prices}
    invoice_id: int = (await (await conn.execute(statement("create_invoice"), head)).fetchall())[0][0]
    parts = {
        "invoice_id": invoice_id,
        "team_id": draft.team.id,
        "lines": _encode(draft.rated.lines).decode(),
        "members": _encode(draft.rated.members).decode(),
    }
    for name in ("create_invoice_lines", "create_invoice_shares", "create_invoice_members"):
        await conn.execute(statement(name), parts)
    return public_id, invoice_id


def header(draft: Draft, seller: Party, now: datetime) -> dict[str, object]:
    """The columns of an invoice, without ids of its own, number and dates."""
    team, rated, period = draft.team, draft.rated, draft.rated.period
    customer = Party(team.name, (team.billing_email,) if team.billing_email else ())
    return {
        "team_id": team.id,
        "subscription_id": draft.subscription.id,
        "reason": PERIOD,
        "period_from": period.start,
        "period_to": period.end,
        "zone": period.zone,
        "anchor_day": period.anchor_day,
        "plan": draft.subscription.plan,
        "rating_version": rated.rating_version,
        "currency": rated.currency,
        "total": rated.total,
        "exact": rated.exact,
        "seller": _encode(seller).decode(),
        "customer": _encode(customer).decode(),
        "meters": _encode(draft.billable.meters).decode(),
        "data_snapshot": draft.billable.data_snapshot,
        "as_of": draft.billable.as_of,
        "now": now,
    }
