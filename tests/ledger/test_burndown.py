"""Whole stories of grants and usage: what the ledger's functions say is what counting unit by unit comes to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from meter.ledger.recurring import Terms
from meter.ledger.wallet import balance, owed
from tests.cases.families.burndown_story import Grant, Usage, play

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
HOURS = 48


class Given(NamedTuple):
    """A grant in whole units and hours; it comes again every `again` hours from `anchor`, with the same amount."""

    amount: int
    priority: int
    effective: int
    ends: int | None
    again: int | None
    anchor: int


hours = st.integers(0, HOURS)
grants = st.builds(
    Given, st.integers(0, 9), st.integers(1, 2), hours, st.none() | hours, st.none() | st.integers(1, 30), hours
)


def instant(hour: int) -> datetime:
    """Answer an hour of the story."""
    return BEGIN + timedelta(hours=hour)


def told(each: Given, place: int) -> Grant:
    """Answer the grant as the ledger is told of it."""
    amount, effective = Decimal(each.amount), instant(each.effective)
    ends = None if each.ends is None else instant(each.ends)
    terms = None
    if each.again is not None:
        terms = Terms(amount, "hour", instant(each.anchor), effective, ends, each.again)
    return Grant(f"g{place}", amount, each.priority, effective, ends, terms)


def counted(having: list[Given], used: list[tuple[int, int]]) -> tuple[list[int], int]:
    """Hour by hour and unit by unit: what each grant has left at the end, and what is owed."""
    left, owing = [each.amount for each in having], 0

    def take_one(hour: int) -> bool:
        """One unit of the grant whose turn it is; whether there was one."""
        turns = [
            (each.priority, HOURS * 9 if each.ends is None else each.ends, each.effective, place)
            for place, each in enumerate(having)
            if each.effective <= hour and (each.ends is None or hour < each.ends) and left[place]
        ]
        if turns:
            left[min(turns)[-1]] -= 1
        return bool(turns)

    for hour in range(HOURS + 1):
        for place, each in enumerate(having):
            if each.ends is not None and each.ends <= hour:
                left[place] = 0
            elif each.again and hour > each.effective and (hour - each.anchor) % each.again == 0:
                left[place] = each.amount
                # Of two that come again at once, the first pays before the second is there.
                while owing and take_one(hour):
                    owing -= 1
        owing += sum(quantity for at, quantity in used if at == hour)
        owing -= sum(take_one(hour) for _ in range(owing))
    return left, owing


@settings(max_examples=300)
@given(st.lists(grants, max_size=5), st.lists(st.tuples(hours, st.integers(0, 12)), max_size=8))
def test_the_whole_story_is_what_counting_comes_to(having: list[Given], used: list[tuple[int, int]]) -> None:
    """Priorities, expiries, renewals, debts carried into what comes later."""
    played = play(
        [told(each, place) for place, each in enumerate(having)],
        [Usage(instant(hour), Decimal(quantity)) for hour, quantity in used],
        BEGIN,
        instant(HOURS),
    )
    left, owing = counted(having, used)
    assert [lot.left for lot in played.wallet.lots] == left
    assert owed(played.wallet) == owing
    assert played.wallet.spent == sum(quantity for _, quantity in used)
    assert played.wallet.balance == sum(left) - owing
    assert (
        balance(played.wallet, instant(HOURS))
        == sum(amount for amount, each in zip(left, having, strict=True) if each.effective <= HOURS) - owing
    )
