"""/v1/admin: what the operator does to accounts. Credits in and out, refunds, voids, reversals, and how one is kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from litestar import Response, post, put
from litestar.params import FromPath, JSONBody

from api import versions
from api.auth import may
from api.credit_given import AccountGiven, NewCredits, RefundGiven, Why, amount_of, deposit_of, said_of, terms_given
from api.credit_view import BookedView, GrantView, TermsView, booked_view, grant_view, terms_view
from api.errors import problems
from api.given import TheActor, TheShell, TheTeam
from api.idempotency import Retry, once
from api.state import Shell
from api.versions import IfMatch
from meter.answers import Request
from meter.audit import Actor
from meter.database import Connection, lent
from meter.errors import (
    BodyTooLarge,
    Busy,
    ChangedMeanwhile,
    CreditsRefused,
    IdempotencyConflict,
    InvalidBody,
    NotFound,
    TeamDeleted,
    UnknownMeter,
    UnsupportedEncoding,
)
from meter.ingest import load_meters
from meter.ledger import accounts, acts
from meter.ledger.acts import Made
from meter.ledger.store import Account, find
from meter.model import Team

OPERATE: dict[str, Any] = {"guards": [may("operate")], "tags": ["credits"]}
LOST = "nothing was booked; send it again"
OF_A_BODY = (InvalidBody, NotFound, TeamDeleted, BodyTooLarge, UnsupportedEncoding, Busy)
OF_AN_ACT = (*OF_A_BODY, CreditsRefused, IdempotencyConflict)


@put("/v1/admin/account", responses=problems(*OF_A_BODY, CreditsRefused, ChangedMeanwhile), **OPERATE)
async def put_account(
    data: JSONBody[AccountGiven], team: TheTeam, actor: TheActor, shell: TheShell, if_match: IfMatch = None
) -> Response[TermsView]:
    """Say how a team's account is kept, or (`key`) that of one of its keys; it is opened where there is none.

    Unit and price stay once anything is booked (`unit_in_use`).
    """
    _live(team)
    async with lent(shell.pool, LOST) as conn, conn.transaction():
        key_id = None if data.key is None else await accounts.key_id_of(conn, team, data.key)
        there = (await find(conn, team.id)).get(key_id)
        versions.check(if_match, 0 if there is None else there.version)
        account = await accounts.put(conn, team, key_id, terms_given(data, there, team.currency), actor)
    return versions.tagged(terms_view(account), account.version)


@post("/v1/admin/credits", responses=problems(*OF_AN_ACT, UnknownMeter), **OPERATE)
async def create_credits(
    data: JSONBody[NewCredits], team: TheTeam, actor: TheActor, retry: Retry, shell: TheShell
) -> Response[BookedView]:
    """Put credits on an account: a purchase, a grant, or an adjustment, which may also take (an amount below zero).

    What is owed is paid of them first. The account is opened, in the team's currency, where there is none. A `source`
    that was booked before with the same amount answers that booking, and `again`.
    """
    _live(team)

    async def make(conn: Connection) -> Made:
        key_id = None if data.key is None else await accounts.key_id_of(conn, team, data.key)
        account = await accounts.opened(conn, team, key_id, actor)
        if data.kind == "credit_adjustment" and data.amount is not None and data.amount < 0 and not data.recurrence:
            amount = amount_of("amount", data.amount, least=None).copy_negate()
            return await acts.take_out(conn, team, account, amount, said_of(data), actor)
        await _check_meters(conn, team, data.meters)
        return await acts.put_in(conn, team, account, deposit_of(data, account, actor.at), said_of(data), actor)

    return await _done(shell, retry, actor, make)


@post("/v1/admin/credits/{grant_id:uuid}/void", responses=problems(*OF_AN_ACT), **OPERATE)
async def void_grant(
    grant_id: FromPath[UUID], data: JSONBody[Why], team: TheTeam, actor: TheActor, retry: Retry, shell: TheShell
) -> Response[BookedView]:
    """End a grant now and take what is left of it; what is reserved of it may still be used. Once (`voided`)."""

    async def make(conn: Connection) -> Made | None:
        account = await _account_with(conn, team, grant_id)
        return await acts.void(conn, team, account, grant_id, said_of(data), actor)

    return await _done(shell, retry, actor, make)


@post("/v1/admin/credits/{grant_id:uuid}/stop", responses=problems(*OF_AN_ACT), **OPERATE)
async def stop_grant(
    grant_id: FromPath[UUID], data: JSONBody[Why], team: TheTeam, actor: TheActor, retry: Retry, shell: TheShell
) -> Response[GrantView]:
    """Let a grant come no more; what there is of it stays until it ends. Once (`not_recurring`)."""
    async with lent(shell.pool, LOST) as conn:

        async def made() -> GrantView:
            account = await _account_with(conn, team, grant_id)
            return grant_view(await acts.stop(conn, team, account, grant_id, said_of(data), actor))

        return await once(conn, retry, made, actor.at)


@post("/v1/admin/transactions/{transaction_id:uuid}/refund", responses=problems(*OF_AN_ACT), **OPERATE)
async def refund_purchase(
    transaction_id: FromPath[UUID],
    data: JSONBody[RefundGiven],
    team: TheTeam,
    actor: TheActor,
    retry: Retry,
    shell: TheShell,
) -> Response[BookedView]:
    """Take back what is left of a purchase, or an amount of it; `metadata.money` is what was paid for that much."""
    amount = None if data.amount is None else amount_of("amount", data.amount)

    async def make(conn: Connection) -> Made:
        account = await _account_with(conn, team, transaction_id)
        return await acts.refund(conn, team, account, transaction_id, amount, said_of(data), actor)

    return await _done(shell, retry, actor, make)


@post("/v1/admin/transactions/{transaction_id:uuid}/reverse", responses=problems(*OF_AN_ACT), **OPERATE)
async def reverse_transaction(
    transaction_id: FromPath[UUID], data: JSONBody[Why], team: TheTeam, actor: TheActor, retry: Retry, shell: TheShell
) -> Response[BookedView]:
    """Book the exact mirror of a transaction, once (`reversed`): to each grant what was taken of it, and the debts."""

    async def make(conn: Connection) -> Made:
        account = await _account_with(conn, team, transaction_id)
        return await acts.reverse(conn, team, account, transaction_id, said_of(data), actor)

    return await _done(shell, retry, actor, make)


async def _done(
    shell: Shell, retry: Request | None, actor: Actor, make: Callable[[Connection], Awaitable[Made | None]]
) -> Response[BookedView]:
    async with lent(shell.pool, LOST) as conn:

        async def made() -> BookedView:
            return booked_view(await make(conn))

        return await once(conn, retry, made, actor.at)


def _live(team: Team) -> None:
    if team.deleted_at is not None:
        raise TeamDeleted("what there was of it is kept; make another team")


async def _account_with(conn: Connection, team: Team, public_id: UUID) -> Account:
    """The account of a team that a grant or a transaction is on. Raises NotFound."""
    account_id = await accounts.id_with(conn, team, public_id)
    return next(each for each in (await find(conn, team.id)).values() if each.id == account_id)


async def _check_meters(conn: Connection, team: Team, slugs: list[str]) -> None:
    known = await load_meters(conn, team.id) if slugs else {}
    for slug in slugs:
        if slug not in known:
            raise UnknownMeter(f"there is no meter {slug!r}; GET /v1/meters lists those there are")


HANDLERS = (put_account, create_credits, void_grant, stop_grant, refund_purchase, reverse_transaction)
