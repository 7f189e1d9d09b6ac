"""Free units and minimum charges, before and after the price."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from meter.rating.adjust import free_units, minimum_per_service
from meter.rating.draft import start
from meter.rating.split import WHOLE
from tests.rating.cast import MARCH, amounts, only, per_unit, plan_of, rated, shown, used

COMPUTE = (
    'prices.compute = { title = "Compute", meter = "compute", unit = "second", unit_amount = "0.0001",'
    ' minimum_per_service = "0.01" }'
)


@pytest.mark.parametrize(
    ("included", "quantity", "free", "billed", "amount"),
    [
        ("1000", "999", "999", "0", "0.00"),
        ("1000", "1000", "1000", "0", "0.00"),
        ("1000", "1001", "1000", "1", "0.01"),
        ("1000", "1000.5", "1000", "0.5", "0.01"),
        ("0", "5", "0", "5", "0.05"),
        ('"0.5"', "1", "0.5", "0.5", "0.01"),
    ],
)
def test_included_units_come_off_the_quantity(
    included: str, quantity: str, free: str, billed: str, amount: str
) -> None:
    """Up to the allowance is free, the rest is billed, fractions too."""
    line = only(rated(per_unit(unit_amount='"0.01"', included=included), used("requests", quantity)).lines)
    assert (str(line.included), str(line.billed_quantity), str(line.amount)) == (free, billed, amount)
    assert line.quantity == Decimal(quantity)


def test_included_units_are_in_the_display_unit() -> None:
    """744 hours free are 744 hours, however the reader stores them."""
    plan = plan_of(
        'prices.cpu = { title = "CPU", meter = "cpu", unit = "core-hour", unit_amount = "0.05", included = 744 }'
    )
    line = only(rated(plan, used("cpu", 745 * 3600, divisor=3600)).lines)
    assert shown(line.included, line.billed_quantity, line.exact) == ("744", "1", "0.05")


def test_unlimited_units_make_a_line_of_zero() -> None:
    """What is included without limit is still shown."""
    plan = plan_of('prices.calls = { title = "C", meter = "requests", unit = "request", included = "unlimited" }')
    line = only(rated(plan, used("requests", 10**9)).lines)
    assert shown(line.quantity, line.included, line.billed_quantity) == ("1000000000", "1000000000", "0")
    assert str(line.amount) == "0.00"
    assert line.derivation[1].facts["allowance"] == "unlimited"


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        # Charged on top, 0.005 and the 0.005 missing to the minimum would both round up: 0.02 for a minimum of 0.01.
        ({"a": "50"}, {("compute", "minimum"): "0.01"}),
        ({"a": "99.999"}, {("compute", "minimum"): "0.01"}),
        ({"a": "100"}, {("compute", "usage"): "0.01"}),
        ({"a": "149"}, {("compute", "usage"): "0.01"}),
        ({"a": "1", "b": "1", "c": "1"}, {("compute", "minimum"): "0.03"}),
        ({"a": "1", "b": "250"}, {("compute", "usage"): "0.03", ("compute", "minimum"): "0.01"}),
        ({"a": "0"}, {}),
        ({None: "1"}, {("compute", "minimum"): "0.01"}),
        ({"a": "50", "b": "0"}, {("compute", "minimum"): "0.01"}),
    ],
)
def test_minimum_per_service(services: dict[str | None, str], expected: dict[tuple[str, str], str]) -> None:
    """A service that used any pays at least the minimum, once, and one that used none pays nothing."""
    rows = [used("compute", quantity, "alice", service) for service, quantity in services.items()]
    assert amounts(rated(plan_of(COMPUTE), *rows)) == expected


def test_a_minimum_is_judged_per_service_and_not_per_row() -> None:
    """Two members of one service reach the minimum together."""
    result = rated(plan_of(COMPUTE), used("compute", 60, "alice", "web"), used("compute", 60, "bob", "web"))
    assert amounts(result) == {("compute", "usage"): "0.01"}


def test_the_minimum_line_reads_as_quantity_times_price() -> None:
    """Two services at the minimum are two times the minimum, and the usage line keeps the others."""
    rows = (used("compute", 10, "alice", "a"), used("compute", 20, "bob", "b"), used("compute", 500, "alice", "c"))
    usage, lifted = rated(plan_of(COMPUTE), *rows).lines
    assert shown(usage.quantity, usage.billed_quantity, usage.amount) == ("500", "500", "0.05")
    assert shown(lifted.quantity, lifted.unit, lifted.unit_amount) == ("2", "service", "0.01")
    assert lifted.derivation[-2].facts == {"services": "2", "quantity": "30", "minimum": "0.01", "amount": "0.02"}
    assert {part.member: str(part.amount) for part in lifted.members} == {"alice": "0.01", "bob": "0.01"}


def test_free_units_and_minimum_together() -> None:
    """Free units spread by quantity: each service's billed part meets the minimum, or all is free."""
    plan = per_unit(unit_amount='"0.0001"', minimum_per_service='"0.01"', included="100")
    assert amounts(rated(plan, used("requests", 100, None, "a"))) == {("calls", "usage"): "0.00"}
    usage, lifted = rated(plan, used("requests", 50, None, "a"), used("requests", 350, None, "b")).lines
    assert shown(usage.quantity, usage.included, usage.billed_quantity) == ("350", "87.5", "262.5")
    assert (usage.exact, lifted.exact) == (Decimal("0.02625"), Decimal("0.01"))


def test_the_parts_of_a_split_draft_add_up() -> None:
    """What the minimum moves to its own line leaves quantity, free and billed units and money in step."""
    (price,) = per_unit(unit_amount='"0.0001"', minimum_per_service='"0.01"', included="100").prices
    rows = (used("requests", 50, None, "a"), used("requests", 350, None, "b"))
    (freed,) = free_units.apply(start(price, rows, MARCH, WHOLE, ends=True))
    rest, lifted = minimum_per_service.apply((replace(freed, exact=Decimal("0.03")),))
    assert rest.quantity == rest.included + rest.billed == 350
    assert shown(rest.included, rest.billed, rest.exact) == ("87.5", "262.5", "0.02625")
    assert [row.service for row in (*rest.rows, *lifted.rows)] == ["b", "a"]
    assert minimum_per_service.apply((replace(freed, exact=Decimal(9)),)) == (replace(freed, exact=Decimal(9)),)
