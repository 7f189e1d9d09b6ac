"""A question to POST /v1/billing/calculate, and what of its answer is held against what a case expects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.cases.compare import Figure, Found, Word

Body = dict[str, Any]
Answer = dict[str, Any]
Answers = Mapping[str, Answer]
THE = "the"  # the one question that most cases are
PRICE = "p"
PERIOD = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z", "tz": "UTC"}
CENTS_IN_ONE = Decimal(100)

WORDS = {
    "minimum": Word("minimum", frozenset({"minimum", "minimum_spend", "minimum_amount"})),
    "maximum": Word("maximum", frozenset({"maximum", "maximum_spend", "maximum_amount"})),
    "percent": Word("percent", frozenset({"percent", "percentage", "percentage_discount", "ratecard_percentage"})),
    "free units": Word("free units", frozenset({"usage", "usage_discount", "ratecard_usage", "free_units"})),
    "usage": Word("usage", frozenset({"usage", "usage_in_period", "unit", "units"})),
    "flat": Word("flat", frozenset({"flat", "flat_fee"})),
}


@dataclass(frozen=True)
class Question:
    """What is sent, by name, and how what a case expects is found in the answers."""

    bodies: Mapping[str, Body]
    found: Callable[[Answers], Mapping[str, Found]]
    instead: tuple[Instead, ...] = field(default=())


@dataclass(frozen=True)
class Instead:
    """What the other system does that we don't, said as a question of ours.

    Where that gets the expected answer, and the case's own question does not, the difference is this and nothing else.
    """

    reason: str
    question: Question


def asking(
    prices: Mapping[str, Mapping[str, Any]], rows: Iterable[Mapping[str, Any]], *, currency: str = "USD", **more: Any
) -> Body:
    """The body of a question in a month of UTC."""
    return {"prices": prices, "currency": currency, "usage": list(rows), **PERIOD, **more}


def lines_of(answer: Answer, *kinds: str) -> list[Answer]:
    """The lines of some kinds, all with none."""
    return [line for line in answer["lines"] if not kinds or line["kind"] in kinds]


def total_of(answer: Answer) -> Figure:
    """What all lines come to."""
    return Figure(Decimal(answer["exact"]), Decimal(answer["total"]))


def summed(lines: Iterable[Answer], name: str) -> Decimal:
    """Add a field of lines up."""
    return sum((Decimal(line[name]) for line in lines), Decimal(0))


def exactly(value: Decimal | str) -> Figure:
    """A quantity, which nobody rounds to fewer than its own decimals."""
    return Figure(Decimal(value))


def in_cents(exact: Decimal, rounded: Decimal | None = None) -> Figure:
    """Money in cents; whole ones may be rounded as an amount is, so they are asked of that alone."""
    return Figure(exact * CENTS_IN_ONE, None if rounded is None else rounded * CENTS_IN_ONE, coarsest=1)


def money(amount: Decimal) -> str:
    """An amount as text, as a price has it."""
    return f"{amount:f}"


def major(cents: Decimal) -> str:
    """Cents as text in major units."""
    return money(cents / CENTS_IN_ONE)
