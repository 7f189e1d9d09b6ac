# ruff: noqa: E501 - TOML writes an inline table on one line
"""A book that writes every field there is, and a way to change it field by field."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from meter.rating.book import Book, parse_book

TEAM = "0199c7b2-5f0a-7c31-9a4e-2f1d8c0b6e55"
OTHER = "0199c7b2-5f0a-7c31-9a4e-2f1d8c0b6e56"
PRICES = json.dumps(
    {
        "gpt-small": {"input_cost_per_token": 1.5e-7, "output_cost_per_token": 6e-7, "litellm_provider": "openai"},
        "gpt-large": {
            "input_cost_per_token": 2.5e-6,
            "output_cost_per_token": "1e-5",
            "input_cost_per_token_batches": 1.25e-6,
        },
        "other": {"input_cost_per_token": 1e-6},
        "painter": {"output_cost_per_image": 0.04},
    }
)
ATTACHED = {"prices.json": PRICES}

FULL = f"""\
name = "full"
title = "Every field"
currency = "EUR"
unbilled = ["cpu.used"]

[plans.trial]
title = "Trial"
trial = true
trial_days = 14
then = "pro"
over_quota = "block"
charge = "prepaid"

[plans.old]
title = "Old"
retired = true
base_fee = "5"
unbilled = ["memory.used"]

[plans.pro]
title = "Pro"
base_fee = "49.00"
interval = "month"
prorate = "days"
billed = "advance"
charge = "invoice"
over_quota = "bill"
unbilled = ["response_time"]
commitment = {{ amount = "100.00", overage_factor = "1.5", counts = "all", prorate = "time", category = "commit" }}
spend = {{ minimum = "10.00", maximum = "5000.00", prorate = "days", category = "least" }}

[plans.pro.prices]
seats = {{ title = "Seats", model = "flat", unit = "seat", unit_amount = "10", times = "seats", included = 2, prorate = "time" }}
fee = {{ title = "Fee", model = "flat", unit_amount = "7", due = "in_arrears", minimum = "1.00", maximum = "9.00", discount = 5 }}
calls = {{ title = "Calls", meter = "calls", unit = "call", unit_amount = "0.01", per = 10, included = 100, category = "api" }}
pool = {{ title = "Pool", meter = "pool", unit = "k", unit_amount = "1", counts = {{ "tokens.input" = 1, stt = "0.5" }}, conversion = {{ operation = "divide", factor = 1_000, rounding = "ceiling" }}, discount = "2.5", minimum = "1.00", maximum = "99.00", prorate = "time" }}
free = {{ title = "Free", meter = "free", unit = "call", included = "unlimited" }}
peak = {{ title = "Peak", meter = "cpu", unit = "core", unit_amount = "1", measure = "p95" }}
compute = {{ title = "Compute", meter = "compute", unit = "s", unit_amount = "0.01", minimum_per_service = "0.02" }}
package = {{ title = "Mails", meter = "mails", unit = "mail", model = "package", unit_amount = "15", per = 1_000 }}
graduated = {{ title = "G", meter = "g", unit = "u", model = "graduated", tiers = [{{ up_to = 10, unit_amount = "1", per = 2, flat = "3", flat_at_zero = false }}, {{ unit_amount = "0.5" }}] }}
volume = {{ title = "V", meter = "v", unit = "u", model = "volume", tiers = [{{ up_to = 10, unit_amount = "1" }}, {{ flat = "5" }}] }}
shares = {{ title = "S", meter = "s", unit = "EUR", model = "graduated_percentage", tiers = [{{ up_to = 10, percent = "1", flat = "3", flat_at_zero = true }}, {{ percent = 2 }}] }}
blocks = {{ title = "B", meter = "b", unit = "u", model = "blocks", charged = "top_tier", tiers = [{{ up_to = 20, block = 10, unit_amount = "3" }}, {{ block = 100, unit_amount = "5" }}] }}
cards = {{ title = "P", meter = "p", unit = "EUR", model = "percentage", percent = "2.9", per_event = "0.30", free_events = 1, free_total = "50", minimum_per_event = "1", maximum_per_event = "12" }}
resold = {{ title = "D", meter = "d", unit = "EUR", model = "dynamic", multiplier = "1.2", amount = "money" }}
regions = {{ title = "M", meter = "m", unit = "u", model = "matrix", rates = [{{ when = {{ region = "eu" }}, unit_amount = "2", per = 1_000, title = "Europe" }}, {{ when = {{ }}, unit_amount = "1" }}] }}
tokens = {{ title = "T", meter = "t", unit = "token", model = "matrix", catalogue = true }}
charging = {{ title = "C", meter = "c", unit = "kWh", model = "time_of_day", rates = [{{ from = "22:00", to = "06:00", days = ["mon", "sun"], unit_amount = "0.25", per = 1, title = "night" }}], otherwise = {{ unit_amount = "0.40", per = 1, title = "day" }} }}
users = {{ title = "U", meter = "users", unit = "seat", model = "seats", unit_amount = "30" }}

[addons.support]
title = "Support"
base_fee = "5.00"
prorate = "time"
billed = "advance"
plans = ["pro", "old"]

[coupons.welcome]
title = "Welcome"
percent = 10
duration = "recurring"
periods = 3
prices = ["calls", "base_fee", "addon-support"]
meters = ["calls"]
plans = ["pro"]
categories = ["api", "commit"]

[coupons.sorry]
amount = "7.00"

[taxes]
rates = [{{ name = "VAT", percent = 20, country = "FR", region = "IDF", category = "api", inclusive = true }}, {{ name = "VAT", percent = 19 }}]
seller = {{ country = "FR", region = "IDF" }}
areas = [{{ name = "EU", countries = ["DE", "FR"] }}]

[[exchange]]
from = "EUR"
to = "USD"
rate = "1.1"
valid_from = 2026-01-01T00:00:00Z

[catalogue]
file = "prices.json"
as_of = 2026-11-01
markup = "1.5"
models = ["gpt-*"]

[[overrides]]
team = "{TEAM}"
plan = "pro"
from = 2026-01-01T00:00:00Z
until = 2026-07-01T00:00:00+02:00
base_fee = "39.00"
charge = "invoice"
prices.calls = {{ unit_amount = "0.008", included = 500 }}
prices.volume = {{ model = "per_unit", unit_amount = "0.9" }}
prices.extra = {{ title = "Extra", model = "flat", unit_amount = "1" }}

[[overrides]]
team = "{TEAM}"
prices.calls.included = "unlimited"
from = 2026-07-01T00:00:00+02:00
"""


def full() -> dict[str, Any]:
    """What the book says, to be changed."""
    return copy.deepcopy(tomllib.loads(FULL))


def read(text: str) -> Book:
    """The book of a text, with its price file."""
    return parse_book(text, "b.toml", ATTACHED)


def written(content: dict[str, Any]) -> str:
    """A book as text: each field outside of lists on a line of its own, by its path."""
    return "".join(f"{path} = {value}\n" for path, value in _fields(content, ""))


Path = tuple[str | int, ...]


def tables_of(value: object, path: Path = ()) -> Iterator[Path]:
    """The path of each table, lists' rows among them; itself first."""
    if isinstance(value, dict):
        yield path
    inner: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        yield from tables_of(each, (*path, name))


def fields_of(content: dict[str, Any]) -> list[Path]:
    """The path of each field that is no table of named ones."""
    return [(*path, name) for path in tables_of(content) for name in at(content, path)]


def at(content: dict[str, Any], path: Path) -> Any:
    """What is written at a path."""
    found: Any = content
    for name in path:
        found = found[name]
    return found


def named(path: Path) -> str:
    """A path as a mistake tells it: rows count from 1."""
    return "".join(f"[{name + 1}]" if isinstance(name, int) else f".{name}" for name in path).lstrip(".")


def written_path(path: Path) -> str:
    """A path as TOML writes it; of a list's rows the list's."""
    return ".".join(_key(name) for name in path if isinstance(name, str))


def as_json(text: str) -> Any:
    """A book as editors see it: dates are texts."""
    return json.loads(json.dumps(tomllib.loads(text), default=str_of))


def str_of(value: object) -> str:
    """A date as TOML writes it."""
    assert isinstance(value, date)
    return value.isoformat()


def _fields(table: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        at = f"{path}.{_key(name)}".lstrip(".")
        if isinstance(value, dict) and value:
            yield from _fields(value, at)
        else:
            yield at, _value(value)


def _value(value: object) -> str:
    match value:
        case bool() | int() | str():
            return json.dumps(value, ensure_ascii=False)
        case dict():
            return "{ " + ", ".join(f"{_key(name)} = {_value(each)}" for name, each in value.items()) + " }"
        case list():
            return "[" + ", ".join(map(_value, value)) + "]"
        case Decimal():
            return str(value)
        case _:
            return str_of(value)


def _key(name: str) -> str:
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else json.dumps(name)
