"""What is asked: which draft, over how many periods, for whom. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID

from msgspec.structs import replace

from meter.model import Team
from meter.prices.store import Source
from meter.rating.book import Book, parse_book
from meter.rating.periods import Period
from meter.subscriptions import timeline
from meter.subscriptions.changes import Change, ChangePlan, Start

FILE: Final = "book"
MOST_MONTHS: Final = 24
_LONGEST_MONTH: Final = timedelta(days=31)


class Question(NamedTuple):
    """A draft of a book in place of what is in force, for the last `months` billing periods that are over at `now`.

    Only for some `teams`, where they are named. `moves` puts those on a plan on another one, as if it had been theirs
    all along.
    """

    source: Source
    months: int
    now: datetime
    teams: tuple[UUID, ...] | None = None
    moves: Mapping[str, str] = {}

    @property
    def draft(self) -> Book:
        """The book. Raises BookError."""
        return _parsed(self.source.text, tuple(sorted(self.source.attached.items())))

    def moved(self, changes: Iterable[Change]) -> tuple[Change, ...]:
        """What was decided, had every plan of `moves` been the other one."""
        return tuple(self._moved(change) for change in changes)

    def _moved(self, change: Change) -> Change:
        decision = change.decision
        if not isinstance(decision, Start | ChangePlan) or decision.plan not in self.moves:
            return change
        return replace(change, decision=replace(decision, plan=self.moves[decision.plan]))

    def periods(self, team: Team, changes: Iterable[Change]) -> tuple[Period, ...]:
        """The team's last periods that are over: so many, or as many as it had in that time."""
        since = self.now - (self.months + 1) * _LONGEST_MONTH
        found = timeline.periods(changes, team.timezone, since, self.now)
        return tuple(period for period in found if period.end <= self.now)[-self.months :]

    def concerns(self, changes: Iterable[Change], periods: Iterable[Period]) -> bool:
        """Whether a team had a plan in these periods that the draft is about, or that is moved."""
        spans = [(period.start, period.end) for period in periods]
        plans = {
            stretch.plan
            for stretch in timeline.stretches(changes)
            for start, end in spans
            if (stretch.start is None or stretch.start < end) and (stretch.end is None or start < stretch.end)
        }
        book = self.draft.name
        return any(plan in self.moves or plan.partition("/")[0] == book for plan in plans)


@lru_cache(maxsize=4)
def _parsed(text: str, attached: tuple[tuple[str, str], ...]) -> Book:
    return parse_book(text, FILE, dict(attached))
