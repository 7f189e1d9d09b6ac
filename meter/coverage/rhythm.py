"""How often does a series report? Learned from when it did; pure. What comes without a rhythm has none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from statistics import median

LEAST = 5
"""Fewer distances than this say nothing."""

NEAR, REGULAR = 0.5, 0.75
"""A rhythm: at least REGULAR of the distances are within NEAR of the middle one. Of random arrivals a third are."""

SLOWEST = 86_400


def of_samples(instants: Sequence[datetime]) -> int | None:
    """Seconds between samples, from when they were, in order; None where there is no rhythm."""
    return _rhythm([(later - earlier).total_seconds() for earlier, later in pairwise(instants)])


def of_quarters(events: Sequence[int], last_at: Sequence[float]) -> int | None:
    """Seconds between events, from the quarters that had any: how many, and when the last one was (in seconds)."""
    return _rhythm(
        [(later - earlier) / count for (earlier, later), count in zip(pairwise(last_at), events[1:], strict=True)]
    )


def _rhythm(distances: Sequence[float]) -> int | None:
    if len(distances) < LEAST:
        return None
    middle = median(distances)
    near = sum(abs(each - middle) <= NEAR * middle for each in distances)
    if near < REGULAR * len(distances) or middle > SLOWEST:
        return None
    return max(1, round(middle))
