"""A book that takes rates from a price file: what is taken, what is left out, and what makes a version."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import pytest
from msgspec.structs import replace

from meter.rating import catalogue
from meter.rating.book import Book, attachments, parse_book
from meter.rating.models import matrix
from meter.rating.usage import Usage
from tests.rating.books import FULL, PRICES, read
from tests.rating.cast import rated, used
from tests.rating.price_files import NAMES, text_of

BOOK = """
name = "tokens"
title = "Tokens"
currency = "USD"
[plans.plan]
title = "Plan"
prices.tokens = { title = "Tokens", meter = "tokens", unit = "token", model = "matrix", catalogue = true }
[catalogue]
file = "prices.json"
as_of = 2026-11-01
"""


def book(more: str = "", prices: str = PRICES) -> Book:
    """The book above with more said of its catalogue."""
    return parse_book(BOOK + more, "tokens.toml", {"prices.json": prices})


def rates(book: Book) -> dict[str, str]:
    """Unit amounts by what they are for."""
    (price,) = book.plans["plan"].prices
    assert isinstance(price.terms, matrix.Terms)
    return {rate.label: f"{rate.terms.unit_amount:f}" for rate in price.terms.rates}


def test_every_model_at_the_files_price() -> None:
    """Without patterns and markup it is the file, to the last digit."""
    assert rates(book()) == {
        "gpt-small, input": "0.00000015",
        "gpt-small, output": "0.0000006",
        "gpt-large, input": "0.0000025",
        "gpt-large, output": "0.00001",
        "other, input": "0.000001",
    }


def test_models_by_patterns_with_a_markup() -> None:
    """In the order of the file, each half as much again."""
    chosen = book('models = ["other", "*small"]\nmarkup = "1.5"')
    assert rates(chosen) == {
        "gpt-small, input": "0.000000225",
        "gpt-small, output": "0.0000009",
        "other, input": "0.0000015",
    }
    assert chosen.catalogue is not None
    assert (chosen.catalogue.as_of, chosen.catalogue.markup) == (date(2026, 11, 1), Decimal("1.5"))
    assert chosen.catalogue.models == ("other", "*small")


def test_what_no_table_can_express_is_named() -> None:
    """Of the models that were chosen."""
    assert book().catalogue is not None
    assert book().catalogue.left_out == {  # type: ignore[union-attr]
        "gpt-large": ("input_cost_per_token_batches",),
        "painter": ("output_cost_per_image",),
    }
    assert book('models = ["gpt-small"]').catalogue.left_out == {}  # type: ignore[union-attr]


def test_usage_is_paid_by_its_model_and_kind() -> None:
    """2,000,000 tokens of input at 2.50 a million with 10 % on it; a model without a rate is an alarm."""
    plan = book('markup = "1.1"').plans["plan"]
    paid = rated(plan, labelled("gpt-large", "input", 2_000_000))
    assert str(paid.total) == "5.50"
    assert paid.unpriced == ()
    unknown = rated(plan, labelled("gpt-huge", "input", 5))
    assert [(each.meter, each.quantity) for each in unknown.unpriced] == [("tokens", Decimal(5))]


def labelled(model: str, kind: str, quantity: int) -> Usage:
    """Tokens of a kind that a model took or gave."""
    return replace(used("tokens", quantity), dimensions=(("model", model), ("kind", kind)))


def test_attachments_are_what_a_book_names() -> None:
    """None of a book without a catalogue, and of what is no book."""
    assert attachments(BOOK) == attachments(FULL) == ("prices.json",)
    assert attachments(BOOK.replace("prices.json", "../../etc/passwd")) == ()
    assert attachments('name = "x"') == attachments("catalogue = 3") == attachments("= no TOML") == ()


def test_a_version_covers_the_rates_that_were_taken() -> None:
    """Another price of a model that was chosen is another version; one of another model is none."""
    chosen = 'models = ["gpt-*"]'
    version = book(chosen).version
    models = json.loads(PRICES)
    models["other"]["input_cost_per_token"] = 9e-6
    models["gpt-large"]["max_tokens"] = 1000
    assert book(chosen, json.dumps(models)).version == version
    models["gpt-large"]["input_cost_per_token"] = 9e-6
    assert book(chosen, json.dumps(models)).version != version
    models = json.loads(PRICES)
    models["gpt-new"] = {"input_cost_per_token": 1e-6}
    assert book(chosen, json.dumps(models)).version != version
    assert book(f'{chosen}\nmarkup = "2"').version != version


def test_catalogue_false_is_as_if_it_were_not_written() -> None:
    """Rates of one's own may stand beside it."""
    own = 'catalogue = false, rates = [{ when = { model = "x" }, unit_amount = "1" }]'
    more = (
        'prices.more = { title = "M", meter = "more", unit = "token", model = "matrix", catalogue = true }\n[catalogue]'
    )
    text = BOOK.replace("catalogue = true", own).replace("[catalogue]", more)
    prices = {price.id: price.terms for price in read(text).plans["plan"].prices}
    assert isinstance(prices["tokens"], matrix.Terms)
    assert [rate.label for rate in prices["tokens"].rates] == ["x"]


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_price_file(name: str) -> None:
    """Every model with a price by the token has its rates, and what is left out is named."""
    text = text_of(name)
    taken = book(prices=text)
    known = catalogue.read(text)
    assert len(rates(taken)) == sum(len(each.prices) for each in known) > 1000
    assert taken.catalogue is not None
    assert taken.catalogue.left_out == catalogue.left_out(known)
