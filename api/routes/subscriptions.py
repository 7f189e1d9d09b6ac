"""Subscriptions: which plan a team has and with what beside it, how that changes, and what a change costs."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, delete, get, post, put
from litestar.di import Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from api.auth import live_team, may
from api.errors import problems
from api.given import TheActor, TheShell, TheTeam
from api.idempotency import Retry, answered, sent
from api.paging import DEFAULT_LIMIT, LAST_ROW, Cursor, Limit, Page, page, row_of
from api.state import Shell
from api.subscription_given import ChangeGiven, ChosenPlan, plan_wish, wish_of
from api.subscription_view import (
    ChangeMade,
    ChangeView,
    SubscriptionPut,
    SubscriptionView,
    change_view,
    made_view,
    money_view,
    put_view,
    subscription_view,
    thought_view,
    told_view,
)
from meter import answers
from meter.answers import Answer
from meter.audit import Actor
from meter.database import Connection
from meter.errors import (
    BodyTooLarge,
    CurrencyMismatch,
    DecisionRefused,
    IdempotencyConflict,
    InvalidBody,
    NoSubscription,
    NotFound,
    NotRateable,
    RawDataGone,
    TeamDeleted,
    UnknownCoupon,
    UnknownPlan,
    UnsupportedEncoding,
)
from meter.model import Team
from meter.prices import store as prices
from meter.subscriptions import change, store
from meter.subscriptions.ask import Known
from meter.subscriptions.change import Prepared
from meter.subscriptions.changes import with_outcome
from meter.subscriptions.summary import summary
from meter.subscriptions.timeline import stretch_at
from meter.subscriptions.wishes import PlanWish, Wish, WithdrawWish

CHANGES = "/v1/billing/subscription/changes"
CREATED, PREVIEWED = 201, 200
REFUSALS = (
    NotFound,
    TeamDeleted,
    InvalidBody,
    UnknownPlan,
    CurrencyMismatch,
    DecisionRefused,
    NotRateable,
    RawDataGone,
    BodyTooLarge,
    UnsupportedEncoding,
)


@get(
    "/v1/billing/subscription",
    guards=[may("view_billing")],
    responses=problems(NotFound, NoSubscription),
    tags=["billing"],
)
async def get_subscription(team: TheTeam, shell: TheShell) -> SubscriptionView:
    """Show by which plan a team pays, what it has beside it, and what is decided and still to come.

    A team that never had a plan has no subscription (`no_subscription`); one whose plan ended has a cancelled one.
    """
    now = shell.clock()
    async with shell.pool.connection() as conn:
        books, log = await prices.read(conn), await store.read(conn, team.id)
        return subscription_view(summary(team, log.changes, books, now))


@put(
    "/v1/teams/{team_id:uuid}/subscription",
    guards=[may("change_plan")],
    dependencies={"team": Provide(live_team)},
    responses=problems(*REFUSALS),
    tags=["billing"],
)
async def put_subscription(
    data: JSONBody[ChosenPlan], team: TheTeam, actor: TheActor, shell: TheShell
) -> SubscriptionPut:
    """Put a team on a plan, from now on or from `when` on; on the plan it has, nothing changes.

    Each plan is paid for its own part of the period. With `preview` nothing is stored, and the answer is what the
    subscription and its next invoices would be.
    """
    wish = plan_wish(data, ZoneInfo(team.timezone))
    if await _is_there(shell, team, wish, actor):
        async with shell.pool.connection() as conn:
            books, log = await prices.read(conn), await store.read(conn, team.id)
            return put_view(summary(team, log.changes, books, actor.at), None)
    prepared = await _prepared(shell, team, wish, actor)
    if data.preview:
        known, outcome = prepared.known, prepared.outcome
        log_then = with_outcome(known.facts.changes, outcome, actor.at, "")
        return put_view(summary(team, log_then, known.books, actor.at), _previewed(prepared))
    async with shell.pool.connection() as conn, conn.transaction():
        made, known = await _kept(conn, prepared, actor)
        return put_view(summary(known.team, known.facts.changes, known.books, actor.at), made)


async def _is_there(shell: Shell, team: Team, wish: PlanWish, actor: Actor) -> bool:
    """Whether a team is asked to be on the plan it has, and nothing more."""
    async with shell.pool.connection() as conn:
        log = await store.read(conn, team.id)
    held = stretch_at(log.standing, actor.at)
    return held is not None and wish == PlanWish(held.plan, unused=wish.unused)


@post(
    CHANGES,
    guards=[may("change_plan")],
    response_description="What was decided.",
    responses={
        PREVIEWED: ResponseSpec(ChangeMade, generate_examples=False, description="What would be decided."),
        **problems(*REFUSALS, UnknownCoupon, IdempotencyConflict),
    },
    tags=["billing"],
)
async def create_change(
    data: JSONBody[ChangeGiven], team: TheTeam, actor: TheActor, retry: Retry, shell: TheShell
) -> Response[ChangeMade]:
    """Change a subscription: plan, cancel, resume, quantity, addon, coupon, coupon_taken.

    The answer has the decisions that were made and withdrawn, and what invoices become: of the running period and the
    next, and of those from a later change on, by the usage there is now. With `preview` it answers 200 with the same
    and stores nothing. What can't be is refused (`decision_refused`) for a `reason`.
    """
    wish = wish_of(data, ZoneInfo(team.timezone))
    if data.preview:
        return Response(_previewed(await _prepared(shell, team, wish, actor)), status_code=PREVIEWED)
    return await _made(shell, team, wish, actor, retry, CREATED)


@get(CHANGES, guards=[may("view_billing")], responses=problems(NotFound), tags=["billing"])
async def list_changes(
    team: TheTeam, shell: TheShell, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[ChangeView]:
    """List what was decided about a subscription, the last decided first: by whom, when, and from when it holds."""
    async with shell.readers.connection() as conn:
        found = await change.history(conn, team.id, row_of(cursor), limit + 1)
    return page(found, limit, told_view, lambda each: each.change.id)


@delete(
    f"{CHANGES}/{{change_id:str}}",
    guards=[may("change_plan")],
    status_code=200,
    responses=problems(NotFound, TeamDeleted, DecisionRefused, CurrencyMismatch, NotRateable, RawDataGone),
    tags=["billing"],
)
async def delete_change(
    change_id: FromPath[str], team: TheTeam, actor: TheActor, shell: TheShell
) -> Response[ChangeMade]:
    """Withdraw a decision that is still to come, and what was decided for its sake alone. It stays in the history."""
    if not (change_id.isascii() and change_id.isdecimal() and len(change_id) < len(str(LAST_ROW))):
        raise NotFound("the team has no such decision")
    return await _made(shell, team, WithdrawWish(int(change_id)), actor, None, PREVIEWED)


async def _made(
    shell: Shell, team: Team, wish: Wish, actor: Actor, retry: answers.Request | None, status: int
) -> Response[ChangeMade]:
    async with shell.pool.connection() as conn:
        answer = await answered(conn, retry, actor.at)
        if answer is None:
            # Priced before the transaction that keeps the answer: no lock is held while usage is read.
            prepared = await change.prepare(conn, team, wish, actor)

            async def make() -> Answer:
                made, _ = await _kept(conn, prepared, actor)
                return Answer(status, msgspec.json.encode(made))

            answer = await answers.once(conn, retry, make, actor.at)
    return sent(answer)


async def _prepared(shell: Shell, team: Team, wish: Wish, actor: Actor) -> Prepared:
    async with shell.pool.connection() as conn:
        return await change.prepare(conn, team, wish, actor)


def _previewed(prepared: Prepared) -> ChangeMade:
    money = money_view(prepared.money, prepared.known.team.currency)
    decided = [thought_view(each) for each in prepared.outcome.decided]
    return made_view(decided, prepared.outcome.withdrawn, money, preview=True)


async def _kept(conn: Connection, prepared: Prepared, actor: Actor) -> tuple[ChangeMade, Known]:
    """Writes it down; what is known then has it in the log."""
    kept = await change.keep(conn, prepared, actor)
    money = money_view(prepared.money, prepared.known.team.currency)
    made = made_view([change_view(each) for each in kept.decided], kept.withdrawn, money, preview=False)
    return made, kept.known


HANDLERS = (get_subscription, put_subscription, create_change, list_changes, delete_change)
