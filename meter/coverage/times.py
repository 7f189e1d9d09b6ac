"""When was a series there? From its first quarter with data until its sender ended it, or it was gone; pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from meter.coverage.share import DAY, WHOLE_DAY

GONE_DAYS = 7
GONE = GONE_DAYS * DAY
"""Quarters without data after which a series counts as gone, since the last one that had any."""


class There(NamedTuple):
    """Quarters [since, until) in which a series was there; until None: it is. `ended`: its sender said so."""

    since: int
    until: int | None
    ended: bool = False


def first(quarters: int) -> int:
    """The place of the first quarter with data in a day that has some."""
    return DAY - quarters.bit_length()


def last(quarters: int) -> int:
    """The place of the last quarter with data in a day that has some."""
    return DAY - (quarters & -quarters).bit_length()


def times(days: Sequence[tuple[int, int]], ends: Sequence[int]) -> list[There]:
    """When a series was there, from its days in order (number, quarters with data), and where its sender ended it.

    An end holds until there is data again. Without data for GONE quarters it was gone with the last one.
    """
    found: list[There] = []
    ends = sorted(ends)
    since = newest = None
    for start, stop in _stretches(days, ends):
        if since is None or newest is None:
            since, newest = start, stop
            continue
        end = _end_between(ends, newest, start)
        if end is not None:
            found.append(There(since, end, ended=True))
        elif start - newest > GONE:
            found.append(There(since, newest + 1))
        if end is not None or start - newest > GONE:
            since = start
        newest = stop
    if since is not None and newest is not None:
        place = bisect_left(ends, newest + 1)
        end = ends[place] if place < len(ends) else None
        found.append(There(since, end, ended=end is not None))
    return found


def _end_between(ends: Sequence[int], newest: int, start: int) -> int | None:
    """The first end after the last quarter with data, and not after the next."""
    place = bisect_left(ends, newest + 1)
    return ends[place] if place < len(ends) and ends[place] <= start else None


def _stretches(days: Sequence[tuple[int, int]], ends: Sequence[int]) -> list[tuple[int, int]]:
    """The first and the last quarter with data of each day, and of its parts where an end lies in it."""
    found: list[tuple[int, int]] = []
    for day, quarters in days:
        rest = quarters
        for end in ends:
            into = end - day * DAY
            if 0 < into < DAY:
                before = rest & (WHOLE_DAY ^ (WHOLE_DAY >> into))
                if before:
                    found.append((day * DAY + first(before), day * DAY + last(before)))
                rest &= ~before
        if rest:
            found.append((day * DAY + first(rest), day * DAY + last(rest)))
    return found
