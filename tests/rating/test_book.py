"""Price books: what they say, and what is answered to each kind of mistake."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

import sql
from meter.rating.book import DEMO_BOOKS, demo_books, load_book, parse_book
from meter.rating.table import BookError
from tests.rating.cast import BOOK, demo, per_unit, plan_of, shown

CALLS = 'title = "Calls", meter = "requests", unit = "request"'
PRICE = f'prices.calls = {{ {CALLS}, unit_amount = "0.01"'
SCHEMA = Path(sql.__file__).parent / "schema"


def test_a_book_is_read_whole() -> None:
    """Defaults are those the documentation names."""
    plan = plan_of(PRICE + " }")
    assert (plan.name, plan.title, plan.book, plan.currency) == ("plan", "Plan", "test", "USD")
    assert shown(plan.base_fee, plan.interval, plan.over_quota, plan.trial) == ("0", "month", "bill", "False")
    (price,) = plan.prices
    assert shown(price.id, price.model, price.unit_amount, price.per) == ("calls", "per_unit", "0.01", "1")
    assert (price.counts, price.measure) == ((("requests", Decimal(1)),), "total")
    assert shown(price.included, price.minimum_per_service) == ("0", "None")


def test_charges_begin_with_the_base_fee() -> None:
    """A base fee is the first charge, and no charge when it is zero."""
    plan = plan_of('base_fee = "29.99"\n' + PRICE + " }")
    assert [(price.id, price.unit_amount) for price in plan.charges] == [
        ("base_fee", Decimal("29.99")),
        ("calls", Decimal("0.01")),
    ]
    assert plan_of(PRICE + " }").charges == plan_of(PRICE + " }").prices


def test_a_flat_price_is_a_fee_of_its_own() -> None:
    """An add-on without a meter uses the same model as the base fee."""
    (price,) = plan_of('prices.support = { title = "Support", model = "flat", unit_amount = "5" }').prices
    assert shown(price.counts, price.unit_amount, price.unit) == ("()", "5", "month")


def test_measures_are_what_the_caller_must_bring() -> None:
    """The tiers need two peaks, pay-as-you-go none."""
    assert demo("cloud", "basic").needs.measures == (("cpu", "peak"), ("memory", "peak"))
    assert demo("cloud", "payg").needs.measures == ()


MISTAKES = [
    ("x", "syntax: Expected '=' after a key"),
    (
        "base_fee = 29.99",
        '[plans.plan] base_fee: 29.99 is not quoted; money is text in a book, write base_fee = "29.99"',
    ),
    ('base_fee = "-1"', "[plans.plan] base_fee: -1 is not allowed; write a number from zero"),
    ('base_fee = "NaN"', "[plans.plan] base_fee: 'NaN' is not an amount; 'NaN' is not a number"),
    ('base_fe = "1"', "[plans.plan] base_fe: unknown field; did you mean base_fee?"),
    ('colour = "red"', "[plans.plan] colour: unknown field; known here: base_fee, billed, charge, commitment"),
    ('interval = "week"', "interval: 'week' is unknown; write one of month"),
    ('over_quota = "stop"', "over_quota: 'stop' is unknown; write one of bill, block"),
    ("over_quota = 1", "over_quota: 1 is not a text"),
    ('trial = "yes"', "trial: 'yes' is neither true nor false; write trial = true"),
    ('unbilled = "cpu"', "unbilled: 'cpu' is not a list of names"),
    ("unbilled = [1]", "unbilled: [1] is not a list of names"),
    (
        'unbilled = ["requests"]\n' + PRICE + " }",
        "prices: calls prices requests, which is unbilled; keep one of the two",
    ),
    (
        PRICE + " }\nprices.two = { " + CALLS + ', unit_amount = "1" }',
        "prices: calls and two both price requests; keep",
    ),
    (
        PRICE + ', counts = { cpu = "0" } }',
        "[plans.plan.prices.calls.counts] cpu: 0 is not allowed; write a number above",
    ),
    (PRICE + ", counts = 1 }", "counts: 1 is not a table"),
    ("prices.x = 3", "[plans.plan.prices.x]: 3 is not a table; write { … } or a [table]"),
    ("prices = 3", "[plans.plan] prices: 3 is not a table"),
    ('prices."A b" = {}', "prices: 'A b' is not a name; write lower-case letters"),
    ('prices.base_fee = { model = "flat" }', "[plans.plan.prices.base_fee]: base_fee is a field of the plan"),
    (
        "prices.calls = { " + CALLS + " }",
        '[plans.plan.prices.calls] unit_amount: is missing; write unit_amount = "0.05"',
    ),
    ('prices.calls = { title = "x", unit_amount = "1", unit = "u" }', "[plans.plan.prices.calls] meter: is missing"),
    ('prices.calls = { title = "", unit_amount = "1" }', "meter: is missing"),
    ('prices.calls = { title = " ", meter = "m", unit_amount = "1" }', "title: ' ' is not a text"),
    (PRICE + ', model = "tiers" }', "model: 'tiers' is unknown; write one of flat, per_unit"),
    (PRICE + ', measure = "median" }', "measure: 'median' is unknown; write one of total, peak"),
    (PRICE + ", per = 0 }", "per: 0 is not allowed; write a number above zero"),
    (PRICE + ", included = -1 }", "included: -1 is not allowed; write a number from zero"),
    (PRICE + ', included = "lots" }', "included: 'lots' is not an amount; 'lots' is not a number"),
    (PRICE + ", included = true }", "included: True is not an amount; True is a bool"),
    (PRICE + ', included = "unlimited" }', "[plans.plan.prices.calls] unit_amount: is of no use, as included"),
    (
        PRICE + ', minimum_per_service = "0.005" }',
        'minimum_per_service: 0.005 is not a multiple of 0.01; write "0.01" or more',
    ),
    (PRICE + ', minimum_per_service = "0" }', "minimum_per_service: 0 is not a multiple of 0.01"),
    (PRICE + ', minimum_per_service = "1", measure = "peak" }', "minimum_per_service: a peak belongs to no service"),
    (PRICE + ', counts = { cpu = 1, memory = 1 }, measure = "peak" }', "counts: peaks of several meters do not add up"),
    (
        'prices.s = { title = "S", meter = "s", unit = "seat", model = "seats", unit_amount = "1", prorate = "days" }',
        "[plans.plan.prices.s] prorate: a bill does not know when a level changed; leave it out",
    ),
    (
        'prices.s = { title = "S", model = "flat", unit_amount = "1", meter = "cpu" }',
        "[plans.plan.prices.s] meter: unknown field",
    ),
]


@pytest.mark.parametrize(("body", "message"), MISTAKES)
def test_every_mistake_says_where_and_what_to_write(body: str, message: str) -> None:
    """The message holds the file, the table, the field, the problem and the remedy."""
    with pytest.raises(BookError) as caught:
        plan_of(body)
    assert str(caught.value).startswith(f"test.toml:{caught.value.line}: ")
    assert message in str(caught.value)
    assert caught.value.file == "test.toml"
    assert caught.value.problem
    assert caught.value.instead


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "name: is missing"),
        ('name = "b"', "title: is missing"),
        ('name = "b"\ntitle = "B"\ncurrency = "usd"', "currency: unknown currency; 'usd' is not a currency"),
        ('name = "b"\ntitle = "B"\ncurrency = "USD"', "plans: there is none; write a table [plans.free]"),
        ('name = "b"\ntitle = "B"\ncurrency = "USD"\nplan = 1\n[plans.x]\ntitle = "X"', "did you mean plans?"),
        ('name = "b"\ntitle = "B"\ncurrency = "USD"\nplans = 1', "plans: 1 is not a table"),
        ('name = "b"\ntitle = "B"\ncurrency = "USD"\n[plans.x]', "[plans.x] title: is missing"),
    ],
)
def test_mistakes_at_the_top_of_a_book(text: str, message: str) -> None:
    """A book without name, currency or plans is refused."""
    with pytest.raises(BookError) as caught:
        parse_book(text, "b.toml")
    assert message in str(caught.value)


def test_a_minimum_follows_the_currency() -> None:
    """A yen book cannot charge part of a yen."""
    with pytest.raises(BookError, match="is not a multiple of 1; write"):
        plan_of(PRICE + ', minimum_per_service = "0.5" }', "JPY")


def test_unknown_books_are_refused() -> None:
    """Only listed books are looked up, so that a name is never a path."""
    with pytest.raises(BookError, match="choose one of calls, cloud, credits"):
        load_book("../books/calls")


def test_the_version_follows_the_content() -> None:
    """Comments and layout do not make a version; any value does, and so does the order of prices."""
    text = BOOK.format(currency="USD", body=PRICE + " }")
    same = parse_book("# a comment\n" + text.replace(" = ", "="), "other.toml")
    other = parse_book(text.replace("0.01", "0.02"), "test.toml")
    assert parse_book(text, "test.toml").version == same.version != other.version
    assert re.fullmatch("[0-9a-f]{12}", same.version)
    fee = 'prices.fee = { title = "F", model = "flat", unit_amount = "1" }'
    first, second = plan_of(f"{PRICE} }}\n{fee}"), plan_of(f"{fee}\n{PRICE} }}")
    assert first.book_version != second.book_version
    assert same.plans["plan"].book_version == same.version


def test_demo_books_are_three_and_apart() -> None:
    """The sources' tiers of the same names live in different books."""
    books = demo_books()
    assert tuple(book.name for book in books) == DEMO_BOOKS == ("calls", "cloud", "credits")
    assert {book.name: tuple(book.plans) for book in books} == {
        "calls": ("free", "pro", "enterprise"),
        "cloud": ("payg", "basic", "professional", "enterprise"),
        "credits": ("payg", "prepaid", "trial", "starter", "professional", "enterprise"),
    }
    assert len({book.version for book in books}) == 3


@pytest.mark.parametrize(
    ("book", "plan", "price", "fee", "unit_amount", "per", "included"),
    [
        ("calls", "free", "requests", "0", "0.01", "1", "1000"),
        ("calls", "pro", "requests", "49", "0.01", "1", "50000"),
        ("calls", "free", "documents", "0", "0.01", "1", "0"),
        ("calls", "enterprise", "requests", "499", "0", "1", None),
        ("cloud", "payg", "cpu", "0", "0.05", "1", "744"),
        ("cloud", "payg", "memory", "0", "0.02", "1", "1488"),
        ("cloud", "payg", "storage", "0", "0.10", "1", "10"),
        ("cloud", "payg", "network", "0", "0.01", "1", "0"),
        ("cloud", "payg", "requests", "0", "0.01", "1000", "10000"),
        ("cloud", "payg", "compute", "0", "0.0001", "1", "0"),
        ("cloud", "basic", "cpu_peak", "29.99", "0.10", "1", "2"),
        ("cloud", "basic", "memory_peak", "29.99", "0.05", "1", "4"),
        ("cloud", "professional", "cpu_peak", "99.99", "0.10", "1", "8"),
        ("cloud", "professional", "memory_peak", "99.99", "0.05", "1", "16"),
        ("cloud", "enterprise", "cpu", "299.99", "0", "1", None),
        ("credits", "payg", "tokens_input", "0", "0.015", "1000", "0"),
        ("credits", "payg", "tokens_output", "0", "0.045", "1000", "0"),
        ("credits", "trial", "credits", "0", "2.00", "1000", "500"),
        ("credits", "starter", "credits", "19", "2.00", "1000", "500"),
        ("credits", "professional", "credits", "49", "2.00", "1000", "500"),
        ("credits", "enterprise", "credits", "99", "2.00", "1000", "500"),
    ],
)
def test_demo_prices_are_the_sources_own(
    book: str, plan: str, price: str, fee: str, unit_amount: str, per: str, included: str | None
) -> None:
    """The numbers of S1.3, S2.4 to S2.7, S3.2 and S4.1."""
    found = next(p for p in demo(book, plan).prices if p.id == price)
    assert demo(book, plan).base_fee == Decimal(fee)
    assert (found.unit_amount, found.per) == (Decimal(unit_amount), Decimal(per))
    assert found.included == (None if included is None else Decimal(included))


@pytest.mark.parametrize("book", demo_books(), ids=lambda book: str(book.name))
def test_demo_books_agree_with_the_meter_catalogue(book: msgspec.Struct) -> None:
    """Each priced or unbilled meter exists, and a price by the total is in the catalogue's unit."""
    schema = "".join(path.read_text() for path in SCHEMA.glob("*meters.sql"))
    catalogue = dict(re.findall(r"\('([a-z_.]+)', '[^']+', '([^']+)', '", schema))
    for plan in load_book(book.name).plans.values():  # type: ignore[attr-defined]
        for price in plan.prices:
            assert {meter for meter, _ in price.counts} <= set(catalogue)
            if price.measure == "total" and len(price.counts) == 1:
                assert price.unit == catalogue[price.meter]
        assert set(plan.unbilled) <= set(catalogue)


def test_only_analytics_meters_are_never_priced() -> None:
    """What was used of an allocation is looked at and not sold."""
    for book in demo_books():
        for plan in book.plans.values():
            assert {"cpu.used", "memory.used", "response_time"} <= set(plan.unbilled)


def test_books_are_immutable_and_serialisable() -> None:
    """A price cannot be changed in memory, and its JSON carries amounts as text."""
    price = per_unit().prices[0]
    with pytest.raises(AttributeError):
        price.title = "x"  # type: ignore[misc]
    assert msgspec.to_builtins(price)["terms"] == {"unit_amount": "1", "per": "1"}
