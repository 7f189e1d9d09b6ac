"""Which rows are stored already, as the same fact or as another? Told by identity: team, time and id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from meter import copy_rows
from meter.database import Connection
from meter.duplicates import Met
from meter.packed import Bigints, Instants, Numerics, Uuids
from meter.rows import Wire
from sql import statement

FINDING = "find_stored"


async def find(conn: Connection, team_id: int, rows: Sequence[Wire]) -> Met:
    """Which of these rows of a team, in key order, are stored; most are the same to the last digit."""
    found = await (await conn.execute(statement(FINDING), asked(team_id, rows))).fetchall()
    return await met(conn, team_id, rows, found)


def asked(team_id: int, rows: Sequence[Wire]) -> dict[str, Any]:
    """What FINDING takes, for whoever sends it along with other statements."""
    return {"team_id": team_id, **_named(rows)}


async def met(conn: Connection, team_id: int, rows: Sequence[Wire], found: Iterable[Sequence[Any]]) -> Met:
    """The same, from what FINDING answered."""
    stored = {position - 1: copy_rows.Stored(*said) for position, *said in found}
    differing = {place: said for place, said in stored.items() if copy_rows.read_row(rows[place][3]) != said}
    other = differing.keys() - await _find_same(conn, team_id, rows, differing)
    return Met(frozenset(stored.keys() - other), frozenset(other))


async def _find_same(
    conn: Connection, team_id: int, rows: Sequence[Wire], differing: Mapping[int, copy_rows.Stored]
) -> set[int]:
    """Which of the rows, by place, are the same fact as what is stored, though their rows differ."""
    places = [
        place for place, said in differing.items() if said.covers_us == copy_rows.read_row(rows[place][3]).covers_us
    ]
    if not places:
        return set()
    sent = [copy_rows.read_row(rows[place][3]) for place in places]
    parameters = {
        "team_id": team_id,
        **_named([rows[place] for place in places]),
        "series_ids": Bigints([fact.series_id for fact in sent]),
        "quantities": Numerics([fact.quantity for fact in sent]),
        "stored_series": Bigints([differing[place].series_id for place in places]),
        "stored_quantities": Numerics([differing[place].quantity for place in places]),
    }
    found = await (await conn.execute(statement("find_same_facts"), parameters)).fetchall()
    return {places[position - 1] for (position,) in found}


def _named(rows: Sequence[Wire]) -> dict[str, object]:
    return {"times": Instants([row[0] for row in rows]), "event_ids": Uuids([row[1] for row in rows])}
