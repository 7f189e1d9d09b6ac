"""When budgets are used up: constant use has an exact date, whatever units cost; chance has bands and a probability."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import analytics
from analytics import budgets as job
from analytics.budgets import foreseen
from analytics.forecasts import forecasts
from meter.limits.budget import Budget
from meter.limits.expected import Expected
from meter.limits.measure import Group, Priced, Prices, Series, Usage
from meter.limits.window import SINCE, UNTIL, oldest, slot
from meter.model import Meter
from meter.past import BudgetPast, Left, Past, Window
from meter.rating.periods import Period
from tests.limits.cast import budget
from tests.rating.cast import plan_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime(2026, 11, 18, 12, 20, tzinfo=UTC)
BEGUN = NOW.replace(minute=0)
NOVEMBER, DECEMBER = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
HOURS = int((BEGUN - NOVEMBER) / HOUR)
TEAM: Group = (0, 0, 0, "")
PRICE = 'title = "T", meter = "tokens", unit = "token"'
LINEAR = f'prices.t = {{ {PRICE}, unit_amount = "0.01" }}'
FREE = f'prices.t = {{ {PRICE}, unit_amount = "0.01", included = 50_000 }}'
TIERED = (
    f'prices.t = {{ {PRICE}, model = "graduated", '
    'tiers = [{ up_to = 50_000, unit_amount = "0.01" }, { unit_amount = "0.10" }] }'
)
PACKAGE = f'prices.t = {{ {PRICE}, model = "package", unit_amount = "25", per = 5_000 }}'
BY_VOLUME = TIERED.replace("graduated", "volume")


def series(member: int = 0, meter: str = "tokens") -> Series:
    """Answer a member's use of a meter, to be paid for."""
    return Series(0, meter, member, 0, 0, "sum", per_month=False, billable=True)


def prices(text: str, *periods: Period) -> Prices:
    """Answer what money is counted by, on a plan of some prices."""
    each = Meter(1, "tokens", "T", "token", "sum", Decimal(1), Decimal(1), False, True, frozenset())  # noqa: FBT003
    priced = [Priced(NOVEMBER - 60 * DAY, DECEMBER + 400 * DAY, plan_of(text))] if text else []
    return Prices(priced, periods or (Period(NOVEMBER, DECEMBER, "UTC"),), {"tokens": each}, ZoneInfo("UTC"))


def past(
    each: Budget,
    used: Mapping[Series, Callable[[datetime], int]],
    plan: str = "",
    *periods: Period,
    window: tuple[datetime, datetime] = (NOVEMBER, DECEMBER),
    groups: Sequence[Group] = (TEAM,),
) -> BudgetPast:
    """Answer the past of a budget, of six weeks of hours, or a year of days where the window is long."""
    money = prices(plan, *periods)
    start, until = window
    to = min(until, NOW + 366 * DAY)
    edges = {start, BEGUN, *(edge for edge in money.asked(start, BEGUN) if edge <= BEGUN)}
    if each.seconds is not None:
        start, to = oldest(each.seconds, BEGUN), BEGUN + timedelta(seconds=each.seconds)
        edges = {
            BEGUN,
            *(slot(each.seconds, start + n * timedelta(seconds=each.seconds) / 120).start for n in range(120)),
        }
        edges |= {edge for edge in money.asked(start, BEGUN) if edge <= BEGUN}
    bounds = sorted(edge for edge in edges if edge <= BEGUN)
    first = BEGUN - 42 * DAY
    hours = [first + number * HOUR for number in range(42 * 24)]
    quantities = [
        {
            place: of_slot
            for place in range(len(bounds) - 1)
            if (of_slot := _sum(many, bounds[place : place + 2], first))
        }
        for many in used.values()
    ]
    by_hour = [[Window(at, Decimal(many(at)), 0, 0) for at in hours] for many in used.values()]
    days = [first.replace(hour=0) + number * DAY for number in range(1, 42)]
    by_day = [
        [Window(at, sum((Decimal(many(at + n * HOUR)) for n in range(24)), Decimal(0)), 0, 0) for at in days]
        for many in used.values()
    ]
    by_hours = to - BEGUN <= 35 * DAY
    return BudgetPast(
        now=NOW,
        tz="UTC",
        step="hour" if by_hours else "day",
        budget=each,
        groups=groups,
        start=start,
        begun=BEGUN,
        until=None if each.rolling else until,
        to=to,
        prices=money,
        used=Usage(bounds, list(used), quantities),
        windows=by_hour if by_hours else by_day,
    )


def _sum(many: Callable[[datetime], int], span: Sequence[datetime], first: datetime) -> Decimal:
    """What was used in a span, from when there was any on; evenly within hours."""
    lo, hi = max(span[0], first), span[1]
    total, at = Decimal(0), lo
    while at < hi:
        end = min(hi, at.replace(minute=0, second=0) + HOUR)
        total += Decimal(many(at)) * Decimal((end - at) / HOUR)
        at = end
    return total


def constant(_: datetime) -> int:
    """Answer a hundred an hour."""
    return 100


def uneven(seed: int) -> Callable[[datetime], int]:
    """Answer a rhythm and some chance, the same again for the same hour."""

    def many(at: datetime) -> int:
        dice = Random(f"{seed} {at.isoformat()}")  # noqa: S311 - no secret
        return dice.randrange(40) + (150 if 9 <= at.hour < 17 else 10)

    return many


def seldom(at: datetime) -> int:
    """Answer a thousand once in two days or so."""
    return 1_000 if Random(at.isoformat()).randrange(50) == 0 else 0  # noqa: S311 - no secret


def money(amount: int | str | Decimal, **more: Any) -> Budget:
    """Answer a budget of money a month."""
    return budget(measure="money", amount=Decimal(amount), **more)


def tokens(amount: int, **more: Any) -> Budget:
    """Answer a budget of tokens a month."""
    return budget(amount=Decimal(amount), meters=("tokens",), **more)


def one(given: BudgetPast) -> Expected:
    """Answer what is expected of the only counter."""
    (found,) = foreseen(given).counters
    return found


def near(found: datetime | None, wanted: datetime) -> bool:
    """Whether a date is right to two seconds."""
    return found is not None and abs(found - wanted) <= timedelta(seconds=2)


def test_the_job_is_listed() -> None:
    """JOBS is how others find it."""
    assert job in analytics.JOBS


def test_constant_use_has_an_exact_date() -> None:
    """A hundred an hour from the first of the month on: so many hours, whatever edge is asked about."""
    found = one(past(tokens(100 * (HOURS + 30)), {series(): constant}))
    assert near(found.expected, BEGUN + 30 * HOUR)
    assert found.expected == found.earliest80 == found.latest80
    assert (found.probability, found.to, found.reason) == (Decimal(1), DECEMBER, None)


def test_what_is_not_reached_in_the_window_has_no_date() -> None:
    """The next window begins with nothing used: a date after it would be wrong."""
    hours = int((DECEMBER - NOVEMBER) / HOUR)
    found = one(past(tokens(100 * hours + 1), {series(): constant}))
    assert (found.expected, found.earliest80, found.latest80, found.probability) == (None, None, None, Decimal(0))
    assert one(past(tokens(100 * hours), {series(): constant})).expected is not None


@pytest.mark.parametrize(
    ("plan", "amount", "units"),
    [
        (LINEAR, "450", 45_000),
        (FREE, "100", 60_000),
        (FREE, "0.01", 50_001),
        (TIERED, "499.99", 49_999),
        (TIERED, "1500", 60_000),
        (PACKAGE, "250", 45_001),
    ],
)
def test_money_goes_by_the_prices_of_the_units_to_come(plan: str, amount: str, units: int) -> None:
    """Free units are free, a dearer tier is reached sooner, a package is paid when it is begun."""
    found = one(past(money(amount), {series(): constant}, plan))
    wanted = NOVEMBER + units * HOUR / 100
    assert found.expected is not None
    assert abs(found.expected - wanted) <= timedelta(seconds=40), (found.expected, wanted)  # a unit takes 36 seconds
    assert found.probability == 1


def test_prices_that_say_no_marginal_count_nothing() -> None:
    """The counter stays at nothing, and so it is expected."""
    found = one(past(money(1), {series(): constant}, BY_VOLUME))
    assert (found.expected, found.probability) == (None, Decimal(0))


def test_a_billing_period_that_begins_within_a_window_begins_with_free_units() -> None:
    """A month's money by periods from the 22nd on: what is free is free twice."""
    edge = datetime(2026, 11, 22, tzinfo=UTC)
    periods = (Period(edge - 31 * DAY, edge, "UTC", 22), Period(edge, edge + 30 * DAY, "UTC", 22))
    plan = FREE.replace("50_000", "10_000")
    before = Decimal(100 * (edge - NOVEMBER) / HOUR) / 100  # ten thousand had been used in October
    found = one(past(money(before + 5), {series(): constant}, plan, *periods))
    assert near(found.expected, edge + (10_000 + 500) * HOUR / 100)


def test_each_counter_has_its_own_date() -> None:
    """Who uses twice as much is there in half the time; who used nothing has no date."""
    each = money(480, each=("member",))
    used = {series(1): constant, series(2): lambda _: 200, series(-1): lambda _: 300}
    groups = [(2, 0, 0, ""), (1, 0, 0, ""), (3, 0, 0, "")]
    two, first, nobody = foreseen(past(each, used, LINEAR, groups=groups)).counters
    assert [counter.group for counter in (two, first, nobody)] == groups
    assert two.expected == BEGUN  # 2 an hour: 840 by now
    assert near(first.expected, NOVEMBER + 480 * HOUR)
    assert (nobody.expected, nobody.reason) == (None, "no_data")


def test_a_share_of_what_all_pay() -> None:
    """Who uses a fourth pays a fourth of what the team's units cost, dear ones and cheap ones."""
    plan = TIERED.replace("50_000", "200_000")
    used = {series(1): constant, series(-1): lambda _: 300}
    for amount, hours in ((450, 450), (600, 510)):  # a dollar an hour for 500 hours, then ten
        found = one(past(money(amount, each=("member",)), used, plan, groups=[(1, 0, 0, "")]))
        assert near(found.expected, NOVEMBER + hours * HOUR)


def test_what_is_used_up_is_so_when_the_hour_began() -> None:
    """For certain, whatever comes; also where nothing comes."""
    for plan, each in (("", tokens(100 * HOURS)), (LINEAR, money(HOURS)), ("", tokens(0))):
        found = one(past(each, {series(): constant}, plan))
        assert (found.expected, found.earliest80, found.latest80, found.probability) == (
            BEGUN,
            BEGUN,
            BEGUN,
            Decimal(1),
        )


def test_nothing_used_is_nothing_expected() -> None:
    """No dates, and the reason."""
    for used in ({}, {series(): lambda _: 0}):
        found = one(past(tokens(100), used))
        assert (found.expected, found.probability, found.reason) == (None, None, "no_data")


def test_seldom_use_has_a_probability() -> None:
    """A day of chance is between never and always."""
    spent = sum(seldom(NOVEMBER + number * HOUR) for number in range(HOURS))
    found = one(past(tokens(spent + 6_000), {series(): seldom}))
    assert found.probability is not None
    assert Decimal("0.05") < found.probability < Decimal("0.95")


@pytest.mark.parametrize("days", [1, 7, 30])
def test_a_sliding_window_of_constant_use_never_fills(days: int) -> None:
    """It holds as much as it always did: a window and the slot that is not wholly out of it."""
    full = int(100 * 24 * days * Decimal("1.03"))
    used = {series(): constant}
    assert one(past(tokens(full, window="rolling", seconds=days * 86_400), used)).expected is None
    assert one(past(tokens(100 * 24 * days - 1, window="rolling", seconds=days * 86_400), used)).expected == BEGUN


def test_a_sliding_window_fills_when_use_has_begun() -> None:
    """Ten hours of use in a window of a day: it holds what came since."""
    begun = BEGUN - 10 * HOUR
    used = {series(): lambda at: 100 if at >= begun else 0}
    found = one(past(tokens(1_500, window="rolling", seconds=86_400), used))
    assert near(found.expected, BEGUN + 5 * HOUR)
    paid = one(past(money(15, window="rolling", seconds=86_400), used, LINEAR))
    assert near(paid.expected, BEGUN + 5 * HOUR)


@pytest.mark.parametrize("text", ["", LINEAR])
def test_what_never_begins_anew_is_looked_at_for_a_year(text: str) -> None:
    """By days: a hundred an hour, so many days."""
    spent, days = 42 * 24 * 100, 100
    amount = spent + days * 2_400
    each = tokens(amount, window="ever") if not text else money(amount // 100, window="ever")
    periods = [Period(BEGUN - 60 * DAY, BEGUN + 400 * DAY, "UTC")]
    found = one(past(each, {series(): constant}, text, *periods, window=(SINCE, UNTIL)))
    assert near(found.expected, BEGUN + days * DAY)
    assert found.to == NOW + 366 * DAY


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 99), shares=st.lists(st.integers(1, 300), min_size=2, max_size=3, unique=True))
@pytest.mark.parametrize("plan", ["", LINEAR, TIERED])
def test_more_lasts_longer(plan: str, seed: int, shares: list[int]) -> None:
    """With a larger amount no date is earlier and the probability not larger; edges stand around what is expected."""
    many = uneven(seed)
    spent = sum(many(NOVEMBER + number * HOUR) for number in range(HOURS))
    found = []
    for share in sorted(shares):
        amount = spent + spent * share // 200
        each = tokens(amount) if not plan else money(Decimal(amount) / 100)
        found.append(one(past(each, {series(): many}, plan)))
    for less, more in pairwise(found):
        assert (less.probability or 0) >= (more.probability or 0)
        for name in ("expected", "earliest80", "latest80"):
            assert (getattr(less, name) or UNTIL) <= (getattr(more, name) or UNTIL)
    for each_ in found:
        assert (each_.earliest80 or UNTIL) <= (each_.expected or UNTIL) <= (each_.latest80 or UNTIL)
        assert ((each_.probability or 0) >= Decimal("0.5")) == (each_.expected is not None)


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 99))
def test_linear_money_is_used_up_when_its_units_are(seed: int) -> None:
    """At a hundredth each, money and tokens have the same dates and probability."""
    used = {series(): uneven(seed)}
    one_, other = one(past(tokens(55_000), used)), one(past(money(550), used, LINEAR))
    for name in ("expected", "earliest80", "latest80"):
        first, second = getattr(one_, name), getattr(other, name)
        assert (first is None) == (second is None)
        assert first is None or near(first, second)
    assert float(one_.probability or 0) == pytest.approx(float(other.probability or 0), abs=1e-6)


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 99), share=st.integers(5, 120))
def test_units_of_a_meter_are_used_up_when_its_forecast_says_so(seed: int, share: int) -> None:
    """What is told of a meter's limits and of a budget of just that meter is the same."""
    many = uneven(seed)
    spent = sum(many(NOVEMBER + number * HOUR) for number in range(HOURS))
    amount = spent + spent * share // 100
    given = past(tokens(amount), {series(): many})
    left = Left("budget", "b", Decimal(amount), Decimal(amount - spent), DECEMBER)
    whole = Past(NOW, "UTC", given.windows[0], (), DECEMBER, Decimal(spent), (left,))
    (limit,) = forecasts(whole).limits
    found, wanted = one(given), limit.exhaustion
    for name in ("expected", "earliest80", "latest80"):
        date = getattr(wanted, name)
        there = getattr(found, name)
        assert near(there, date) if date is not None and date <= DECEMBER else there is None
    assert float(found.probability or 0) == pytest.approx(float(wanted.probability or 0), abs=1e-6)
