"""What a mapping says: rules as people write them, as data; and what is wrong with them, in words that help."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from meter.mapping.event_rules import EventRule, Where
from meter.model import Meter
from meter.streams import Field

Read = Literal["auto", "counter", "gauge", "delta"]
Starts = Literal["trusted", "ignored"]
Name = Annotated[str, Meta(min_length=1, max_length=300)]
Template = Annotated[str, Meta(max_length=300)]

MOST_RULES = 500
MOST_PRESETS = 32
LARGEST_FACTOR = Decimal(10**18)
TEMPLATE = re.compile(r"(?:[^{}]|\{[^{}]+\})*")
USUAL_SERVICE = "{service.name|job|host}"


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which metrics count to which meter, whose they are, and how their values are read.

    `metric` and the values of `where` (a label, and what it must be) are patterns: `*` stands for anything, `?` for one
    character, `!` in front for anything else, and empty for no such label. Of several, one must fit and none of the
    `!`. `member`, `service` and `dimensions` are texts in which `{label}` stands for the label's value, and `{a|b}` for
    the first there is. A value times `multiply` by `divide` is in the unit that the meter is sent in.

    `read` is for senders that do not say what a number is, `starts: ignored` for counters that count since longer than
    they say; growth of such a one is not taken unless `read` says `delta`. `field` picks a number of a histogram or
    summary: its `sum` (if nothing is said) or its `count`.
    """

    metric: Name
    meter: Annotated[str, Meta(max_length=63)] | None = None
    ignore: bool = False
    where: Where = {}
    field: Field | None = None
    read: Read = "auto"
    starts: Starts = "trusted"
    member: Template | None = None
    service: Template = USUAL_SERVICE
    dimensions: dict[str, Template] = {}
    multiply: Decimal = Decimal(1)
    divide: Decimal = Decimal(1)


class Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping: own rules first, in order, then those of the presets. The first that fits decides.

    `rules` are for streams of points, `events` for CloudEvents and Lago's events.
    """

    presets: Annotated[list[Name], Meta(max_length=MOST_PRESETS)] = []
    rules: Annotated[list[Rule], Meta(max_length=MOST_RULES)] = []
    events: Annotated[list[EventRule], Meta(max_length=MOST_RULES)] = []


def wrong(document: Document, meters: Mapping[str, Meter], presets: Mapping[str, Document]) -> str | None:
    """The first thing wrong with a mapping: where it stands and what to write instead; None where all is well."""
    return next(_wrong(document, meters, presets), None)


def _wrong(document: Document, meters: Mapping[str, Meter], presets: Mapping[str, Document]) -> Iterator[str]:
    for name in document.presets:
        if document.presets.count(name) > 1:
            yield f"presets: {name[:64]!r} is there more than once"
        if name not in presets:
            yield f"presets: there is no {name[:64]!r}; there are {', '.join(sorted(presets))}"
    for number, rule in enumerate(document.rules):
        yield from (f"rules[{number}].{said}" for said in _wrong_rule(rule, meters))
    for number, event in enumerate(document.events):
        yield from (f"events[{number}].{said}" for said in _wrong_target(event, meters))


def _wrong_rule(rule: Rule, meters: Mapping[str, Meter]) -> Iterator[str]:
    yield from _wrong_target(rule, meters)
    dimensions = ((f"dimensions.{name[:64]}", template) for name, template in rule.dimensions.items())
    for field, template in (("member", rule.member or ""), ("service", rule.service), *dimensions):
        if not TEMPLATE.fullmatch(template):
            yield f"{field}: {template[:64]!r} has a brace without its twin; write {{label}}, or {{label|other}}"
    for field, factor in (("multiply", rule.multiply), ("divide", rule.divide)):
        if not factor.is_finite() or not 1 / LARGEST_FACTOR <= factor <= LARGEST_FACTOR:
            yield f"{field}: a number above 0, from {1 / LARGEST_FACTOR} to {LARGEST_FACTOR}"
    meter = meters.get(rule.meter or "")
    if meter is not None and rule.read != "auto":
        why = unfit(rule.read, meter)
        if why:
            yield f"read: {why}"


def _wrong_target(rule: Rule | EventRule, meters: Mapping[str, Meter]) -> Iterator[str]:
    for field, value in msgspec.structs.asdict(rule).items():
        if _has_nul(value):
            yield f"{field}: leave out the NUL, which no name and no label has"
    if rule.ignore == (rule.meter is not None):
        yield "meter: say which meter it counts to, or `ignore`, one of the two"
    if rule.meter is None:
        return
    meter = meters.get(rule.meter)
    if meter is None:
        yield f"meter: there is no meter {rule.meter[:64]!r}; GET /v1/meters lists those there are"
        return
    undeclared = sorted(set(rule.dimensions) - meter.dimensions)
    if undeclared:
        declared = ", ".join(sorted(meter.dimensions)) or "none"
        yield f"dimensions: {undeclared[0][:64]!r} is not declared by {meter.slug}; it has {declared}"


def _has_nul(value: object) -> bool:
    """Whether a text has a NUL, which the database can't hold, or one of a list or a dictionary has."""
    if isinstance(value, dict):
        return any(map(_has_nul, value)) or any(map(_has_nul, value.values()))
    return any(map(_has_nul, value)) if isinstance(value, list) else isinstance(value, str) and "\0" in value


def unfit(read: Literal["counter", "gauge", "delta"], meter: Meter) -> str | None:
    """Why values read like that make no usage of a meter; None where they do."""
    if read == "gauge":
        if meter.aggregation in {"sum", "count", "unique"}:
            return f"readings of a gauge can't be added up to {meter.slug}, a {meter.aggregation}; count it as a level"
        return None
    if meter.aggregation != "sum" and not (meter.time_weighted and not meter.per_month):
        return f"a {read} makes no {meter.slug}, which is a {meter.aggregation}; use a meter that adds up"
    return None
