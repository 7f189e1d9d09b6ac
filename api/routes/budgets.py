"""/v1/budgets: how much may be used, by whom and in which time, and how far it is."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET

from api import versions
from api.auth import may
from api.budget_view import BudgetEdit, BudgetView, NewBudget, bare, view, wished
from api.errors import problems
from api.given import TheActor, TheCaller, TheShell, TheTeam
from api.idempotency import Retry, once
from api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page, position_of
from api.versions import IfMatch
from meter import audit
from meter.errors import (
    BodyTooLarge,
    ChangedMeanwhile,
    IdempotencyConflict,
    InvalidBody,
    InvalidBudget,
    NotFound,
    UnsupportedEncoding,
)
from meter.limits import acts, listing
from meter.limits.listing import Counted, Listed
from meter.model import Caller

PATH = "/v1/budgets/{budget_id:uuid}"
Ended = Annotated[bool, QueryParameter(name="ended", description="Those that were ended, too.")]


@get("/v1/budgets", guards=[may("view_budgets")], responses=problems(NotFound), tags=["limits"])
async def list_budgets(
    team: TheTeam,
    caller: TheCaller,
    shell: TheShell,
    ended: Ended = False,  # noqa: FBT002 (a query parameter)
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[BudgetView]:
    """List budgets, newest first, each with how far it is used in the window that runs now, and when it will be.

    A member sees those of everybody and their own, and of what is used only their own.
    """
    before, now = position_of(cursor, UUID), shell.clock()
    async with shell.pool.connection() as conn:
        found = await listing.page(conn, team.id, before, limit + 1, ended=ended, only_member=caller.only_member)
        counted = await listing.counted(conn, team, found, now, caller.only_member)
        currency = await listing.currency(conn, team, now)
    return page(counted, limit, lambda each: view(each, currency, now), lambda each: each.listed.budget.public_id)


@get(PATH, guards=[may("view_budgets")], responses=problems(NotFound), tags=["limits"])
async def get_budget(
    budget_id: FromPath[UUID], team: TheTeam, caller: TheCaller, shell: TheShell
) -> Response[BudgetView]:
    """Show a budget, how far it is used and when it is expected to be used up, with its version as ETag."""
    now = shell.clock()
    async with shell.pool.connection() as conn:
        found = await acts.get(conn, team.id, budget_id)
        _check_own(found, caller)
        (counted,) = await listing.counted(conn, team, [found], now, caller.only_member)
        currency = await listing.currency(conn, team, now)
    return versions.tagged(view(counted, currency, now), found.budget.version)


@post(
    "/v1/budgets",
    guards=[may("manage_budgets")],
    responses=problems(NotFound, InvalidBody, InvalidBudget, IdempotencyConflict, BodyTooLarge, UnsupportedEncoding),
    tags=["limits"],
)
async def create_budget(
    data: JSONBody[NewBudget], team: TheTeam, actor: TheActor, retry: Retry, shell: TheShell
) -> Response[BudgetView]:
    """Set a budget. It holds from the next call on, and counts what was used in its window before."""
    wish = wished(data)
    async with shell.pool.connection() as conn:
        currency = await listing.currency(conn, team, actor.at)

        async def make() -> BudgetView:
            made = view(_uncounted(await acts.create(conn, team, wish, actor.at)), currency, actor.at)
            await audit.record(conn, actor, "budget.create", audit.of(team, "budget", made.id), None, bare(made))
            return made

        return await once(conn, retry, make, actor.at)


@patch(
    PATH,
    guards=[may("manage_budgets")],
    responses=problems(NotFound, InvalidBody, InvalidBudget, ChangedMeanwhile, BodyTooLarge, UnsupportedEncoding),
    tags=["limits"],
)
async def change_budget(
    budget_id: FromPath[UUID],
    data: JSONBody[BudgetEdit],
    team: TheTeam,
    actor: TheActor,
    shell: TheShell,
    if_match: IfMatch = None,
) -> Response[BudgetView]:
    """Change name, amount, kind or fails of a budget; with If-Match only the version that it names.

    It holds from the next call on; what was used and reserved stays counted.
    """
    async with shell.pool.connection() as conn:
        currency = await listing.currency(conn, team, actor.at)
        async with conn.transaction():
            locked = await acts.lock(conn, team.id, budget_id)
            versions.check(if_match, locked.budget.version)
            changed = await acts.change(
                conn,
                locked,
                locked.budget.name if data.name is UNSET else data.name,
                locked.budget.amount if data.amount is UNSET else data.amount,
                hard=locked.budget.hard if data.kind is UNSET else data.kind == "hard",
                opens=locked.budget.opens if data.fails is UNSET else data.fails == "open",
            )
            if changed.budget.version != locked.budget.version:
                before, after = (view(_uncounted(each), currency, actor.at) for each in (locked, changed))
                subject = audit.of(team, "budget", budget_id)
                await audit.record(conn, actor, "budget.change", subject, bare(before), bare(after))
        (counted,) = await listing.counted(conn, team, [changed], actor.at)
    return versions.tagged(view(counted, currency, actor.at), changed.budget.version)


@delete(PATH, guards=[may("manage_budgets")], responses=problems(NotFound, ChangedMeanwhile), tags=["limits"])
async def end_budget(
    budget_id: FromPath[UUID], team: TheTeam, actor: TheActor, shell: TheShell, if_match: IfMatch = None
) -> None:
    """End a budget: from the next call on it limits nothing. It stays to be looked at; set another to count anew."""
    async with shell.pool.connection() as conn:
        currency = await listing.currency(conn, team, actor.at)
        async with conn.transaction():
            locked = await acts.lock(conn, team.id, budget_id)
            versions.check(if_match, locked.budget.version)
            ended = await acts.end(conn, locked, actor.at)
            before, after = (view(_uncounted(each), currency, actor.at) for each in (locked, ended))
            await audit.record(
                conn, actor, "budget.end", audit.of(team, "budget", budget_id), bare(before), bare(after)
            )


def _uncounted(listed: Listed) -> Counted:
    return Counted(listed, (), False)  # noqa: FBT003 (by position as it is declared)


def _check_own(listed: Listed, caller: Caller) -> None:
    """Hides a budget of another member from one who sees what is their own. Raises NotFound."""
    if caller.only_member is not None and listed.member not in {None, caller.only_member}:
        raise NotFound("there is no such budget")


HANDLERS = (list_budgets, get_budget, create_budget, change_budget, end_budget)
