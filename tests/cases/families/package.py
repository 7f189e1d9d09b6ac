"""Whole packages of units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from tests.cases.case import Case
from tests.cases.compare import Found
from tests.cases.families.metered import metered, portions, units_of
from tests.cases.question import Answer, Question, exactly, lines_of, money


def package(case: Case) -> Question:
    """So much for each package that is begun."""
    amount, size = case.price.number("package_amount"), case.price.number("package_size")
    return metered(case, {"model": "package", "unit_amount": money(amount), "per": money(size)}, more=_packages)


def _packages(answer: Answer) -> Mapping[str, Found]:
    parts = (facts for line in lines_of(answer, "usage") for facts in portions(line) if facts["of"] == "packages")
    return {"packages": exactly(sum(map(units_of, parts), Decimal(0)))}


MODELS: Mapping[str, Callable[[Case], Question]] = {"package": package}
