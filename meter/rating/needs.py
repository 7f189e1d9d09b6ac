"""What must whoever reads usage bring for a plan, beside sums by member and service?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from meter.rating.models import matrix, time_of_day
from meter.rating.usage import TOTAL

if TYPE_CHECKING:
    from meter.rating.price import Price


class Needs(msgspec.Struct, frozen=True):
    """What is read only where a price asks for it.

    ``measures`` are (meter, measure) of the whole team, as in ``Usage``; ``labels`` names the dimensions by which a
    meter's usage must be told apart; ``clocks`` the minutes of the local day at which it must be cut.
    """

    measures: tuple[tuple[str, str], ...]
    labels: dict[str, frozenset[str]]
    clocks: dict[str, tuple[int, ...]]


def needs_of(prices: Iterable[Price]) -> Needs:
    """Ask each price; what none asks for need not be read."""
    measures: list[tuple[str, str]] = []
    labels: defaultdict[str, set[str]] = defaultdict(set)
    clocks: defaultdict[str, set[int]] = defaultdict(set)
    for price in prices:
        for meter, _ in price.counts:
            if price.measure != TOTAL:
                measures.append((meter, price.measure))
            match price.terms:
                case matrix.Terms(rates=rates):
                    labels[meter].update({name for rate in rates for name, _ in rate.when}.difference(matrix.OWN))
                case time_of_day.Terms(rates=timed):
                    # Midnight too: what a rate is for may change with the day of the week.
                    clocks[meter].update({0, *(minute % time_of_day.DAY for rate in timed for minute in rate.edges)})
    return Needs(
        tuple(dict.fromkeys(measures)),
        {meter: frozenset(names) for meter, names in labels.items() if names},
        {meter: tuple(sorted(minutes)) for meter, minutes in clocks.items()},
    )


def together(needs: Iterable[Needs]) -> Needs:
    """What is needed for all of them: usage that is told apart more finely than one asks for costs the same."""
    measures: dict[tuple[str, str], None] = {}
    labels: defaultdict[str, frozenset[str]] = defaultdict(frozenset)
    clocks: defaultdict[str, set[int]] = defaultdict(set)
    for each in needs:
        measures.update(dict.fromkeys(each.measures))
        for meter, names in each.labels.items():
            labels[meter] |= names
        for meter, minutes in each.clocks.items():
            clocks[meter].update(minutes)
    return Needs(tuple(measures), dict(labels), {meter: tuple(sorted(minutes)) for meter, minutes in clocks.items()})
