"""Prices of usage in a period that is cut: where a price goes on, its tiers, free units and bounds go on too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from meter.rating import fees
from meter.rating.charge import total
from meter.rating.invoice import lines_of
from meter.rating.money import exact, quotient
from meter.rating.price import Price
from meter.rating.proration import NEVER, Ratio
from meter.rating.split import Split
from meter.rating.usage import TOTAL, Usage

if TYPE_CHECKING:
    from meter.rating.line import Line
    from meter.rating.periods import Period
    from meter.rating.segments import Segment


class Priced(NamedTuple):
    """A price of one segment."""

    segment: int
    price: Price


Run = tuple[Priced, ...]
_Key = tuple[str, frozenset[str], str, str]


class _Stretch(NamedTuple):
    """Neighbours in a run that make one line: of one plan and price, between which nothing is cut."""

    price: Price
    segments: tuple[int, ...]


def runs_of(segments: Sequence[Segment]) -> tuple[Run, ...]:
    """Each price of usage with every segment in which it goes on, in the order of the prices."""
    runs: dict[_Key, list[Priced]] = {}
    for at, segment in enumerate(segments):
        for price in segment.plan.prices:
            if price.counts:
                runs.setdefault(_key(price), []).append(Priced(at, price))
    return tuple(map(tuple, runs.values()))


def lines(segments: Sequence[Segment], period: Period, currency: str) -> Iterator[Line]:
    """The lines for what was used: of each stretch of a run what it adds, by its own prices."""
    for run in runs_of(segments):
        own = tuple(each.segment for each in run)
        served = tuple(at for at in own if segments[at].served)
        stretches, owed = _stretches(run, segments), Decimal(0)
        for number, stretch in enumerate(stretches):
            price = stretch.price
            share = fees.share_of(own if price.minimum is None else served, segments, period, price.prorate)
            split = Split(first=number == 0, last=number == len(stretches) - 1, share=share)
            gone = _rows(stretches[:number], segments)
            if any(each.price != price for each in stretches[:number]):
                price = _bounds(price, gone, period, currency, split, owed)
            made = lines_of(price, _rows((stretch,), segments), period, currency, split, gone)
            owed = total((owed, *(line.exact for line in made)))
            first, last = segments[stretch.segments[0]], segments[stretch.segments[-1]]
            for line in made:
                yield fees.told(line, last.plan, first.start, last.end)


def _key(price: Price) -> _Key:
    return price.id, frozenset(meter for meter, _ in price.counts), price.measure, price.model


def _stretches(run: Run, segments: Sequence[Segment]) -> list[_Stretch]:
    if run[-1].price.measure != TOTAL:
        # A level is known at the end of the run, over all of it, and priced by what holds then.
        return [_Stretch(run[-1].price, tuple(each.segment for each in run))]
    found: list[_Stretch] = []
    for at, price in run:
        if found and _goes_on(found[-1], price, segments, at):
            found[-1] = _Stretch(price, (*found[-1].segments, at))
        else:
            found.append(_Stretch(price, (at,)))
    return found


def _goes_on(stretch: _Stretch, price: Price, segments: Sequence[Segment], at: int) -> bool:
    last, now = segments[stretch.segments[-1]], segments[at]
    same_plan = (last.plan.book, last.plan.name) == (now.plan.book, now.plan.name)
    return same_plan and stretch.price == price and last.end == now.start


def _rows(stretches: Sequence[_Stretch], segments: Sequence[Segment]) -> tuple[Usage, ...]:
    return tuple(row for each in stretches for at in each.segments for row in segments[at].usage)


@exact()
def _bounds(price: Price, gone: tuple[Usage, ...], period: Period, currency: str, split: Split, owed: Decimal) -> Price:
    """The price with its least and most for the period, as what earlier stretches ``owed`` by other prices leaves them.

    "Never more than" and "at least" are about what is really owed, which this price's own terms do not know.
    """
    if price.minimum is None and price.maximum is None:
        return price
    own = replace(price, minimum=None, maximum=None)
    until_now = replace(split, first=True, last=False)
    by_own = total(line.exact for line in lines_of(own, gone, period, currency, until_now))
    shift, share = owed - by_own, split.share_of(price.prorate, period)
    least, most = _part(price.minimum, share), _part(price.maximum, share)
    return replace(
        price,
        minimum=None if least is None or least <= shift else least - shift,
        maximum=None if most is None else max(most - shift, by_own),
        prorate=NEVER,  # the share is in them already
    )


def _part(bound: Decimal | None, share: Ratio) -> Decimal | None:
    return None if bound is None else quotient(bound * share.part, share.whole)
