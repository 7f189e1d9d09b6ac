"""What events come to by quarter and series, and where two accounts of that differ. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Any

Tallies = dict[tuple[int, int], list[int]]
"""(quarter in microseconds since 1970, series) to [events, sum, smallest, largest]; quantities in trillionths."""

DECIMALS = 12
SHOWN = 3
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EXACT = Context(prec=100, traps=[Inexact, InvalidOperation])


def trillionths(quantity: Decimal) -> int:
    """A stored quantity, or a sum of some, as a whole number. Raises decimal.Inexact for anything finer."""
    return int(_EXACT.to_integral_exact(_EXACT.scaleb(quantity, DECIMALS)))


def of_buckets(rows: Iterable[Sequence[Any]]) -> Tallies:
    """Tallies from rows of list_quarters."""
    return {(row[0], row[1]): [row[2], trillionths(row[3]), trillionths(row[4]), trillionths(row[5])] for row in rows}


def add(found: Tallies, more: Tallies) -> None:
    """Adds tallies of other events to some."""
    for place, tally in more.items():
        have = found.get(place)
        if have is None:
            found[place] = tally
        else:
            events, total = have[0] + tally[0], have[1] + tally[1]
            found[place] = [events, total, min(have[2], tally[2]), max(have[3], tally[3])]


def differing(file: Mapping[tuple[int, int], list[int]], buckets: Mapping[tuple[int, int], list[int]]) -> list[str]:
    """The first places at which two accounts differ, in words; none where they agree."""
    places = sorted(place for place in file.keys() | buckets.keys() if file.get(place) != buckets.get(place))
    return [
        f"series {series} at {EPOCH + timedelta(microseconds=quarter):%Y-%m-%d %H:%M}: "
        f"file {_words(file.get((quarter, series)))}, buckets {_words(buckets.get((quarter, series)))}"
        for quarter, series in places[:SHOWN]
    ]


def _words(tally: Sequence[int] | None) -> str:
    if tally is None:
        return "nothing"
    return f"{tally[0]} events, sum {Decimal(tally[1]).scaleb(-DECIMALS, _EXACT):f}"
