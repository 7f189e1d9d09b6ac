"""By which prices does a team pay when? Its plans in order, each for a time of the same prices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from meter import agreement
from meter.errors import UnknownPlan
from meter.limits.measure import Priced
from meter.model import Team
from meter.prices.schedule import Schedule
from meter.subscriptions import timeline
from meter.subscriptions.changes import Change


def plans(team: Team, changes: Sequence[Change], books: Schedule, start: datetime, end: datetime) -> Iterator[Priced]:
    """The team's plans between two instants. Nothing where it has none, or where its book lost it."""
    for stretch in timeline.stretches(changes):
        lo, hi = max(stretch.start or start, start), min(stretch.end or end, end)
        if lo >= hi:
            continue
        edges = sorted(books.edges(stretch.plan, team.public_id, lo, hi))
        for one, other in pairwise((lo, *edges, hi)):
            try:
                yield Priced(one, other, agreement.plan_of(team, stretch, books, one))
            except UnknownPlan:
                continue
