"""What does usage cost? By a plan that there is or by prices of the question; nothing is stored."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from litestar import Response, post
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody

from api.auth import may, maybe_team
from api.calculation_given import Calculation
from api.calculation_read import zone_asked
from api.calculation_view import CalculationView
from api.calculation_work import calculated
from api.errors import problems
from api.given import TheShell
from api.request import Request
from api.routes.billing import edges_of
from api.state import Shell
from meter import bill
from meter.errors import (
    BodyTooLarge,
    CurrencyMismatch,
    InvalidBody,
    InvalidParameter,
    NotFound,
    UnknownPlan,
    UnsupportedEncoding,
)
from meter.model import Team
from meter.prices import store as prices
from meter.rating.book import Plan
from meter.rating.periods import Period, month_period

UTC_ZONE = "UTC"
FIELDS = ("from: ", "to: ")


@post(
    "/v1/billing/calculate",
    status_code=200,
    guards=[may("calculate")],
    dependencies={"team": Provide(maybe_team)},
    responses=problems(NotFound, InvalidBody, UnknownPlan, CurrencyMismatch, BodyTooLarge, UnsupportedEncoding),
    tags=["billing"],
)
async def calculate(
    data: JSONBody[Calculation], team: NamedDependency[Team | None], shell: TheShell, request: Request
) -> Response[CalculationView]:
    """Price any usage by any plan or prices, with the steps of each line; nothing is stored.

    Usage of a meter that has no price is listed as `unpriced`. Give the whole period's usage at once: free units and
    minimums are per period; or say by `split` which part of it this is, and by `before` what was used earlier.
    """
    zone = zone_asked(data, team.timezone if team else UTC_ZONE)
    period = _period(data, zone, shell.clock())
    plan = None if data.plan is None else await _named(shell, data.plan, team, period)
    answer = await calculated(shell.cpu, data, len(await request.body()), period, plan)
    return Response(cast("CalculationView", answer), media_type="application/json")  # bytes leave as they are


async def _named(shell: Shell, name: str, team: Team | None, period: Period) -> Plan:
    """The plan as it is when the period begins, and with what was agreed with the team. Raises UnknownPlan."""
    async with shell.readers.connection() as conn:
        books = await prices.read(conn)
    return books.plan(name, period.start, team.public_id if team else None)


def _period(data: Calculation, zone: str, now: datetime) -> Period:
    """The period that is asked for. Raises InvalidBody, as both ends are fields of the body here."""
    try:
        edges = edges_of(data.from_, data.to, zone)
        return month_period(now, zone) if edges is None else bill.period_between(*edges, zone)
    except InvalidParameter as error:
        raise InvalidBody(f"$.{error}" if str(error).startswith(FIELDS) else f"$.from: {error}") from error


HANDLERS = (calculate,)
