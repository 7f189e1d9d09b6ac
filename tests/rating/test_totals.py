"""Reports: every column adds up to its total exactly, whatever was rounded; what has no price says why."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from meter.rating.list_price import Listed
from meter.rating.totals import Metered, Part, table

HOURS = Metered("cpu", "CPU", "core-hour", "time_weighted", Decimal(3_600), per_month=False)
MONTHS = Metered("storage", "Storage", "GB-month", "time_weighted", Decimal(1), per_month=True)
CALLS = Metered("calls", "Calls", "call", "count", Decimal(1), per_month=False)
TIMES = Metered("response_time", "Response time", "second", "average", Decimal(1), per_month=False)
PEAKS = Metered("peak", "Peak", "GB", "max", Decimal(1), per_month=False)
FEBRUARY, MARCH = 2_419_200, 2_678_400
CHEAP = Listed(Decimal("0.05"), Decimal(1), Decimal(1), "USD")
DEAR = Listed(Decimal("0.07"), Decimal(3), Decimal(1), "USD")

PARTS = st.builds(
    Part,
    st.sampled_from(["ann", "bob", "eve", None]),
    st.integers(0, 1_000),
    st.decimals(0, 10**9, places=12, allow_nan=False, allow_infinity=False),
    st.sampled_from([FEBRUARY, MARCH]),
    st.sampled_from([CHEAP, DEAR, "unpriced", "not_billable"]),
)


@given(st.dictionaries(st.sampled_from([HOURS, MONTHS, CALLS]), st.lists(PARTS, min_size=1, max_size=12)))
def test_columns_add_up(parts: dict[Metered, list[Part]]) -> None:
    """Quantities and costs of the rows, to the last of twelve digits, and close to their exact values."""
    rows, total = table(parts)
    for whole in total.usage:
        own = [used for row in rows for used in row.usage if used.meter == whole.meter]
        assert sum(used.quantity or 0 for used in own) == whole.quantity
        assert sum(used.events for used in own) == whole.events
        costs = [used.cost.amount for used in own if used.cost.amount is not None]
        assert (sum(costs) if costs else None) == whole.cost.amount
    for row in [*rows, total]:
        costs = [used.cost.amount for used in row.usage if used.cost.amount is not None]
        assert row.cost.amount == (sum(costs) if costs else None)
    amounts = [row.cost.amount or Decimal(0) for row in rows]
    assert amounts == sorted(amounts, reverse=True)
    assert sum(amounts) == (total.cost.amount or 0)


def test_a_thousandth_of_an_hour_by_three() -> None:
    """Three seconds of three people: thirds of thousandths that add up, each a twelfth digit apart at most."""
    rows, total = table({HOURS: [Part(name, 1, Decimal(4), MARCH, CHEAP) for name in ("a", "b", "c")]})
    assert [row.usage[0].quantity for row in rows] == [
        Decimal("0.001111111111"),
        Decimal("0.001111111111"),
        Decimal("0.001111111111"),
    ]
    assert total.usage[0].quantity == Decimal("0.003333333333")
    assert total.cost.amount == Decimal("0.000166666667")
    assert sorted(row.cost.amount or 0 for row in rows) == [
        Decimal("0.000055555555"),
        Decimal("0.000055555556"),
        Decimal("0.000055555556"),
    ]


def test_a_month_counts_by_its_own_length() -> None:
    """A GB held over all of February and half of March is one and a half GB-months, at each one's price."""
    held = [
        Part("ann", 1, Decimal(FEBRUARY), FEBRUARY, CHEAP),
        Part("ann", 1, Decimal(MARCH) / 2, MARCH, DEAR._replace(per=Decimal(1))),
    ]
    rows, _ = table({MONTHS: held})
    assert (rows[0].usage[0].quantity, rows[0].cost.amount) == (Decimal("1.5"), Decimal("0.085"))


def test_what_does_not_add_up_is_not_added() -> None:
    """Averages are weighted by events; a largest value of several series is no sum; neither has a price."""
    parts = {
        TIMES: [
            Part("ann", 1, Decimal(4), MARCH, "not_billable"),
            Part("bob", 3, Decimal(4), MARCH, "not_billable"),
            Part("eve", 0, Decimal(0), MARCH, "not_billable"),
        ],
        PEAKS: [Part("ann", 2, Decimal(9), MARCH, "not_billable")],
    }
    rows, total = table(parts)
    assert [(row.name, [used.quantity for used in row.usage]) for row in rows] == [
        ("ann", [None, Decimal(4)]),
        ("bob", [Decimal("1.333333333333")]),
        ("eve", [None]),
    ]
    assert [used.quantity for used in total.usage] == [None, Decimal(2)]
    assert total.cost == (None, "not_billable")


def test_an_alarm_is_told_beside_an_amount() -> None:
    """Part of the usage has no price: the row says so, and the total; what is unbilled on purpose is no alarm."""
    rows, total = table(
        {CALLS: [Part("ann", 1, Decimal(1), MARCH, CHEAP), Part("ann", 1, Decimal(1), MARCH, "unpriced")]}
    )
    assert rows[0].cost == total.cost == (Decimal("0.05"), "unpriced")
    rows, total = table(
        {CALLS: [Part("ann", 1, Decimal(1), MARCH, CHEAP)], HOURS: [Part("ann", 1, Decimal(1), MARCH, "unbilled")]}
    )
    assert rows[0].cost == total.cost == (Decimal("0.05"), None)


def test_nothing_is_an_empty_table() -> None:
    """No usage, no rows, and a total of nothing."""
    rows, total = table({})
    assert (rows, total.usage, total.cost.amount) == ([], (), None)
