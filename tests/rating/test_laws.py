"""What holds for every pricing model, whatever is used: parts of a period add up, order and names do not matter."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from meter.rating.charge import total
from meter.rating.invoice import lines_of
from meter.rating.line import Line
from meter.rating.models import DIVIDED, MODELS
from meter.rating.price import Price
from meter.rating.split import WHOLE, Split
from meter.rating.usage import Usage
from tests.rating.cast import MARCH
from tests.rating.examples import BY_EVENT, EXAMPLES, FALLING, at, labels, price_of, quantities, usages

each_model = pytest.mark.parametrize("model", EXAMPLES)
tried = settings(max_examples=40)  # of each model, and there are many
money = st.integers(1, 10**6).map(lambda cents: str(Decimal(cents).scaleb(-2)))


def bounds(model: str) -> st.SearchStrategy[dict[str, Any]]:
    """Fields that any price of a model may have besides its own."""
    fields: dict[str, st.SearchStrategy[Any]] = {
        "discount": st.sampled_from([0, "12.5", 100]),
        "maximum": st.sampled_from(["500", "1.01"]),
        "minimum": st.sampled_from(["0.99", "1"]),
    }
    if model not in BY_EVENT | {"flat", "seats"}:
        fields["included"] = st.sampled_from([0, 7, "100000.5"])
        fields["conversion"] = st.sampled_from(
            [
                {"operation": "divide", "factor": 1000, "rounding": "ceiling"},
                {"operation": "multiply", "factor": "0.25", "rounding": "half_up"},
                {"operation": "divide", "factor": 3},
            ]
        )
    return st.fixed_dictionaries({}, optional=fields)


def rate(price: Price, usage: list[Usage], split: Split = WHOLE) -> tuple[Line, ...]:
    """The lines of March, in dollars."""
    return lines_of(price, tuple(usage), MARCH, "USD", split)


def amounts(lines: tuple[Line, ...]) -> tuple[Decimal, Decimal]:
    """Rounded and exact sums of some lines."""
    return total(line.amount for line in lines), total(line.exact for line in lines)


def test_every_model_has_its_example() -> None:
    """A new model is tried on every law, or this fails."""
    assert set(EXAMPLES) == {model.NAME for model in MODELS}
    assert set(DIVIDED) <= set(EXAMPLES)


@each_model
@tried
@given(st.data())
def test_parts_of_a_period_add_up_to_the_whole(model: str, data: st.DataObject) -> None:
    """Billed in one or in three parts, cut anywhere: the same sum to the cent, before rounding to the last digit."""
    price, usage = price_of(model, **data.draw(bounds(model))), data.draw(usages())
    first, last = sorted(data.draw(st.tuples(*[st.integers(0, len(usage))] * 2)))
    parts = [usage[:first], usage[first:last], usage[last:]]
    lines: tuple[Line, ...] = ()
    billed: dict[str, Decimal] = {}
    for number, part in enumerate(parts):
        before = usage[: sum(map(len, parts[:number]))]
        earlier = [replace(row, quantity=Decimal(0), before=row.quantity) for row in before]
        split = Split(first=number == 0, last=number == len(parts) - 1, billed=billed)
        some = rate(price, [*earlier, *part], split)
        billed = {price.id: billed.get(price.id, Decimal(0)) + total(line.amount for line in some)}
        lines += some
    assert amounts(lines) == amounts(rate(price, usage))


@each_model
@tried
@given(st.data())
def test_a_row_may_be_cut_in_two_by_a_part(model: str, data: st.DataObject) -> None:
    """What a row used before and what it uses now are the row, for models that do not look at single events."""
    if model in BY_EVENT:
        return
    price, usage = price_of(model, **data.draw(bounds(model))), data.draw(usages())
    cut = [(row, data.draw(st.decimals(0, row.quantity, places=6))) for row in usage]
    halves = [replace(row, quantity=before) for row, before in cut]
    rest = [replace(row, quantity=row.quantity - before, before=before) for row, before in cut]
    lines = rate(price, halves, Split(last=False)) + rate(price, rest, Split(first=False))
    assert amounts(lines) == amounts(rate(price, usage))


@each_model
@tried
@given(st.data(), st.randoms())
def test_the_order_of_rows_does_not_matter(model: str, data: st.DataObject, random: Any) -> None:
    """Shuffled usage gives the same lines to the last byte."""
    price, usage = price_of(model, **data.draw(bounds(model))), data.draw(usages())
    shuffled = usage[:]
    random.shuffle(shuffled)
    assert msgspec.json.encode(rate(price, shuffled)) == msgspec.json.encode(rate(price, usage))


@each_model
@tried
@given(st.data())
def test_whose_it_is_does_not_matter(model: str, data: st.DataObject) -> None:
    """Names decide the shares and nothing else; shares add up to their line."""
    price, usage = price_of(model, **data.draw(bounds(model))), data.draw(usages())
    lines = rate(price, usage)
    assert amounts(lines) == amounts(rate(price, [replace(row, member=None) for row in usage]))
    assert all(total(part.amount for part in line.members) == line.amount for line in lines)
    assert all(line.amount == line.gross - total(each.amount for each in line.discounts) for line in lines)


@each_model
@tried
@given(st.data())
def test_merging_rows_does_not_matter(model: str, data: st.DataObject) -> None:
    """Two rows of the same labels and moment are one, for models that do not look at single events."""
    if model in BY_EVENT:
        return
    price, usage = price_of(model, **data.draw(bounds(model))), data.draw(usages())
    apart = [replace(row, quantity=row.quantity / 2) for row in usage for _ in range(2)]
    whole = [replace(row, quantity=row.quantity / 2 * 2) for row in usage]
    assert amounts(rate(price, apart)) == amounts(rate(price, whole))


@each_model
@tried
@given(st.data(), quantities, labels)
def test_nothing_is_negative_and_more_never_costs_less(
    model: str, data: st.DataObject, more: Decimal, label: tuple[tuple[str, str], ...]
) -> None:
    """One more row at the period's end adds to the sum or leaves it, but where each unit gets cheaper with many."""
    price, usage = price_of(model, **data.draw(bounds(model))), data.draw(usages())
    before = rate(price, usage)
    after = rate(price, [*usage, Usage("m", more, None, None, label, at=at(31 * 1440 - 1), events=1)])
    assert all(line.amount >= 0 and line.exact >= 0 for line in (*before, *after))
    if model not in FALLING:
        assert amounts(after)[1] >= amounts(before)[1]
        assert amounts(after)[0] >= amounts(before)[0] - len(after) * Decimal("0.01") * (len(after) > 1)
