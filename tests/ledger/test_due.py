"""What each account owes of a price: parts add up, what was charged is taken off, too much is given back."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from meter.ledger.due import Due, Whose, _split, owing
from meter.ledger.wallet import Lot, Wallet, deduct, owed
from meter.limits.path import CounterKey
from meter.rating.money import exact

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
WHOSE = st.tuples(st.integers(0, 3), st.sampled_from(["a", "b"]))
MONEY = st.decimals(0, 10_000, places=4)
EMPTY = Wallet(1, "EUR", None, Decimal(0))


def made(money: dict[Whose, Decimal]) -> Due:
    """Answer what is due of a price for two meters."""
    return Due(CounterKey(0, "b/p/x", 0, 0, 0, "", NOW), NOW, "X", ("b", "a"), "EUR", prepaid=False, money=money)


@exact()
def added(parts: dict[int, dict[str, Decimal]]) -> Decimal:
    """Answer what accounts owe together."""
    return sum((many for meters in parts.values() for many in meters.values()), Decimal(0))


@given(st.dictionaries(WHOSE, MONEY), st.dictionaries(st.integers(0, 3), MONEY))
def test_what_is_owed_is_what_is_due_less_what_was_charged(
    money: dict[Whose, Decimal], charged: dict[int, Decimal]
) -> None:
    """For each account, to the last digit; and then nothing is owed any more."""
    found = owing(made(money), charged)
    for account in range(4):
        due = sum((many for whose, many in money.items() if whose[0] == account), Decimal(0))
        assert added({0: found.get(account, {})}) == due - charged.get(account, Decimal(0))
    assert added(found) == sum(money.values(), Decimal(0)) - sum(charged.values(), Decimal(0))


@given(MONEY, st.dictionaries(WHOSE, st.decimals("0.001", 1000, places=3), min_size=1))
def test_parts_add_up(amount: Decimal, weights: dict[Whose, Decimal]) -> None:
    """Also where none of them ends."""
    together = exact()(lambda: sum(_split(amount, weights).values(), Decimal(0)))()
    assert together == amount


@given(MONEY, st.lists(MONEY, max_size=3), MONEY)
def test_what_is_given_back_is_there_again(had: Decimal, used: list[Decimal], back: Decimal) -> None:
    """The balance is as if it had not been used, and no grant has more than it had."""
    lots = (Lot(1, 0, NOW, None, frozenset(), had),)
    wallet = EMPTY._replace(balance=had, lots=lots)
    for many in used:
        wallet, _ = deduct(wallet, "a", many, NOW)
    after, burns = deduct(wallet, "a", -back, NOW)
    assert sum(burn.amount for burn in burns) == -back
    assert after.balance == wallet.balance + back
    assert after.spent == wallet.spent - back
    assert after.balance == sum((lot.left for lot in after.lots), Decimal(0)) - owed(after)
    assert all(0 <= lot.left <= had for lot in after.lots)
