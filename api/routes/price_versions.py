"""/v1/prices: which versions of price books are in force from when, how one is applied, and what has no price."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

from litestar import Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, QueryParameter

from api.auth import may, maybe_team
from api.errors import problems
from api.given import TheActor, TheShell
from api.idempotency import Retry, once
from api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page, row_of
from api.price_version_view import (
    AppliedView,
    NewVersion,
    UnpricedUsage,
    VersionView,
    applied_view,
    unpriced_view,
    version_view,
)
from api.questions import instant_of
from api.state import Shell
from meter.errors import (
    BodyTooLarge,
    IdempotencyConflict,
    InvalidBody,
    InvalidParameter,
    NotFound,
    PlanInUse,
    PricesInUse,
    UnsupportedEncoding,
)
from meter.model import Team
from meter.prices import history, unpriced
from meter.prices.change import put
from meter.prices.effect import Effect, effect
from meter.prices.store import Source
from meter.rating.book import Book, parse_book
from meter.rating.book_mistakes import mistakes

DRY = 200
FILE = "book"
UTC = ZoneInfo("UTC")

AskedBook = Annotated[str | None, QueryParameter(name="book", max_length=100, description="Only of this book.")]


@get(
    "/v1/prices/versions",
    guards=[may("operate")],
    responses=problems(InvalidParameter),
    tags=["billing"],
)
async def list_versions(
    shell: TheShell, book: AskedBook = None, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[VersionView]:
    """List what was put in force of price books, the last applied first: since when, until when, by whom.

    Books that ship with the service are here once a team uses one; what they say then is kept for ever.
    """
    async with shell.readers.connection() as conn:
        found = await history.entries(conn, book, row_of(cursor), limit + 1)
    now = shell.clock()
    return page(found, limit, lambda entry: version_view(entry, now), lambda entry: entry.position)


@post(
    "/v1/prices/versions",
    guards=[may("operate")],
    response_description="The version, in force from then on.",
    responses={
        DRY: ResponseSpec(AppliedView, generate_examples=False, description="What a dry run would change."),
        **problems(InvalidBody, PricesInUse, PlanInUse, IdempotencyConflict, BodyTooLarge, UnsupportedEncoding),
    },
    tags=["billing"],
)
async def apply_prices(
    data: JSONBody[NewVersion], actor: TheActor, retry: Retry, shell: TheShell
) -> Response[AppliedView]:
    """Put a price book in force from an instant on, and note it in the audit log; again, nothing changes.

    Refused where a final invoice was made by other prices (`prices_in_use`, with the instant from which it may be),
    and where the book lacks a plan, add-on or coupon that a team has (`plan_in_use`). With `dry_run` it answers 200
    with what would change; what it would cost whom, `POST /v1/prices/simulate` tells.
    """
    source = Source(data.book, data.attached)
    book = _book(source)
    since = actor.at if data.from_ is None else instant_of("from", data.from_, UTC)
    if data.dry_run:
        async with shell.readers.connection() as conn:
            return Response(applied_view(_allowed(await effect(conn, book, since)), None), status_code=DRY)
    async with shell.pool.connection() as conn:
        found = await effect(conn, book, since)

        async def make() -> AppliedView:
            return applied_view(found, await put(conn, book, source, since, actor))

        return await once(conn, retry, make, actor.at)


def _book(source: Source) -> Book:
    """The book, where nothing is wrong with it. Raises InvalidBody, which names lines and fields."""
    if found := mistakes(source.text, FILE, source.attached):
        told = [
            {
                "line": each.line,
                "table": each.table,
                "field": each.field,
                "detail": f"{each.problem}; {each.instead}",
            }
            for each in found
        ]
        raise InvalidBody(f"$.{found[0]}", mistakes=told)
    return parse_book(source.text, FILE, source.attached)


def _allowed(found: Effect) -> Effect:
    if found.refused is not None:
        raise found.refused
    return found


@get(
    "/v1/prices/unpriced",
    guards=[may("view_billing")],
    dependencies={"team": Provide(maybe_team)},
    responses=problems(NotFound, InvalidParameter),
    tags=["billing"],
)
async def list_unpriced(team: NamedDependency[Team | None], shell: TheShell) -> UnpricedUsage:
    """List usage that no price is in force for, in the running billing period and the last: it can't be billed.

    A price in force from before makes it priced, though others were billed. Of a team it is what is known now; the
    operator sees without `?team=` what the worker found last of all teams, the first thousand.
    """
    return await _of_all(shell) if team is None else await _of_team(shell, team)


async def _of_team(shell: Shell, team: Team) -> UnpricedUsage:
    now = shell.clock()
    async with shell.readers.connection() as conn:
        found = await unpriced.of_team(conn, team, now)
    return UnpricedUsage([unpriced_view(each.row()) for each in found], now)


async def _of_all(shell: Shell) -> UnpricedUsage:
    async with shell.readers.connection() as conn:
        found = await unpriced.last(conn)
    if found is None:
        return UnpricedUsage([], None)
    return UnpricedUsage([unpriced_view(row) for row in found.rows], found.at)


HANDLERS = (list_versions, apply_prices, list_unpriced)
