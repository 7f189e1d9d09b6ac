"""Token costs by the catalogue and the matrix model equal litellm's own calculator, from the same price file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

from meter.rating import catalogue
from meter.rating.catalogue import KINDS, TokenPrices
from meter.rating.invoice import lines_of
from meter.rating.price_table import read_price
from meter.rating.table import Table
from meter.rating.usage import Usage
from tests.rating.cast import MARCH
from tests.rating.price_files import NAMES, text_of

CLOSE = Decimal("1e-9")
PROMPT = ("input", "cache_read", "cache_write")
COMPLETION = ("output", "reasoning")
BY_TOKEN = {"chat", "completion", "responses", "embedding"}
# litellm's own calculators of these take no notice of tokens from or to the cache, nor of reasoning.
PLAIN = {"fireworks_ai", "databricks", "perplexity"}
# To find a model of these providers it signs in to them.
SIGNED_IN = {"github_copilot", "chatgpt"}
# It puts the router's fee, which is this entry's price, on top of itself.
ROUTERS = {"azure_ai/model_router", "azure_ai/model-router"}


class Call(NamedTuple):
    """Tokens by kind, of which a model has a price each."""

    model: str
    provider: str
    tokens: dict[str, int]


def comparable(models: dict[str, Any], each: TokenPrices) -> bool:
    """Whether litellm prices this entry by the token, and finds it by its own name and not another one."""
    provider = each.provider
    twice = f"{provider}/{each.model}" in models or each.model.startswith(f"{provider}/{provider}/")
    by_token = any(each.prices.values()) and models[each.model].get("mode") in BY_TOKEN
    return by_token and not twice and provider not in SIGNED_IN and each.model not in ROUTERS


def call_of(each: TokenPrices, fields: dict[str, Any], random: Random) -> Call:
    """A random call of kinds that both price; prompts that cost more from some length on are kept short of it."""
    known = PROMPT[:1] + COMPLETION[:1] if each.provider in PLAIN else PROMPT + COMPLETION
    kinds = [kind for kind in known if kind in each.prices and KINDS[kind] in fields]  # older names it does not read
    most = 20_000 if any("above" in field for field in each.left_out) else 3_000_000
    sizes = [random.choice([0, random.randint(1, 100), random.randint(1, most)]) for _ in kinds]
    return Call(each.model, each.provider, dict(zip(kinds, sizes, strict=True)))


def by_litellm(file: Path, calls: list[Call]) -> list[tuple[Decimal, Decimal]]:
    """What prompt and completion of each call cost, by litellm."""
    asked = json.dumps({"file": str(file), "calls": [call._asdict() for call in calls]})
    command = [sys.executable, "-W", "ignore", "-m", "tests.rating.litellm_costs"]
    home = os.environ | {"HOME": str(file.parent)}  # it makes itself a folder there
    answer = subprocess.run(command, input=asked, env=home, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr[-2000:]
    return [(Decimal(prompt), Decimal(completion)) for prompt, completion in json.loads(answer.stdout)]


def by_rating(models: list[TokenPrices], calls: list[Call]) -> list[tuple[Decimal, Decimal]]:
    """The same by a matrix price made from the catalogue, before rounding: one line for each model and kind."""
    price = read_price("tokens", Table("", "prices.tokens", catalogue.matrix(models)), "USD")
    rows = tuple(
        Usage("tokens", Decimal(count), dimensions=(("kind", kind), ("model", call.model)))
        for call in calls
        for kind, count in call.tokens.items()
    )
    exact = {line.cell: line.exact for line in lines_of(price, rows, MARCH, "USD")}

    def cost(call: Call, kinds: tuple[str, ...]) -> Decimal:
        return sum((exact.get(f"{call.model}, {kind}", Decimal(0)) for kind in kinds), Decimal(0))

    return [(cost(call, PROMPT), cost(call, COMPLETION)) for call in calls]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_token_costs_equal_litellms(name: str, tmp_path: Path) -> None:
    """Every model with prices by the token, each with a random mix of the kinds that both know."""
    text = text_of(name)
    models = {name: fields for name, fields in json.loads(text).items() if isinstance(fields, dict)}
    compared = [each for each in catalogue.read(text) if comparable(models, each)]
    assert len(compared) >= 500
    random = Random(name)  # noqa: S311 - for the same mixes each time, not for secrets
    calls = [call_of(each, models[each.model], random) for each in compared]
    file = tmp_path / "prices.json"
    file.write_text(text, "utf-8")
    costs = zip(calls, by_rating(compared, calls), by_litellm(file, calls), strict=True)
    differing = [
        (call, our, their)
        for call, our, their in costs
        if any(abs(one - other) > CLOSE * one for one, other in zip(our, their, strict=True))
    ]
    assert differing == []


def test_a_provider_price_with_markup() -> None:
    """S3.2: 0.01 and 0.03 per 1,000, half as much again: 6,548 tokens in and 108 out cost 0.10308."""
    text = '{"m": {"input_cost_per_token": 1e-05, "output_cost_per_token": 3e-05, "litellm_provider": "p"}}'
    models = list(catalogue.read(text, Decimal("1.5")))
    ((prompt, completion),) = by_rating(models, [Call("m", "p", {"input": 6548, "output": 108})])
    assert (str(prompt), str(completion), str(prompt + completion)) == ("0.09822", "0.00486", "0.10308")
