"""A whole invoice: coupons one after the other, each on the fees it is for, and tax on what is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.cases.case import Case, Fields
from tests.cases.compare import Figure, Found
from tests.cases.families.commitments import alone_in_cents
from tests.cases.question import CENTS_IN_ONE, THE, Answers, Body, Question, asking, in_cents, major, money

# Each coupon's part of a fee is rounded to as many places of a cent there, and these are added up.
PLACES = Decimal("0.00001")


def coupons_and_taxes(case: Case) -> Question:
    """Fees as prices, their tax by a category for each percentage."""
    fees = case.price.rows("fees", _fee)
    coupons = case.price.rows("coupons_in_order", lambda row: _coupon(row, fees))
    prices = {
        fee["id"]: {"model": "flat", "unit_amount": fee["amount"], "category": _category(fee["percent"])}
        for fee in fees
    }
    percents = sorted({fee["percent"] for fee in fees})
    rates = [{"name": "tax", "percent": each, "category": _category(each)} for each in percents]
    named = [{"name": f"coupon {at}", **coupon} for at, coupon in enumerate(coupons, 1)]
    body = asking(prices, [], terms={"coupons": named, "taxes": {"rates": rates}})
    return Question({THE: body}, _found)


def _found(answers: Answers) -> Mapping[str, Found]:
    document = answers[THE]["document"]
    subtotal, off = Decimal(document["subtotal"]), Decimal(document["coupons_total"])
    return {
        "fees_cents": in_cents(subtotal),
        "coupons_cents": in_cents(off),
        "subtotal_excl_tax_cents": in_cents(subtotal - off),
        "tax_cents": in_cents(Decimal(document["tax"])),
        "total_cents": in_cents(Decimal(document["total"])),
        "coupon_by_fee": {line["price"]: _off(line) for line in document["lines"]},
        "tax_cents_by_fee": {line["price"]: alone_in_cents(Decimal(line["tax_exact"])) for line in document["lines"]},
    }


def _off(line: Mapping[str, Any]) -> Found:
    """What coupons took from a fee, in cents."""
    each = [Decimal(discount["exact"]) * CENTS_IN_ONE for discount in line["discounts"]]
    rounded = sum((part.quantize(PLACES, rounding=ROUND_HALF_UP) for part in each), Decimal(0))
    return Figure(sum(each, Decimal(0)), rounded)


def _fee(row: Fields) -> Body:
    return {
        "id": row.text("id"),
        "plan": row.text("plan"),
        "metric": row.text("metric"),
        "amount": major(row.number("cents")),
        "percent": money(row.number("tax_percent", "0")),
    }


def _coupon(row: Fields, fees: list[Body]) -> Body:
    """A fixed coupon; what it is limited to becomes the prices that it is for."""
    coupon: Body = {"amount": major(row.number("cents"))}
    metrics, plan = row.texts("limited_to_metrics"), row.maybe("limited_to_plan")
    if metrics or plan:
        coupon["prices"] = [
            fee["id"]
            for fee in fees
            if (not metrics or fee["metric"] in metrics) and (plan is None or fee["plan"] == plan)
        ]
    return coupon


def _category(percent: str) -> str:
    return f"at {percent} percent"


MODELS: Mapping[str, Callable[[Case], Question]] = {"invoice_coupons_and_taxes": coupons_and_taxes}
