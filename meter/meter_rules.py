"""What may a meter be, and what of it may change once it is used? Rules as data, with their reasons; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Literal, NamedTuple, get_args

import msgspec

from meter.cells import USUAL_PERCENTILE, Aggregation
from meter.labels import BUILT_IN
from meter.model import Meter
from meter.segments import EXACT
from meter.statuses import PATTERN

Per = Literal["second", "minute", "hour", "day", "month"]
GapRule = Literal["hold", "zero", "exclude"]
AGGREGATIONS: tuple[Aggregation, ...] = get_args(Aggregation)

BILLABLE: tuple[Aggregation, ...] = ("sum", "count", "time_weighted")  # what adds up over series and buckets
SCALED: tuple[Aggregation, ...] = ("sum", "time_weighted")
SECONDS: dict[str, int] = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "month": 1}  # a month's vary
PERCENTILE_DECIMALS = 6
ALL = 100
MAX_SCALE = 10**15
MAX_GAP_SECONDS = 31 * 86_400
MAX_EXPECTED_SECONDS = 86_400
MAX_DIMENSIONS = 16
MAX_STATUSES = 32

SLUG = re.compile(r"[a-z][a-z0-9_.]{0,62}")
DIMENSION = re.compile(r"[a-z][a-z0-9_]{0,62}")
UNIQUE_OF = re.compile(r"member|attributes\.[^\x00-\x1f]{1,100}")

# What stands beside a dimension in a query, an event or an answer: a dimension of that name could not be asked for.
RESERVED = frozenset(
    [
        *BUILT_IN,
        *("aggregation", "as_of", "attributes", "before", "by", "change", "change_percent", "compare", "cost"),
        *("against", "ahead", "coverage", "currency", "fresh", "measure", "threshold"),
        *("cursor", "dimensions", "duration_seconds", "end", "event", "events", "fill", "format", "from", "group_by"),
        *("id", "items", "limit", "meter", "meters", "month", "months", "name", "next", "order", "other", "percentile"),
        *(
            "period",
            "plan",
            "prefix",
            "previous",
            "previous_events",
            "previous_from",
            "previous_quantity",
            "previous_to",
            "quantities",
            "quantity",
            "rolling",
            "search",
            "since",
            "sort",
            "source",
            "start",
            "team",
            "time",
            "to",
            "top",
        ),
        *("tz", "unit", "value", "values", "window"),
    ]
)


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """A meter as people say what it is. `scale`: what is sent is divided by it (1024: MB sent, GB meant).

    `per`: a level held for this long is one unit. `dimensions` and `billable_statuses` are without repetition.
    """

    slug: str
    title: str
    unit: str
    aggregation: Aggregation
    dimensions: tuple[str, ...] = ()
    scale: Decimal = Decimal(1)
    per: Per | None = None
    unique_of: str | None = None
    percentile: Decimal | None = None
    gap_rule: GapRule | None = None
    gap_seconds: int | None = None
    billable: bool = False
    billable_statuses: tuple[str, ...] | None = None
    expected_every_seconds: int | None = None
    archived: bool = False


class Rule(NamedTuple):
    """Whether something of a meter may be changed: `always`, `unused` (before its first event), `more`, `never`."""

    field: str
    changes: Literal["always", "unused", "more", "never"]
    why: str


RULES: tuple[Rule, ...] = (
    Rule("slug", "never", "prices, invoices and senders name the meter by it"),
    Rule("title", "always", "it is for people to read; invoices keep the one they were made with"),
    Rule("unit", "unused", "what was counted would be called by another name than when it was sent"),
    Rule("aggregation", "unused", "what was counted would come to another number"),
    Rule("scale", "unused", "what was counted would come to another number"),
    Rule("per", "unused", "what was counted would come to another number"),
    Rule("unique_of", "unused", "earlier events need not have the value that is counted from now on"),
    Rule("percentile", "always", "it is computed from the events when it is asked for"),
    Rule("gap_rule", "always", "it holds from the next point on: levels that were counted stay as they are"),
    Rule("gap_seconds", "always", "it holds from the next point on: levels that were counted stay as they are"),
    Rule("dimensions", "more", "earlier usage keeps its dimensions and could no longer be asked for by one taken away"),
    Rule("billable", "unused", "usage that is counted already would become billed, or stop being billed, in silence"),
    Rule("billable_statuses", "always", "it holds from now on: what was counted as billed or not stays so"),
    Rule("expected_every_seconds", "always", "it says how much should come, and changes nothing of what was counted"),
    Rule("archived", "always", "usage can still be read, and events are taken again when it is put back into use"),
)


def definition_of(meter: Meter) -> Definition:
    """The meter as people say what it is."""
    seconds = SECONDS[meter.per] if meter.per else 1
    return Definition(
        slug=meter.slug,
        title=meter.title,
        unit=meter.unit,
        aggregation=msgspec.convert(meter.aggregation, Aggregation),
        dimensions=tuple(sorted(meter.dimensions)),
        scale=EXACT.divide(meter.divisor, EXACT.multiply(meter.level_scale, Decimal(seconds))),
        per=msgspec.convert(meter.per, Per | None),
        unique_of=meter.unique_of,
        percentile=meter.percentile,
        gap_rule=msgspec.convert(meter.gap_rule, GapRule | None),
        gap_seconds=meter.gap_seconds,
        billable=meter.billable,
        billable_statuses=meter.billable_statuses,
        expected_every_seconds=meter.expected_every_seconds,
        archived=meter.archived_at is not None,
    )


def completed(said: Definition) -> Definition:
    """The definition with what goes without saying: levels per hour, the 95th percentile; sorted, nothing twice."""
    return msgspec.structs.replace(
        said,
        dimensions=tuple(sorted(set(said.dimensions))),
        per="hour" if said.aggregation == "time_weighted" and said.per is None else said.per,
        percentile=USUAL_PERCENTILE
        if said.aggregation == "percentile" and said.percentile is None
        else said.percentile,
        billable_statuses=None
        if said.billable_statuses is None
        else tuple(sorted({each.lower() for each in said.billable_statuses})),
    )


def divisor(said: Definition) -> Decimal:
    """What a stored quantity is divided by to be in the unit."""
    return EXACT.multiply(said.scale, Decimal(SECONDS[said.per] if said.per else 1))


def wrong(said: Definition) -> str | None:
    """What is wrong with a completed definition, and how to put it right; None where it is a meter."""
    return next(_wrong(said), None)


def _wrong(said: Definition) -> Iterator[str]:
    yield from _wrong_names(said)
    yield from _wrong_numbers(said)
    only_for = (
        ("per", said.per is not None, ("time_weighted",)),
        ("gap_rule", said.gap_rule is not None, ("time_weighted",)),
        ("unique_of", said.unique_of is not None, ("unique",)),
        ("percentile", said.percentile is not None, ("percentile",)),
        ("scale", said.scale != 1, SCALED),
        ("billable", said.billable, BILLABLE),
    )
    for field, is_set, aggregations in only_for:
        if is_set and said.aggregation not in aggregations:
            yield f"{field}: only for the aggregation {' or '.join(aggregations)}, not {said.aggregation}"
    if said.aggregation == "unique" and said.unique_of is None:
        yield "unique_of: say what is counted, `member` or `attributes.<name>`"
    if said.unique_of is not None and not UNIQUE_OF.fullmatch(said.unique_of):
        yield "unique_of: write `member` or `attributes.<name>`, the name at most 100 characters"


def _wrong_numbers(said: Definition) -> Iterator[str]:
    scale, percentile, seconds = said.scale, said.percentile, said.gap_seconds
    if not scale.is_finite() or not 1 <= scale <= MAX_SCALE or scale != scale.to_integral_value():
        yield f"scale: a whole number from 1 to {MAX_SCALE}"
    if percentile is not None and (
        not percentile.is_finite() or not 0 < percentile < ALL or _decimals(percentile) > PERCENTILE_DECIMALS
    ):
        yield "percentile: a number between 0 and 100, neither included, with at most 6 decimals"
    if (said.gap_rule is None) != (seconds is None):
        yield "gap_rule and gap_seconds come together: how long a level holds, and what comes after"
    if seconds is not None and not 1 <= seconds <= MAX_GAP_SECONDS:
        yield f"gap_seconds: 1 to {MAX_GAP_SECONDS}"
    if said.expected_every_seconds is not None and not 1 <= said.expected_every_seconds <= MAX_EXPECTED_SECONDS:
        yield f"expected_every_seconds: 1 to {MAX_EXPECTED_SECONDS}, or null: it is learned where there is a rhythm"


def _decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _wrong_names(said: Definition) -> Iterator[str]:
    if not SLUG.fullmatch(said.slug):
        yield "slug: a letter, then letters, digits, dots and underscores, all lower case, at most 63"
    if len(said.dimensions) > MAX_DIMENSIONS:
        yield f"dimensions: at most {MAX_DIMENSIONS}; what is for drill-down alone goes into an event's `attributes`"
    for name in said.dimensions:
        if not DIMENSION.fullmatch(name):
            yield f"dimensions: {name[:64]!r} is no name; a letter, then letters, digits and underscores, at most 63"
        if name in RESERVED:
            yield f"dimensions: {name!r} means something else in a query or an event; take another name"
    statuses = said.billable_statuses
    if statuses is not None and not 0 < len(statuses) <= MAX_STATUSES:
        yield f"billable_statuses: 1 to {MAX_STATUSES} of them, or null for all"
    for status in statuses or ():
        if not PATTERN.fullmatch(status):
            yield f"billable_statuses: {status[:64]!r} is none; write 404, 2xx, or a word in lower case"


def held(before: Definition, after: Definition, *, used: bool) -> list[Rule]:
    """The rules that a change breaks; none where it may be made. `used`: the meter has, or may have, events."""
    broken = []
    for rule in RULES:
        old, new = getattr(before, rule.field), getattr(after, rule.field)
        fixed = {
            "always": False,
            "unused": used and old != new,
            "more": rule.changes == "more" and used and not set(old) <= set(new),
            "never": old != new,
        }
        if fixed[rule.changes]:
            broken.append(rule)
    return broken
