"""The standing cast of the rating tests: a period, small plans written as books, and readers of the result."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from meter.rating.book import load_book, parse_book
from meter.rating.invoice import rate
from meter.rating.periods import Period
from meter.rating.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meter.rating.book import Plan
    from meter.rating.invoice import Rated
    from meter.rating.line import Line

MARCH = Period(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC), "UTC")

BOOK = """
name = "test"
title = "Test"
currency = "{currency}"
[plans.plan]
title = "Plan"
{body}
"""


def plan_of(body: str, currency: str = "USD") -> Plan:
    """A plan from the text of its table."""
    return parse_book(BOOK.format(body=body, currency=currency), "test.toml").plans["plan"]


def per_unit(**fields: str) -> Plan:
    """A plan with one price on requests; fields are TOML values as written."""
    fields = {"unit_amount": '"1"', **fields}
    inside = ", ".join(f"{name} = {value}" for name, value in fields.items())
    return plan_of(f'prices.calls = {{ title = "Calls", meter = "requests", unit = "request", {inside} }}')


def demo(book: str, plan: str) -> Plan:
    """A plan of the shipped demo books."""
    return load_book(book).plans[plan]


def demo_plan(name: str) -> Plan:
    """The plan called book/plan of the shipped demo books."""
    book, _, plan = name.partition("/")
    return demo(book, plan)


def used(meter: str, quantity: str | int, *who: str | None, measure: str = "total", divisor: int = 1) -> Usage:
    """A row of usage; ``who`` is member, then service."""
    member, service = (*who, None, None)[:2]
    return Usage(meter, Decimal(quantity), member, service, measure=measure, divisor=Decimal(divisor))


def rated(plan: Plan, *usage: Usage) -> Rated:
    """Rate in March, in the plan's own currency."""
    return rate(plan, usage, MARCH, plan.currency)


def amounts(result: Rated) -> dict[tuple[str, str], str]:
    """Amounts by (price, kind) as text."""
    return {(line.price, line.kind): str(line.amount) for line in result.lines}


def only(lines: Sequence[Line]) -> Line:
    """The single line there is."""
    (line,) = lines
    return line


def shown(*values: object) -> tuple[str, ...]:
    """Values as text, so that 744 and 744.0 are told apart as people would."""
    return tuple(map(str, values))
