"""What becomes of a difference, by what the team has agreed to? Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal, NamedTuple

from meter.adjustments.difference import Delta, Standing
from meter.rating.document.document import SettledLine
from meter.verify.compare import place_of

Policy = Literal["next_invoice", "credit_note", "write_off"]
Outcome = Literal["next_invoice", "credit_note", "written_off"]


class Decided(NamedTuple):
    """What becomes of it; `credited` is what of the invoice's lines, numbered from 1, is taken back without any tax."""

    outcome: Outcome
    credited: tuple[tuple[int, Decimal], ...] = ()
    note: str = ""


def decide(delta: Delta, made: Standing, policy: Policy) -> Decided:
    """What becomes of a difference from an invoice as it was `made`.

    Nobody loses by a write-off what was billed too much: that goes on the next invoice. A credit note takes back of
    lines that are there, so what has to be added to one goes on the next invoice, too.
    """
    if policy == "write_off" and delta.total > 0:
        return Decided("written_off", note="by the team's policy")
    if policy == "credit_note" and delta.total < 0:
        credited = _credited(delta.lines, made.lines)
        if credited:
            return Decided("credit_note", credited)
    return Decided("next_invoice")


def _credited(lines: Sequence[SettledLine], made: Sequence[SettledLine]) -> tuple[tuple[int, Decimal], ...]:
    """What is to be taken back of which line; nothing where that can't be said of each."""
    numbers = defaultdict[object, list[int]](list)
    for number, line in enumerate(made, 1):
        numbers[_named(line)].append(number)
    found = []
    for line in lines:
        meant = numbers[_named(line)]
        if len(meant) != 1 or line.total - line.tax > 0 or line.total > 0:
            return ()
        if net := line.total - line.tax:
            found.append((meant[0], -net))
    return tuple(found)


def _named(line: SettledLine) -> tuple[object, ...]:
    """What a line and its difference have in common: all that tells it apart but its kind."""
    return place_of(line.line)[1:]
