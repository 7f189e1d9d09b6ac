"""A percentage of what events are about, with a fee, free ones and bounds for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from tests.cases.case import Case, Fields, NotUnderstoodError
from tests.cases.families.metered import of_rows
from tests.cases.question import PERIOD, PRICE, Question, money

TERMS = (
    ("rate_percent", "percent"),
    ("fixed_per_event", "per_event"),
    ("free_events", "free_events"),
    ("free_total", "free_total"),
    ("per_transaction_min", "minimum_per_event"),
    ("per_transaction_max", "maximum_per_event"),
)


def percentage(case: Case) -> Question:
    """Events one by one where they are told; else the first ones one by one, and the rest together."""
    terms = {ours: money(case.price.number(theirs)) for theirs, ours in TERMS if case.price.has(theirs)}
    return of_rows(case, {"model": "percentage", **terms}, _rows(_events(case.usage)))


def _events(usage: Fields) -> list[tuple[Decimal, int]]:
    """Amounts, and how many events each stands for."""
    if usage.has("events"):
        return [(amount, 1) for amount in usage.numbers("events")]
    total, count = usage.number("total"), usage.number("event_count")
    running = [Decimal(0), *usage.numbers("running_total_of_first_events")]
    first = [(later - earlier, 1) for earlier, later in pairwise(running)]
    rest, left = total - running[-1], int(count) - len(first)
    if rest < 0 or left < 0 or (rest and not left):
        raise NotUnderstoodError("usage: the first events are more than all")
    return [*first, (rest, left)] if left else first


def _rows(events: list[tuple[Decimal, int]]) -> list[dict[str, str | int]]:
    begin = datetime.fromisoformat(PERIOD["from"])
    return [
        {
            "meter": PRICE,
            "quantity": money(amount),
            "events": count,
            "at": (begin + timedelta(minutes=at)).isoformat(),
        }
        for at, (amount, count) in enumerate(events)
    ]


MODELS: Mapping[str, Callable[[Case], Question]] = {"percentage": percentage}
