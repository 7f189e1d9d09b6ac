"""One price of each model, and usage that fits it: what the laws of rating and its bench are tried on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

from meter.rating.price_table import read_price
from meter.rating.table import Table
from meter.rating.usage import Usage
from tests.rating.cast import MARCH

if TYPE_CHECKING:
    from meter.rating.price import Price

Fields = dict[str, Any]

TIERS: Final = [
    {"up_to": 10, "unit_amount": "1.005", "flat": "2"},
    {"up_to": "100.5", "unit_amount": "0.5", "per": 3},
    {"unit_amount": "0.0001", "flat": "0.125"},
]

EXAMPLES: Final[dict[str, Fields]] = {
    "flat": {"unit_amount": "29.99"},
    "per_unit": {"unit_amount": "0.015", "per": 1_000},
    "package": {"unit_amount": "15", "per": 10},
    "graduated": {"tiers": TIERS},
    "volume": {"tiers": TIERS},
    "graduated_percentage": {
        "tiers": [{"up_to": 10, "percent": "1.5", "flat": "2"}, {"percent": "0.5", "flat": "0.25"}]
    },
    "percentage": {
        "percent": "2.9",
        "per_event": "0.30",
        "free_events": 2,
        "free_total": 50,
        "maximum_per_event": "12",
    },
    "dynamic": {"multiplier": "1.33333"},
    "blocks": {
        "tiers": [{"up_to": 100, "block": 10, "unit_amount": "1"}, {"block": 50, "unit_amount": "0.75"}],
        "charged": "each_tier",
    },
    "matrix": {
        "rates": [
            {"when": {"model": "small", "kind": "input"}, "unit_amount": "0.15", "per": 1_000_000},
            {"when": {"model": "small"}, "unit_amount": "0.60", "per": 1_000_000},
            {"when": {"model": "large"}, "unit_amount": "0.003"},
        ]
    },
    "time_of_day": {
        "rates": [{"from": "08:00", "to": "18:00", "days": ["mon", "tue"], "unit_amount": "0.30", "title": "Day"}],
        "otherwise": {"unit_amount": "0.20", "title": "Night"},
    },
    "seats": {"unit_amount": "12.50"},
}
BY_EVENT: Final = {"percentage"}
FALLING: Final = {"volume"}  # more units may cost less: each of them is cheaper then


def price_of(model: str, **more: object) -> Price:
    """The example of a model, with more fields or others."""
    fields = {"title": model, "unit": "unit", "model": model, **EXAMPLES[model], **more}
    if model != "flat":
        fields |= {"meter": "m"}
    return read_price("p", Table("example", "p", fields), "USD")


quantities = st.decimals(0, 10**6, places=6)
members = st.sampled_from([None, "alice", "bob", "carol"])
labels = st.sampled_from([(("kind", "input"), ("model", "small")), (("model", "small"),), (("model", "large"),)])


def at(minute: int) -> datetime:
    """An instant of March by its minute."""
    return MARCH.start + timedelta(minutes=minute)


@st.composite
def usages(draw: st.DrawFn) -> list[Usage]:
    """Some rows of one meter: each of its own minute, with labels, one event each."""
    minutes = draw(st.lists(st.integers(0, 31 * 1440 - 1), unique=True, max_size=8))
    return [
        Usage("m", draw(quantities), draw(members), None, draw(labels), at=at(minute), events=1)
        for minute in sorted(minutes)
    ]
