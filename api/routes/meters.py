"""GET /v1/meters: what can be measured."""

from __future__ import annotations

import msgspec
from litestar import get
from litestar.di import NamedDependency, Provide

from api.auth import may, maybe_team
from api.errors import problems
from api.given import TheShell
from api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page, position_of
from meter.errors import NotFound
from meter.ingest import load_meters
from meter.model import Meter, Team

NO_TEAM = 0  # ids begin at 1: this finds the catalogue alone


class MeterView(msgspec.Struct, frozen=True):
    """What is measured, in which unit, how it adds up, and which dimensions its events may have."""

    slug: str
    title: str
    unit: str
    aggregation: str
    billable: bool
    dimensions: list[str]


def shown(meter: Meter) -> MeterView:
    """The meter as people name it."""
    return MeterView(meter.slug, meter.title, meter.unit, meter.aggregation, meter.billable, sorted(meter.dimensions))


@get(
    "/v1/meters",
    guards=[may("view_catalogue")],
    dependencies={"team": Provide(maybe_team)},
    responses=problems(NotFound),
    tags=["meters"],
)
async def list_meters(
    team: NamedDependency[Team | None],
    shell: TheShell,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[MeterView]:
    """List the meters a team may use, by name: the operator's catalogue, and the team's own."""
    after = position_of(cursor, str) or ""
    async with shell.pool.connection() as conn:
        found = await load_meters(conn, team.id if team else NO_TEAM)
    later = [found[slug] for slug in sorted(found) if slug > after]
    return page(later, limit, shown, lambda meter: meter.slug)


HANDLERS = (list_meters,)
