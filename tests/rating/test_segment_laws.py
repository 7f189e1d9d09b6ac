"""What holds for every model when a period is cut: what changes nothing changes nothing, no time is paid twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from meter.rating.charge import total
from meter.rating.invoice import lines_of, rate
from meter.rating.line import Line
from meter.rating.models import LEVELS
from meter.rating.money import exact
from meter.rating.periods import Period, month_period
from meter.rating.plan import Plan
from meter.rating.price import Price
from meter.rating.segments import Segment, rate_period
from meter.rating.usage import Usage
from tests.rating.cast import MARCH, demo_plan
from tests.rating.examples import at, price_of, usages
from tests.rating.test_laws import amounts, bounds, each_model

tried = settings(max_examples=30)  # of each model, and there are many
MINUTES = 31 * 1440
LATE = frozenset({"volume"})  # owed for all of a run when it ends
edges = st.lists(st.integers(1, MINUTES - 1), unique=True, max_size=4).map(sorted)
INVENTED = demo_plan("calls/free")


def plan_of(*prices: Price, name: str = "plan") -> Plan:
    """A plan of these prices alone."""
    return replace(INVENTED, name=name, prices=prices, unbilled=("m",) if not any(p.counts for p in prices) else ())


def cut(plans: Sequence[Plan], minutes: Sequence[int], usage: Sequence[Usage], period: Period = MARCH) -> list[Segment]:
    """Segments that meet at these minutes, each with a plan in turn and what was used in it."""
    found = []
    for number, (start, end) in enumerate(pairwise([period.start, *(at(minute) for minute in minutes), period.end])):
        own = tuple(row for row in usage if start <= when(row) < end)
        found.append(Segment(start=start, end=end, plan=plans[number % len(plans)], usage=own))
    return found


def when(row: Usage) -> datetime:
    """When a row was used."""
    assert row.at is not None
    return row.at


def plain(lines: Sequence[Line]) -> bytes:
    """Lines without what only segments say of them."""
    return msgspec.json.encode([replace(line, start=None, end=None, plan="", price_version="") for line in lines])


@each_model
@tried
@given(st.data(), edges, usages())
def test_a_cut_that_changes_nothing_changes_nothing(
    model: str, data: st.DataObject, minutes: list[int], usage: list[Usage]
) -> None:
    """The same plan in every segment: the invoice of the undivided period, byte for byte."""
    fields = data.draw(bounds(model))
    if model not in LEVELS:  # a book has none of these: a bill does not know when a level changed
        fields["prorate"] = data.draw(st.sampled_from(["never", "time", "days"]))
    plan = plan_of(price_of(model, **fields))
    whole = rate(plan, usage, MARCH, "USD")
    found = rate_period(cut([plan], minutes, usage), MARCH, "USD")
    assert plain(found.lines) == plain(whole.lines)
    assert replace(found, lines=()) == replace(whole, lines=())


@each_model
@tried
@given(st.data(), edges, usages())
def test_each_segment_owes_what_its_own_prices_say_of_what_it_adds(
    model: str, data: st.DataObject, minutes: list[int], usage: list[Usage]
) -> None:
    """Two versions in turn: so much as by its prices until the segment's end, less by the same until its beginning."""
    if model == "flat":
        return
    one, two = (price_of(model, **_without_bounds(data.draw(bounds(model)))) for _ in range(2))
    segments = cut([plan_of(one), plan_of(replace(two, title="two"))], minutes, usage)
    found = rate_period(segments, MARCH, "USD")
    assert total(line.exact for line in found.lines) == _by_hand(model, segments)
    assert total(line.amount for line in found.lines) == found.total
    assert all(total(part.amount for part in line.members) == line.amount for line in found.lines)


@each_model
@tried
@given(st.data(), edges, usages())
def test_equal_prices_of_several_plans_add_up_to_the_undivided(
    model: str, data: st.DataObject, minutes: list[int], usage: list[Usage]
) -> None:
    """A line for each, and together what one plan would owe: to the cent, and before rounding to the last digit."""
    if model == "flat":
        return
    price = price_of(model, **data.draw(bounds(model)))
    whole = rate(plan_of(price), usage, MARCH, "USD")
    found = rate_period(cut([plan_of(price, name=name) for name in "abc"], minutes, usage), MARCH, "USD")
    assert (found.total, found.exact) == (whole.total, whole.exact)
    assert amounts(found.lines) == (whole.total, whole.exact)


@each_model
@tried
@given(st.data(), edges, usages())
def test_bounds_hold_for_the_whole_of_a_run(
    model: str, data: st.DataObject, minutes: list[int], usage: list[Usage]
) -> None:
    """Two prices in turn with one maximum and minimum: never more, never less, and never money back."""
    if model == "flat":
        return
    fields = ({**data.draw(bounds(model)), "minimum": "20", "maximum": "500"} for _ in range(2))
    plans = [plan_of(price_of(model, **each), name=name) for name, each in zip("ab", fields, strict=True)]
    segments = cut(plans, minutes, usage)
    found = rate_period(segments, MARCH, "USD")
    assert 20 <= found.exact <= 500
    so_far = [total(line.exact for line in found.lines if line.end == each.end) for each in segments]
    assert min(so_far) >= 0


def _without_bounds(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in {"minimum", "maximum"}}


@exact()
def _by_hand(model: str, segments: Sequence[Segment]) -> Decimal:
    """Differences, written a second time: a volume is owed once, by the last prices."""
    if model in LATE:
        everything = tuple(row for each in segments for row in each.usage)
        return amounts(lines_of(segments[-1].plan.prices[0], everything, MARCH, "USD"))[1]
    owed, before = Decimal(0), tuple[Usage, ...]()
    for each in segments:
        price, after = each.plan.prices[0], (*before, *each.usage)
        owed += amounts(lines_of(price, after, MARCH, "USD"))[1] - amounts(lines_of(price, before, MARCH, "USD"))[1]
        # a first tier's flat fee is owed without usage, so it is the first segment's and nobody's later
        if each is segments[0]:
            owed += amounts(lines_of(price, (), MARCH, "USD"))[1]
        before = after
    return owed


@tried
@given(st.data(), edges, st.sampled_from(["Europe/Paris", "Pacific/Apia", "Asia/Kathmandu", "America/St_Johns"]))
@pytest.mark.parametrize("rule", ["time", "days"])
def test_fees_are_for_all_of_the_time_and_no_time_twice(
    rule: str, data: st.DataObject, minutes: list[int], zone: str
) -> None:
    """Plans with equal fees in turn, cut anywhere: together one fee, to the last digit; with a gap never more."""
    days = data.draw(st.integers(0, 16 * 365))
    period = month_period(datetime(2011, 1, 5, tzinfo=UTC) + timedelta(days=days), zone)
    fee = price_of("flat", unit_amount="31000000", prorate=rule)
    plans = [plan_of(replace(fee, title=title), name=title) for title in ("a", "b", "c")]
    span = (period.end - period.start) // timedelta(microseconds=1)
    bounds_ = [period.start + timedelta(microseconds=span * minute // MINUTES) for minute in minutes]
    segments = [
        Segment(start=start, end=end, plan=plans[n % 3], usage=())
        for n, (start, end) in enumerate(pairwise([period.start, *bounds_, period.end]))
    ]
    found = rate_period(segments, period, "USD")
    assert abs(found.exact - 31_000_000) < Decimal("1e-9")
    kept = [each for each in segments if data.draw(st.booleans())]
    if kept:
        assert rate_period(kept, period, "USD").exact <= found.exact + Decimal("1e-9")


@tried
@given(edges, usages(), st.randoms())
def test_the_order_of_usage_does_not_matter(minutes: list[int], usage: list[Usage], random: Any) -> None:
    """Shuffled within each segment: the same invoice."""
    plans = [plan_of(price_of(model)) for model in ("graduated", "matrix", "package")]
    segments = cut(plans, minutes, usage)
    found = rate_period(segments, MARCH, "USD")
    shuffled = [replace(each, usage=tuple(random.sample(each.usage, len(each.usage)))) for each in segments]
    assert msgspec.json.encode(rate_period(shuffled, MARCH, "USD")) == msgspec.json.encode(found)


@settings(max_examples=60)
@given(st.data(), edges, usages())
def test_every_row_is_billed_or_unpriced_once(data: st.DataObject, minutes: list[int], usage: list[Usage]) -> None:
    """Plans that price the meter and plans that don't: lines and what has no price are together what was used."""
    priced = [plan_of(price_of(model)) for model in ("per_unit", "graduated", "volume")]
    plans = data.draw(st.permutations([*priced, replace(INVENTED, prices=(), unbilled=())]))
    found = rate_period(cut(plans, minutes, usage), MARCH, "USD")
    told = total(line.quantity for line in found.lines) + total(each.quantity for each in found.unpriced)
    assert told == total(row.quantity for row in usage)
