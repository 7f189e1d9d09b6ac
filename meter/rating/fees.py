"""Fees in a period that is cut: each for the time of its plan, so that no time is paid twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from meter.rating.invoice import lines_of
from meter.rating.price import Price
from meter.rating.proration import DAYS, FULL, NEVER, TICK, Ratio, day_of
from meter.rating.split import Split

if TYPE_CHECKING:
    from meter.rating.line import Line
    from meter.rating.periods import Period
    from meter.rating.plan import Plan
    from meter.rating.segments import Segment


class _Fee(NamedTuple):
    """A fee of a plan, and the segments that it is owed for, which make one line."""

    price: Price
    plan: Plan
    segments: tuple[int, ...]


def lines(segments: Sequence[Segment], period: Period, currency: str) -> Iterator[Line]:
    """A line for each fee and the time it is owed for; whole where it is not reduced to the time served."""
    for fee in _fees(segments, period):
        start, end = segments[fee.segments[0]].start, segments[fee.segments[-1]].end
        if fee.price.prorate != NEVER:
            end = max(_owed_until(segments[at], period) for at in fee.segments)
        share = share_of(fee.segments, segments, period, fee.price.prorate)
        for line in lines_of(fee.price, (), period, currency, Split(share=share)):
            yield told(line, fee.plan, start, end)


def told(line: Line, plan: Plan, start: datetime, end: datetime) -> Line:
    """The line with the time it is for, and whose price it is."""
    return replace(line, start=start, end=end, plan=f"{plan.book}/{plan.name}", price_version=plan.book_version)


def share_of(own: Sequence[int], segments: Sequence[Segment], period: Period, rule: str) -> Ratio:
    """The part of the period that some of its segments are, by a rule of ``proration``; parts of all add up to one.

    By days a local day is the last segment's that touches it: a change at noon is paid from that day's beginning.
    """
    if rule == NEVER:
        return FULL
    spans = (_days if rule == DAYS else _ticks)(segments, period)
    whole = _day(period.end - TICK, period) + 1 - _day(period.start, period)
    if rule != DAYS:
        whole = (period.end - period.start) // TICK
    part = _together(spans[at] for at in own)
    return FULL if part == whole else Ratio(Decimal(part), Decimal(whole))


def _fees(segments: Sequence[Segment], period: Period) -> list[_Fee]:
    """Fees in order; one that goes on unchanged is one, and one that is whole in any case is owed once by its plan."""
    found: list[_Fee] = []
    last: dict[tuple[str, str, str], int] = {}
    for at, segment in enumerate(segments):
        for price in segment.plan.charges:
            if price.counts or not price.quantity:
                continue
            key = (segment.plan.book, segment.plan.name, price.id)
            fee = found[last[key]] if key in last else None
            if fee is not None and _goes_on(fee, price, segments, at, period):
                plan = fee.plan if fee.price.prorate == NEVER else segment.plan
                found[last[key]] = _Fee(fee.price, plan, (*fee.segments, at))
            else:
                last[key] = len(found)
                found.append(_Fee(price, segment.plan, (at,)))
    return found


def _goes_on(fee: _Fee, price: Price, segments: Sequence[Segment], at: int, period: Period) -> bool:
    """Whether a fee is still the one it was. What was owed whole is for all of the period, whatever it becomes.

    One that stayed owed while there was another plan is not owed again when its own is back.
    """
    if fee.price.prorate == NEVER:
        return True
    until = max(_owed_until(segments[each], period) for each in fee.segments)
    return fee.price == price and segments[at].start <= until


def _owed_until(segment: Segment, period: Period) -> datetime:
    return max(segment.end, min(segment.fee_until or segment.end, period.end))


def _ticks(segments: Sequence[Segment], period: Period) -> list[range]:
    """The microseconds of each segment's fee."""
    return [
        range((each.start - period.start) // TICK, (_owed_until(each, period) - period.start) // TICK)
        for each in segments
    ]


def _days(segments: Sequence[Segment], period: Period) -> list[range]:
    """The local days of each segment's fee.

    Each begins with the day that the one before left, also where clocks go back to the day before or skip one.
    """
    found, free = [], _day(period.start, period)
    for at, segment in enumerate(segments):
        first = max(free, _day(segment.start, period))
        free = max(first, _left(segments, at, period))
        owed = free
        if segment.fee_until is not None:
            owed = max(free, _day(_owed_until(segment, period) - TICK, period) + 1)
        found.append(range(first, owed))
    return found


def _left(segments: Sequence[Segment], at: int, period: Period) -> int:
    """The first day that a segment leaves to what comes after it."""
    segment, is_last = segments[at], at + 1 == len(segments)
    if segment.end == period.end or (is_last and not segment.goes_on):
        return _day(segment.end - TICK, period) + 1
    after = segment.end if is_last else segments[at + 1].start
    if after == segment.end:
        return _day(after, period)
    return min(_day(segment.end - TICK, period) + 1, _day(after, period))


def _day(instant: datetime, period: Period) -> int:
    return day_of(instant, period.zone).toordinal()


def _together(spans: Iterable[range]) -> int:
    """How much spans cover, each part of it once: a fee that stays owed goes on beside what follows."""
    covered = until = 0
    for span in sorted(spans, key=lambda each: each.start):
        covered += max(0, span.stop - max(span.start, until))
        until = max(until, span.stop)
    return covered
