"""May it go on? At the limit to the last unit, beyond it never; and when there is room again."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.limits.path import Limit, limits
from meter.limits.quota import Quota
from meter.limits.verdict import Slot, Standing, judge
from meter.limits.window import falls_out, oldest, slot
from tests.limits.cast import NOW, budget, use

UTC_ZONE = ZoneInfo("UTC")


def limit(**more: Any) -> Limit:
    """Answer the limit of a budget of 1,000."""
    return limits([budget(**more)], (), use(), UTC_ZONE, None)[0]


@pytest.mark.parametrize(
    ("used", "reserved", "amount", "exceeded", "remaining"),
    [
        (0, 0, 1_000, False, 1_000),
        (0, 0, 1_001, True, 1_000),
        (600, 300, 100, False, 100),
        (600, 300, 101, True, 100),
        (999, 0, 0, False, 1),
        (1_000, 0, 0, True, 0),  # used up: what nobody knows the amount of may not go on either
        (1_200, 0, 0, True, 0),
        (-50, 0, 1_050, False, 1_050),  # more was taken back than had come without asking
    ],
)
def test_to_the_last_unit(used: int, reserved: int, amount: int, remaining: int, *, exceeded: bool) -> None:
    """Exactly the amount is within it; what is reserved is as good as used."""
    found = judge(Standing(limit(), Decimal(used), Decimal(reserved)), Decimal(amount))
    assert (found.exceeded, found.allowed) == (exceeded, not exceeded)
    assert found.remaining == remaining
    assert judge(Standing(limit(hard=False), Decimal(used), Decimal(reserved)), Decimal(amount)).allowed


@pytest.mark.parametrize(("span", "resets"), [("day", "2026-11-19"), ("month", "2026-12-01"), ("ever", None)])
def test_when_it_begins_anew(span: str, resets: str | None) -> None:
    """At the end of its window; what never does says so."""
    found = judge(Standing(limit(window=span), Decimal(0), Decimal(0)), Decimal(1))
    assert (found.resets_at and f"{found.resets_at:%Y-%m-%d}") == resets


@pytest.mark.parametrize("included", [None, Decimal(0)])
def test_what_is_without_limit(included: Decimal | None) -> None:
    """A price that includes everything, or nothing at all, has a counter and stops nobody where the rest is billed."""
    quota = Quota("b/p/x", "X", "token", {"tokens": Decimal(1)}, included, Decimal(1), block=False)
    (found,) = limits((), (quota,), use(), UTC_ZONE, None)
    verdict = judge(Standing(found, Decimal(10) ** 9, Decimal(0)), Decimal(1))
    assert (verdict.allowed, verdict.exceeded, verdict.remaining) == (True, False, None)


def test_a_plan_that_blocks_stops_at_what_it_includes() -> None:
    """To the last unit; one that includes nothing lets nothing pass."""
    for included, wanted, exceeded in ((5, 5, False), (5, 6, True), (0, 1, True)):
        quota = Quota("b/p/x", "X", "token", {"tokens": Decimal(1)}, Decimal(included), Decimal(1), block=True)
        (found,) = limits((), (quota,), use(), UTC_ZONE, None)
        verdict = judge(Standing(found, Decimal(0), Decimal(0)), Decimal(wanted))
        assert (verdict.exceeded, verdict.allowed) == (exceeded, not exceeded)


@given(st.lists(st.tuples(st.integers(0, 70), st.integers(0, 500)), max_size=20), st.integers(0, 1_000))
def test_a_sliding_window_has_room_when_it_says_so(uses: list[tuple[int, int]], wanted: int) -> None:
    """At that instant it fits, and just before it does not."""
    sliding = limit(window="rolling", seconds=60)
    taken: dict[Any, Decimal] = {}
    for back, many in uses:
        start = slot(60, NOW - timedelta(seconds=back)).start
        taken[start] = taken.get(start, Decimal(0)) + many

    def judged(at: Any) -> Any:
        inside = [Slot(start, many) for start, many in sorted(taken.items()) if start >= oldest(60, at)]
        used = sum((each.taken for each in inside), Decimal(0))
        return judge(Standing(sliding, used, Decimal(0), inside), Decimal(wanted))

    now = judged(NOW)
    if not now.exceeded:
        assert now.resets_at == falls_out(60, sliding.key.starts_at)
        return
    assert now.resets_at > NOW
    assert not judged(now.resets_at).exceeded
    assert judged(now.resets_at - timedelta(microseconds=1)).exceeded
