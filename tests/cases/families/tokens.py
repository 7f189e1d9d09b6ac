"""Prices by labels: provider, model and kind of token."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.cases.case import Case, Fields, NotUnderstoodError
from tests.cases.compare import Found
from tests.cases.question import (
    PRICE,
    THE,
    Answers,
    Body,
    Question,
    asking,
    exactly,
    lines_of,
    money,
    summed,
    total_of,
)

LABELS = ("provider", "model", "token_type")


def _rate(row: Fields) -> Body:
    return {"when": _labels(row), "unit_amount": money(row.number("unit"))}


def _labels(row: Fields) -> dict[str, str]:
    return {name: row.text(name) for name in LABELS if row.has(name)}


def _row(row: Fields) -> Body:
    return {"meter": PRICE, "quantity": money(row.number("quantity")), "dimensions": _labels(row)}


def price_per_model(case: Case) -> Question:
    """One question for all rows, and one for each: what a row costs by itself."""
    rates, rows = case.price.rows("rates", _rate), case.usage.rows("rows", _row)
    for name in LABELS:
        _fill_in(name, rates, rows)
    price = {"model": "matrix", "rates": rates}
    each = {f"row {at}": asking({PRICE: price}, [row]) for at, row in enumerate(rows)}

    def found(answers: Answers) -> Mapping[str, Found]:
        return {
            "total": total_of(answers[THE]),
            "by_row": [total_of(answers[name]) for name in each],
            "quantity_total": exactly(summed(lines_of(answers[THE]), "quantity")),
        }

    return Question({THE: asking({PRICE: price}, rows), **each}, found)


def _fill_in(name: str, rates: list[Body], rows: list[Body]) -> None:
    """A label that rows leave out is the one that all rates have."""
    known = {rate["when"][name] for rate in rates if name in rate["when"]}
    for row in rows:
        if known and name not in row["dimensions"]:
            if len(known) > 1:
                raise NotUnderstoodError(f"usage.rows: {name} is missing, and rates have several")
            row["dimensions"][name] = next(iter(known))


MODELS: Mapping[str, Callable[[Case], Question]] = {"price_per_model": price_per_model}
