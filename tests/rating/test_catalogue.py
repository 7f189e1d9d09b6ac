"""Price files of language models, read without losing a digit or a price."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from meter.rating import catalogue
from meter.rating.catalogue import KINDS, CatalogueError, TokenPrices
from meter.rating.models import matrix
from meter.rating.price_table import read_price
from meter.rating.table import Table
from tests.rating.cast import shown
from tests.rating.price_files import NAMES, text_of


def one(fields: str, markup: str = "1") -> TokenPrices:
    """A file of one model, whose fields are JSON as written."""
    (read,) = catalogue.read(f'{{"m": {{{fields}}}}}', Decimal(markup))
    return read


def prices(read: TokenPrices) -> dict[str, str]:
    """Prices by kind as text."""
    return {kind: f"{price:f}" for kind, price in read.prices.items()}


def test_every_kind_of_token() -> None:
    """Five disjoint kinds, in one order, digits as written."""
    read = one(
        '"litellm_provider": "p", "output_cost_per_reasoning_token": 4e-06, "input_cost_per_token": 1.25e-07,'
        '"output_cost_per_token": "2e-6", "cache_read_input_token_cost": 0, "cache_creation_input_token_cost": 0.10'
    )
    assert prices(read) == {
        "input": "0.000000125",
        "output": "0.000002",
        "cache_read": "0",
        "cache_write": "0.1",
        "reasoning": "0.000004",
    }
    assert (read.provider, read.left_out) == ("p", ())


@pytest.mark.parametrize(
    ("fields", "expected", "left_out"),
    [
        # What a table can't express is named; what is no price is not.
        (
            '"input_cost_per_token": 1e-6, "input_cost_per_token_above_128k_tokens": 2e-6, "max_tokens": 10',
            {"input": "0.000001"},
            "input_cost_per_token_above_128k_tokens",
        ),
        (
            '"input_cost_per_token_batches": 5e-7, "tiered_pricing": [], "mode": "chat", "supports_vision": true',
            {},
            "input_cost_per_token_batches tiered_pricing",
        ),
        (
            '"search_context_cost_per_query": {"low": 0.01}, "provider_specific_entry": {"us": 1.1}',
            {},
            "provider_specific_entry search_context_cost_per_query",
        ),
        ('"provider_specific_entry": {"schema": "v2"}', {}, ""),
        ('"regional_processing_uplift_multiplier_eu": 1.1', {}, "regional_processing_uplift_multiplier_eu"),
        # Zero is believed of a kind beside others that are paid, and where nothing at all is paid …
        ('"input_cost_per_token": 1e-6, "output_cost_per_token": 0.0', {"input": "0.000001", "output": "0"}, ""),
        ('"input_cost_per_token": 0, "output_cost_per_token": 0', {"input": "0", "output": "0"}, ""),
        # … and not where something else is: tokens of a model that is paid by the query are not free.
        (
            '"input_cost_per_token": 0.0, "output_cost_per_token": 0, "input_cost_per_query": 0.002',
            {},
            "input_cost_per_query input_cost_per_token output_cost_per_token",
        ),
        ('"input_cost_per_token": null, "output_cost_per_image": 0.04', {}, "output_cost_per_image"),
        # An older name of the same price is that price, another one under it is named.
        (
            '"input_cost_per_token": 3e-7, "input_cost_per_token_cache_hit": 6e-9',
            {"input": "0.0000003", "cache_read": "0.000000006"},
            "",
        ),
        (
            '"cache_read_input_token_cost": 6e-9, "input_cost_per_token_cache_hit": 6.0e-9',
            {"cache_read": "0.000000006"},
            "",
        ),
        (
            '"cache_read_input_token_cost": 6e-9, "input_cost_per_token_cache_hit": 7e-9',
            {"cache_read": "0.000000006"},
            "input_cost_per_token_cache_hit",
        ),
        ("", {}, ""),
    ],
)
def test_what_is_read_and_what_is_left_out(fields: str, expected: dict[str, str], left_out: str) -> None:
    """Every price is a rate, or is named; none is silently zero."""
    read = one(fields)
    assert prices(read) == expected
    assert " ".join(read.left_out) == left_out
    assert catalogue.left_out([read]) == ({"m": read.left_out} if left_out else {})


def test_markup() -> None:
    """S3.2: half as much again, exactly."""
    assert prices(one('"input_cost_per_token": 3.3333333333e-7', "1.5")) == {"input": "0.00000049999999999500"[:-2]}


def test_a_matrix_price() -> None:
    """A rate per model and kind, per token; a float's last digits need a price by the million, which is as exact."""
    text = (
        '{"a": {"input_cost_per_token": 1e-06, "output_cost_per_token": 3.3333333333333335e-05},'
        ' "b": {"input_cost_per_token": 0}, "c": {"cost_per_second": 1}}'
    )
    table = catalogue.matrix(catalogue.read(text), meter="llm", title="Models")
    assert table == {
        "title": "Models",
        "meter": "llm",
        "unit": "token",
        "model": "matrix",
        "rates": [
            {"when": {"model": "a", "kind": "input"}, "unit_amount": "0.000001"},
            {"when": {"model": "a", "kind": "output"}, "unit_amount": "33.333333333333335", "per": 1_000_000},
            {"when": {"model": "b", "kind": "input"}, "unit_amount": "0"},
        ],
    }
    terms = read_price("t", Table("", "prices.t", table), "USD").terms
    assert isinstance(terms, matrix.Terms)
    assert shown(*[rate.terms.unit_amount / rate.terms.per for rate in terms.rates]) == shown(
        Decimal("0.000001"), Decimal("0.000033333333333333335"), Decimal(0)
    )


def test_a_price_too_fine_for_a_table_is_named() -> None:
    """Twenty-six digits after the point fit, by the million; one more is not rounded away."""
    assert prices(one('"input_cost_per_token": 1.00000000000000000001e-6')) == {"input": "0.00000100000000000000000001"}
    read = one('"input_cost_per_token": 1.000000000000000000001e-6')
    assert (read.prices, read.left_out) == ({}, ("input_cost_per_token",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "the price file is not JSON: "),
        ("[]", "the price file is not an object of models by their names"),
        ('{"m": 1}', "m: is not an object of fields"),
        ('{"m": {"input_cost_per_token": -1e-6}}', "m: input_cost_per_token: -0.000001 is no price"),
        ('{"m": {"input_cost_per_token": NaN}}', "the price file is not JSON: NaN is no number"),
        ('{"m": {"input_cost_per_token": 1e999}}', "m: input_cost_per_token: 1E+999 is no price"),
        ('{"m": {"input_cost_per_token": 1e-999}}', "m: input_cost_per_token: 1E-999 is no price"),
        ('{"m": {"input_cost_per_token": true}}', "m: input_cost_per_token: True is a bool"),
        ('{"m": {"input_cost_per_token": "free"}}', "m: input_cost_per_token: 'free' is not a number"),
    ],
)
def test_a_file_that_is_none_is_refused(text: str, said: str) -> None:
    """The model and its field are named."""
    with pytest.raises(CatalogueError) as caught:
        catalogue.read(text)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_no_price_of_a_whole_file_is_lost(name: str) -> None:
    """Thousands of models: whatever costs is a rate with the file's own digits, or named, and all rates can be sold."""
    text = text_of(name)
    file: dict[str, Any] = {
        model: fields
        for model, fields in json.loads(text, parse_float=Decimal, parse_int=Decimal).items()
        if model != "sample_spec"
    }
    read = {each.model: each for each in catalogue.read(text)}
    assert read.keys() == file.keys()
    for model, fields in file.items():
        each = read[model]
        expressed = {KINDS[kind]: price for kind, price in each.prices.items()}
        for field, value in fields.items():
            if "cost" in field and value is not None and field != "input_cost_per_token_cache_hit":
                assert (expressed.get(field) == value) != (field in each.left_out), (model, field)
    price = read_price("t", Table("", "prices.t", catalogue.matrix(read.values())), "USD")
    assert isinstance(price.terms, matrix.Terms)
    sold = {rate.when: Fraction(rate.terms.unit_amount) / Fraction(rate.terms.per) for rate in price.terms.rates}
    assert sold == {
        (("model", each.model), ("kind", kind)): Fraction(amount)
        for each in read.values()
        for kind, amount in each.prices.items()
    }
    assert len(sold) > 3000
