"""Commitments: what is missing to them is a line, and what is above them costs more."""

from __future__ import annotations

from decimal import Decimal

import pytest

from meter.rating.document import Earlier
from meter.rating.usage import UsageError
from tests.rating.document.cast import FIRST, LAST, amounts, case, fee, line, served, settled


def dollars(cents: str) -> str:
    """Cents as money."""
    return f"{Decimal(cents) / 100:.2f}"


@pytest.mark.parametrize("name", ["lago-commit-01", "lago-commit-02"])
def test_true_up_of_a_peer(name: str) -> None:
    """Fees count, and the commitment is for the days that were served: 10,000.00 of 2 days in 29, less 36.90."""
    found = case(name)
    definition, usage, expected = found["price_definition"], found["usage"], found["expected"]
    plan = expected.get("plan_fee_cents", definition["plan_cents"])
    used = [line(dollars(each), f"m{at}") for at, each in enumerate(usage["usage_fees_cents"])]
    split = served(int(usage.get("billed_days", 1)), int(usage.get("period_days", 1)))
    terms = {"amount": dollars(definition["commitment_cents"]), "counts": "all", "prorate": "days"}
    document = settled(fee(dollars(plan)), *used, split=split, commitment=terms)
    assert amounts(document)["commitment", "true_up"] == dollars(expected["commitment_fee_cents"])


@pytest.mark.parametrize(
    ("counts", "base", "usage", "added"),
    [
        ("usage", "50", "40", {"true_up": "60.00"}),
        ("usage", "50", "99.99", {"true_up": "0.01"}),
        ("usage", "50", "100", {}),
        ("usage", "50", "100.01", {"overage": "0.01"}),  # half a cent more, rounded once
        ("usage", "50", "160", {"overage": "30.00"}),
        ("all", "50", "40", {"true_up": "10.00"}),
        ("all", "50", "50", {}),
        ("all", "50", "80", {"overage": "15.00"}),
        ("all", "150", "20", {"overage": "10.00"}),  # of usage only: a fee has its price once
        ("all", "150", "0", {}),
    ],
)
def test_below_and_above(counts: str, base: str, usage: str, added: dict[str, str]) -> None:
    """100 committed, half as much again for what is above."""
    terms = {"amount": "100", "overage_factor": "1.5", "counts": counts}
    document = settled(fee(base), line(usage), commitment=terms)
    made = {kind: amount for (price, kind), amount in amounts(document).items() if price == "commitment"}
    assert made == added
    assert document.total == Decimal(base) + Decimal(usage) + sum(map(Decimal, added.values()))


def test_without_a_factor_usage_above_costs_its_price() -> None:
    """A factor of 1 adds no line."""
    assert settled(line("160"), commitment={"amount": "100"}).total == 160


def test_the_overage_reads_as_quantity_times_price_and_is_whose_usage_it_was() -> None:
    """60 above, at half as much again: 30, by what each member's usage cost; a true-up is nobody's."""
    used = line("160", members={"alice": Decimal(3), "bob": Decimal(1)})
    terms = {"amount": "100", "overage_factor": "1.5", "category": "software"}
    over = settled(used, commitment=terms).lines[-1].line
    assert (over.quantity, over.unit, over.unit_amount, over.category) == (
        Decimal(60),
        "USD",
        Decimal("0.5"),
        "software",
    )
    assert {each.member: str(each.amount) for each in over.members} == {"alice": "22.50", "bob": "7.50"}
    assert over.derivation[0].facts == {
        "committed": "100",
        "counts": "usage",
        "excess": "60",
        "factor": "1.5",
        "exact": "30",
    }
    under = settled(line("1", members={"alice": Decimal(1)}), commitment=terms).lines[-1].line
    assert [(each.member, str(each.amount)) for each in under.members] == [(None, "99.00")]


def test_a_period_billed_in_parts_owes_what_it_would_as_a_whole() -> None:
    """Overage goes on where earlier parts stopped; what is missing is told when the period ends, and not before."""
    terms = {"amount": "100", "overage_factor": "1.5"}
    assert amounts(settled(line("40"), split=FIRST, commitment=terms)) == {("calls", "usage"): "40"}
    last = settled(line("80"), split=LAST, earlier=Earlier(usage=Decimal(40)), commitment=terms)
    assert amounts(last)["commitment", "overage"] == "10.00"
    after = settled(line("80"), split=LAST, earlier=Earlier(usage=Decimal(130), added=Decimal(15)), commitment=terms)
    assert amounts(after)["commitment", "overage"] == "40.00"
    _, rounding, split = after.lines[-1].line.derivation
    assert (rounding.facts["exact"], rounding.facts["amount"]) == ("55", "55.00")
    assert split.facts == {"so_far": "55.00", "billed_before": "15.00", "amount": "40.00"}
    short = settled(line("10"), split=LAST, earlier=Earlier(usage=Decimal(40)), commitment=terms)
    assert amounts(short)["commitment", "true_up"] == "50.00"


def test_a_later_part_must_know_what_was_billed() -> None:
    """Without it a commitment would be owed twice."""
    with pytest.raises(UsageError, match="needs what earlier parts of the period billed; say `earlier`"):
        settled(line("10"), split=LAST, commitment={"amount": "100"})
    assert settled(line("10"), split=LAST).total == 10
