"""What a customer owes at least: by contract over all fees, or by a price's minimum, for a part of a period too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from tests.cases.case import Case
from tests.cases.compare import Found
from tests.cases.families.fees import of_document, shared, taxed
from tests.cases.question import (
    PRICE,
    THE,
    Answer,
    Answers,
    Body,
    Question,
    asking,
    in_cents,
    lines_of,
    major,
    money,
    summed,
)

PLAN = "plan"


def commitment(case: Case) -> Question:
    """A commitment that the fee of the plan and usage count towards."""
    prices: dict[str, Body] = {PLAN: _plan(case)}
    rows: list[Body] = []
    for at, cents in enumerate(case.usage.numbers("usage_fees_cents"), 1):
        prices[f"usage_{at}"] = {"unit_amount": "1"}
        rows.append({"meter": f"usage_{at}", "quantity": major(cents)})
    amount = major(case.price.number("commitment_cents"))
    terms = {"commitment": {"amount": amount, "counts": "all", "prorate": "days"}}
    split = {"share": shared(case.usage)} if case.usage.has("billed_days") else {}

    def found(answers: Answers) -> Mapping[str, Found]:
        answer = answers[THE]
        plan = [line for line in answer["lines"] if line["price"] == PLAN]
        added = [line for line in answer["document"]["lines"] if line["kind"] == "true_up"]
        return {
            "plan_fee_cents": in_cents(summed(plan, "amount")),
            "commitment_fee_cents": in_cents(summed(added, "amount")),
        }

    return Question({THE: asking(prices, rows, terms=terms, split=split)}, found)


def _plan(case: Case) -> Body:
    return {"model": "flat", "unit_amount": major(case.price.number("plan_cents")), "prorate": "days"}


def true_up(case: Case) -> Question:
    """A price's minimum for a part of a period, with tax on usage and on what it falls short."""
    price = {
        "unit_amount": major(case.price.number("unit_amount_cents")),
        "minimum": major(case.price.number("minimum_cents")),
        "prorate": "days",
    }
    row = {"meter": PRICE, "quantity": money(case.usage.number("quantity"))}
    body = asking({PRICE: price}, [row], split={"share": shared(case.usage)}) | taxed(case.price)

    def found(answers: Answers) -> Mapping[str, Found]:
        answer = answers[THE]
        return {
            "usage_cents": in_cents(summed(lines_of(answer, "usage"), "amount")),
            "true_up_cents": in_cents(summed(lines_of(answer, "minimum"), "amount")),
            "fees_cents": in_cents(Decimal(answer["document"]["subtotal"])),
            "usage_tax_cents": _tax(answer, "usage"),
            "true_up_tax_cents": _tax(answer, "minimum"),
            **of_document(answer["document"]),
        }

    return Question({THE: body}, found)


def _tax(answer: Answer, kind: str) -> Found:
    """The tax of a line, rounded alone as they show it."""
    return alone_in_cents(summed((each for each in answer["document"]["lines"] if each["kind"] == kind), "tax_exact"))


def alone_in_cents(exact: Decimal) -> Found:
    """Money of a line in cents, rounded to whole ones by itself."""
    return in_cents(exact, exact.quantize(Decimal("0.01"), rounding="ROUND_HALF_UP"))


MODELS: Mapping[str, Callable[[Case], Question]] = {
    "minimum_commitment": commitment,
    "minimum_commitment_prorated": commitment,
    "minimum_true_up_prorated+tax": true_up,
}
