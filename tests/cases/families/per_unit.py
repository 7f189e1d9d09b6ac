"""A price for each unit, alone or with free units or a conversion; and those two by themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.cases.case import Case
from tests.cases.families.metered import conversion_of, metered
from tests.cases.question import Question, money


def unit(case: Case) -> Question:
    """So much for each unit."""
    return metered(case, {"unit_amount": money(case.price.number("unit_amount"))})


def unit_conversion(case: Case) -> Question:
    """How many units are billed; at any price."""
    return metered(case, {"unit_amount": "1", "conversion": conversion_of(case.price)})


def usage_discount(case: Case) -> Question:
    """How many units are free; at any price where none is said."""
    return metered(case, {"unit_amount": money(case.price.number("unit_amount", "1"))})


MODELS: Mapping[str, Callable[[Case], Question]] = {
    "unit": unit,
    "unit_conversion": unit_conversion,
    "usage_discount": usage_discount,
}
