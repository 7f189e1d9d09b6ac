"""A period in segments, each under prices of its own: what is owed for all of it, and each line for its time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from meter.rating import fees, runs
from meter.rating.invoice import Rated, check_units, rated_of, unpriced_rows, used_rows
from meter.rating.periods import Period
from meter.rating.plan import BASE_FEE, Plan
from meter.rating.usage import TOTAL, Usage, UsageError


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a period under one plan, and what was used in it; a gap to the next one is time without service.

    ``plan`` is as the team has it. ``usage`` has no levels but those that ``levels_asked`` gives to this segment. The
    fee is owed until ``fee_until`` where that is later than the end: no credit for time that is not used any more.
    ``goes_on`` tells of the last one that another period follows at once, which the day between them belongs to.
    Time that is not ``served`` is before the first plan: what is used is paid, but it lifts no minimum.
    """

    start: datetime
    end: datetime
    plan: Plan
    usage: tuple[Usage, ...]
    fee_until: datetime | None = None
    goes_on: bool = False
    served: bool = True


class LevelsAsked(msgspec.Struct, frozen=True):
    """A peak or percentile that a price needs: over which ranges, and in which segment its row is to be."""

    meter: str
    measure: str
    ranges: tuple[tuple[datetime, datetime], ...]
    segment: int


def rate_period(segments: Sequence[Segment], period: Period, currency: str) -> Rated:
    """Answer what is owed for ``period``; pure, and independent of the order of usage.

    What is used costs what its own segment's plan says, from the position in tiers and free units that the segments
    before it left: a price goes on wherever the next plan has one of the same id, meters, measure and model (``runs``).
    Fees are for the time of their plan (``fees``). Segments are in order and do not overlap.
    Raises UsageError as ``rate`` does, and for segments that are out of order or outside of the period.
    """
    _check(segments, period, currency)
    given = [msgspec.structs.replace(each, usage=used_rows(each.usage)) for each in segments]
    usage = tuple(row for each in given for row in each.usage)
    check_units(usage)
    order = _order(given)
    lines = sorted(
        (*fees.lines(given, period, currency), *runs.lines(given, period, currency)),
        key=lambda line: (order[line.price], line.start or period.start),
    )
    unpriced = [row for each in given for row in unpriced_rows(each.plan, each.usage, period)]
    return rated_of(given[-1].plan, period, currency, tuple(lines), usage, unpriced)


def levels_asked(segments: Sequence[Segment]) -> tuple[LevelsAsked, ...]:
    """Which levels must be read: those of each run that goes by them, over all of its time, known at its end."""
    return tuple(_levels(segments))


def _order(segments: Sequence[Segment]) -> dict[str, int]:
    """The place of each price on an invoice: base fees, the last plan's prices as its book has them, then others."""
    prices = [price.id for each in reversed(segments) for price in each.plan.charges]
    return {name: place for place, name in enumerate(dict.fromkeys((BASE_FEE, *prices)))}


def _levels(segments: Sequence[Segment]) -> Iterator[LevelsAsked]:
    for run in runs.runs_of(segments):
        price = run[-1].price
        if price.measure != TOTAL:
            ranges = _joined([(segments[each.segment].start, segments[each.segment].end) for each in run])
            for meter, _ in price.counts:
                yield LevelsAsked(meter, price.measure, ranges, run[-1].segment)


def _joined(ranges: Sequence[tuple[datetime, datetime]]) -> tuple[tuple[datetime, datetime], ...]:
    found: list[tuple[datetime, datetime]] = []
    for start, end in ranges:
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return tuple(found)


def _check(segments: Sequence[Segment], period: Period, currency: str) -> None:
    if not segments:
        raise UsageError("there is no plan in this period")
    edges = [period.start, *(edge for each in segments for edge in (each.start, each.end)), period.end]
    if edges != sorted(edges) or any(each.start == each.end for each in segments):
        raise UsageError("segments must follow each other inside the period")
    for each in segments:
        if each.plan.currency != currency:
            plan = each.plan
            raise UsageError(f"plan {plan.name} of book {plan.book} is in {plan.currency}, not {currency}")
