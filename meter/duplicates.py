"""Which events are new, which were stored before, which contradict what is stored. Pure; one rule for both places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from meter.copy_rows import read_row
from meter.model import Receipt, Refusal, Rejection
from meter.rows import Wire

CONFLICT = Refusal("id_conflict", "this identity is stored with another quantity, series or duration; use a new id")


class Met(NamedTuple):
    """Rows whose identity is taken: their positions, by whether they are the very same fact."""

    same: frozenset[int]
    other: frozenset[int]


class Outcome(NamedTuple):
    """What is told of a body's events, by index; grows while the batch is settled."""

    duplicates: set[int]
    refused: dict[int, Refusal]


def repeats(rows: Sequence[Wire]) -> Met:
    """Rows whose identity an earlier row of the same body has, held against the first; `rows` are in key order."""
    same: set[int] = set()
    other: set[int] = set()
    first = 0
    for position in range(1, len(rows)):
        kept, row = rows[first], rows[position]
        if row[1] == kept[1] and row[0] == kept[0]:
            (same if read_row(row[3]) == read_row(kept[3]) else other).add(position)
        else:
            first = position
    return Met(frozenset(same), frozenset(other))


def leaning(rows: Sequence[Wire], outcome: Outcome) -> list[Wire]:
    """Rows of events that were judged by an earlier one of their body which was then refused itself: to be judged anew.

    Their verdicts are taken back from the outcome.
    """
    places: set[int] = set()
    first = rows[0] if rows else None
    for row in rows:
        if first is None or row[:2] != first[:2]:
            first = row
        elif first[2] in outcome.refused and row[2] != first[2]:
            places.add(row[2])
    outcome.duplicates.difference_update(places)
    for place in places:
        outcome.refused.pop(place, None)
    return [row for row in rows if row[2] in places]


def settle(rows: list[Wire], met: Met, outcome: Outcome) -> list[Wire]:
    """The rows still to write: an event with all its rows stored is a duplicate, one with some or others a conflict."""
    if not met.same and not met.other:
        return rows
    total = Counter(row[2] for row in rows)
    same = Counter(rows[position][2] for position in met.same)
    conflicts = {rows[position][2] for position in met.other}
    conflicts |= {index for index, count in same.items() if count != total[index]}
    outcome.duplicates.update(same.keys() - conflicts)
    outcome.refused.update(dict.fromkeys(conflicts, CONFLICT))
    return [row for row in rows if row[2] not in conflicts and row[2] not in same]


def receipt(events: int, outcome: Outcome) -> Receipt:
    """What became of a body of `events` events, counted in events."""
    rejected = [Rejection(index, *outcome.refused[index]) for index in sorted(outcome.refused)]
    return Receipt(events - len(rejected) - len(outcome.duplicates), len(outcome.duplicates), rejected)
