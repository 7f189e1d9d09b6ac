"""Deciding about a team's subscription: its first plan, its end, and whatever is kept in between."""

from __future__ import annotations

from datetime import datetime

from meter.agreement import exchange
from meter.database import Connection
from meter.errors import CurrencyMismatch
from meter.model import Team
from meter.prices import store as prices
from meter.prices.schedule import Schedule
from meter.subscriptions import decide, store, timeline
from meter.subscriptions.changes import Cancel, ChangePlan, Decided, Outcome, Start
from meter.subscriptions.choices import choice_of
from meter.subscriptions.wish import Choice, Facts


async def begin(conn: Connection, team: Team, plan: str | None, default: str, now: datetime) -> None:
    """Gives a new team its first plan, in the caller's transaction: the one asked for, else the default.

    A team billed in a currency that the default has no prices in begins without a plan; it can't be billed until it
    gets one. Raises UnknownPlan, and CurrencyMismatch for a plan that was asked for.
    """
    books = await prices.read(conn)
    try:
        chosen = choice(team, plan or default, books, now)
    except CurrencyMismatch:
        if plan is not None:
            raise
        return
    await keep(conn, team, decide.start(Facts((), team.timezone, now), chosen), prices.PRODUCT, now)


def choice(team: Team, plan: str, books: Schedule, at: datetime) -> Choice:
    """What its book says of a plan at an instant.

    Raises UnknownPlan, and CurrencyMismatch for one in a currency that can't be exchanged for the team's.
    """
    found, book = books.plan(plan, at, team.public_id), books.book_of(plan, at)
    exchange(team, found, book, at)
    return choice_of(book, found)


async def keep(conn: Connection, team: Team, outcome: Outcome, by: str, now: datetime) -> None:
    """Writes down what was decided, in the caller's transaction, the team locked; a demo book is adopted by its use."""
    plans = {each.decision.plan for each in outcome.decided if isinstance(each.decision, Start | ChangePlan)}
    for book in sorted({plan.partition("/")[0] for plan in plans}):
        await prices.adopt(conn, book, now)
    if outcome.withdrawn:
        await store.withdraw(conn, team.id, [change.id for change in outcome.withdrawn], by, now)
    if outcome.decided:
        await store.append(conn, team.id, outcome.decided, by, now)


async def end(conn: Connection, team: Team, now: datetime) -> None:
    """Ends the plan of a team, if it has one; what was used by then is still billed by it."""
    log = await store.read(conn, team.id)
    later = tuple(change for change in log.standing if change.at > now)
    has = timeline.stretch_at([change for change in log.standing if change.at <= now], now) is not None
    decided = (Decided(now, Cancel()),) if has else ()
    await keep(conn, team, Outcome(decided, later), prices.PRODUCT, now)
