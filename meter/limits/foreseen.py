"""When budgets are expected to be used up: of which it is found out, and what was found out of those that are shown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from meter import results
from meter.database import Connection
from meter.limits.budget import Budget
from meter.limits.expected import JOB, SHORTEST, Foreseen, Told, of_counter, why_not, without
from meter.limits.measure import group_of
from meter.limits.path import Limit
from meter.results import Result
from sql import statement


class Known(NamedTuple):
    """What was found out of some budgets of a team, by their ids, as of `now`."""

    found: dict[int, tuple[Result, Foreseen]]

    def of(self, budget: Budget, limit: Limit) -> Told | None:
        """What is expected of a counter, or why nothing can be; None where it has not been found out yet."""
        if (reason := why_not(budget)) is not None:
            return Told(without(group_of(limit.key), reason))
        if budget.id not in self.found:
            return None
        made, foreseen = self.found[budget.id]
        expected = of_counter(foreseen, limit, budget)
        return None if expected is None else Told(expected, made.made_at, made.as_of, made.coverage)


async def enrol(conn: Connection, job: str, now: datetime) -> int:
    """Lets a job look at each budget that holds and that may have a date; how many are new."""
    asked = {"job": job, "now": now, "shortest": SHORTEST}
    return (await conn.execute(statement("enrol_budget_results"), asked)).rowcount


async def read(conn: Connection, team_id: int, budgets: Sequence[Budget], now: datetime) -> Known:
    """What was found out of budgets of a team lately."""
    asked = {str(each.public_id): each.id for each in budgets if why_not(each) is None}
    there = await results.of_subjects(conn, team_id, JOB, list(asked)) if asked else {}
    lately = {asked[subject]: made for subject, made in there.items() if now - made.made_at <= results.LATELY}
    return Known({number: (made, body(made)) for number, made in lately.items()})


async def get(conn: Connection, budget: Budget) -> Foreseen | None:
    """What was found out of a budget, however long ago."""
    made = await results.get(conn, budget.team_id, JOB, str(budget.public_id))
    return None if made is None else body(made)


async def forget(conn: Connection, budget: Budget) -> None:
    """Lets a budget that is another one now, or none any more, be looked at anew, in the caller's transaction."""
    asked = {"team_id": budget.team_id, "job": JOB, "subject": str(budget.public_id)}
    await conn.execute(statement("forget_result"), asked)


def body(made: Result) -> Foreseen:
    """What a result says."""
    return msgspec.convert(made.body, Foreseen, strict=False)
