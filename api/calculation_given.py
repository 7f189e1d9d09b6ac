"""What a calculation may be asked: usage, a plan or own prices, which part of a period, terms of the whole invoice."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import Meta

MOST_USAGE = 10_000
MOST_DIMENSIONS = 50
MOST_LEVELS = 40_000
PlanName = Annotated[str, Meta(min_length=3, max_length=127, description="`book/plan`, as in `cloud/payg`.")]
Label = Annotated[str, Meta(min_length=1, max_length=200)]
Name = Annotated[str, Meta(min_length=1, max_length=63)]
Instant = Annotated[str, Meta(max_length=40, description="RFC 3339 with a zone, or a date: midnight in the zone.")]
Table = dict[str, Any]
PRICES = (
    "By id, the fields of a price as a book writes them (docs/pricing.md): `model` and its own, `meter`, `included` …; "
    "money is text, other numbers are whole or text, null is not there."
)
TERMS = "What is agreed about the whole invoice: `commitment`, `spend`, `coupons`, `grants`, `taxes`, `exchange`."
# Whether a part of a period is its first and its last.
POSITIONS: Mapping[str, tuple[bool, bool]] = {
    "single": (True, True),
    "first": (True, False),
    "mid": (False, False),
    "last": (False, True),
}


class GivenUsage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Usage to price, in the meter's unit. A `peak` or percentile (`p95`) is the team's: no member, no service.

    `before` is what earlier parts of the period used, `at` when it was used, `events` how many events it is, `prorated`
    the part of a change of level that is paid for (then `quantity` is the change and may be negative), `money` what
    the events say they cost. With `levels` instead of `quantity`, that is measured from them as the price says.
    """

    meter: Name
    quantity: Decimal | None = None
    member: Label | None = None
    service: Label | None = None
    dimensions: Annotated[dict[Label, Label], Meta(max_length=MOST_DIMENSIONS)] = {}
    measure: Annotated[str, Meta(max_length=16, description="`total`, `peak` or a percentile such as `p95`.")] = "total"
    before: Decimal = Decimal(0)
    at: Instant | None = None
    events: Annotated[int, Meta(ge=0, le=10**12)] | None = None
    prorated: Decimal | None = None
    money: Decimal | None = None
    levels: Annotated[list[Decimal], Meta(min_length=1, max_length=MOST_LEVELS)] | None = None


class GivenRange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """When the customer was served, for prices that are prorated."""

    from_: Instant
    to: Instant


class GivenShare(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same as a ratio: 17 of 31 days."""

    part: Decimal
    whole: Decimal


class GivenSplit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which part of the period this is. `billed`: what earlier parts billed, by price; else what they would have.

    `earlier` is what they billed of the whole invoice, for terms that look at it: `usage`, `fees`, `added`.
    """

    position: Annotated[str, Meta(description=f"One of {', '.join(POSITIONS)}.")] = "single"
    billed: dict[str, Decimal] = {}
    served: GivenRange | None = None
    share: GivenShare | None = None
    earlier: Annotated[Table, Meta(description="Of the whole invoice: `usage`, `fees`, `added`.")] | None = None


class Calculation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """What to price, by a `plan` or by `prices` in a `currency`, by their ids, each with the fields that a book writes.

    The period is the running month unless both ends are given; `tz` is its zone, the team's if left out. Money is text.
    """

    usage: Annotated[list[GivenUsage], Meta(max_length=MOST_USAGE)]
    plan: PlanName | None = None
    prices: Annotated[dict[str, Table], Meta(description=PRICES)] | None = None
    currency: str | None = None
    from_: Instant | None = None
    to: Instant | None = None
    tz: Annotated[str, Meta(max_length=64)] | None = None
    split: GivenSplit | None = None
    terms: Annotated[Table, Meta(description=TERMS)] | None = None
