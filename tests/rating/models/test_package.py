"""Packages: begun ones are paid whole, once, however the period is billed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.rating.models.asked import charge, discounted, lines, owed, parts, priced

TENS = priced("package", unit_amount="15", per=10)


@pytest.mark.parametrize(
    ("quantity", "packages", "exact"),
    [
        ("0", "0", "0"),
        ("0.000000000001", "1", "15"),
        ("5", "1", "15"),
        ("10", "1", "15"),  # om-pkg-04
        ("10.000000000001", "2", "30"),
        ("1000000000000000000", "100000000000000000", "1500000000000000000"),
        ("1000000000000000000.000000000001", "100000000000000001", "1500000000000000015"),
    ],
)
def test_a_begun_package_is_paid_whole(quantity: str, packages: str, exact: str) -> None:
    """However little of it was used."""
    charged = charge(TENS, quantity)
    assert (charged.parts[0].quantity, charged.exact) == (Decimal(packages), Decimal(exact))


@pytest.mark.parametrize(
    ("fields", "quantity", "before", "part", "billed", "amount"),
    [
        ({}, 121, 0, "single", None, "195"),
        ({"included": 10}, 121, 0, "single", None, "180"),  # as lago-pkg-02: 111 units are 12 packages
        ({}, 5, 0, "mid", None, "15"),  # om-pkg-05
        ({}, 5, 17, "mid", None, "15"),  # om-pkg-06: 22 units are three packages, 17 were two
        ({}, 3, 17, "mid", None, "0"),  # within the second package
        ({"maximum": "100"}, 10, 0, "mid", None, "15"),  # om-pkg-07
        ({"maximum": "100"}, 50, 60, "mid", "90", "10"),  # om-pkg-08
        ({"minimum": "100"}, 5, 60, "last", "90", "15"),
        ({"minimum": "120"}, 5, 60, "last", "90", "30"),
    ],
)
def test_packages_in_parts_of_a_period(
    fields: dict[str, object], quantity: int, before: int, part: str, billed: str | None, amount: str
) -> None:
    """Packages are counted since the period began, so that none is begun twice."""
    assert owed(lines(priced("package", unit_amount="15", per=10, **fields), quantity, before, part, billed)) == amount


@pytest.mark.parametrize(("included", "amount"), [(0, "1300"), (10, "1200")])
def test_free_units_come_first(included: int, amount: str) -> None:
    """lago-pkg-01 and 02."""
    assert owed(lines(priced("package", unit_amount="100", per=10, included=included), 121)) == amount


def test_a_package_of_hours_is_one_of_hours() -> None:
    """Where the reader stores seconds, ten hours and a second are two packages."""
    assert charge(TENS, 36_000, 3600).exact == 15
    assert charge(TENS, 36_001, 3600).exact == 30


def test_the_list_price_is_that_of_a_package() -> None:
    """A line reads 15 for 10; its part counts packages."""
    charged = charge(TENS, 121)
    assert (charged.unit_amount, charged.per) == (Decimal(15), Decimal(10))
    assert parts(charged) == ["None packages 13 x 15 = 195"]


def test_a_cap_across_parts_is_a_discount() -> None:
    """om-pkg-08: 75 come about, 65 are taken off."""
    (line,) = lines(priced("package", unit_amount="15", per=10, maximum="100"), 50, 60, "mid", "90")
    assert discounted(line) == "75.00 - 65.00 = 10.00"
