"""Breakdowns: what a total is made of, what changed it, and that both add up to the last digit."""

from __future__ import annotations

from datetime import timedelta
from decimal import Context, Decimal
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import analytics
from analytics import breakdown as job
from analytics.breakdown import Base, Breakdown, Item, Order, Other, breakdown
from analytics.frames.change import Change
from tests.analytics.traces import (
    DAY,
    HOUR,
    MONDAY,
    SCHEMA,
    as_floats,
    asked,
    cloud_monitoring,
    llm_tokens,
    needs_traces,
    picked,
    rows,
    shuffled,
)

WEEK = 7 * DAY
EXACT = Context(prec=400)


def of_groups(groups: dict[str | None, Any], *, weeks: int = 0) -> pl.DataFrame:
    """Make a frame with one row per group on a Monday."""
    frames = [rows([quantity], start=MONDAY + weeks * WEEK, group=group) for group, quantity in groups.items()]
    return pl.concat(frames) if frames else pl.DataFrame(schema=SCHEMA)


def week(groups: dict[str | None, Any], *, top: int | None = None, order: Order = "quantity") -> Breakdown:
    """Answer what the week is made of."""
    return breakdown(of_groups(groups), from_=MONDAY, to=MONDAY + WEEK, top=top, order=order)


def against(
    groups: dict[str | None, Any],
    before: dict[str | None, Any],
    *,
    top: int | None = None,
    order: Order = "quantity",
) -> Breakdown:
    """Answer what the week is made of, against the week before."""
    return compared(of_groups(groups), of_groups(before, weeks=-1), top=top, order=order)


def compared(
    now: pl.DataFrame, before: pl.DataFrame, *, top: int | None = None, order: Order = "quantity"
) -> Breakdown:
    """Answer this week's frame against that of the week before."""
    base = Base(before, MONDAY - WEEK, MONDAY)
    return breakdown(now, from_=MONDAY, to=MONDAY + WEEK, base=base, top=top, order=order)


def by_group(answer: Breakdown) -> dict[str | None, Item]:
    """Answer the items by their group."""
    return {item.group: item for item in answer.items}


def test_the_job_is_listed() -> None:
    """JOBS is how others find it."""
    assert job in analytics.JOBS


def test_items_come_by_falling_total_with_their_share() -> None:
    """Ann has three quarters; what has no value is an item among them; equals come by name."""
    answer = week({"dan": 1, "ann": 6, None: 0, "bob": 1})
    assert picked(answer.items, "group", "quantity", "share") == [
        ("ann", 6, Decimal("0.75")),
        ("bob", 1, Decimal("0.125")),
        ("dan", 1, Decimal("0.125")),
        (None, 0, 0),
    ]
    assert (answer.change, answer.groups, answer.other) == (Change(Decimal(8), None, None, None), 4, None)


def test_the_rest_is_one_item_that_says_how_many() -> None:
    """Two at the top; the one without a value is shown too, wherever it comes, and takes nobody's place."""
    groups = {"a": 8, "b": 4, "c": 2, "d": 1, None: 1}
    answer = week(groups, top=2)
    assert picked(answer.items, "group", "quantity") == [("a", 8), ("b", 4), (None, 1)]
    assert answer.other == Other(2, Decimal(3), Decimal("0.1875"), None, None, None, None)
    assert picked((week(groups | {None: 9}, top=1)).items, "group", "quantity") == [(None, 9), ("a", 8)]
    assert week(groups, top=4).other is None


def test_contributions_say_who_changed_the_total() -> None:
    """From 100 to 130: ann +50, bob gone -30, cem new +20, what has no value -10; ann alone grew by 125 %."""
    answer = against({"ann": 90, "cem": 20, None: 20}, {"ann": 40, "bob": 30, None: 30})
    assert answer.change == Change(Decimal(130), Decimal(100), Decimal(30), Decimal(30))
    assert picked(answer.items, "group", "contribution", "percent", "new", "gone") == [
        ("ann", 50, 125, False, False),
        ("cem", 20, None, True, False),
        (None, -10, pytest.approx(Decimal(-100) / 3), False, False),
        ("bob", -30, None, False, True),
    ]
    assert by_group(answer)["ann"].contribution_percent == 50
    assert (by_group(answer)["bob"].quantity, by_group(answer)["bob"].share) == (None, None)
    assert (answer.base_from, answer.base_to) == (MONDAY - WEEK, MONDAY)


def test_the_rest_has_a_contribution_too() -> None:
    """Beyond the first: one grew by 2, one is gone with 5."""
    answer = against({"a": 9, "b": 3}, {"a": 9, "b": 1, "c": 5}, top=1)
    assert answer.other == Other(2, Decimal(3), Decimal("0.25"), Decimal(6), Decimal(-3), Decimal(-20), Decimal(-50))


def test_the_largest_movers_come_first_whichever_way() -> None:
    """Ordered by change: -7, then +5, then the larger of the unmoved."""
    answer = against({"a": 100, "b": 5, "d": 1}, {"a": 100, "c": 7, "d": 1}, order="change")
    assert [item.group for item in answer.items] == ["c", "b", "a", "d"]


def test_by_name_what_has_none_comes_last() -> None:
    """Names are in order of their characters."""
    assert [item.group for item in week({"b": 1, None: 9, "a": 5}, order="name").items] == ["a", "b", None]


def test_there_is_no_percentage_of_a_base_of_zero() -> None:
    """From zero to five is an absolute change, of which one group made all."""
    answer = against({"a": 5}, {"a": 0})
    assert answer.change == Change(Decimal(5), Decimal(0), Decimal(5), None)
    assert picked(answer.items, "contribution", "contribution_percent") == [(5, None)]
    assert not answer.items[0].new


def test_without_data_before_nothing_is_new() -> None:
    """No data is not zero: there is no change, and so nobody made it; just so when this week has none."""
    answer = against({"a": 5}, {"a": None})
    assert (answer.change.base, answer.change.absolute) == (None, None)
    assert (answer.items[0].contribution, answer.items[0].new) == (None, False)
    gone = against({}, {"a": 5}).items
    assert picked(gone, "quantity", "base", "contribution", "gone") == [(None, 5, None, False)]


def test_no_data_is_no_item() -> None:
    """A group of nulls is left out; null beside a number is not zero, and adds nothing."""
    assert picked((week({"a": None, "b": 0})).items, "group", "quantity") == [("b", 0)]
    assert (week({}).items, week({}).change.current) == ((), None)
    frame = rows([None, 2, None], group="a")
    assert picked((breakdown(frame, from_=MONDAY, to=MONDAY + WEEK)).items, "group", "quantity") == [("a", 2)]
    bad = as_floats(rows([1, 2], group="a")).with_columns(quantity=pl.Series([float("nan"), float("inf")]))
    assert breakdown(bad, from_=MONDAY, to=MONDAY + WEEK).items == ()


def test_rows_outside_of_their_period_are_left_out() -> None:
    """Half-open: the first instant is in, the last is not; the base has its own."""
    frame = rows([1, 10, 100, 1000], start=MONDAY - DAY, group="a")
    answer = breakdown(frame, from_=MONDAY, to=MONDAY + 2 * DAY, base=Base(frame, MONDAY - DAY, MONDAY))
    assert picked([answer.change], "current", "base") == [(110, 1)]


def test_amounts_are_broken_down_just_so() -> None:
    """A credit makes the total smaller, so that a share may be above one; all add up."""
    answer = week({"calls": Decimal("12.50"), "storage": Decimal("-2.50")})
    assert [item.share for item in answer.items] == [Decimal("1.25"), Decimal("-0.25")]


def test_a_total_of_zero_has_no_shares() -> None:
    """Nothing is a share of nothing."""
    assert [item.share for item in week({"a": 2, "b": -2}).items] == [None, None]


def test_every_digit_is_kept() -> None:
    """Thirty digits, where floats keep sixteen and the default context of Decimal 28."""
    large, small = Decimal("999999999999999999.000000000001"), Decimal("0.000000000003")
    answer = against({"a": large, "b": small}, {"a": small, "b": 0})
    assert answer.change.current == Decimal("999999999999999999.000000000004")
    assert answer.change.absolute == Decimal("999999999999999999.000000000001")
    assert answer.items[0].contribution == Decimal("999999999999999998.999999999998")


def test_sums_that_would_wrap_around_are_refused() -> None:
    """Five times 9e25 need more than 38 digits: polars would answer something else, floats answer about right."""
    frame = rows(["9" * 26] * 5, step=HOUR, group="a")
    with pytest.raises(ValueError, match="38 digits"):
        breakdown(frame, from_=MONDAY, to=MONDAY + WEEK)
    assert breakdown(as_floats(frame), from_=MONDAY, to=MONDAY + WEEK).change.current == Decimal("5e26")
    with pytest.raises(ValueError, match="too large"):
        breakdown(as_floats(frame).with_columns(quantity=1.7e308), from_=MONDAY, to=MONDAY + WEEK)


def test_nonsense_is_refused() -> None:
    """No period, no top, no base to be ordered against."""
    with pytest.raises(ValueError, match="empty"):
        breakdown(rows([1]), from_=MONDAY, to=MONDAY)
    with pytest.raises(ValueError, match="top"):
        week({"a": 1}, top=0)
    with pytest.raises(ValueError, match="base period"):
        week({"a": 1}, order="change")


def test_the_answer_is_json_with_numbers_as_strings() -> None:
    """The struct goes out as it is, with `from` spelled as everywhere."""
    answer = against({"a": Decimal("1.5"), "b": 1}, {"a": 1}, top=1)
    body = msgspec.json.decode(msgspec.json.encode(answer))
    assert (body["from"], body["items"][0]["quantity"], body["other"]["groups"]) == ("2025-11-03T00:00:00Z", "1.5", 1)
    assert msgspec.json.decode(msgspec.json.encode(answer), type=Breakdown) == answer


names = st.none() | st.sampled_from("abcdefgh")
exact = st.decimals(min_value=-(10**12), max_value=10**12, places=12)
row = st.tuples(names, st.integers(0, 6), st.none() | exact)
frames = st.lists(row, max_size=20)
orders: st.SearchStrategy[Order] = st.sampled_from(["quantity", "name", "change"])
tops = st.none() | st.integers(1, 9)


def made(listed: list[tuple[str | None, int, Decimal | None]], *, weeks: int = 0, factor: int = 1) -> pl.DataFrame:
    """Make a frame of rows of any groups and days."""
    parts = [
        rows([None if quantity is None else factor * quantity], start=MONDAY + weeks * WEEK + day * DAY, group=group)
        for group, day, quantity in listed
    ]
    return pl.concat(parts) if parts else pl.DataFrame(schema=SCHEMA)


def added(numbers: list[Decimal | None]) -> Decimal:
    """Add up without losing a digit."""
    whole = Decimal(0)
    for number in numbers:
        whole = EXACT.add(whole, number or Decimal(0))
    return whole


@given(frames, frames, orders, tops, st.booleans())
def test_everything_adds_up_exactly(now: Any, before: Any, order: Order, top: int | None, floats: bool) -> None:  # noqa: FBT001 (drawn)
    """Items and the rest are the total, in both periods; contributions are its change. Of decimals and floats."""
    kind = as_floats if floats else pl.DataFrame.clone
    answer = compared(kind(made(now)), kind(made(before, weeks=-1)), order=order, top=top)
    parts: list[Item | Other] = [*answer.items, *([answer.other] if answer.other else [])]
    assert added([part.quantity for part in parts]) == (answer.change.current or 0)
    assert added([part.base for part in parts]) == (answer.change.base or 0)
    if answer.change.absolute is None:
        assert {part.contribution for part in parts} <= {None}
    else:
        assert added([part.contribution for part in parts]) == answer.change.absolute
    assert len(answer.items) + (answer.other.groups if answer.other else 0) == answer.groups


@given(frames, st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_rows_does_not_matter(listed: Any, random: Any, floats: bool) -> None:  # noqa: FBT001 (drawn)
    """Shuffled rows are the same rows, also where floats are added up."""
    kind = as_floats if floats else pl.DataFrame.clone
    frame, before = kind(made(listed)), kind(made(listed[::2], weeks=-1))
    assert compared(frame, before) == compared(shuffled(frame, random), before)


@given(frames, frames, frames)
def test_a_group_does_not_see_its_neighbours(now: Any, before: Any, theirs: Any) -> None:
    """What a group has, had and changed is the same with others' rows added; shares are of another total."""
    others = pl.concat([made(theirs), made(theirs, weeks=-1)]).with_columns(
        pl.format("x{}", pl.col("start")).alias("group")
    )
    mine = (made(now), made(before, weeks=-1))
    alone = by_group(compared(*mine))
    both = by_group(compared(*(pl.concat([each, others]) for each in mine)))
    for group, item in alone.items():
        same = both[group]
        assert (same.quantity, same.base, same.percent) == (item.quantity, item.base, item.percent)
        assert item.contribution in {None, same.contribution}


@given(frames, frames, st.integers(2, 1000))
def test_another_unit_scales_quantities_and_no_fractions(now: Any, before: Any, factor: int) -> None:
    """A thousandth of the unit is a thousand times the numbers, to the last digit."""
    one = compared(made(now), made(before, weeks=-1))
    many = compared(made(now, factor=factor), made(before, weeks=-1, factor=factor))
    assert many.change.percent == one.change.percent
    for small, large in zip(one.items, many.items, strict=True):
        assert (small.group, small.share, small.percent, small.new) == (
            large.group,
            large.share,
            large.percent,
            large.new,
        )
        for name in ("quantity", "base", "contribution"):
            number = getattr(small, name)
            assert getattr(large, name) == (None if number is None else EXACT.multiply(number, Decimal(factor)))


CONTRIBUTIONS = """
    with sums as (
        select "group",
            sum(quantity) filter (start >= $middle and start < $end) as quantity,
            sum(quantity) filter (start >= $begin and start < $middle) as base
        from rows group by "group")
    select "group", quantity, base, coalesce(quantity, 0) - coalesce(base, 0) as contribution from sums
    where quantity is not null or base is not null
    order by quantity desc nulls last, "group"
"""


@needs_traces
@pytest.mark.parametrize("frame", [pytest.param(llm_tokens, id="tokens"), pytest.param(cloud_monitoring, id="cloud")])
def test_real_traces_are_made_of_what_duckdb_says(frame: Any) -> None:
    """Totals, base and contributions of every group, and the sums over all of them; to the last digit."""
    trace = frame()
    begin, end = trace["start"].min(), trace["start"].max() + timedelta(microseconds=1)
    middle = begin + (end - begin) / 2
    answer = breakdown(trace, from_=middle, to=end, base=Base(trace, begin, middle))
    told = asked(CONTRIBUTIONS, trace, begin=begin, middle=middle, end=end)
    assert [(item.group, item.quantity, item.base, item.contribution) for item in answer.items] == told
    assert answer.change.absolute == added([contribution for _, _, _, contribution in told])
    assert len(told) > 1


@needs_traces
def test_the_top_of_a_real_trace_and_the_rest() -> None:
    """Five of 31 series, and the other 26 as duckdb adds them up."""
    trace = cloud_monitoring()
    begin, end = trace["start"].min(), trace["start"].max() + timedelta(microseconds=1)  # type: ignore[operator]
    answer = breakdown(trace, from_=begin, to=end, top=5)  # type: ignore[arg-type]
    told = asked(
        'with s as (select sum(quantity) as q from rows group by "group" order by q desc offset 5)'
        " select count(*), sum(q) from s",
        trace,
    )
    assert answer.other is not None
    assert [(answer.other.groups, answer.other.quantity)] == told
