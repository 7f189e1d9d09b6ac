"""Credits on the lines of an invoice: who pays what, exactly, in order, and never more than there is."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.ledger.applied import Applied, Credit, NotConsumedError, Part, apply, consume

PLACES = 4


def amounts(*values: object) -> tuple[Decimal, ...]:
    """Answer amounts."""
    return tuple(Decimal(str(value)) for value in values)


def credits_of(*values: object) -> list[Credit]:
    """Answer credits that are good for every line."""
    return [Credit(amount) for amount in amounts(*values)]


@pytest.mark.parametrize(
    ("lines", "given_credits", "parts", "due", "left"),
    [
        ([100, 50], [150], [(0, 0, 100), (1, 0, 50)], [0, 0], [0]),
        ([100, 50, 5], [150], [(0, 0, 100), (1, 0, 50)], [0, 0, 5], [0]),
        ([100, 50], [60, 70], [(0, 0, 60), (0, 1, 40), (1, 1, 30)], [0, 20], [0, 0]),
        ([100, 50], [300], [(0, 0, 100), (1, 0, 50)], [0, 0], [150]),
        ([100, 50], [100, 0, 80], [(0, 0, 100), (1, 2, 50)], [0, 0], [0, 0, 30]),
        ([0, 50], [20], [(1, 0, 20)], [0, 30], [0]),
        ([], [20], [], [], [20]),
        ([50], [], [], [50], []),
        (["0.005", "0.0000001"], ["0.0050001"], [(0, 0, "0.005"), (1, 0, "0.0000001")], [0, 0], [0]),
        # A line below zero comes off the last lines, and an invoice that gives money back needs no credit.
        ([100, -30], [100], [(0, 0, 70)], [30, -30], [30]),
        ([-30, 100, 50], [130], [(1, 0, 100), (2, 0, 20)], [-30, 0, 30], [10]),
        ([20, -30], [10], [], [20, -30], [10]),
    ],
)
def test_lines_are_paid_in_their_order_with_one_credit_after_the_other(
    lines: list[object],
    given_credits: list[object],
    parts: list[tuple[int, int, object]],
    due: list[object],
    left: list[object],
) -> None:
    """And what no line needs is left of the credits."""
    found = apply(amounts(*lines), credits_of(*given_credits))
    assert found.parts == tuple(Part(line, credit, Decimal(str(amount))) for line, credit, amount in parts)
    assert found.due == amounts(*due)
    assert found.left == amounts(*left)


def test_each_credits_use_is_told_for_a_line() -> None:
    """By the places of lines and credits."""
    found = apply(amounts(100, 50), credits_of(60, 70))
    assert found.of_line(0) == (Part(0, 0, Decimal(60)), Part(0, 1, Decimal(40)))
    assert found.of_line(1) == (Part(1, 1, Decimal(30)),)
    assert found.of_line(2) == ()
    assert found.total == 130


def test_a_credit_for_some_lines_pays_no_other() -> None:
    """And what it could not pay is left of it."""
    found = apply(amounts(10, 20, 30), [Credit(Decimal(45), frozenset({2, 0})), Credit(Decimal(100))])
    assert found.parts == (Part(0, 0, Decimal(10)), Part(1, 1, Decimal(20)), Part(2, 0, Decimal(30)))
    assert found.left == amounts(5, 80)


def test_credits_that_are_for_these_lines_must_be_used_up() -> None:
    """What is too much is an error that says how much, and of which, never a line below zero."""
    assert consume(amounts(100, 50), credits_of(100, 50)).due == amounts(0, 0)
    with pytest.raises(NotConsumedError, match=r"^the credits are 150\.5 more than the lines owe") as raised:
        consume(amounts(100, 50), credits_of(100, 100, "100.5"))
    assert raised.value.left == amounts(0, 50, "100.5")


@pytest.mark.parametrize(
    ("lines", "credit", "error", "said"),
    [
        ([1.5], Credit(Decimal(1)), TypeError, "never float"),
        ([Decimal(1)], Credit(1.5), TypeError, "never float"),  # type: ignore[arg-type]
        ([Decimal("NaN")], Credit(Decimal(1)), ValueError, "not a finite number"),
        ([Decimal(1)], Credit(Decimal("Infinity")), ValueError, "not a finite number"),
        ([Decimal(1)], Credit(Decimal(-1)), ValueError, "a credit of -1 is no credit"),
        ([Decimal(1)], Credit(Decimal(1), frozenset({1})), ValueError, r"for lines \[1\]; there are only 1"),
    ],
)
def test_what_is_no_amount_is_refused(
    lines: Sequence[Decimal], credit: Credit, error: type[Exception], said: str
) -> None:
    """Floats, what is not finite, credits below zero and for lines that are not there."""
    with pytest.raises(error, match=said):
        apply(lines, [credit])


money = st.decimals("-1000", "1000", places=PLACES)
paying = st.builds(
    Credit, st.decimals(0, 1000, places=PLACES), st.none() | st.frozensets(st.integers(0, 5), min_size=1)
)


@given(st.lists(money, min_size=6, max_size=6), st.lists(paying, max_size=5))
def test_nothing_is_paid_that_is_not_there(lines: list[Decimal], credits_given: list[Credit]) -> None:
    """No line above what it owes, no credit above what it has, not all above what is payable; and it adds up."""
    found = apply(lines, credits_given)
    for place, line in enumerate(lines):
        assert found.due[place] == line - sum((part.amount for part in found.of_line(place)), Decimal(0))
        assert found.due[place] >= min(line, Decimal(0))
    for place, credit in enumerate(credits_given):
        used = [part for part in found.parts if part.credit == place]
        assert found.left[place] == credit.amount - sum((part.amount for part in used), Decimal(0))
        assert 0 <= found.left[place] <= credit.amount
        assert credit.lines is None or {part.line for part in used} <= credit.lines
    assert found.total <= max(Decimal(0), sum(lines, Decimal(0)))
    assert all(part.amount > 0 for part in found.parts)
    assert list(found.parts) == sorted(found.parts)


@given(st.lists(money, min_size=6, max_size=6), st.lists(paying, max_size=5))
def test_a_credit_is_left_only_where_it_finds_nothing_to_pay(lines: list[Decimal], credits_given: list[Credit]) -> None:
    """Either all is paid that is payable, or each of its lines is."""
    found = apply(lines, credits_given)
    all_paid = found.total == max(Decimal(0), sum(lines, Decimal(0)))
    for credit, left in zip(credits_given, found.left, strict=True):
        mine = range(len(lines)) if credit.lines is None else credit.lines
        assert not left or all_paid or all(found.due[line] <= 0 for line in mine)


@given(
    st.lists(st.integers(0, 6), max_size=5),
    st.lists(st.tuples(st.integers(0, 6), st.none() | st.frozensets(st.integers(0, 4))), max_size=4),
)
def test_it_is_what_paying_unit_by_unit_comes_to(
    lines: list[int], having: list[tuple[int, frozenset[int] | None]]
) -> None:
    """Each unit of each credit goes to the first of its lines that still owes one."""
    credits_given = [
        Credit(Decimal(has), None if mine is None else frozenset(mine & set(range(len(lines))))) for has, mine in having
    ]
    owes, paid = list(lines), dict[tuple[int, int], int]()
    for place, credit in enumerate(credits_given):
        for _ in range(int(credit.amount)):
            mine = range(len(owes)) if credit.lines is None else sorted(credit.lines)
            line = next((each for each in mine if owes[each]), None)
            if line is not None:
                owes[line] -= 1
                paid[line, place] = paid.get((line, place), 0) + 1
    found: Applied = apply([Decimal(line) for line in lines], credits_given)
    assert {(part.line, part.credit): part.amount for part in found.parts} == paid
    assert list(found.due) == owes
