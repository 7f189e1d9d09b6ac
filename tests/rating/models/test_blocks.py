"""Blocks: each tier's at its price, or all of them at that of the tier reached."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.rating.models.asked import charge, lines, owed, parts, priced

if TYPE_CHECKING:
    from meter.rating.price import Price


def blocks(charged: str, *tiers: tuple[int | None, int, str]) -> Price:
    """A price of tiers (up to, block, price of one)."""
    rows = [{"up_to": up_to, "block": block, "unit_amount": amount} for up_to, block, amount in tiers]
    return priced("blocks", tiers=rows, charged=charged)


SINGLE = blocks("each_tier", (10, 1, "1.5"), (110, 1, "1.0"), (None, 1, "0.5"))
EACH = blocks("each_tier", (1000, 100, "1"), (None, 1000, "1"))
TOP = blocks("top_tier", (1000, 100, "1"), (101_000, 1000, "1"), (None, 1000, "0.5"))
CHEAP_TOP = blocks("top_tier", (1000, 100, "10"), (None, 100, "1"))


@pytest.mark.parametrize(
    ("price", "quantity", "exact"),
    [
        (SINGLE, "111", "115.5"),  # kb-01
        (SINGLE, "9.5", "15"),
        (SINGLE, "10.5", "16"),
        (EACH, "0", "0"),
        (EACH, "401", "5"),  # as kb-09
        (EACH, "1000", "10"),
        (EACH, "1000.000001", "11"),
        (EACH, "5325", "15"),  # kb-02
        (EACH, "1e18", "1000000000000009"),
        (TOP, "0", "0"),
        (TOP, "1000", "10"),  # kb-03
        (TOP, "1001", "2"),
        (TOP, "101000", "101"),  # kb-04
        (TOP, "101001", "51"),  # kb-05
        (CHEAP_TOP, "2000", "20"),  # kb-07
        (CHEAP_TOP, "1000", "100"),
    ],
)
def test_begun_blocks_are_paid_whole(price: Price, quantity: str, exact: str) -> None:
    """The model alone, and a whole period of it, come to the same."""
    assert charge(price, quantity).exact == Decimal(exact)
    assert sum(line.exact for line in lines(price, quantity)) == Decimal(exact)


def test_parts_are_told_by_tier() -> None:
    """So many blocks at the price of each."""
    assert parts(charge(EACH, 5325)) == ["1 blocks 10 x 1 = 10", "2 blocks 5 x 1 = 5"]
    assert parts(charge(TOP, 101_001)) == ["3 blocks 102 x 0.5 = 51"]
    assert charge(EACH, 0).parts == ()


def test_a_tier_that_ends_within_a_block() -> None:
    """Its last block is paid whole, and the next tier begins its own."""
    assert parts(charge(blocks("each_tier", (250, 100, "1"), (None, 100, "2")), 251)) == [
        "1 blocks 3 x 1 = 3",
        "2 blocks 1 x 2 = 2",
    ]


@pytest.mark.parametrize(
    ("price", "quantity", "before", "part", "amount"),
    [
        (EACH, 325, 5000, "mid", "1"),  # 5,325 are fifteen blocks, 5,000 were fourteen
        (EACH, 100, 5325, "last", "0"),  # within a block that is paid
        (EACH, 400, 800, "mid", "3"),  # two blocks of a hundred, and one of a thousand begun
        (TOP, 5000, 0, "first", "0"),
        (TOP, 5000, 400, "mid", "0"),
        (TOP, 600, 400, "last", "10"),
    ],
)
def test_blocks_in_parts_of_a_period(price: Price, quantity: int, before: int, part: str, amount: str) -> None:
    """Blocks are counted since the period began; those of the tier reached are known when it ends."""
    assert owed(lines(price, quantity, before, part)) == amount


def test_each_tier_is_what_a_book_gets_that_does_not_say() -> None:
    """`charged` may be left out."""
    rows = [{"up_to": 10, "block": 5, "unit_amount": "1"}, {"block": 5, "unit_amount": "0"}]
    assert charge(priced("blocks", tiers=rows), 12).exact == 2


def test_blocks_of_hours_are_blocks_of_hours() -> None:
    """Bounds and blocks are in the meter's unit, where the reader stores seconds."""
    price = blocks("each_tier", (10, 5, "1"), (None, 10, "3"))
    assert [charge(price, seconds, 3600).exact for seconds in (18_000, 18_001, 36_000, 36_001)] == [1, 2, 2, 5]
