"""Changing a subscription: read what is known, see what it costs, then write down what is decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import msgspec

from meter import audit, teams
from meter.audit import Actor
from meter.database import Connection
from meter.errors import Busy, DecisionRefused
from meter.model import Team
from meter.prices import store as prices
from meter.subscriptions import decisions, preview, store
from meter.subscriptions.ask import Known, outcome_of
from meter.subscriptions.changes import Change, Decision, Outcome
from meter.subscriptions.preview import Money
from meter.subscriptions.refusals import Refused
from meter.subscriptions.wish import Facts
from meter.subscriptions.wishes import Wish
from sql import statement

_decode = msgspec.json.Decoder(Decision).decode


class Prepared(NamedTuple):
    """A wish, what it becomes and what that costs, by what was known when it was read."""

    known: Known
    wish: Wish
    outcome: Outcome
    money: Money


class Kept(NamedTuple):
    """What was decided and withdrawn, as it is in the log now."""

    known: Known
    decided: tuple[Change, ...]
    withdrawn: tuple[Change, ...]


class Told(NamedTuple):
    """A decision of the history; `withdrawn_by` is None of one that stands."""

    change: Change
    withdrawn_by: str | None


async def prepare(conn: Connection, team: Team, wish: Wish, actor: Actor) -> Prepared:
    """What a wish becomes and costs; stores nothing, and holds no lock while usage is read.

    Raises DecisionRefused, NotFound, UnknownPlan, UnknownCoupon, and as `bill.draft`.
    """
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        known = await known_of(conn, team, actor)
        with refusing():
            outcome = outcome_of(known, wish)
        return Prepared(known, wish, outcome, await preview.money(conn, known, outcome))


async def keep(conn: Connection, prepared: Prepared, actor: Actor) -> Kept:
    """Writes down what was prepared, with an entry of the audit log, in the caller's transaction.

    Raises TeamDeleted, and Busy where something was decided since: the money would not be right.
    """
    team = await teams.lock(conn, prepared.known.team)
    known = await known_of(conn, team, actor)
    there, then = known.facts, prepared.known.facts
    if (there.changes, there.zone, there.billed_until) != (then.changes, then.zone, then.billed_until):
        raise Busy("the subscription was changed at this very moment; ask again")
    with refusing():
        outcome = outcome_of(known, prepared.wish)
    await decisions.keep(conn, team, outcome, audit.who(actor), actor.at)
    log = await store.read(conn, team.id)
    before = {change.id for change in there.changes}
    gone = {change.id for change in outcome.withdrawn}
    kept = Kept(
        Known(team, known.books, msgspec.structs.replace(there, changes=log.changes)),
        tuple(change for change in log.changes if change.id not in before),
        tuple(change for change in log.changes if change.id in gone),
    )
    await _audited(conn, actor, team, kept)
    return kept


async def known_of(conn: Connection, team: Team, actor: Actor) -> Known:
    """What is known of a team, its books and who asks: the operator, unless acting for a member."""
    books, log = await prices.read(conn), await store.read(conn, team.id)
    billed = (await (await conn.execute(statement("get_billed_until"), {"team_id": team.id})).fetchall())[0][0]
    operator = actor.kind == "operator" and actor.member is None
    return Known(team, books, Facts(log.changes, team.timezone, actor.at, billed, operator=operator))


@contextmanager
def refusing() -> Iterator[None]:
    """Tells a client why a wish becomes nothing. Raises DecisionRefused."""
    try:
        yield
    except Refused as refused:
        raise DecisionRefused(str(refused), reason=refused.reason) from refused


async def history(conn: Connection, team_id: int, before: int | None, rows: int) -> Sequence[Told]:
    """At most `rows` decisions about a team's subscription, the last decided first, from before one of them."""
    asked = {"team_id": team_id, "before": before, "rows": rows}
    found = await (await conn.execute(statement("list_subscription_history"), asked)).fetchall()
    return [Told(Change(row[0], row[1], _decode(row[2]), *row[3:6]), row[6]) for row in found]


async def _audited(conn: Connection, actor: Actor, team: Team, kept: Kept) -> None:
    told = {
        name: [{"id": str(c.id), "at": c.at, "decision": msgspec.to_builtins(c.decision)} for c in changes]
        for name, changes in (("withdrawn", kept.withdrawn), ("decided", kept.decided))
    }
    before, after = ({name: told[name]} if told[name] else None for name in ("withdrawn", "decided"))
    await audit.record(
        conn, actor, "subscription.change", audit.of(team, "subscription", team.public_id), before, after
    )
