"""Meters made, changed and archived: a team's own, and the operator's catalogue; one name means one thing to a team."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from meter.database import Connection
from meter.errors import Forbidden, InvalidMeter, MeterExists, MeterInUse, UnknownMeter
from meter.ingest import load_meters
from meter.meter_rules import Definition, definition_of, divisor, held, wrong
from meter.model import Meter
from sql import statement

MAX_METERS = 500  # of a team, and of the catalogue: all of them are read with each batch of events
NO_TEAM = 0  # ids begin at 1: this finds the catalogue alone


async def get(conn: Connection, team_id: int | None, slug: str) -> Meter:
    """The meter that a team (None: nobody in particular) means by a name. Raises UnknownMeter."""
    found = (await load_meters(conn, NO_TEAM if team_id is None else team_id)).get(slug)
    if found is None:
        raise UnknownMeter(f"there is no meter {slug[:64]!r}; GET /v1/meters lists those there are")
    return found


async def create(conn: Connection, team_id: int | None, said: Definition, now: datetime) -> Meter:
    """Makes a meter of a team, None: of the catalogue; `said` is completed. In the caller's transaction.

    Raises:
        InvalidMeter: there can't be such a meter, or not one more.
        MeterExists: the name is taken, by the catalogue, by the team, or for the catalogue by any team.
    """
    _check(said)
    (count,) = (await (await conn.execute(statement("count_meters"), {"team_id": team_id})).fetchall())[0]
    if count >= MAX_METERS:
        raise InvalidMeter(f"at most {MAX_METERS} meters, archived ones among them")
    row = _row(said) | {"team_id": team_id, "now": now}
    if await (await conn.execute(statement("create_meter"), row)).fetchone() is None:
        raise MeterExists(_taken(said.slug, team_id))
    return await get(conn, team_id, said.slug)


async def lock(conn: Connection, team_id: int | None, slug: str) -> Meter:
    """The team's own meter of that name, None: the catalogue's, kept from others until the transaction ends.

    Raises:
        UnknownMeter: there is none.
        Forbidden: the name means a meter of the catalogue to this team.
    """
    if (await get(conn, team_id, slug)).own != (team_id is not None):
        raise Forbidden(
            f"{slug} is in the catalogue, which is the operator's to change, for all teams and without ?team="
        )
    await conn.execute(statement("lock_meter"), {"team_id": team_id, "slug": slug})
    return await get(conn, team_id, slug)


async def change(conn: Connection, team_id: int | None, locked: Meter, said: Definition, now: datetime) -> Meter:
    """Makes a locked meter what is said now; `said` is completed. One that stays as it is keeps its version.

    Raises:
        InvalidMeter: there can't be such a meter.
        MeterInUse: something would change that what was counted depends on.
    """
    _check(said)
    before = definition_of(locked)
    if said == before:
        return locked
    (used,) = (await (await conn.execute(statement("find_use"), {"meter_id": locked.id})).fetchall())[0]
    broken = held(before, said, used=used)
    if broken:
        why = "; ".join(f"{rule.field}: {rule.why}" for rule in broken)
        raise MeterInUse(
            f"{why}. Make another meter, send to that from now on and archive this one",
            fields=[rule.field for rule in broken],
        )
    await conn.execute(statement("change_meter"), _row(said) | {"id": locked.id, "now": now})
    return await get(conn, team_id, said.slug)


def _check(said: Definition) -> None:
    found = wrong(said)
    if found:
        raise InvalidMeter(found)


def _row(said: Definition) -> dict[str, Any]:
    return {
        "slug": said.slug,
        "title": said.title,
        "unit": said.unit,
        "aggregation": said.aggregation,
        "divisor": divisor(said),
        "per": said.per,
        "per_month": said.per == "month",
        "unique_of": said.unique_of,
        "percentile": said.percentile,
        "gap_rule": said.gap_rule,
        "gap_seconds": said.gap_seconds,
        "billable": said.billable,
        "billable_statuses": None if said.billable_statuses is None else list(said.billable_statuses),
        "dimensions": list(said.dimensions),
        "expected_every_seconds": said.expected_every_seconds,
        "archived": said.archived,
    }


def _taken(slug: str, team_id: int | None) -> str:
    if team_id is None:
        return f"{slug} is in the catalogue, archived perhaps, or a meter of a team's own; take another name"
    return f"{slug} is in the catalogue or one of this team's meters, archived perhaps; take another name"
