"""What analytics could not make, and what it does not keep up with, is found by the checks; on every engine."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

import sql
from meter import checks, results
from meter.checks import Finding
from meter.database import Connection
from meter.model import Team
from tests.contract.place import NOW, Place, make_team

HOUR = timedelta(hours=1)
JOB = "forecast"


async def enrolled(conn: Connection, team: Team, *subjects: str, due: datetime = NOW) -> None:
    """Let the job look at subjects of a team."""
    for subject in subjects:
        await conn.execute(
            "insert into result (team_id, job, subject, due_at) values (%s, %s, %s, %s)", (team.id, JOB, subject, due)
        )


async def look(conn: Connection, name: str) -> Finding:
    """Answer what a check finds."""
    (found,) = await checks.run(conn, NOW, {name: sql.checks()[name]})
    return found


async def test_what_could_not_be_made_is_told_by_problem(place: Place) -> None:
    """How many subjects of how many teams, the first by name, what was heard; until it is made, or its team gone."""
    async with place.pool.connection() as conn:
        other, _ = await make_team(conn)
        await enrolled(conn, place.team, "cpu", "memory", "network", "requests", "tokens.input")
        await enrolled(conn, other, "cpu")
        assert (await look(conn, "results_are_made")).holds
        for subject in ("cpu", "memory", "network", "requests"):
            await results.postpone(conn, place.team.id, JOB, subject, NOW, "internal: ValueError")
        await results.postpone(conn, other.id, JOB, "cpu", NOW, "internal: KeyError")
        await results.postpone(conn, place.team.id, JOB, "tokens.input", NOW, "raw_data_gone: raw events are gone")
        crash, gone = (await look(conn, "results_are_made")).rows
        mine = place.team.public_id
        assert crash == {
            "job": JOB,
            "problem": "internal",
            "subjects": 5,
            "teams": 2,
            "first": f"cpu of {mine}, memory of {mine}, network of {mine}",
            "said": "internal: ValueError",
        }
        assert (gone["problem"], gone["subjects"], gone["first"]) == ("raw_data_gone", 1, f"tokens.input of {mine}")
        await conn.execute("update team set deleted_at = %s where id = %s", (NOW, place.team.id))
        (left,) = (await look(conn, "results_are_made")).rows
        assert (left["subjects"], left["teams"]) == (1, 1)
        await results.postpone(conn, other.id, JOB, "cpu", NOW)
        assert (await look(conn, "results_are_made")).holds


async def test_a_job_that_does_not_keep_up_is_told(place: Place) -> None:
    """What it made last is an hour younger than what waits longest; or nothing was made for a day."""
    async with place.pool.connection() as conn:
        await enrolled(conn, place.team, "cpu", due=NOW - 3 * HOUR)
        await enrolled(conn, place.team, "memory", due=NOW - 23 * HOUR)
        assert (await look(conn, "results_keep_up")).holds  # a worker that just began again
        await conn.execute(
            "update result set made_at = %s, run = gen_random_uuid(), body = '{}', due_at = %s"
            " where subject = 'memory'",
            (NOW - 2 * HOUR, NOW - HOUR),
        )
        assert (await look(conn, "results_keep_up")).holds
        await conn.execute("update result set made_at = %s where subject = 'memory'", (NOW - HOUR / 2,))
        (late,) = (await look(conn, "results_keep_up")).rows
        assert late == {
            "job": JOB,
            "waiting": 1,
            "teams": 1,
            "since": NOW - 3 * HOUR,
            "last_made": NOW - HOUR / 2,
        }
        await conn.execute("delete from result")
        await enrolled(conn, place.team, "cpu", due=NOW - 25 * HOUR)
        (dead,) = (await look(conn, "results_keep_up")).rows
        assert (dead["waiting"], dead["last_made"]) == (1, None)
        await conn.execute("update team set deleted_at = %s", (NOW,))
        assert (await look(conn, "results_keep_up")).holds


async def test_what_is_due_is_counted_up_to_a_bound(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of teams that are there, by now."""
    async with place.pool.connection() as conn:
        await enrolled(conn, place.team, "cpu", "memory", "network")
        await enrolled(conn, place.team, "requests", due=NOW + HOUR)
        assert await results.count_due(conn, JOB, NOW) == 3
        assert results.counted(3) == "3"
        monkeypatch.setattr(results, "MOST_COUNTED", 2)
        assert results.counted(await results.count_due(conn, JOB, NOW + HOUR)) == "more than 2"
        await conn.execute("update team set deleted_at = %s", (NOW,))
        assert await results.count_due(conn, JOB, NOW) == 0


async def test_results_of_several_subjects(place: Place) -> None:
    """Those that there are, of the team that is asked about."""
    async with place.pool.connection() as conn:
        other, _ = await make_team(conn)
        for team in (place.team, other):
            await enrolled(conn, team, "cpu", "memory", "network")
        made = results.Result(None, NOW, place.team.public_id, None, {"n": 1})
        for subject in ("cpu", "network"):
            await results.keep(conn, place.team.id, JOB, subject, made, NOW)
        found = await results.of_subjects(conn, place.team.id, JOB, ["cpu", "memory"])
        assert found == {"cpu": made}
        assert await results.of_subjects(conn, other.id, JOB, ["cpu"]) == {}
