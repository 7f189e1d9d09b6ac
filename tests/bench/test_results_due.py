"""Choosing what is to be forecast among 100,000 subjects: how long each statement takes, and how much memory."""

from __future__ import annotations

import resource
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

import pytest

import sql
from analytics import run
from meter import checks, results
from meter.database import Connection, connect
from sql import statement
from tests.bench import report
from tests.bench.test_simulation import text

pytestmark = pytest.mark.bench
TEAMS, METERS, SERIES = 10_000, 10, 2
"""Each subject is a meter of a team, which has two series of it."""
SUBJECTS = TEAMS * METERS
AT_ONCE = 200
BUDGET_S = 5.0
NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
T = TypeVar("T")


def peak_mb() -> float:
    """The most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def told(name: str, engine: str, doing: Callable[[], Awaitable[T]]) -> T:
    """Says how long something takes, and by how much this process's peak grows meanwhile."""
    before, began = peak_mb(), time.perf_counter()
    found = await doing()
    seconds = time.perf_counter() - began
    report.line(f"{SUBJECTS} subjects, {name}", engine=engine, ms=seconds * 1000, peak_mb_more=peak_mb() - before)
    return found


async def plan(conn: Connection, name: str) -> str:
    """How the server goes about choosing what is due."""
    asked = {"job": "forecast", "now": NOW, "rows": AT_ONCE}
    rows = await conn.execute(b"explain (analyze, timing off) " + statement(name).encode(), asked)
    return "\n".join(line for (line,) in await rows.fetchall())


async def test_what_is_due_among_many(any_database: str, engine: str) -> None:
    """All new and due at one instant, which is the worst that can be; then a turn with little time."""
    async with await connect(any_database, autocommit=True) as conn:
        await conn.execute(text("fill_due"), {"teams": TEAMS, "meters": METERS, "series": SERIES})
        await conn.execute("vacuum analyze")

        async def enrol() -> int:
            return await results.enrol_metered(conn, "forecast", NOW)

        enrolled = await told("enrolled the first time", engine, enrol)
        while more := await enrol():
            enrolled += more
        assert enrolled == SUBJECTS
        await conn.execute("vacuum analyze")
        assert await told("enrolled again: nothing new", engine, enrol) == 0
        due = await told("the first 200 that are due", engine, lambda: results.due(conn, "forecast", NOW, AT_ONCE))
        assert len(due) == AT_ONCE
        assert "result_due" in (shown := await plan(conn, "list_due_results"))
        assert "Sort" not in shown, shown
        left = await told("how many are due", engine, lambda: results.count_due(conn, "forecast", NOW))
        assert results.counted(left) == "more than 10,000"
        made = await told("a turn", engine, lambda: run.forecasts_turn(conn, NOW, BUDGET_S))
        counts = {"made": made.made, "failed": made.failed, "left": made.left}
        report.line(f"{SUBJECTS} subjects, a turn of {BUDGET_S:g} s", engine=engine, **counts)
        await conn.execute("update result set why = 'internal: ValueError'")
        both = {name: query for name, query in sql.checks().items() if name.startswith("results_")}
        found = await told("both checks, all of them failed", engine, lambda: checks.run(conn, NOW, both))
        assert [each.rows[0]["subjects"] for each in found if each.rows] == [SUBJECTS]
        report.line(f"{SUBJECTS} subjects, this process", engine=engine, peak_mb=peak_mb())
