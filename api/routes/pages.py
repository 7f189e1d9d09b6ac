"""The pages for people: sign in with a key, look at usage, sign out. Every word and figure is made in dashboards/."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Annotated, Any

import litestar
import msgspec
from litestar import Response, get, post
from litestar.di import Provide
from litestar.params import QueryParameter, URLEncodedBody
from litestar.response import Redirect

from api.errors import request_id
from api.given import TheShell, TheTeam
from api.questions import zone_of
from api.rate import within_rate
from api.request import SMALL
from api.session import (
    HOME,
    SESSION,
    TEAM,
    SignInNeeded,
    cookie,
    ours,
    own_form,
    page_team,
    signed_in,
    signed_in_script,
    to_sign_in,
)
from api.state import Shell
from api.trend_work import Answer, Question, answer
from dashboards import trend_choice
from dashboards.csp import CSP
from dashboards.numbers import counted
from dashboards.pages import signin, trends
from dashboards.render import render
from dashboards.trend_choice import Choice
from dashboards.trend_view import MeterView, TrendView
from meter import audit, keys, sessions, teams
from meter.errors import Problem
from meter.ingest import load_meters
from meter.model import Caller, Meter, Team
from meter.rating.totals import ADDITIVE

AnyRequest = litestar.Request[Any, Any, Any]
REFUSED = "That key is not known, was revoked, or may not read."


class SignIn(msgspec.Struct, frozen=True):
    """The form of the sign-in page."""

    key: str = ""
    after: str = HOME


def html(template: str, context: dict[str, object], status: int = 200) -> Response[str]:
    """A page, with what it may load and run."""
    return Response(
        render(template, **context),
        status_code=status,
        media_type="text/html",
        headers={"Content-Security-Policy": CSP},
    )


@get("/", include_in_schema=False)
async def root() -> Redirect:
    """Lead to the first page."""
    return Redirect(HOME, status_code=307)


@get(signin.PATH, include_in_schema=False)
async def show_sign_in(after: Annotated[str, QueryParameter()] = HOME) -> Response[str]:
    """Show the way in."""
    return html(signin.TEMPLATE, signin.context(after=ours(after)))


@post(signin.PATH, guards=[own_form], include_in_schema=False, status_code=200, opt=SMALL)
async def sign_in(request: AnyRequest, data: URLEncodedBody[SignIn], shell: TheShell) -> Response[str]:
    """Exchange a key that may read for a session; it counts as a request under that key."""
    now, key = shell.clock(), data.key.strip()
    within_rate(request, key)
    async with shell.pool.connection() as conn:
        caller = await keys.find_one(conn, key, now)
        if caller is None or not may_look(caller):
            return html(signin.TEMPLATE, signin.context(problem=REFUSED, after=ours(data.after)), status=401)
        async with conn.transaction():
            token = await sessions.begin(conn, caller, now)
            actor = audit.actor_of(caller, now, request_id(request))
            subject = audit.of(caller.team, "key", caller.key_public_id)
            await audit.record(conn, actor, "session.begin", subject)
    kept = cookie(request, SESSION, token, int(sessions.LASTS.total_seconds()))
    return Response("", status_code=303, headers={"Location": ours(data.after)}, cookies=[kept])


def may_look(caller: Caller) -> bool:
    """Whether a key opens the pages."""
    return caller.is_operator or "read" in caller.scopes


@post("/signout", guards=[own_form], include_in_schema=False, status_code=303)
async def sign_out(request: AnyRequest, shell: TheShell) -> Response[str]:
    """End the session, here and in our memory."""
    token = request.cookies.get(SESSION)
    if token is not None:
        async with shell.pool.connection() as conn:
            await sessions.end(conn, token)
    gone = [cookie(request, SESSION, "", 0), cookie(request, TEAM, "", 0)]
    return Response("", headers={"Location": signin.PATH}, cookies=gone)


@get(
    trends.PATH,
    guards=[signed_in],
    dependencies={"team": Provide(page_team)},
    exception_handlers={SignInNeeded: to_sign_in},
    include_in_schema=False,
)
async def show_trends(request: AnyRequest, team: TheTeam, shell: TheShell) -> Response[str]:
    """Show the usage of a meter over a span, and say so on the page when it can't be had."""
    meters = await choices(shell, team)
    choice = trend_choice.choose(query_of(request), meters)
    overall = grouped = None
    problem = ""
    try:
        overall = await ask(shell, team, choice, None)
        grouped = await ask(shell, team, choice, choice.group) if choice.group else None
    except Problem as error:
        problem = error.detail
    context = trends.context(
        team_name=team.name,
        choice=choice,
        meters=meters,
        overall=overall and viewed(overall),
        grouped=grouped and viewed(grouped),
        as_of=overall and overall.as_of,
        coverage=overall and overall.coverage and overall.coverage.share,
        tz=team.timezone,
        problem=problem,
    )
    shown = html(trends.TEMPLATE, context, 200)
    if "team" in request.query_params:
        shown.set_cookie(cookie(request, TEAM, str(team.public_id), int(sessions.LASTS.total_seconds())))
    return shown


@get(
    trends.FIGURE_PATH,
    guards=[signed_in_script],
    dependencies={"team": Provide(page_team)},
    include_in_schema=False,
)
async def show_figure(request: AnyRequest, team: TheTeam, shell: TheShell) -> Response[bytes]:
    """Answer the figure of the same choice, for the script that draws it."""
    choice = trend_choice.choose(query_of(request), await choices(shell, team))
    found = await ask(shell, team, choice, choice.group)
    return Response(await shell.cpu.run(drawn, viewed(found), choice.meter), media_type="application/json")


def query_of(request: AnyRequest) -> dict[str, str]:
    """The query, each name once."""
    return {name: values[-1] for name, values in request.query_params.dict().items()}


async def choices(shell: Shell, team: Team) -> list[MeterView]:
    """The meters to pick from: those that the team has used first, so that the page opens with something to see."""
    async with shell.readers.connection() as conn:
        found = await load_meters(conn, team.id)
        used = await teams.used_meters(conn, team.id)
    ordered = sorted(found.values(), key=lambda meter: (meter.slug not in used, not meter.billable, meter.slug))
    return [offered(meter) for meter in ordered]


def offered(meter: Meter) -> MeterView:
    """The meter as the page offers it."""
    unit = counted(meter.unit, Decimal(2))
    by = ("member", "service", *sorted(meter.dimensions))
    return MeterView(meter.slug, meter.title, unit, additive=meter.aggregation in ADDITIVE, group_by=by)


async def ask(shell: Shell, team: Team, choice: Choice, group: str | None) -> Answer:
    """The trend of a choice, as the endpoint would answer it. Raises what `answer` raises."""
    start, end = trend_choice.bounds(choice, shell.clock(), team.timezone)
    zone = zone_of(team.timezone)
    return await answer(shell, team, Question(choice.meter.slug, start, end, choice.window, zone, group))


def viewed(found: Answer) -> TrendView:
    """The answer in the page's own words."""
    return msgspec.convert(found.trend, TrendView, from_attributes=True)


def drawn(view: TrendView, meter: MeterView) -> bytes:
    """The figure as JSON; runs in the child process."""
    return json.dumps(trends.figure(view, meter), allow_nan=False).encode()


HANDLERS = (root, show_sign_in, sign_in, sign_out, show_trends, show_figure)
