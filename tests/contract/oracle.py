"""What usage should be, from the bare list of what happened: no buckets, no SQL, nothing shared with the program."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from typing import NamedTuple
from zoneinfo import ZoneInfo

QUARTER = timedelta(minutes=15)
MICROSECOND = timedelta(microseconds=1)
MIDNIGHT = {"hour": 0, "minute": 0, "second": 0, "microsecond": 0}


class Fact(NamedTuple):
    """Something that was used at an instant or, as a level, over the time before it."""

    time: datetime
    quantity: Fraction
    duration: timedelta
    group: tuple[str | None, ...]


class Part(NamedTuple):
    """What of a fact lies in one quarter: an amount over [start, end), counted as an event at `counted`."""

    start: datetime
    end: datetime
    amount: Fraction
    counted: datetime
    group: tuple[str | None, ...]


Answer = dict[tuple[Hashable, tuple[str | None, ...]], tuple[Fraction, int]]


def quarter_of(time: datetime) -> datetime:
    """Answer the start of the quarter that holds an instant: zones of our days are all on this grid."""
    return time.replace(minute=time.minute - time.minute % 15, second=0, microsecond=0)


def parts(fact: Fact) -> Iterator[Part]:
    """Take a fact apart at the quarters."""
    if not fact.duration:
        yield Part(fact.time, fact.time + MICROSECOND, fact.quantity, fact.time, fact.group)
        return
    at = fact.time - fact.duration
    while at < fact.time:
        end = min(quarter_of(at) + QUARTER, fact.time)
        yield Part(at, end, fact.quantity * seconds(end - at), end - MICROSECOND, fact.group)
        at = end


def seconds(span: timedelta) -> Fraction:
    """Answer a span exactly."""
    return Fraction(span // MICROSECOND, 1_000_000)


def window_of(time: datetime, window: str | None, zone: ZoneInfo) -> Hashable:
    """Answer what all instants of one window have in common, and no others."""
    local = time.astimezone(zone)
    match window:
        case None:
            return "all"
        case "15m":
            return quarter_of(time)
        case "hour":
            return local.date(), local.hour, local.utcoffset()
        case "day":
            return local.date()
        case "week":
            return local.date() - timedelta(days=local.weekday())
        case _:
            months = {"month": 1, "quarter": 3, "year": 12}[window]
            return local.year, (local.month - 1) // months


def month_seconds(time: datetime, zone: ZoneInfo) -> Fraction:
    """Answer how long the local month of an instant is, clock changes included."""
    local = time.astimezone(zone).replace(tzinfo=None, day=1, **MIDNIGHT)
    following = (local + timedelta(days=32)).replace(day=1)
    starts = [at.replace(tzinfo=zone).timestamp() for at in (local, following)]
    return Fraction(starts[1] - starts[0])


def answer(
    facts: Iterable[Fact], start: datetime, end: datetime, window: str | None, zone: ZoneInfo, *, per_month: bool
) -> Answer:
    """Answer amount and events per window and group between two instants."""
    found: Answer = defaultdict(lambda: (Fraction(0), 0))
    for part in (part for fact in facts for part in parts(fact)):
        lo, hi = max(part.start, start), min(part.end, end)
        if lo < hi:
            share = part.amount * seconds(hi - lo) / seconds(part.end - part.start)
            share /= month_seconds(lo, zone) if per_month else 1
            key = (window_of(lo, window, zone), part.group)
            found[key] = (found[key][0] + share, found[key][1])
        if start <= part.counted < end:
            key = (window_of(part.counted, window, zone), part.group)
            found[key] = (found[key][0], found[key][1] + 1)
    return dict(found)
