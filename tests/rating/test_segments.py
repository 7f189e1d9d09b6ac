"""Periods that are cut by a change of plan or prices, priced by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from meter.rating.invoice import Unpriced
from meter.rating.periods import Period
from meter.rating.plan import Plan
from meter.rating.segments import Segment, levels_asked, rate_period
from meter.rating.usage import Usage, UsageError
from tests.rating.cast import demo_plan, plan_of, used

if TYPE_CHECKING:
    from meter.rating.invoice import Rated

OCTOBER = Period(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC), "UTC")
NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)
FREE, PRO = demo_plan("calls/free"), demo_plan("calls/pro")
CALLS = 'title = "Calls", meter = "requests", unit = "request"'


def calls(name: str, terms: str, more: str = "") -> Plan:
    """A plan with one price for requests."""
    return replace(plan_of(f"prices.calls = {{ {CALLS}, {terms} }}\n{more}"), name=name)


def fee(amount: str, rule: str, name: str) -> Plan:
    """A plan with a fee and nothing else."""
    return replace(plan_of(f'base_fee = "{amount}"\nprorate = "{rule}"'), name=name)


def day(number: int, hour: int = 0) -> datetime:
    """An instant of October."""
    return OCTOBER.start + timedelta(days=number - 1, hours=hour)


def over(*parts: tuple[Plan, datetime, tuple[Usage, ...]], start: datetime = OCTOBER.start) -> tuple[Segment, ...]:
    """Segments that follow each other, each given by its plan, its end and what was used in it."""
    found = []
    for plan, end, usage in parts:
        found.append(Segment(start=start, end=end, plan=plan, usage=usage))
        start = end
    return tuple(found)


def billed(*segments: Segment, period: Period = OCTOBER) -> Rated:
    """Rate segments in dollars."""
    return rate_period(segments, period, "USD")


def told(result: Rated) -> list[tuple[str, str, str]]:
    """Price, plan and amount of each line."""
    return [(line.price, line.plan.rpartition("/")[2], f"{line.amount:f}") for line in result.lines]


def test_an_upgrade_takes_the_position_along() -> None:
    """900 of Free's 1,000 are free; of Pro's 50,000 they are used up, so 10,900 of 60,000 cost 0.01.

    Pro's 49.00 is for 16.5 of 31 days: 26.0806.
    """
    before, after = used("requests", 900, "ann"), used("requests", 60_000)
    found = billed(*over((FREE, NOON, (before,)), (PRO, OCTOBER.end, (after,))))
    assert told(found) == [("base_fee", "pro", "26.08"), ("requests", "free", "0.00"), ("requests", "pro", "109.00")]
    assert [(line.start, line.end) for line in found.lines] == [
        (NOON, OCTOBER.end),
        (OCTOBER.start, NOON),
        (NOON, OCTOBER.end),
    ]
    assert {row.member: row.amount for row in found.members} == {"ann": 0, None: Decimal("135.08")}


def test_back_and_forth_gives_nothing_free_twice() -> None:
    """1,000 free once: 800 + 0 of another plan without the price + 800 are 600 over, 6.00."""
    other = plan_of("")
    some = (used("requests", 800),)
    found = billed(*over((FREE, day(15, 8), some), (other, day(15, 20), ()), (FREE, day(32), some)))
    assert told(found) == [("requests", "free", "0.00"), ("requests", "free", "6.00")]


def test_a_new_price_is_for_what_comes_after_it() -> None:
    """Ten at 1.00 and one at 0.50 in the first tier's rest; then two at 0.10 and none of it again."""
    old = calls("p", 'model = "graduated", tiers = [{ up_to = 10, unit_amount = "1" }, { unit_amount = "0.50" }]')
    new = calls("p", 'model = "graduated", tiers = [{ up_to = 12, unit_amount = "0.20" }, { unit_amount = "0.10" }]')
    first, second = used("requests", 11), used("requests", 3)
    # old: 10 x 1.00 + 1 x 0.50; new, from position 11: 1 x 0.20 + 2 x 0.10
    assert told(billed(*over((old, NOON, (first,)), (new, OCTOBER.end, (second,))))) == [
        ("calls", "p", "10.50"),
        ("calls", "p", "0.40"),
    ]


def test_a_volume_is_owed_once_by_the_last_prices() -> None:
    """120 units, all at the new price of above 100: 60.00. Where the next plan has no such price, its end is there."""
    tiers = 'model = "volume", tiers = [{{ up_to = 100, unit_amount = "1" }}, {{ unit_amount = "{0}" }}]'
    old, new = calls("p", tiers.format("0.80")), calls("p", tiers.format("0.50"))
    parts = (used("requests", 70),), (used("requests", 50),)
    assert billed(*over((old, NOON, parts[0]), (new, OCTOBER.end, parts[1]))).total == 60
    assert told(billed(*over((old, NOON, parts[0]), (plan_of(""), OCTOBER.end, ())))) == [("calls", "p", "70.00")]


def test_a_peak_is_of_the_whole_run_by_the_last_terms() -> None:
    """5 cores at most, whenever: over Basic's two or Professional's eight, by the plan at the end."""
    basic, professional = demo_plan("cloud/basic"), demo_plan("cloud/professional")
    hours, peak = used("cpu", 36_000, divisor=3_600), used("cpu", 5, measure="peak")
    for first, second, cost in ((basic, professional, "0"), (professional, basic, "0.30")):
        bare = over((first, NOON, (hours,)), (second, OCTOBER.end, ()))
        asked = {(each.meter, each.segment): each.ranges for each in levels_asked(bare)}
        assert asked["cpu", 1] == ((OCTOBER.start, OCTOBER.end),)
        found = billed(bare[0], replace(bare[1], usage=(peak,)))
        assert sum(line.amount for line in found.lines if line.price == "cpu_peak") == Decimal(cost)
    ended = over((basic, NOON, (hours,)), (demo_plan("cloud/enterprise"), OCTOBER.end, ()))
    assert {each.meter: (each.segment, each.ranges) for each in levels_asked(ended)} == {
        "cpu": (0, ((OCTOBER.start, NOON),)),
        "memory": (0, ((OCTOBER.start, NOON),)),
    }


@pytest.mark.parametrize(
    ("bounds", "total"),
    [
        ('maximum = "25.00"', "25.00"),  # 20.00 by the old price, so 5.00 are left of 10.00
        ('minimum = "28.00"', "30.00"),  # 20.00 + 10.00 are above it
        ('minimum = "31.00"', "31.00"),
    ],
)
def test_bounds_are_about_what_is_really_owed(bounds: str, total: str) -> None:
    """20 at 1.00, then 20 at 0.50: the new price alone would count 20.00 for all of them."""
    old, new = calls("p", 'unit_amount = "1"'), calls("p", f'unit_amount = "0.50", {bounds}')
    parts = (old, NOON, (used("requests", 20),)), (new, OCTOBER.end, (used("requests", 20),))
    assert billed(*over(*parts)).total == Decimal(total)


def test_time_before_the_first_plan_lifts_no_minimum() -> None:
    """Half of 31.00, of which the calls before are 3.00; a maximum is for all of it."""
    plan = calls("p", 'unit_amount = "1", minimum = "31", prorate = "time"')
    before, after = over((plan, day(16, 12), (used("requests", 3),)), (plan, OCTOBER.end, ()))
    assert told(billed(replace(before, served=False), after)) == [("calls", "p", "3.00"), ("calls", "p", "12.50")]
    capped = calls("p", 'unit_amount = "1", maximum = "31", prorate = "time"')
    before, after = over((capped, day(16, 12), (used("requests", 30),)), (capped, OCTOBER.end, ()))
    assert told(billed(replace(before, served=False), after)) == [("calls", "p", "30.00")]


def test_what_has_no_price_is_told_for_its_time() -> None:
    """Five of a meter that only the first plan prices."""
    priced, other = calls("p", 'unit_amount = "1"'), plan_of("")
    found = billed(*over((priced, NOON, (used("requests", 3),)), (other, OCTOBER.end, (used("requests", 5),))))
    assert found.total == 3
    assert found.unpriced == (Unpriced("requests", Decimal(5)),)


def test_what_a_new_version_leaves_as_it_was_is_one_line() -> None:
    """Only the title of another price changed: the fee and the calls are told once, by the version at the end."""
    old = calls("p", 'unit_amount = "0.001", prorate = "time"', 'base_fee = "31"\nprorate = "time"')
    new = replace(old, book_version="2")
    found = billed(*over((old, NOON, (used("requests", 4),)), (new, OCTOBER.end, (used("requests", 4),))))
    assert told(found) == [("base_fee", "p", "31.00"), ("calls", "p", "0.01")]
    assert {(line.start, line.end, line.price_version) for line in found.lines} == {(OCTOBER.start, OCTOBER.end, "2")}


def test_the_same_prices_in_two_plans_are_two_lines_of_one_sum() -> None:
    """0.004 twice is 0.01, as undivided: the second line has the cent."""
    one, two = (calls(name, 'unit_amount = "0.001"') for name in ("a", "b"))
    found = billed(*over((one, NOON, (used("requests", 4),)), (two, OCTOBER.end, (used("requests", 4),))))
    assert told(found) == [("calls", "a", "0.00"), ("calls", "b", "0.01")]


def test_plans_of_one_name_are_of_their_books() -> None:
    """Pro of one book is not Pro of another, so both fees are owed."""
    one = fee("31", "never", "pro")
    found = billed(*over((one, NOON, ()), (replace(one, book="other"), OCTOBER.end, ())))
    assert [(line.plan, f"{line.amount}") for line in found.lines] == [("test/pro", "31.00"), ("other/pro", "31.00")]


def test_money_of_events_of_no_quantity_is_billed_once() -> None:
    """5.00 by the old plan, at cost; 7.00 by the new one, at twice that."""
    old, new = (calls("p", f'model = "dynamic", amount = "money", multiplier = {factor}') for factor in (1, 2))
    first, second = (Usage("requests", Decimal(quantity), money=Decimal(money)) for quantity, money in ((0, 5), (3, 7)))
    found = billed(*over((old, NOON, (first,)), (new, OCTOBER.end, (second,))))
    assert told(found) == [("calls", "p", "5.00"), ("calls", "p", "14.00")]


def test_free_events_are_used_up_once() -> None:
    """Two of three events are free, whichever plan they are in; then 10% and 1.00 of the third."""
    old, new = (calls("p", f'model = "percentage", percent = "{p}", per_event = "1", free_events = 2') for p in (5, 10))
    events = [Usage("requests", Decimal(100), at=day(number), events=1) for number in (3, 20, 21)]
    found = billed(*over((old, NOON, tuple(events[:1])), (new, OCTOBER.end, tuple(events[1:]))))
    assert told(found) == [("calls", "p", "0.00"), ("calls", "p", "11.00")]


def test_free_units_go_on_through_cells() -> None:
    """100 are free, in the order of the book: 80 of b were, and 70 more of a leave only 30 of b free: 50 are due."""
    rates = '[{ when = { kind = "a" }, unit_amount = "1" }, { when = { kind = "b" }, unit_amount = "2" }]'
    one, two = (calls(name, f'model = "matrix", included = 100, rates = {rates}') for name in ("a", "b"))
    first, second = (
        Usage("requests", Decimal(quantity), dimensions=(("kind", kind),)) for quantity, kind in ((80, "b"), (70, "a"))
    )
    found = billed(*over((one, NOON, (first,)), (two, OCTOBER.end, (second,))))
    assert [(line.cell, line.plan[-1], f"{line.amount}") for line in found.lines] == [
        ("b", "a", "0.00"),
        ("a", "b", "0.00"),
        ("b", "b", "100.00"),
    ]


def test_units_of_packages_are_rounded_once() -> None:
    """1,400 and 1,300 tokens are two thousands and one, not two and two."""
    thousands = 'unit_amount = "1", conversion = { operation = "divide", factor = 1000, rounding = "ceiling" }'
    one, two = (calls(name, thousands) for name in ("a", "b"))
    found = billed(*over((one, NOON, (used("requests", 1_400),)), (two, OCTOBER.end, (used("requests", 1_300),))))
    assert told(found) == [("calls", "a", "2.00"), ("calls", "b", "1.00")]


def test_hours_of_the_day_keep_their_price() -> None:
    """Night and day in each segment, by that plan's rates."""
    rates = 'model = "time_of_day", rates = [{{ from = "08:00", to = "18:00", unit_amount = "{0}", title = "Day" }}]'
    old, new = (
        calls("p", f'{rates.format(amount)}, otherwise = {{ unit_amount = "1", title = "Night" }}') for amount in (2, 3)
    )
    rows = [Usage("requests", Decimal(1), at=day(number, hour)) for number in (3, 20) for hour in (7, 8)]
    found = billed(*over((old, NOON, tuple(rows[:2])), (new, OCTOBER.end, tuple(rows[2:]))))
    assert [f"{line.cell} {line.amount}" for line in found.lines] == [
        "Day 2.00",
        "Night 1.00",
        "Day 3.00",
        "Night 1.00",
    ]


def test_a_minimum_is_for_the_time_of_its_run() -> None:
    """31.00 a month for 10 of 31 days, in which 4.00 were used; a fee that stays owed keeps it whole, and once."""
    plan, other = calls("p", 'unit_amount = "1", minimum = "31", prorate = "time"'), plan_of("")
    some = (used("requests", 4),)
    first, second = over((plan, day(11), some), (other, OCTOBER.end, ()))
    assert told(billed(first, second)) == [("calls", "p", "4.00"), ("calls", "p", "6.00")]
    until_end = replace(first, fee_until=OCTOBER.end)
    assert billed(until_end, second).total == 31
    again = replace(second, plan=replace(plan, name="q"))
    assert billed(until_end, again).total == 31


def test_a_maximum_is_for_the_time_of_its_run() -> None:
    """31.00 a month for 10 of 31 days: 8 at 1.00, then 2.00 are left of 20 at 0.50."""
    bound = 'maximum = "31", prorate = "time"'
    old, new = calls("a", f'unit_amount = "1", {bound}'), calls("b", f'unit_amount = "0.50", {bound}')
    parts = (old, day(6), (used("requests", 8),)), (new, day(11), (used("requests", 20),))
    found = billed(*over(*parts, (plan_of(""), day(32), ())))
    assert told(found) == [("calls", "a", "8.00"), ("calls", "b", "2.00")]


def test_a_maximum_holds_back_and_forth() -> None:
    """25.00 at most: 20 at 1.00, 4 at 0.50, then 3.00 are left of 20.00, and afterwards nothing."""
    old, new = calls("a", 'unit_amount = "1", maximum = "25"'), calls("b", 'unit_amount = "0.50", maximum = "25"')
    parts = (old, day(5), (used("requests", 20),)), (new, day(9), (used("requests", 4),))
    found = billed(*over(*parts, (old, day(20), (used("requests", 20),)), (new, day(32), (used("requests", 9),))))
    assert told(found) == [
        ("calls", "a", "20.00"),
        ("calls", "b", "2.00"),
        ("calls", "a", "3.00"),
        ("calls", "b", "0.00"),
    ]


def test_another_meter_or_model_is_another_price() -> None:
    """Two are free in each, as none goes on with what another counts, or by how it does; the first one ends short."""
    tokens = CALLS.replace('"requests"', '"tokens"')
    free = 'unit_amount = "1", included = 2'
    plans = (
        calls("a", f'{free}, minimum = "9"'),
        replace(plan_of(f"prices.calls = {{ {tokens}, {free} }}"), name="b"),
        calls("c", 'model = "graduated", included = 2, tiers = [{ unit_amount = "1" }]'),
    )
    rows = [(used(meter, 3),) for meter in ("requests", "tokens", "requests")]
    found = billed(*over((plans[0], day(5), rows[0]), (plans[1], day(9), rows[1]), (plans[2], day(32), rows[2])))
    assert " ".join(plan + amount for _, plan, amount in told(found)) == "a1.00 a8.00 b1.00 c1.00"


def test_lines_are_in_the_order_of_the_last_plan_which_the_invoice_is_of() -> None:
    """What it does not have follows."""
    x, y, z = (f'prices.{name} = {{ title = "T", meter = "{name}", unit = "u", unit_amount = "1" }}' for name in "xyz")
    old, new = (replace(plan_of("\n".join(text)), name=name) for name, text in (("a", (x, y, z)), ("b", (z, y))))
    rows = tuple(used(meter, 1) for meter in "xyz")
    found = billed(*over((old, NOON, rows), (new, OCTOBER.end, rows[1:])))
    assert " ".join(price + plan for price, plan, _ in told(found)) == "za zb ya yb xa"
    assert found.plan == "b"


def test_levels_of_a_gap_are_not_asked() -> None:
    """Without service there is no peak."""
    plan = demo_plan("cloud/basic")
    first = Segment(start=OCTOBER.start, end=day(10), plan=plan, usage=())
    second = Segment(start=day(20), end=OCTOBER.end, plan=plan, usage=())
    assert {each.ranges for each in levels_asked((first, second))} == {
        ((OCTOBER.start, day(10)), (day(20), OCTOBER.end))
    }


def test_segments_must_fit() -> None:
    """In order, inside the period, in one currency; and there must be one."""
    one, two = over((FREE, NOON, ()), (PRO, OCTOBER.end, ()))
    for wrong in ((), (two, one), (replace(two, end=day(40)),), (replace(one, end=one.start),)):
        with pytest.raises(UsageError):
            billed(*wrong)
    with pytest.raises(UsageError, match="not EUR"):
        rate_period([one], OCTOBER, "EUR")
