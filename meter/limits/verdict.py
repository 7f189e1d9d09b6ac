"""May it still go on? How a limit stands, and what that means for one more use. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from meter.limits.budget import Budget
from meter.limits.path import NOTHING, Limit
from meter.limits.window import UNTIL, falls_out
from meter.rating.money import exact


class Slot(NamedTuple):
    """What a slot of a rolling window holds, settled and reserved, as of `starts_at`."""

    starts_at: datetime
    taken: Decimal


class Standing(NamedTuple):
    """How far a limit is used and reserved, in what its counter counts; `slots` of a rolling window, oldest first."""

    limit: Limit
    used: Decimal
    reserved: Decimal
    slots: Sequence[Slot] = ()

    @property
    @exact()
    def taken(self) -> Decimal:
        """What is not there any more for the next one."""
        return self.used + self.reserved


class Verdict(NamedTuple):
    """Whether one more use may go on. `exceeded` is beyond the limit, and then `allowed` only where that just warns.

    `remaining` is what was left before this use (None without limit), `resets_at` when the window begins anew, None:
    never. Of a rolling window that is when there is room for it, or there being room, when all that was taken is free.
    """

    standing: Standing
    allowed: bool
    exceeded: bool
    remaining: Decimal | None
    resets_at: datetime | None


@exact()
def judge(standing: Standing, amount: Decimal) -> Verdict:
    """Judge one more use of so much. What is used up stops every use of it, also one that counts nothing (yet)."""
    limit = standing.limit
    most, taken = limit.most, standing.taken
    if most is None:
        return Verdict(standing, True, False, None, _end(standing, None))  # noqa: FBT003 - by position as it is declared
    exceeded = taken + amount > most or taken >= most
    return Verdict(
        standing=standing,
        allowed=not exceeded or not limit.hard,
        exceeded=exceeded,
        remaining=max(NOTHING, most - taken),
        resets_at=_end(standing, most - amount if exceeded else None),
    )


def _end(standing: Standing, most: Decimal | None) -> datetime | None:
    budget = standing.limit.budget
    if not isinstance(budget, Budget) or budget.seconds is None:
        return None if standing.limit.ends_at >= UNTIL else standing.limit.ends_at
    if most is None:
        last = standing.limit.key.starts_at
        return falls_out(budget.seconds, last)
    return _room(standing, most, budget.seconds)


def _room(standing: Standing, most: Decimal, seconds: int) -> datetime:
    """When so many slots have fallen out that no more than `most` is left; at the latest when all have."""
    left = standing.taken
    for slot in standing.slots:
        left -= slot.taken
        if slot.taken and left <= most and left >= NOTHING:
            return falls_out(seconds, slot.starts_at)
    return standing.limit.ends_at + timedelta(seconds=seconds)
