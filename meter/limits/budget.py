"""What somebody set: so many units, calls or so much money in each window, for whom, and what happens beyond. Pure."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final, Literal, get_args
from uuid import UUID

import msgspec

Measure = Literal["units", "money", "calls"]
Span = Literal["hour", "day", "week", "month", "quarter", "year", "billing", "rolling", "ever"]
Apart = Literal["member", "service", "key", "meter"]

MEASURES: Final[tuple[Measure, ...]] = get_args(Measure)
SPANS: Final[tuple[Span, ...]] = get_args(Span)
APART: Final[tuple[Apart, ...]] = get_args(Apart)

ROLLING: Final = "rolling"
SHORTEST_ROLLING: Final = 1
LONGEST_ROLLING: Final = 366 * 86_400
"""Seconds that a rolling window may have."""

FOLLOWED_FROM: Final = 3_600
"""Seconds from which on a rolling window counts usage that came without asking; a shorter one is over before."""


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """So much in each window. `amount` is in the meters' unit (units), in the team's currency (money), or calls.

    `meters` empty: all. Scope ids None: any. `each` is counted apart: a limit of its own for each member, service, key
    or meter. `hard` denies what would go beyond, else it only warns. `opens` says what holds while the database can't
    be asked: it lets pass, or does not. `divisor` turns what is stored into the meters' unit, `unit`; both are the
    meters' and not the budget's. `seconds` is there for rolling windows only. Ended ones count no more.
    """

    id: int
    public_id: UUID
    team_id: int
    name: str
    measure: Measure
    amount: Decimal
    window: Span
    created_at: datetime
    seconds: int | None = None
    meters: tuple[str, ...] = ()
    member_id: int | None = None
    service_id: int | None = None
    key_id: int | None = None
    each: tuple[Apart, ...] = ()
    hard: bool = True
    opens: bool = False
    version: int = 1
    ended_at: datetime | None = None
    divisor: Decimal = Decimal(1)
    unit: str = ""

    @property
    def rolling(self) -> bool:
        """Whether its window slides."""
        return self.window == ROLLING

    @property
    def follows(self) -> bool:
        """Whether usage that came without asking counts: calls are what was asked, short windows are over before."""
        return self.measure != "calls" and (self.seconds is None or self.seconds >= FOLLOWED_FROM)
