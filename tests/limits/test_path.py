"""Which limits are on a call's way: of every scope, alone and together, in one order that never changes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from meter.limits.budget import Apart, Budget
from meter.limits.path import CounterKey, Limit, Use, amount, limits
from meter.limits.quota import Quota
from meter.limits.window import SINCE
from meter.rating.periods import month_period
from tests.limits.cast import NOW, budget, use

UTC_ZONE = ZoneInfo("UTC")
ANN, BOB, WEB, KEY = 11, 12, 21, 31
FULL = use(member_id=ANN, service_id=WEB, key_id=KEY, tokens=5)
MONTH = NOW.replace(day=1, hour=0, minute=0, second=0)
QUOTA = Quota("book/plan/tokens", "Tokens", "token", {"tokens": Decimal(2)}, Decimal(10), Decimal(3), block=True)


def on_the_way(*budgets: Budget, of: Use = FULL) -> tuple[Limit, ...]:
    """Answer the limits of a use."""
    return limits(budgets, (), of, UTC_ZONE, None)


SCOPES: dict[str, dict[str, Any]] = {
    "anybody": {},
    "ann": {"member_id": ANN},
    "bob": {"member_id": BOB},
    "web": {"service_id": WEB},
    "other service": {"service_id": WEB + 1},
    "key": {"key_id": KEY},
    "other key": {"key_id": KEY + 1},
    "tokens": {"meters": ("tokens",)},
    "other meter": {"meters": ("calls",)},
    "either meter": {"meters": ("calls", "tokens")},
}
OTHERS = {"bob", "other service", "other key", "other meter"}


@pytest.mark.parametrize(("one", "other"), list(product(SCOPES, SCOPES)))
def test_a_budget_is_on_the_way_where_all_its_scopes_fit(one: str, other: str) -> None:
    """The matrix: of two scopes together both must fit, and of all others none matters."""
    both = SCOPES[one] | SCOPES[other]
    of_both = {name: value for name, value in SCOPES.items() if value and value.items() <= both.items()}
    expected = not OTHERS.intersection(of_both)
    assert bool(on_the_way(budget(**both))) == expected


def test_all_of_them_in_one_order() -> None:
    """The plan's quotas in its order, then budgets by id, in whatever order they are handed in."""
    budgets = [budget(3), budget(1, member_id=ANN), budget(2, member_id=BOB), budget(7, window="day")]
    found = limits(budgets, (QUOTA,), FULL, UTC_ZONE, month_period(NOW, "UTC"))
    assert [(limit.key.price, limit.key.budget_id) for limit in found] == [
        ("book/plan/tokens", 0),
        ("", 1),
        ("", 3),
        ("", 7),
    ]
    assert found == limits(budgets[::-1], (QUOTA,), FULL, UTC_ZONE, month_period(NOW, "UTC"))


@pytest.mark.parametrize(
    ("each", "key"),
    [
        ((), (0, 0, 0)),
        (("member",), (ANN, 0, 0)),
        (("service",), (0, WEB, 0)),
        (("key",), (0, 0, KEY)),
        (("member", "service", "key"), (ANN, WEB, KEY)),
    ],
)
def test_what_is_counted_apart(each: tuple[Apart, ...], key: tuple[int, int, int]) -> None:
    """A counter names what its budget tells apart, and nothing else."""
    (limit,) = on_the_way(budget(each=each))
    assert limit.key == CounterKey(1, "", *key, "", MONTH)
    assert limit.ends_at == MONTH.replace(month=12)


def test_each_meter_has_a_limit_of_its_own() -> None:
    """Those of the use, among those that the budget names."""
    of = use(tokens=5, calls=1, other=2)
    found = on_the_way(budget(each=("meter",), meters=("tokens", "calls")), of=of)
    assert [(limit.key.meter, amount(limit, of, {})) for limit in found] == [
        ("calls", Decimal(1)),
        ("tokens", Decimal(5)),
    ]


def test_what_a_use_counts() -> None:
    """Stored units, weighted where a price weighs them; one call; or what it costs."""
    of = use(tokens=5, calls=7, other=100)
    costs = {"tokens": Decimal("0.5"), "calls": Decimal("0.25")}

    def counted(**more: Any) -> Decimal:
        (limit,) = on_the_way(budget(**more), of=of)
        return amount(limit, of, costs)

    assert counted(meters=("tokens", "calls")) == 12
    assert counted(measure="calls") == 1
    assert counted(measure="money") == Decimal("0.75")
    assert counted(measure="money", meters=("calls",)) == Decimal("0.25")
    (quota,) = limits((), (QUOTA,), of, UTC_ZONE, None)
    assert amount(quota, of, costs) == 10
    assert quota.most == 30


def test_a_price_is_on_the_way_of_its_meters_only() -> None:
    """A quota of other meters is not looked at."""
    assert limits((), (QUOTA,), use(calls=1), UTC_ZONE, None) == ()


def test_units_are_multiplied_by_what_they_are_stored_as() -> None:
    """Two core-hours are 7,200 core-seconds."""
    (limit,) = on_the_way(budget(amount=Decimal(2), divisor=Decimal(3600)))
    assert limit.most == 7_200


def test_sliding_windows_have_a_head() -> None:
    """The slot is the counter, the head the row that says what came without asking."""
    (limit,) = on_the_way(budget(window="rolling", seconds=60, each=("key",)))
    assert limit.key.starts_at == NOW
    assert limit.head == limit.key._replace(starts_at=SINCE)
    assert on_the_way(budget())[0].head is None


def test_ended_ones_limit_nothing() -> None:
    """From the instant on at which it ends; what was used before is judged as it was then."""
    ended = budget(ended_at=NOW)
    assert on_the_way(ended) == ()
    assert on_the_way(ended, of=use(NOW - timedelta(seconds=1))) != ()
