"""Dynamic prices: usage that is money, or says what it costs, times a factor."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.rating.charge import Measured
from meter.rating.invoice import lines_of
from meter.rating.models import dynamic
from meter.rating.price import Price
from meter.rating.price_table import read_price
from meter.rating.split import WHOLE, Split
from meter.rating.table import BookError, Table
from meter.rating.usage import Usage, UsageError
from tests.rating.cast import MARCH, only, shown

MID = Split(first=False, last=False, billed={"cost": Decimal("93.33")})


def price_of(**fields: object) -> Price:
    """A dynamic price."""
    table = {"title": "Cost", "meter": "m", "unit": "USD", "model": "dynamic", **fields}
    return read_price("cost", Table("", "prices.cost", table), "USD")


@pytest.mark.parametrize(
    ("fields", "quantity", "before", "split", "amount", "gross", "off"),
    [
        ({"multiplier": 1}, "0", "0", WHOLE, None, None, None),  # om-dyn-01
        ({"multiplier": 1, "minimum": "100"}, "0", "0", WHOLE, "100.00", "100.00", None),  # om-dyn-02
        ({"multiplier": "1.33333"}, "50", "0", WHOLE, "66.67", "66.67", None),
        ({"multiplier": "1.33333", "maximum": "100"}, "50", "70", MID, "6.67", "66.67", "60.00"),  # om-dyn-04
        ({}, "12.345", "0", WHOLE, "12.35", "12.35", None),
    ],
)
def test_worked_cases(
    fields: dict[str, Any],
    quantity: str,
    before: str,
    split: Split,
    amount: str | None,
    gross: str | None,
    off: str | None,
) -> None:
    """What other systems charge for the same."""
    usage = Usage("m", Decimal(quantity), before=Decimal(before))
    lines = lines_of(price_of(**fields), (usage,), MARCH, "USD", split)
    if amount is None:
        assert lines == ()
        return
    line = only(lines)
    assert (str(line.amount), str(line.gross)) == (amount, gross)
    assert [str(each.amount) for each in line.discounts] == ([off] if off else [])


def test_events_say_what_they_cost() -> None:
    """lago-dyn-01: 20 units whose events cost 0.402 together, be it in one row or in two."""
    price = price_of(amount="money")
    together = Usage("m", Decimal(20), money=Decimal("0.402"))
    apart = (Usage("m", Decimal(15), money=Decimal("0.4")), Usage("m", Decimal(5), money=Decimal("0.002")))
    for rows in ((together,), apart):
        line = only(lines_of(price, rows, MARCH, "USD"))
        assert shown(line.exact, line.quantity, line.amount) == ("0.402", "20", "0.40")
    assert only(lines_of(price_of(amount="money", multiplier="1.5"), apart, MARCH, "USD")).exact == Decimal("0.603")


def test_money_is_not_divided_as_quantities_are() -> None:
    """A meter may count in base units; what events cost is in major units whatever it counts."""
    rows = (Usage("m", Decimal(7200), divisor=Decimal(3600), money=Decimal("0.30")),)
    assert only(lines_of(price_of(amount="money"), rows, MARCH, "USD")).exact == Decimal("0.3")
    assert only(lines_of(price_of(multiplier="0.5"), rows, MARCH, "USD")).exact == 1


def test_an_event_without_its_cost_is_refused() -> None:
    """Neither is its quantity money, nor is it free; what costs nothing says so."""
    rows = (Usage("m", Decimal(1)), Usage("m", Decimal(1), money=Decimal("0.1")))
    with pytest.raises(UsageError, match="some do not say it; give `money`, 0 if for free"):
        lines_of(price_of(amount="money"), rows, MARCH, "USD")
    free = Usage("m", Decimal(1), money=Decimal(0))
    assert only(lines_of(price_of(amount="money"), (free,), MARCH, "USD")).amount == 0


def test_money_belongs_to_one_part_of_a_period() -> None:
    """A row that is in two parts would leave open in which of them its money was owed."""
    with pytest.raises(UsageError, match="give two rows, each with its own"):
        Usage("m", Decimal(5), before=Decimal(5), money=Decimal(1))
    price = price_of(amount="money")
    first, second = (Usage("m", Decimal(5), money=Decimal(cost)) for cost in ("0.125", "0.375"))
    earlier = Usage("m", Decimal(0), before=Decimal(5), money=Decimal("0.125"))
    start = only(lines_of(price, (first,), MARCH, "USD", Split(last=False)))
    rest = only(lines_of(price, (earlier, second), MARCH, "USD", Split(first=False)))
    assert (str(start.amount), str(rest.amount)) == ("0.13", "0.37")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"multiplier": "x"}, "multiplier: 'x' is not an amount"),
        ({"amount": "mony"}, "amount: 'mony' is unknown; write one of quantity, money"),
        ({"amount": "money", "included": 5}, "included: is about quantities, and events say what they cost"),
        ({"amount": "money", "conversion": {"factor": 5}}, "conversion: is about quantities"),
    ],
)
def test_mistakes_say_what_to_write(fields: dict[str, Any], said: str) -> None:
    """Each mistake names its field, and what to write instead."""
    with pytest.raises(BookError) as caught:
        price_of(**fields)
    assert said in str(caught.value)


numbers = st.decimals(0, 10**18, places=12)


@given(st.lists(numbers, max_size=6), st.decimals(0, 10, places=12), st.sampled_from([1, 7, 3600]))
def test_it_equals_plain_fractions(quantities: list[Decimal], multiplier: Decimal, divisor: int) -> None:
    """By quantity and by money alike, one division last."""
    rows = tuple(Usage("m", quantity, money=quantity) for quantity in quantities)
    owed = sum(map(Fraction, quantities), Fraction(0)) * Fraction(multiplier)
    measured = Measured(Decimal(int(sum(quantities))), Decimal(divisor), rows)
    by_money = dynamic.price(dynamic.Terms(multiplier=multiplier, amount="money"), measured)
    assert Fraction(by_money.exact) == owed
    by_quantity = dynamic.price(dynamic.Terms(multiplier=multiplier), measured)
    difference = abs(Fraction(by_quantity.exact) - int(sum(quantities)) * Fraction(multiplier) / divisor)
    assert difference <= Fraction(1, 2 * 10**40)
