"""Volume prices: one tier for all units, chosen when the period ends."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from meter.rating.invoice import lines_of
from meter.rating.usage import Usage, UsageError
from tests.rating.cast import MARCH, shown
from tests.rating.models.asked import changes, charge, charge_rows, discounted, lines, owed, parts, priced, tier

if TYPE_CHECKING:
    from meter.rating.price import Price

LAGO = priced("volume", tiers=[tier(100, "2", "10"), tier(200, "1", "0"), tier(None, "0.5", "50")])
OPEN = [tier(5, None, "100"), tier(10, None, "150"), tier(15, "10"), tier(None, "5")]
PLAIN = priced("volume", tiers=OPEN)


@pytest.mark.parametrize(
    ("price", "quantity", "exact"),
    [
        (LAGO, "0", "10"),
        (LAGO, "1", "12"),
        (LAGO, "100", "210"),  # lago-vol-03
        (LAGO, "100.5", "100.5"),  # lago-vol-04: past the bound is in the next tier
        (LAGO, "101", "101"),  # lago-vol-05
        (LAGO, "200", "200"),  # lago-vol-06
        (LAGO, "200.000000000001", "150.0000000000005"),
        (LAGO, "300", "200"),  # lago-vol-07
        (LAGO, "210", "155"),  # lago-vol-08
        (PLAIN, "0", "100"),  # om-vol-02
        (PLAIN, "3", "100"),  # om-vol-03
        (PLAIN, "5", "100"),  # om-vol-04
        (PLAIN, "14", "140"),  # om-vol-05
        (PLAIN, "16", "80"),
        (PLAIN, "1e18", "5e18"),
    ],
)
def test_all_units_cost_what_the_tier_reached_says(price: Price, quantity: str, exact: str) -> None:
    """The model alone, a whole period, and the last part of one come to the same."""
    assert charge(price, quantity).exact == Decimal(exact)
    for part in ("single", "last"):
        assert sum(line.exact for line in lines(price, quantity, part=part)) == Decimal(exact)


@pytest.mark.parametrize(
    ("fields", "quantity", "amounts"),
    [
        ({"minimum": "150"}, 0, ["100", "50"]),  # om-vol-10
        ({"minimum": "100"}, 100, ["500"]),  # om-vol-11
        ({"minimum": "100"}, 5, ["100"]),  # om-vol-13
        ({"maximum": "125"}, 7, ["125"]),  # om-vol-15
        ({"included": 10}, 24, ["140"]),
    ],
)
def test_bounds_of_the_amount(fields: dict[str, object], quantity: int, amounts: list[str]) -> None:
    """Minimum and maximum look at the volume's amount."""
    asked = lines(priced("volume", tiers=OPEN, **fields), quantity, part="last")
    assert [owed((line,)) for line in asked] == amounts


def test_a_maximum_is_shown_as_a_discount() -> None:
    """om-vol-15: 150 come about, 25 are taken off."""
    (line,) = lines(priced("volume", tiers=OPEN, maximum="125"), 7, part="last")
    assert discounted(line) == "150.00 - 25.00 = 125.00"


@pytest.mark.parametrize("part", ["first", "mid"])
def test_nothing_is_owed_before_the_period_ends(part: str) -> None:
    """Nobody knows yet which tier it will be; usage is shown, money is not asked for."""
    (line,) = lines(PLAIN, 14, 3, part)
    assert shown(line.quantity, line.amount, line.exact) == ("14", "0.00", "0")
    assert lines(PLAIN, 0, 3, part) == ()
    assert charge(PLAIN, 14, ends=False).parts == ()


def test_the_last_part_owes_all_of_it() -> None:
    """What was used before is priced with the rest: 14 in all are 140."""
    (line,) = lines(PLAIN, 4, 10, "last")
    assert (str(line.quantity), str(line.amount)) == ("4", "140.00")


def test_parts_are_told_by_tier() -> None:
    """Only the tier that was chosen is there."""
    assert parts(charge(LAGO, 300)) == ["3 flat 1 x 50 = 50", "3 units 300 x 0.5 = 150"]
    assert parts(charge(PLAIN, 0)) == ["1 flat 1 x 100 = 100"]


@pytest.mark.parametrize(
    ("rows", "exact"),
    [
        ([("300", "198.6")], "149.3"),  # lago-vol-09: the tier of 300, money for 198.6
        ([("200", "150"), ("100", "48.6")], "149.3"),
        ([("300", "300"), ("-150", "-50")], "250"),
        ([("5", "5"), ("-5", "-2")], "16"),  # nothing is left; what was there for a while is paid
    ],
)
def test_a_level_chooses_its_tier_in_full(rows: list[tuple[str, str]], exact: str) -> None:
    """The tier goes by the level at the period's end, the money by how long it was there."""
    assert charge_rows(LAGO, *changes(*rows)).exact == Decimal(exact)
    (line,) = lines_of(LAGO, changes(*rows), MARCH, "USD")
    assert line.exact == Decimal(exact)


def test_a_level_is_paid_until_the_period_ends() -> None:
    """`prorate`: ten from the first day, ten more for the last of 31 days, at the price of twenty."""
    price = priced("volume", tiers=[tier(10, "1"), tier(None, "0.31")], prorate="days")
    rows = [Usage("m", Decimal(10), at=MARCH.start), Usage("m", Decimal(10), at=MARCH.end - timedelta(hours=1))]
    (line,) = lines_of(price, tuple(rows), MARCH, "USD")
    assert line.exact == Decimal("3.2")
    assert [str(part["quantity"]) for part in (step.facts for step in line.derivation) if "of" in part] == ["320"]


@pytest.mark.parametrize("rows", [[("5", "5"), ("-6", "-1")], [("5", "1"), ("-5", "-2")]])
def test_more_never_goes_than_came(rows: list[tuple[str, str]]) -> None:
    """A level below nothing, or more taken off than was paid, is refused and not credited."""
    with pytest.raises(UsageError, match="usage of m: more of it goes than came"):
        charge_rows(PLAIN, *changes(*rows))
