"""JSON Schema of a price book, for editors: what they offer, explain and underline while it is written.

It says which fields there are, of which kind, and what they mean. What goes beyond one table (a plan that is not there,
two prices for one meter) the reader finds, which has the last word.
"""

from __future__ import annotations

from typing import Final

from meter.rating.document.terms import COUNTS, DURATIONS, ONCE, RECURRING, USAGE
from meter.rating.plan import CHARGE, INVOICE
from meter.rating.plan_table import BILL, INTERVALS, MONTH, OVER_QUOTA
from meter.rating.price import ARREARS, BILLED
from meter.rating.price_schema import price_definitions
from meter.rating.schema_kinds import (
    Schema,
    country,
    currency,
    day,
    flag,
    instant,
    money,
    named,
    names,
    number,
    percent,
    prorate,
    record,
    reference,
    rows,
    team,
    text,
    word,
)

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_FILE: Final = r"^[^/\\]*[^/\\\s][^/\\]*$"
_TITLE: Final = text("What people call it.")
_CATEGORY: Final = text("What taxes and coupons may go by.")
_BILLED: Final = word(BILLED, "Whether the fee is invoiced after its period or before it.", ARREARS)
_CHARGE: Final = word(
    CHARGE, "When usage is paid: by the invoice, as it happens, or so and only while there is balance.", INVOICE
)
_UNBILLED: Final = names("Meters that are measured and never priced.")


def schema() -> Schema:
    """The whole of it, as a value that JSON can write."""
    return {
        "$schema": DRAFT,
        "title": "Hourmeter price book",
        **record(
            "Plans in one currency, and what teams on them may have.",
            {
                "name": text("The name of the book; a plan is called book/plan."),
                "title": _TITLE,
                "currency": currency("An ISO 4217 code, for all plans."),
                "unbilled": _UNBILLED,
                "plans": named("What a team may subscribe to.", reference("plan")) | {"minProperties": 1},
                "addons": named("Fees beside a plan's, for each of it that a team has.", reference("addon")),
                "coupons": named("What may be given off invoices.", reference("coupon")),
                "taxes": reference("taxes"),
                "exchange": rows("What a currency is worth in another, since when.", _exchange(), optional=True),
                "catalogue": reference("catalogue"),
                "overrides": rows("What was agreed with single teams.", reference("override"), optional=True),
            },
            ["name", "title", "currency", "plans"],
        ),
        "$defs": {
            "plan": _plan(),
            "addon": _addon(),
            "coupon": _coupon(),
            "taxes": _taxes(),
            "catalogue": _catalogue(),
            "override": _override(),
            **price_definitions(),
        },
    }


def _plan() -> Schema:
    fields = {
        "title": _TITLE,
        "base_fee": money("Money per period.", "0"),
        "interval": word(INTERVALS, "How long a period is.", MONTH),
        "prorate": prorate("the base fee"),
        "billed": _BILLED,
        "charge": _CHARGE,
        "over_quota": word(OVER_QUOTA, "What authorize answers beyond the included units.", BILL),
        "retired": flag("Nobody new may choose it; those on it stay."),
        "trial": flag("Whether it does not count as an active subscription."),
        "trial_days": number("How many days the trial lasts.", positive=True),
        "then": text("The plan of this book that follows the trial."),
        "unbilled": _UNBILLED,
        "prices": named("In the order of the invoice's lines.", reference("price")),
        "commitment": _commitment(),
        "spend": _spend(),
    }
    together = {"trial_days": ["then", "trial"], "then": ["trial_days"]}
    return record("What a team may subscribe to.", fields, ["title"]) | {"dependentRequired": together}


def _commitment() -> Schema:
    fields = {
        "amount": money("Owed for a period in any case, in whole cents."),
        "overage_factor": number("Usage above it costs so many times its price, 1 or more.", 1),
        "counts": word(COUNTS, "Whether only usage counts towards it, or fees too.", USAGE),
        "prorate": prorate("it"),
        "category": _CATEGORY,
    }
    return record("An amount that is owed in any case.", fields, ["amount"])


def _spend() -> Schema:
    fields = {
        "minimum": money("All lines come to at least, in whole cents."),
        "maximum": money("All lines come to at most, in whole cents."),
        "prorate": prorate("it"),
        "category": _CATEGORY,
    }
    either: list[Schema] = [{"required": ["minimum"]}, {"required": ["maximum"]}]
    return record("The least and the most of a period.", fields) | {"anyOf": either}


def _addon() -> Schema:
    fields = {
        "title": _TITLE,
        "base_fee": money("Money per period, for each of it."),
        "prorate": prorate("the fee"),
        "billed": _BILLED,
        "plans": names("Plans that may have it; all if left out."),
    }
    return record("A fee beside the plan's.", fields, ["title", "base_fee"])


def _coupon() -> Schema:
    fields = {
        "title": _TITLE,
        "percent": percent("Percent off."),
        "amount": money("Money off, in whole cents."),
        "duration": word(DURATIONS, "For its first period, for so many, or for all.", ONCE),
        "periods": number(f"How many; for {RECURRING} coupons.", positive=True),
        "prices": names("Only lines of these prices."),
        "meters": names("Only lines of these meters."),
        "plans": names("Only lines of these plans."),
        "categories": names("Only lines of these categories."),
    }
    worth: list[Schema] = [{"required": ["percent"]}, {"required": ["amount"]}]
    return record("Percent or money off of the lines it is for.", fields) | {"oneOf": worth}


def _taxes() -> Schema:
    place = {"country": country("Of customers in this country."), "region": text("Of customers in this region of it.")}
    rate = {
        "name": text("What it is called; rates of different names add up."),
        "percent": percent("Of what is without tax."),
        "category": text("Of lines of this category."),
        **place,
        "inclusive": flag("Whether prices contain it already."),
    }
    area = {"name": _TITLE, "countries": {**names("Its countries."), "items": country("An ISO 3166 code.")}}
    seller = {"country": country("Where you are taxed."), "region": text("The region of it.")}
    fields = {
        "rates": rows(
            "Of each name the most specific that fits.",
            record("A rate.", rate, ["name", "percent"]) | {"dependentRequired": {"region": ["country"]}},
        ),
        "seller": record("You.", seller, ["country"]),
        "areas": rows(
            "Countries among which businesses owe the tax themselves: reverse charge.",
            record("An area.", area, ["name"]),
            optional=True,
        ),
    }
    said = "How invoices are taxed; the customer is each team's to say."
    return record(said, fields, ["rates"]) | {"dependentRequired": {"areas": ["seller"]}}


def _exchange() -> Schema:
    fields = {
        "from": currency("One of it …"),
        "to": currency("… is so many of this; nothing is said of the other way."),
        "rate": number("How many.", positive=True),
        "valid_from": instant("Since when."),
    }
    return record("A dated rate.", fields, list(fields))


def _catalogue() -> Schema:
    fields = {
        "file": text("A price file of language models as litellm ships it, beside the book.") | {"pattern": _FILE},
        "as_of": day("Of which day the file is."),
        "markup": number("Prices are so many times the file's.", 1, positive=True),
        "models": {**names("Which models; * stands for any letters. All if left out."), "minItems": 1},
    }
    return record("Prices of language models from a file.", fields, ["file", "as_of"])


def _override() -> Schema:
    fields = {
        "team": team("The id of the team."),
        "plan": text("On which plan; every plan if left out."),
        "from": instant("Since when; ever if left out."),
        "until": instant("Until when; for ever if left out."),
        "base_fee": money("In place of the plan's."),
        "charge": word(CHARGE, "In place of the plan's."),
        "prices": named("Fields of the plan's prices that are replaced; new prices.", reference("price_change")),
    }
    either: list[Schema] = [{"required": ["base_fee"]}, {"required": ["charge"]}, {"required": ["prices"]}]
    return record("What was agreed with a team.", fields, ["team"]) | {"anyOf": either}
