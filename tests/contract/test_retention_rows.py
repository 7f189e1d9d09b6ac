"""Rows that nobody asks for any more go by age, on every engine; what is unfinished, waits or is asked for stays."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import psycopg
import pytest

from meter import results
from meter.database import Connection
from meter.retention import rows, run
from meter.retention.rows import Rows
from meter.retention.words import of_drop
from meter.settings import load
from tests.contract.place import NOW, Place

DAY = timedelta(days=1)
PLAIN = load({})


async def result(conn: Connection, place: Place, subject: str, made: datetime | None, due: datetime = NOW) -> None:
    """Write a result of the team: made then, or never."""
    await conn.execute(
        "insert into result (team_id, job, subject, due_at, made_at, run, body)"
        " select %(team)s, 'forecast', %(subject)s, %(due)s, %(made)s,"
        " case when %(made)s::timestamptz is not null then gen_random_uuid() end,"
        " case when %(made)s::timestamptz is not null then '{}'::jsonb end",
        {"team": place.team.id, "subject": subject, "due": due, "made": made},
    )


async def subjects(conn: Connection) -> list[str]:
    """Answer of what there are results."""
    found = await conn.execute("select subject from result order by subject")
    return [subject for (subject,) in await found.fetchall()]


async def billing_run(conn: Connection, place: Place, ended: datetime | None, of_teams: int) -> int:
    """Write a billing run that came to so many teams, and ended then or not; answer its id."""
    began = NOW - 500 * DAY
    row = await (
        await conn.execute(
            "insert into billing_run (public_id, origin, said, started_at, ended_at)"
            " values (gen_random_uuid(), 'worker', 'for a test', %s, %s) returning id",
            (began, ended),
        )
    ).fetchone()
    assert row is not None
    await conn.execute(
        "insert into billing_run_result (run_id, team_id, came, why, at)"
        " select %s, %s, 'skipped', 'no plan', %s from generate_series(1, %s)",
        (row[0], place.team.id, began, of_teams),
    )
    run_id: int = row[0]
    return run_id


async def test_results_go_by_age_and_with_their_team_or_meter(place: Place) -> None:
    """Last made 90 days ago, never made and not tried for as long; one that fails every hour stays."""
    async with place.pool.connection() as conn:
        await result(conn, place, "requests", NOW - 90 * DAY)
        await result(conn, place, "tokens.input", NOW - 91 * DAY)
        await result(conn, place, "tokens.output", None, NOW - 91 * DAY)
        await result(conn, place, "network", None)
        assert await rows.due(conn, PLAIN, NOW) == Rows(results=2)
        assert await rows.drop(conn, PLAIN, NOW) == Rows(results=2)
        assert await subjects(conn) == ["network", "requests"]
        await conn.execute("update meter set archived_at = %s where slug = 'network'", (NOW,))
        assert await rows.drop(conn, PLAIN, NOW) == Rows(results=1)
        await conn.execute("update team set deleted_at = %s where id = %s", (NOW, place.team.id))
        ever = msgspec.structs.replace(PLAIN, keep_results_days=0)
        assert (await rows.due(conn, ever, NOW), await rows.drop(conn, ever, NOW)) == (Rows(), Rows())
        assert await rows.drop(conn, PLAIN, NOW) == Rows(results=1)
        assert await rows.drop(conn, PLAIN, NOW) == Rows()


async def test_an_archived_meter_is_not_forecast_again(place: Place) -> None:
    """Or what goes would come back within the minute."""
    async with place.pool.connection() as conn:
        await conn.execute(
            "insert into series (team_id, meter_id, billable, identity)"
            " select %s, id, true, gen_random_uuid() from meter where slug in ('requests', 'network', 'response_time')",
            (place.team.id,),
        )
        await conn.execute("update meter set archived_at = %s where slug = 'network'", (NOW,))
        assert await results.enrol_metered(conn, "forecast", NOW) == 1
        assert await subjects(conn) == ["requests"]
        assert await results.enrol_metered(conn, "forecast", NOW) == 0


async def test_billing_runs_go_with_their_rows(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """By their end; one without an end may be going on. No row goes by itself."""
    monkeypatch.setitem(rows.DROPS, "billing_runs", ("drop_billing_runs", 2))
    async with place.pool.connection() as conn:
        for _ in range(5):
            await billing_run(conn, place, NOW - 401 * DAY, 30)
        recent = await billing_run(conn, place, NOW - 400 * DAY, 3)
        going_on = await billing_run(conn, place, None, 3)
        assert await rows.due(conn, PLAIN, NOW) == Rows(billing_runs=5)
        dropped = await run.drop(conn, PLAIN, NOW)
        assert (dropped.rows, of_drop(dropped)) == (Rows(billing_runs=5), "dropped 5 billing runs")
        left = await (
            await conn.execute("select run_id, count(*) from billing_run_result group by 1 order by 1")
        ).fetchall()
        assert left == [(recent, 3), (going_on, 3)]
        assert (await run.drop(conn, PLAIN, NOW)).rows == Rows()
        for lost in (
            "delete from billing_run",
            (
                "delete from billing_run where ended_at is null"
                " and set_config('meter.dropping', 'billing_runs', true) is not null"
            ),
            "delete from billing_run_result",
            "update billing_run_result set why = 'another'",
            "truncate billing_run cascade",
        ):
            with pytest.raises(psycopg.errors.RestrictViolation):
                await conn.execute(lost.encode())
