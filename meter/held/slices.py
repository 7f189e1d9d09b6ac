"""In which ranges are ids looked at? Pure: quarters of the log in, ranges out, and parts that can be joined at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from typing import NamedTuple
from uuid import UUID

from meter.windows import ORIGIN, QUARTER

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
NEAR = timedelta(hours=1)
WIDE = timedelta(days=35)
PART_EVENTS = 1_000_000
MOST_COMPARED = 300_000_000
_ALL_IDS = 1 << 128


class Unlooked(NamedTuple):
    """A quarter of a team in which something changed, and the rows of the log that say so."""

    team_id: int
    bucket: datetime
    ids: list[int]


class Slice(NamedTuple):
    """Neighbouring quarters of a team, half-open, and the rows of the log that are done with them."""

    team_id: int
    since: datetime
    until: datetime
    ids: list[int]


def slices(quarters: Iterable[Unlooked], longest: timedelta = DAY) -> Iterator[Slice]:
    """Runs of neighbouring quarters of a team, each within one span of this length, in the order they came."""
    numbered = enumerate(quarters)
    for _, run in groupby(
        numbered,
        lambda each: (each[1].team_id, each[1].bucket - each[0] * QUARTER, (each[1].bucket - ORIGIN) // longest),
    ):
        found = [quarter for _, quarter in run]
        ids = [id_ for quarter in found for id_ in quarter.ids]
        yield Slice(found[0].team_id, found[0].bucket, found[-1].bucket + QUARTER, ids)


def parts(events: int) -> list[tuple[UUID, UUID]]:
    """Ranges of ids, both ends included, that split so many events into PART_EVENTS or fewer, ids being hashes."""
    count = max(1, -(-events // PART_EVENTS))
    edges: Sequence[int] = [_ALL_IDS * n // count for n in range(count + 1)]
    return [(UUID(int=low), UUID(int=high - 1)) for low, high in pairwise(edges)]


def reach(events: int, around: int) -> timedelta:
    """How far around a day of so many events is looked, where WIDE holds `around`: less for teams with very many.

    Each part of a day is compared with all around it, MOST_COMPARED in all.
    """
    days = WIDE.days
    while days > 1 and len(parts(events)) * around * days > MOST_COMPARED * WIDE.days:
        days //= 2
    return timedelta(days=days)
