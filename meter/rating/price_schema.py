"""JSON Schema of prices: which fields each model has beside those that all have. ``price_table`` reads the same."""

from __future__ import annotations

from typing import Final

from meter.rating.adjust.convert import DIVIDE, NONE, OPERATIONS, ROUNDINGS
from meter.rating.models import (
    blocks,
    dynamic,
    flat,
    graduated,
    graduated_percentage,
    matrix,
    package,
    per_unit,
    percentage,
    seats,
    time_of_day,
    volume,
)
from meter.rating.price import model_named, model_names
from meter.rating.price_table import UNLIMITED
from meter.rating.schema_kinds import (
    Schema,
    flag,
    money,
    names,
    number,
    percent,
    prorate,
    record,
    reference,
    rows,
    text,
    word,
)

_TITLE: Final = text("What people call it; the line of the invoice.")
_UNIT_AMOUNT: Final = money("What `per` units cost.")
_PER: Final = number("How many units `unit_amount` buys.", 1, positive=True)
_UP_TO: Final = number("The last unit of the tier; the last tier has no end.", positive=True)
_FLAT: Final = money("A fee that is owed when the tier is entered.")
_FLAT_AT_ZERO: Final = flag("Whether the first tier's flat fee is owed without usage.")
_CATALOGUE: Final = flag("Take the rates from the book's `[catalogue]`.")

_ANY: Final[dict[str, Schema]] = {
    "title": _TITLE,
    "discount": percent("Percent off."),
    "maximum": money("Money owed at most for a period, in whole cents."),
    "minimum": money("Money owed at least for a period, in whole cents."),
    "prorate": prorate("a fee, a minimum or a maximum"),
    "category": text("What taxes and coupons may go by."),
}
_METERED: Final[dict[str, Schema]] = {
    **_ANY,
    "meter": text("What is counted; of a pool its own name."),
    "unit": text("The meter's own unit; of a peak that of its level; what `conversion` makes of it."),
    "counts": {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": number("How many units of the pool one unit of the meter is.", positive=True),
        "description": "Makes a pool: which meters count, and how many units of the pool one unit of each is.",
    },
    "measure": {
        "type": "string",
        "pattern": r"^(total|peak|p([1-9]|[1-9][0-9])(\.[0-9]{1,6})?)$",
        "default": "total",
        "description": "All usage, the highest 15-minute average level of the period, or a percentile of these (p95).",
    },
    "included": number(f'Units free per period, or "{UNLIMITED}".', 0),
    "minimum_per_service": money("Money owed at least by each service with billed usage, in whole cents."),
    "conversion": record(
        "Turns measured units into those that are sold, rounded once for all of the period.",
        {
            "operation": word(OPERATIONS, "What is done with the factor.", DIVIDE),
            "factor": number("By how much.", positive=True),
            "rounding": word((NONE, *ROUNDINGS), "To whole units.", NONE),
        },
        ["factor"],
    ),
}


def _tiers(said: str, fields: dict[str, Schema], required: tuple[str, ...] = ()) -> Schema:
    return rows(said, record("A tier.", {"up_to": _UP_TO, **fields}, required))


_UNIT_TIERS: Final = _tiers(
    "Tiers from the first unit on; `up_to` is in the tier.",
    {"unit_amount": _UNIT_AMOUNT, "per": _PER, "flat": _FLAT, "flat_at_zero": _FLAT_AT_ZERO},
)
_RATE: Final[dict[str, Schema]] = {
    "title": text("What people call this usage."),
    "unit_amount": _UNIT_AMOUNT,
    "per": _PER,
}
_CLOCK: Final = {"type": "string", "pattern": "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"}

# What each model reads by itself, and what of it must be there.
_OWN: Final[dict[str, tuple[dict[str, Schema], tuple[str, ...]]]] = {
    per_unit.NAME: ({"unit_amount": _UNIT_AMOUNT, "per": _PER}, ("unit_amount",)),
    package.NAME: (
        {
            "unit_amount": money("What a package costs; one that is begun is paid whole."),
            "per": number("Units in a package.", positive=True),
        },
        ("unit_amount", "per"),
    ),
    graduated.NAME: ({"tiers": _UNIT_TIERS}, ("tiers",)),
    volume.NAME: ({"tiers": _UNIT_TIERS}, ("tiers",)),
    graduated_percentage.NAME: (
        {
            "tiers": _tiers(
                "Tiers of an amount of money.",
                {"percent": number("Percent of what lies in the tier."), "flat": _FLAT, "flat_at_zero": _FLAT_AT_ZERO},
                ("percent",),
            )
        },
        ("tiers",),
    ),
    blocks.NAME: (
        {
            "tiers": _tiers(
                "Whole blocks by tiers.",
                {"block": number("Units in a block.", positive=True), "unit_amount": money("What a block costs.")},
                ("block", "unit_amount"),
            ),
            "charged": word(
                (blocks.EACH_TIER, blocks.TOP_TIER),
                "Each tier its own blocks, or all by the tier that is reached.",
                blocks.EACH_TIER,
            ),
        },
        ("tiers",),
    ),
    percentage.NAME: (
        {
            "percent": number("Percent of the money that changed hands."),
            "per_event": money("A fee for each event.", "0"),
            "free_events": number("The first so many events are free."),
            "free_total": number("The first so much is free."),
            "minimum_per_event": money("An event costs at least."),
            "maximum_per_event": money("An event costs at most."),
        },
        ("percent",),
    ),
    dynamic.NAME: (
        {
            "multiplier": number("Times what it costs already.", 1),
            "amount": word(
                (dynamic.QUANTITY, dynamic.MONEY),
                "What is multiplied: the quantity, or what events say they cost.",
                "quantity",
            ),
        },
        (),
    ),
    matrix.NAME: (
        {
            "rates": rows(
                "The first rate of which all labels match holds.",
                record(
                    "A rate.",
                    {
                        "when": {
                            "type": "object",
                            "additionalProperties": {"type": "string", "minLength": 1},
                            "description": "Dimensions with their values; member, service and meter are some too.",
                        },
                        **_RATE,
                    },
                    ("when", "unit_amount"),
                ),
            ),
            "catalogue": _CATALOGUE,
        },
        (),
    ),
    time_of_day.NAME: (
        {
            "rates": rows(
                "The first rate that covers the hour holds.",
                record(
                    "A rate.",
                    {
                        "from": {**_CLOCK, "description": "When it begins on the clock of the period's zone."},
                        "to": {**_CLOCK, "description": "When it ends; before `from` is over midnight."},
                        "days": names("On which days; all if left out.", time_of_day.DAYS),
                        **_RATE,
                    },
                    ("from", "to", "unit_amount"),
                ),
            ),
            "otherwise": record("What all other hours cost.", _RATE, ("unit_amount",)),
        },
        ("rates",),
    ),
    seats.NAME: ({"unit_amount": money("What a seat costs for the period.")}, ("unit_amount",)),
    flat.NAME: (
        {
            **_ANY,
            "unit": text("What the fee is for; a month if left out."),
            "unit_amount": money("The fee of one period."),
            "due": word((flat.ADVANCE, flat.ARREARS), "With which part of a period it is owed.", flat.ADVANCE),
            "times": text("Paid for each unit of the subscription's quantity of this name, e.g. seats."),
            "included": number("How many of the quantity are free.", 0),
        },
        ("unit_amount",),
    ),
}


def price_definitions() -> dict[str, Schema]:
    """Definitions by name: ``price`` is one of those by model, ``price_change`` what an override replaces of one."""
    models = {f"price_{name}": _price(name) for name in model_names()}
    every = {**models, "price_unlimited": _unlimited()}
    choice = {
        "oneOf": [reference(name) for name in every],
        "description": "A price; its model says which fields it has.",
    }
    return {**every, "price": choice, "price_change": _change(every)}


def _price(name: str) -> Schema:
    own, required = _OWN[name]
    metered = model_named(name).METERED
    default = name == per_unit.NAME
    model = {"model": {"const": name, "description": "The pricing model.", **({"default": name} if default else {})}}
    needed = [*([] if default else ["model"]), *(("title", "meter", "unit") if metered else ("title",)), *required]
    schema = record(f"A price of the model {name}.", {**model, **(_METERED if metered else {}), **own}, needed)
    if name == flat.NAME:
        return schema | {"dependentRequired": {"times": ["unit"], "included": ["times"]}}
    if name == matrix.NAME:
        taken = {
            "required": ["catalogue"],
            "properties": {"catalogue": {"const": True}},
            "not": {"required": ["rates"]},
        }
        written = {"required": ["rates"], "properties": {"catalogue": {"const": False}}}
        return schema | {"anyOf": [written, taken]}
    return schema


def _unlimited() -> Schema:
    """What is free without limit has no fields of a model."""
    models = [name for name in model_names() if model_named(name).METERED]
    free = {"const": UNLIMITED, "description": "Free without limit."}
    fields = {"model": word(models, "Of no matter here."), **_METERED, "included": free}
    return record("Measured, and free without limit.", fields, ("title", "meter", "unit", "included"))


def _change(every: dict[str, Schema]) -> Schema:
    """Any field of any model, none of them required."""
    kinds: dict[str, list[Schema]] = {}
    for schema in every.values():
        for field, kind in schema["properties"].items():
            known = kinds.setdefault(field, [])
            if kind not in known:
                known.append(kind)
    fields = {field: each[0] if len(each) == 1 else {"anyOf": each} for field, each in kinds.items()}
    return record("Fields of a price that are replaced, or a price of its own.", fields)
