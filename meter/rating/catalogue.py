"""What do language models cost their provider's customers, per token? Read from litellm's price file (S3.2).

Kinds of tokens are disjoint (RULES 16): ``input`` is fresh input, not what came from or went to the cache, and where a
model has a price for ``reasoning``, ``output`` is without it; where it has none, reasoning is output.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, NoReturn

import msgspec

from meter.rating.money import MAX_INTEGER_DIGITS, MAX_PLACES, checked, exact, parse_amount, plain

KINDS: Final[Mapping[str, str]] = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cache_read": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "reasoning": "output_cost_per_reasoning_token",
}
MILLION: Final = 1_000_000
PRICED_BY: Final = ("model", "kind")
# An older name of a kind: the same price twice, or the only one of it there is.
_ALIASES: Final[Mapping[str, str]] = {"input_cost_per_token_cache_hit": "cache_read"}
_EXAMPLE: Final = "sample_spec"  # the file's own description of its fields, written as if it were a model
_ABOUT_MONEY: Final = ("cost", "pric", "multiplier")
_SMALLEST: Final = -50  # digits after the point before there is one that is not 0
_FACTORS: Final = "provider_specific_entry"


class CatalogueError(ValueError):
    """A price file that can't be read: what is wrong, and of which model."""


class TokenPrices(msgspec.Struct, frozen=True, kw_only=True):
    """What one token of each kind costs with a model, in dollars, markup included.

    ``left_out`` names every other price that the file has for it, as the file does: tiers by the length of a prompt,
    batches and service tiers, tools, sound, pictures, characters, seconds. A model may have no price by the token.
    """

    model: str
    provider: str
    prices: Mapping[str, Decimal]
    left_out: tuple[str, ...]


@exact()
def read(text: str, markup: Decimal = Decimal(1)) -> tuple[TokenPrices, ...]:
    """Read a price file, and put ``markup`` on all of its prices: 1.5 is half as much again.

    Prices are read as they are written, digit for digit. Raises CatalogueError for what is no price file, a price
    that is no number, or one below zero.
    """
    try:
        models = json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except ValueError as error:
        raise CatalogueError(f"the price file is not JSON: {error}") from error
    if not isinstance(models, dict):
        raise CatalogueError("the price file is not an object of models by their names")
    return tuple(_model(name, fields, checked(markup)) for name, fields in models.items() if name != _EXAMPLE)


@exact()
def matrix(models: Iterable[TokenPrices], **common: object) -> dict[str, Any]:
    """Write a price of the matrix model, as a book or a request would: a rate per model and kind of token.

    ``common`` are its other fields, e.g. ``title`` and ``meter``. Usage is labelled with ``model`` and ``kind``; what
    has no rate is unpriced, an alarm.
    """
    rates = [_rate(model.model, kind, price) for model in models for kind, price in model.prices.items()]
    return {"title": "Tokens", "meter": "tokens", "unit": "token", **common, "model": "matrix", "rates": rates}


def left_out(models: Iterable[TokenPrices]) -> dict[str, tuple[str, ...]]:
    """Every price of the file that ``matrix`` can't express, by model; a model of which all is expressed has none."""
    return {model.model: model.left_out for model in models if model.left_out}


def _model(name: str, fields: object, markup: Decimal) -> TokenPrices:
    if not isinstance(fields, dict):
        raise CatalogueError(f"{name}: is not an object of fields")
    written = {field: value for field, value in fields.items() if value is not None}
    prices = _prices(name, written)
    taken = {field for kind, field in KINDS.items() if kind in prices}
    taken |= {field for field, kind in _ALIASES.items() if prices.get(kind) == _number(name, field, written)}
    others = [field for field, value in written.items() if field not in taken and _is_price(field, value)]
    if not any(prices.values()) and any(_is_positive(written[field]) for field in others):
        # Tokens at zero beside a price by the picture or the query: they are not what is paid for, and not free either.
        others, prices = [*others, *(KINDS[kind] for kind in prices)], {}
    priced = {kind: price * markup for kind, price in prices.items()}
    fine = {kind: price for kind, price in priced.items() if _fits(price)}
    return TokenPrices(
        model=name,
        provider=str(written.get("litellm_provider", "")),
        prices={kind: plain(price) for kind, price in fine.items()},
        left_out=tuple(sorted([*others, *(KINDS[kind] for kind in priced if kind not in fine)])),
    )


def _prices(name: str, fields: Mapping[str, Any]) -> dict[str, Decimal]:
    """The prices by kind, an older field's where the newer is not written."""
    prices = {kind: _number(name, field, fields) for kind, field in KINDS.items()}
    for field, kind in _ALIASES.items():
        if prices[kind] is None:
            prices[kind] = _number(name, field, fields)
    return {kind: price for kind, price in prices.items() if price is not None}


def _number(name: str, field: str, fields: Mapping[str, Any]) -> Decimal | None:
    """A price as written; some files quote them. A float's seventeen digits may be finer than ``money`` allows."""
    value = fields.get(field)
    if value is None:
        return None
    price = value if isinstance(value, Decimal) else _parsed(name, field, value)
    if not price.is_finite() or price < 0 or (price and not _SMALLEST <= price.adjusted() < MAX_INTEGER_DIGITS):
        raise CatalogueError(f"{name}: {field}: {value} is no price")
    return price


def _parsed(name: str, field: str, value: object) -> Decimal:
    try:
        return parse_amount(value)  # type: ignore[arg-type]  # it says what it is where it is neither text nor a number
    except (TypeError, ValueError) as error:
        raise CatalogueError(f"{name}: {field}: {error}") from error


def _is_price(field: str, value: object) -> bool:
    """Tell whether a field is about money, by its name; factors on prices hide in an object of providers' own."""
    if field == _FACTORS:
        return isinstance(value, dict) and any(isinstance(each, (int, Decimal)) for each in value.values())
    return any(part in field for part in _ABOUT_MONEY)


def _is_positive(value: object) -> bool:
    return isinstance(value, (int, Decimal)) and value > 0


def _fits(price: Decimal) -> bool:
    """Tell whether a table can hold a price, be it by the million."""
    return not (price * MILLION).scaleb(MAX_PLACES) % 1


def _rate(model: str, kind: str, price: Decimal) -> dict[str, Any]:
    """A rate per token; prices written with a float's last digits are per million, which has room for them."""
    rate: dict[str, Any] = {"when": dict(zip(PRICED_BY, (model, kind), strict=True))}
    if price.scaleb(MAX_PLACES) % 1:
        return rate | {"unit_amount": f"{plain(price * MILLION):f}", "per": MILLION}
    return rate | {"unit_amount": f"{price:f}"}


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")
