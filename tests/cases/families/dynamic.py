"""Prices that the events bring along."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.cases.case import Case
from tests.cases.families.metered import metered, of_rows
from tests.cases.question import PRICE, Question, major, money


def multiplier(case: Case) -> Question:
    """The quantity is money already, and is marked up."""
    factor = case.price.number("multiplier", "1")
    return metered(case, {"model": "dynamic", "multiplier": money(factor), "amount": "quantity"})


def event_amount(case: Case) -> Question:
    """Each event says what it costs."""
    quantity, cents = case.usage.number("quantity"), case.usage.number("sum_of_event_amounts_cents")
    row: dict[str, str | int] = {"meter": PRICE, "quantity": money(quantity), "money": major(cents)}
    return of_rows(case, {"model": "dynamic", "amount": "money"}, [row])


MODELS: Mapping[str, Callable[[Case], Question]] = {
    "dynamic_multiplier": multiplier,
    "dynamic_event_amount": event_amount,
}
