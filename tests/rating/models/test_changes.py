"""Levels that change inside a period: which tiers they pass, and that each is paid for as long as it was reached."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from meter.rating.charge import total
from meter.rating.invoice import lines_of
from meter.rating.periods import Period
from meter.rating.proration import Ratio
from meter.rating.split import WHOLE, Split
from meter.rating.table import BookError
from meter.rating.usage import Usage, UsageError
from tests.rating.cast import MARCH
from tests.rating.models.asked import PART, changes, charge_rows, parts, priced, tier

if TYPE_CHECKING:
    from meter.rating.line import Line
    from meter.rating.price import Price

TWO = priced("graduated", tiers=[tier(5, "10", "100"), tier(None, "5", "50")])
THREE = priced("graduated", tiers=[tier(5, "10", "100"), tier(15, "5", "50"), tier(None, "2", "0")])
APRIL = Period(datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC), "UTC")


def on(day: int, quantity: str | int, member: str | None = None, **more: Any) -> Usage:
    """A change at the beginning of a day of April, which has thirty."""
    return Usage("m", Decimal(quantity), member, at=datetime(2026, 4, day, tzinfo=UTC), **more)


@pytest.mark.parametrize(
    ("price", "rows", "exact"),
    [
        (TWO, [("5", "3.5"), ("5", "2.66667"), ("10", "2"), ("-6", "-2.2")], "197.33335"),  # lago-pgrad-01: 197.33
        (TWO, [("5", "3.5"), ("-2", "-1")], "125"),  # lago-pgrad-05: the second tier is never reached
        (TWO, [("4", "2.8"), ("2", "1"), ("-3", "-0.6")], "180.5"),  # lago-pgrad-06
        (TWO, [("5", "3.5"), ("2", "1"), ("-4", "-1.6"), ("10", "2")], "190"),  # lago-pgrad-07
        (TWO, [("1", "0.7")], "107"),  # lago-pgrad-09
        (THREE, [("75", "75")], "370"),  # lago-pgrad-10: one change through three tiers
        (TWO, [("3", "1"), ("5", "2.5")], "177.5"),  # from 3 to 8: one paid unit in the first tier, 1.5 in the second
        (TWO, [("5", "5"), ("-5", "-2")], "130"),  # gone again, and paid for while it was there
    ],
)
def test_each_tier_takes_its_share_of_a_change(price: Price, rows: list[tuple[str, str]], exact: str) -> None:
    """Up and down through the tiers; a tier once reached owes its fee."""
    assert charge_rows(price, *changes(*rows)).exact == Decimal(exact)
    (line,) = lines_of(price, changes(*rows), MARCH, "USD")
    assert line.exact == Decimal(exact)


def test_parts_are_told_by_tier() -> None:
    """What is paid for, not the level; thirds are kept as such until there is money."""
    assert parts(charge_rows(TWO, *changes(("3", "1"), ("5", "2.5")))) == [
        "1 flat 1 x 100 = 100",
        "1 units 2 x 10 = 20",
        "2 flat 1 x 50 = 50",
        "2 units 1.5 x 5 = 7.5",
    ]
    first, last = charge_rows(priced("graduated", tiers=[tier(1, "1"), tier(None, "2")]), *changes(("3", "1"))).parts
    assert [f"{part.quantity}/{part.divisor}" for part in (first, last)] == ["1/3", "2/3"]


def test_a_level_is_paid_until_the_period_ends() -> None:
    """`prorate`: five from the first day on, three more with a third of April left, four less with a tenth left."""
    price = priced("graduated", tiers=[tier(5, "30"), tier(None, "15")], prorate="days")
    (line,) = lines_of(price, (on(1, 5), on(21, 3), on(28, -4)), APRIL, "USD")
    assert line.exact == 150 + 15 - Decimal("4.5") - 3
    (until,) = lines_of(price, (on(1, 5), on(21, 3)), APRIL, "USD", Split(last=False))
    assert until.exact == 165  # paid until the end; what goes later comes back with that part
    gone = (replace(on(1, 0), before=Decimal(5)), replace(on(21, 0), before=Decimal(3)), on(28, -4))
    (credit,) = lines_of(price, gone, APRIL, "USD", Split(first=False))
    assert (credit.exact, credit.amount) == (Decimal("-7.5"), Decimal("-7.50"))


def test_what_has_no_time_was_there_first() -> None:
    """Seats of earlier periods come without a time, wherever they stand in the list."""
    price = priced("graduated", tiers=[tier(5, "30"), tier(None, "15")], prorate="days")
    (line,) = lines_of(price, (on(16, -2), Usage("m", Decimal(6))), APRIL, "USD")
    assert line.exact == 150 + 15 - Decimal("7.5") - 15


def test_thirtieths_are_not_rounded_before_there_is_money() -> None:
    """A seat at 0.15 on the last of thirty days is half a cent, which is a cent: 0.15 times 0.0333… is less."""
    price = priced("graduated", tiers=[tier(None, "0.15")], prorate="days")
    (line,) = lines_of(price, (on(30, 1),), APRIL, "USD")
    assert (line.exact, line.amount) == (Decimal("0.005"), Decimal("0.01"))


def test_what_changes_in_one_instant_is_one_change() -> None:
    """Three came as two went: nobody was ever in the second tier, and the order of rows does not matter."""
    rows = (on(1, 5), on(16, 3, "alice"), on(16, -2, "bob"), on(16, -1, "bob"))
    price = priced("graduated", tiers=[tier(5, "30"), tier(None, "15", "50")], prorate="time")
    assert {line.exact for some in (rows, rows[::-1]) for line in lines_of(price, some, APRIL, "USD")} == {150}


def test_as_many_as_came_went_but_not_all_that_was_paid() -> None:
    """Rounded shares that do not cancel out are paid in the tier of the level; those that do leave no trace."""
    at = datetime(2026, 4, 16, tzinfo=UTC)
    rows = changes(("7", "7"), ("2", "1.01"), ("-2", "-1"))
    swapped = (rows[0], *(replace(row, at=at) for row in rows[1:]))
    assert charge_rows(TWO, *swapped).exact == charge_rows(TWO, rows[0]).exact + Decimal("0.05")
    nothing = tuple(replace(row, at=at) for row in changes(("2", "1"), ("-2", "-1")))
    assert parts(charge_rows(TWO, *nothing)) == ["1 flat 1 x 100 = 100"]


def test_members_share_what_is_paid() -> None:
    """Bob's ten seats of half the month weigh as much as Alice's five of all of it."""
    price = priced("graduated", tiers=[tier(None, "30")], prorate="days")
    (line,) = lines_of(price, (on(1, 5, "alice"), on(16, 10, "bob")), APRIL, "USD")
    assert [(each.member, str(each.amount)) for each in line.members] == [("alice", "150.00"), ("bob", "150.00")]


@pytest.mark.parametrize(
    ("fields", "rows", "message"),
    [
        ({}, changes(("5", "5"), ("-6", "-1")), "the level falls to -1, below none; give what was there when"),
        (
            {},
            (on(1, 5), on(2, -1)),
            'a level went down, and nothing says what is paid of it; write prorate = "time" or',
        ),
        (
            {"included": 1},
            changes(("5", "5")),
            "nor lifted to a minimum per service; leave that out; what is free may be",
        ),
        ({"conversion": {"factor": 2}}, changes(("5", "5")), "neither partly free nor converted"),
        ({"minimum_per_service": "1"}, changes(("5", "5")), "neither partly free nor converted"),
        ({"model": "package", "unit_amount": "1", "per": 2}, changes(("5", "5")), "a package price does not go by"),
        ({"prorate": "days"}, (replace(on(1, 5), at=APRIL.end),), "when the period is over"),
    ],
)
def test_changes_that_would_be_billed_wrong_are_refused(
    fields: dict[str, Any], rows: tuple[Usage, ...], message: str
) -> None:
    """A level below nothing, and whatever the price would ignore of it, is told instead of billed."""
    by_tier = {} if "model" in fields else {"tiers": [tier(5, "1"), tier(None, "1")]}
    price = priced(**{"model": "graduated", **by_tier, **fields})
    with pytest.raises(UsageError, match=message):
        lines_of(price, rows, APRIL, "USD")


@pytest.mark.parametrize("more", [{"included": 1}, {"conversion": {"factor": 2}}, {"minimum_per_service": "1"}])
@pytest.mark.parametrize("model", ["graduated", "volume"])
def test_a_price_that_prorates_has_no_free_units(model: str, more: dict[str, Any]) -> None:
    """A book is told at once, and how to write it instead."""
    with pytest.raises(BookError, match=r'prorate: changes of level .* at unit_amount = "0"'):
        priced(model, tiers=[tier(None, "1")], prorate="time", **more)


def test_free_units_without_limit_go_with_anything() -> None:
    """What costs nothing needs no share of time."""
    price = priced("graduated", included="unlimited", prorate="days")
    assert [line.exact for line in lines_of(price, changes(("5", "2")), APRIL, "USD")] == [0]


# Laws. A level's path is drawn as the level after each change, so that it never falls below nothing.

SECONDS = int((APRIL.end - APRIL.start).total_seconds())
levels = st.decimals(0, 40, places=3)
paths = st.dictionaries(st.integers(0, SECONDS - 1), levels, min_size=1, max_size=8)
BOUNDS = (Decimal(5), Decimal("12.5"), None)
UNITS = ("1.37", "0.33", "0.005")
PRORATED = priced(
    "graduated", tiers=[tier(bound, unit) for bound, unit in zip(BOUNDS, UNITS, strict=True)], prorate="time"
)
FEES = priced(
    "graduated", tiers=[tier(bound, unit, "0.70") for bound, unit in zip(BOUNDS, UNITS, strict=True)], prorate="time"
)


def rows_of(path: dict[int, Decimal]) -> list[Usage]:
    """A path as its changes, in the order of time."""
    seconds = sorted(path)
    before = [Decimal(0), *(path[second] for second in seconds)]
    times = [APRIL.start + timedelta(seconds=second) for second in seconds]
    return [Usage("m", path[s] - level, at=time) for s, time, level in zip(seconds, times, before, strict=False)]


def occupied(path: dict[int, Decimal]) -> Fraction:
    """What each tier held, times how long, at its price: told from levels and not from changes."""
    owed, seconds = Fraction(0), [*sorted(path), SECONDS]
    for begin, end in pairwise(seconds):
        low = Fraction(0)
        for bound, unit in zip(BOUNDS, UNITS, strict=True):
            high = Fraction(path[begin]) if bound is None else min(Fraction(path[begin]), Fraction(bound))
            owed += max(Fraction(0), high - low) * Fraction(unit) * Fraction(end - begin, SECONDS)
            low = Fraction(bound or 0)
    return owed


def exact_of(price: Price, rows: list[Usage], split: Split = WHOLE) -> Decimal:
    """What some rows come to."""
    found: tuple[Line, ...] = lines_of(price, tuple(rows), APRIL, "USD", split)
    return total(line.exact for line in found)


@given(paths)
def test_changes_cost_what_the_levels_held(path: dict[int, Decimal]) -> None:
    """Walking changes through tiers is the same as adding up what was in each tier at every moment."""
    owed = exact_of(PRORATED, rows_of(path))
    assert abs(Fraction(owed) - occupied(path)) <= Fraction(1, 10**40)
    assert owed >= 0


@given(paths, st.randoms(), st.lists(st.decimals(0, 1, places=3), min_size=8, max_size=8))
def test_neither_order_nor_number_of_rows_matters(path: dict[int, Decimal], random: Any, cuts: list[Decimal]) -> None:
    """A change in two rows, and rows in any order, cost the same to the last digit."""
    rows = rows_of(path)
    halves = [(replace(row, quantity=row.quantity * cut), row) for row, cut in zip(rows, cuts, strict=False)]
    apart = [each for half, row in halves for each in (half, replace(row, quantity=row.quantity - half.quantity))]
    random.shuffle(apart)
    assert exact_of(FEES, apart) == exact_of(FEES, rows)


@given(paths, st.data())
def test_parts_of_a_period_add_up(path: dict[int, Decimal], data: st.DataObject) -> None:
    """Changes billed as they come, in three parts, are those of the whole period, to the cent and beyond."""
    rows = rows_of(path)
    first, last = sorted(data.draw(st.tuples(*[st.integers(0, len(rows))] * 2)))
    found: list[Line] = []
    for name, before, now in (("first", 0, first), ("mid", first, last), ("last", last, len(rows))):
        earlier = [replace(row, quantity=Decimal(0), before=row.quantity) for row in rows[:before]]
        begins, ends = PART[name]
        found += lines_of(FEES, (*earlier, *rows[before:now]), APRIL, "USD", Split(first=begins, last=ends))
    whole = lines_of(FEES, tuple(rows), APRIL, "USD")
    assert total(line.exact for line in found) == total(line.exact for line in whole)
    assert total(line.amount for line in found) == total(line.amount for line in whole)


@given(st.lists(st.integers(1, 10**6), min_size=40, max_size=60))
def test_any_number_of_crossings_is_billed(heights: list[int]) -> None:
    """A level that crosses a bound with ever other denominators is cut in the 40th place, and never fails."""
    rows = changes(*(pair for each in heights for pair in ((f"{each + 5}", "1"), (f"-{each + 5}", "-0.5"))))
    owed = sum(Fraction(5 * 10 + each * 5, 2 * (each + 5)) for each in heights) + 150
    assert abs(Fraction(charge_rows(TWO, *rows).exact) - owed) <= Fraction(10, 10**40)


@given(st.integers(4 * 10**12, 10**30), st.integers(1, 10**24))
def test_large_levels_at_small_prices_are_exact(quantity: int, price: int) -> None:
    """Up to 10^18 units at prices of 10^-12, a seventh of the time, equal the plain fraction."""
    units, unit = Decimal(f"{quantity}e-12"), f"{price}e-12"
    row = Usage("m", units, share=Ratio(Decimal(1), Decimal(7)))
    owed = charge_rows(priced("graduated", tiers=[tier(3, unit), tier(None, unit)]), row).exact
    assert abs(Fraction(owed) - Fraction(quantity * price, 7 * 10**24)) <= Fraction(1, 2 * 10**40)
