"""A level held over time, split at the quarter edges: exact pieces, each inside the bucket it belongs to."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal
from typing import NamedTuple

QUARTER_US = 900_000_000
SECOND_US = 1_000_000
# numeric(38,12) times microseconds fits with room; the default 28 digits would round
EXACT = Context(prec=60, rounding=ROUND_HALF_UP)
STORED = Decimal("1e-12")


class Segment(NamedTuple):
    """`quantity` (level x seconds) up to `end_us`; `covers_us` reaches back from there to the sample's own start."""

    end_us: int
    quantity: Decimal
    covers_us: int


def _level_seconds(level: Decimal, us: int) -> Decimal:
    return EXACT.quantize(EXACT.divide(EXACT.multiply(level, Decimal(us)), Decimal(SECOND_US)), STORED)


def split(level: Decimal, start_us: int, end_us: int) -> list[Segment]:
    """The segments of a level held over [start, end) microseconds, ascending; they end at quarter edges and `end_us`.

    Rounded to 12 decimals cumulatively, so the segments add up exactly to the rounded whole.
    """
    found: list[Segment] = []
    done = Decimal(0)
    edge = start_us - start_us % QUARTER_US
    while edge + QUARTER_US < end_us:
        edge += QUARTER_US
        so_far = _level_seconds(level, edge - start_us)
        found.append(Segment(edge, EXACT.subtract(so_far, done), edge - start_us))
        done = so_far
    whole = _level_seconds(level, end_us - start_us)
    found.append(Segment(end_us, EXACT.subtract(whole, done), end_us - start_us))
    return found
