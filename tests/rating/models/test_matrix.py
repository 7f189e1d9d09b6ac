"""Prices by labels: the first rate that fits, what no rate is for, and one line for each."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.rating.charge import Cells
from meter.rating.invoice import lines_of
from meter.rating.models import matrix
from meter.rating.price import Price
from meter.rating.price_table import read_price
from meter.rating.split import Split
from meter.rating.table import BookError, Table
from meter.rating.usage import Usage
from tests.rating.cast import MARCH, plan_of, rated, shown

GPT4 = [
    {"when": {"provider": "openai", "model": "gpt-4", "kind": "input"}, "unit_amount": "0.01"},
    {"when": {"provider": "openai", "model": "gpt-4", "kind": "output"}, "unit_amount": "0.03"},
]
MIXED = [
    {"when": {"model": "a", "kind": "input"}, "unit_amount": "1"},
    {"when": {"kind": "input"}, "unit_amount": "2", "title": "Input of others"},
    {"when": {"model": "a"}, "unit_amount": "3", "per": 2},
    {"when": {"member": "alice"}, "unit_amount": "4"},
    {"when": {"service": "web", "meter": "n"}, "unit_amount": "5"},
    {"when": {}, "unit_amount": "6"},
]


def price_of(rates: object, **fields: object) -> Price:
    """A matrix price of these rates."""
    table = {"title": "Tokens", "meter": "m", "unit": "token", "model": "matrix", "rates": rates, **fields}
    return read_price("tokens", Table("", "prices.tokens", table), "USD")


def row(quantity: str | int | Decimal, meter: str = "m", **labels: str) -> Usage:
    """Usage with labels; ``member`` and ``service`` are its own fields."""
    member, service = labels.pop("member", None), labels.pop("service", None)
    return Usage(meter, Decimal(quantity), member, service, tuple(sorted(labels.items())))


def divided(price: Price, *rows: Usage) -> Cells:
    """The cells that rows are sorted into."""
    assert isinstance(price.terms, matrix.Terms)
    return matrix.divide(price.terms, rows, MARCH)


def test_tokens_of_a_model_by_kind() -> None:
    """om-llm-01: 100 in at 0.01 and 50 out at 0.03 are 1 and 1.5, 2.5 for 150 tokens."""
    rows = (
        row(100, provider="openai", model="gpt-4", kind="input"),
        row(50, provider="openai", model="gpt-4", kind="output"),
    )
    lines = lines_of(price_of(GPT4), rows, MARCH, "USD")
    assert [(line.description, str(line.amount)) for line in lines] == [
        ("Tokens, openai, gpt-4, input", "1.00"),
        ("Tokens, openai, gpt-4, output", "1.50"),
    ]
    assert sum(line.quantity for line in lines) == 150
    assert [line.cell for line in lines] == ["openai, gpt-4, input", "openai, gpt-4, output"]


@pytest.mark.parametrize(
    ("usage", "label", "cost"),
    [
        (row(4, model="a", kind="input"), "a, input", "4"),
        (row(4, model="a", kind="input", member="alice"), "a, input", "4"),
        (row(4, model="b", kind="input"), "Input of others", "8"),
        (row(4, model="a", kind="output"), "a", "6"),
        (row(4, model="a"), "a", "6"),
        (row(4, model="b", member="alice"), "alice", "16"),
        (row(4, meter="n", service="web"), "web, n", "20"),
        (row(4, meter="m", service="web"), "others", "24"),
        (row(4), "others", "24"),
        (row(4, member="a", kind="a"), "others", "24"),
    ],
)
def test_the_first_rate_that_fits(usage: Usage, label: str, cost: str) -> None:
    """In the order written, by any labels; member, service and meter are labels too, and an empty one fits all."""
    price = price_of(MIXED, counts={"m": 1, "n": 1})
    (cell,) = divided(price, usage).cells
    assert cell.label == label
    (line,) = lines_of(price, (usage,), MARCH, "USD")
    assert line.exact == Decimal(cost)


def test_what_no_rate_is_for_is_unpriced() -> None:
    """Never zero: it is told beside the lines, and the rest is billed."""
    rates = "[{ when = { model = 'a' }, unit_amount = '2' }]"
    plan = plan_of(f'prices.t = {{ title = "T", meter = "m", unit = "token", model = "matrix", rates = {rates} }}')
    result = rated(plan, row(3, model="a"), row(5, model="b"), row(7))
    assert [(line.cell, str(line.amount)) for line in result.lines] == [("a", "6.00")]
    assert [(each.meter, str(each.quantity)) for each in result.unpriced] == [("m", "12")]
    nothing = rated(plan, row(5, model="b"))
    assert not nothing.lines
    assert [str(each.quantity) for each in nothing.unpriced] == ["5"]


def test_a_minimum_is_owed_by_all_cells_together() -> None:
    """Bounds are of the price: one minimum, also where nothing was used or nothing has a rate."""
    price = price_of(GPT4, minimum="2")
    used = row(100, provider="openai", model="gpt-4", kind="input")
    assert [str(line.amount) for line in lines_of(price, (used,), MARCH, "USD")] == ["1.00", "1.00"]
    for rows in ((), (row(9),)):
        assert [str(line.amount) for line in lines_of(price, rows, MARCH, "USD")] == ["2.00"]


def test_a_maximum_and_free_units_are_of_all_cells() -> None:
    """Cells use up what is free, and the room below the maximum, in the order of the rates."""
    rows = (
        row(100, provider="openai", model="gpt-4", kind="output"),
        row(100, provider="openai", model="gpt-4", kind="input"),
    )
    free = lines_of(price_of(GPT4, included=150), rows, MARCH, "USD")
    assert [shown(line.included, line.amount) for line in free] == [("100", "0.00"), ("50", "1.50")]
    capped = lines_of(price_of(GPT4, maximum="3"), rows, MARCH, "USD")
    assert [str(line.amount) for line in capped] == ["1.00", "2.00"]


def test_a_cell_that_comes_later_in_the_period() -> None:
    """Lines of parts are matched by their label: what was not used before owes all of it, the other its difference."""
    price = price_of(GPT4)
    labels = {"provider": "openai", "model": "gpt-4"}
    first = row("0.5", **labels, kind="input")
    rest = (
        Usage("m", Decimal("0.5"), dimensions=first.dimensions, before=Decimal("0.5")),
        row(100, **labels, kind="output"),
    )
    assert [str(line.amount) for line in lines_of(price, (first,), MARCH, "USD", Split(last=False))] == ["0.01"]
    lines = lines_of(price, rest, MARCH, "USD", Split(first=False))
    assert [(line.cell, str(line.amount)) for line in lines] == [
        ("openai, gpt-4, input", "0.00"),
        ("openai, gpt-4, output", "3.00"),
    ]


@pytest.mark.parametrize(
    ("rates", "said"),
    [
        (None, "rates: is not a list of tables; write rates = [{ … }, …]"),
        ([], "rates: is not a list of tables"),
        ([{"unit_amount": "1"}], "[prices.tokens.rates[1]] when: is missing; write when = { model = "),
        ([{"when": {"model": "a"}}], "[prices.tokens.rates[1]] unit_amount: is missing"),
        ([{"when": {"model": 4}, "unit_amount": "1"}], "[prices.tokens.rates[1].when] model: 4 is not a text; write"),
        ([{"when": "gpt-4", "unit_amount": "1"}], "when: 'gpt-4' is not a table; write when = { … }"),
        ([{"when": {}, "unit_amount": "1", "unit": "x"}], "unit: unknown field; known here"),
        ([*GPT4, GPT4[0]], "two rates are called 'openai, gpt-4, input'; write title"),
        (
            [{"when": {"model": "a"}, "unit_amount": "1"}, {"when": {"service": "a"}, "unit_amount": "1"}],
            "[prices.tokens.rates[2]] title: two rates are called 'a'; write title",
        ),
        (
            [{"when": {"model": "a"}, "unit_amount": "1"}, {"when": {"kind": "b", "model": "a"}, "unit_amount": "1"}],
            "[prices.tokens.rates[2]] when: never counts, as the rate 'a' before it fits the same usage; write the",
        ),
        (
            [{"when": {}, "unit_amount": "1", "title": "All"}, {"when": {"model": "a"}, "unit_amount": "1"}],
            "never counts, as the rate 'All' before it fits the same usage",
        ),
        (
            [{"when": {f"name{at}": "a"}, "unit_amount": "1", "title": str(at)} for at in range(17)],
            "when: is the 17th set of names; write rates by at most 16 sets",
        ),
    ],
)
def test_mistakes_say_what_to_write(rates: Any, said: str) -> None:
    """Each mistake names the rate and its field, and what to write instead."""
    with pytest.raises(BookError) as caught:
        price_of(rates)
    assert said in str(caught.value)


def test_a_peak_has_no_labels() -> None:
    """A level of the whole team can't be told apart by them."""
    with pytest.raises(BookError, match="measure: a peak has no labels to go by; leave it out"):
        price_of(GPT4, measure="peak")


quantities = st.decimals(0, 10**18, places=12)
few = st.sampled_from(["a", "b", "c"])
labelled = st.builds(
    lambda quantity, labels, member: Usage("m", quantity, member, dimensions=tuple(sorted(labels.items()))),
    quantities,
    st.dictionaries(st.sampled_from(["model", "kind"]), few),
    st.none() | few,
)
written = st.lists(
    st.tuples(st.dictionaries(st.sampled_from(["model", "kind", "member"]), few), st.decimals(0, 9, places=12)),
    min_size=1,
    max_size=6,
)


def fits(usage: Usage, when: dict[str, str]) -> bool:
    """Whether all labels are as written, one by one."""
    return all((dict(usage.dimensions) | {"member": usage.member}).get(name) == value for name, value in when.items())


@given(written, st.lists(labelled, max_size=8), st.randoms())
def test_each_row_pays_the_first_rate_that_fits(
    rates: list[tuple[dict[str, str], Decimal]], rows: list[Usage], random: Any
) -> None:
    """Against a look at each rate in turn: the sum is exact, nothing is lost, and the order of rows is no matter."""
    reached: list[tuple[dict[str, str], Decimal]] = []
    for when, amount in rates:
        if not any(other.items() <= when.items() for other, _ in reached):
            reached.append((when, amount))
    price = price_of(
        [{"when": when, "unit_amount": str(amount), "title": str(at)} for at, (when, amount) in enumerate(reached)]
    )
    found = [next((amount for when, amount in reached if fits(each, when)), None) for each in rows]
    owed = sum(
        (Fraction(each.quantity) * Fraction(amount) for each, amount in zip(rows, found, strict=True) if amount),
        Fraction(0),
    )
    lines = lines_of(price, tuple(rows), MARCH, "USD")
    assert sum((Fraction(line.exact) for line in lines), Fraction(0)) == owed
    unpriced = divided(price, *rows).unpriced
    assert list(unpriced) == [each for each, amount in zip(rows, found, strict=True) if amount is None]
    shuffled = rows[:]
    random.shuffle(shuffled)
    assert lines_of(price, tuple(shuffled), MARCH, "USD") == lines
