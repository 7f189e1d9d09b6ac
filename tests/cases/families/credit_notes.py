"""A fee that was billed with its tax, and taken back for the days that were not served."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from meter.rating.credit import RateTax, part, unused
from tests.cases.case import Case
from tests.cases.compare import Found
from tests.cases.families.fees import taxed
from tests.cases.question import PRICE, THE, Answers, Question, asking, in_cents, major


def unused_days(case: Case) -> Question:
    """The fee as the service bills it; what goes back by the function that makes credit notes."""
    fee = {"model": "flat", "unit_amount": major(case.price.number("amount_cents"))}
    days, of = case.usage.number("unused_days"), case.usage.number("period_days")
    body = asking({PRICE: fee}, []) | taxed(case.price)

    def found(answers: Answers) -> Mapping[str, Found]:
        (line,) = answers[THE]["document"]["lines"]
        net, tax = Decimal(line["total"]) - Decimal(line["tax"]), Decimal(line["tax"])
        rate = RateTax("tax", Decimal(line["taxes"][0]["percent"]), inclusive=False, amount=tax)
        back = part(net, [rate], unused(net, days, of, "USD"), "USD")
        return {
            "net_cents": in_cents(back.net),
            "tax_cents": in_cents(back.tax),
            "total_cents": in_cents(back.total),
        }

    return Question({THE: body}, found)


MODELS: Mapping[str, Callable[[Case], Question]] = {"credit_note_unused_days+tax": unused_days}
