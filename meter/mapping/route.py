"""Which series does a stream count to, and how? The first rule that fits decides. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Literal, NamedTuple

import msgspec

from meter.facts import series_refusal
from meter.mapping.event_rules import Patterns
from meter.mapping.rules import Document, Rule, unfit
from meter.model import Meter, SeriesKey
from meter.points.counting import USUAL_GAP_US, GapRule, Way
from meter.segments import EXACT, SECOND_US
from meter.streams import MOST_LABELS, Kind, Stream

READINGS: dict[Kind, Literal["counter", "gauge", "delta"]] = {"counter": "counter", "gauge": "gauge", "delta": "delta"}
COUNTING_NAME = re.compile(r".*(_total|_sum|_count|_bucket)")  # as Prometheus' naming rules have it
_PART = re.compile(r"\{([^{}]+)\}|([^{}]+)")


class Mapped(NamedTuple):
    """Counts to a series: in which way, times what, and whether the sender's word for its starts is taken.

    `rule` names the rule that decided, as in `rules[2]` or `otel-system[0]`.
    """

    rule: str
    series: SeriesKey
    way: Way
    multiply: Decimal
    divide: Decimal
    gap_rule: GapRule
    gap_us: int
    trusts_starts: bool
    meter_version: int = 1  # a change of its meter makes it another


class Ignored(NamedTuple):
    """Left out on purpose, by this rule."""

    rule: str


class Unmapped(NamedTuple):
    """Makes no usage: a code, and what to change."""

    reason: str
    detail: str


Target = Mapped | Ignored | Unmapped
LONGEST_LABELS = 16_384
LONGEST_MATCHED = 1_024  # of a label: patterns are asked of all streams of a body
TOO_LONG = Unmapped(
    "labels_too_long",
    f"a stream has at most {MOST_LABELS} labels, whose values have {LONGEST_LABELS} characters at most",
)
NO_RULE = Unmapped("no_rule", "no rule of the mapping fits; write one, or one that ignores it")


class Named(NamedTuple):
    """A rule, and what it is called."""

    name: str
    rule: Rule


def in_order(document: Document, presets: Mapping[str, Document]) -> list[Named]:
    """All rules of a mapping in the order they are asked: own ones, then those of its presets that there are."""
    own = [Named(f"rules[{number}]", rule) for number, rule in enumerate(document.rules)]
    known = [name for name in document.presets if name in presets]
    return own + [Named(f"{name}[{n}]", rule) for name in known for n, rule in enumerate(presets[name].rules)]


def route(
    stream: Stream, rules: Sequence[Named], meters: Mapping[str, Meter], described: Kind | None, member: str | None
) -> Target:
    """Where a stream counts to; `described`: what else is known of its kind, `member`: whose it is if no rule says."""
    if len(stream.labels) > MOST_LABELS or sum(map(len, stream.labels.values())) > LONGEST_LABELS:
        return TOO_LONG
    for name, rule in rules:
        if fits(rule, stream):
            return Ignored(name) if rule.ignore else _mapped(Named(name, rule), stream, meters, described, member)
    return NO_RULE


def fits(rule: Rule, stream: Stream) -> bool:
    """Whether a rule is about this stream."""
    asked = rule.field or ("value" if stream.field == "value" else "sum")
    if asked != stream.field or not matches(rule.metric, stream.name):
        return False
    return all(among(patterns, stream.labels.get(label, "")) for label, patterns in rule.where.items())


def among(patterns: Patterns, text: str) -> bool:
    """Whether a text fits one of the patterns and none of those that begin with `!`; the text may be empty."""
    listed, text = [patterns] if isinstance(patterns, str) else patterns, text[:LONGEST_MATCHED]
    wanted = [pattern for pattern in listed if not pattern.startswith("!")]
    barred = (pattern[1:] for pattern in listed if pattern.startswith("!"))
    return (not wanted or any(matches(each, text) for each in wanted)) and not any(matches(e, text) for e in barred)


def matches(pattern: str, text: str) -> bool:
    """Whether a text is as a pattern says: `*` stands for anything, `?` for one character."""
    return _compiled(pattern)(text) is not None


@lru_cache(maxsize=10_000)
def _compiled(pattern: str) -> Callable[[str], re.Match[str] | None]:
    """What comes between two stars is looked for once, from the left: else many stars would take for ever."""
    first, *rest = ["".join("." if c == "?" else re.escape(c) for c in piece) for piece in pattern.split("*")]
    if not rest:
        return re.compile(first, re.DOTALL).fullmatch
    *middle, last = rest
    return re.compile(first + "".join(f"(?>.*?{piece})" for piece in middle) + ".*" + last, re.DOTALL).fullmatch


def filled(template: str, labels: Mapping[str, str]) -> str | None:
    """A template with its labels put in; None where nothing comes of it."""
    parts = (
        next((found for name in named.split("|") if (found := labels.get(name.strip()))), "") if named else plain
        for named, plain in _PART.findall(template)
    )
    return "".join(parts) or None


def _mapped(
    named: Named, stream: Stream, meters: Mapping[str, Meter], described: Kind | None, member: str | None
) -> Target:
    rule, meter = named.rule, meters.get(named.rule.meter or "")
    if meter is None:
        return Unmapped("unknown_meter", f"{named.name} counts to a meter {rule.meter!r}, which there is none")
    if meter.archived_at is not None:
        return Unmapped("meter_archived", f"{named.name} counts to {meter.slug}, which is archived")
    dimensions = {name: filled(template, stream.labels) for name, template in rule.dimensions.items()}
    said = tuple(sorted((name, value) for name, value in dimensions.items() if value is not None))
    whose = filled(rule.member, stream.labels) if rule.member else None
    series = SeriesKey(meter.slug, whose or member, filled(rule.service, stream.labels), said)
    refused = series_refusal(series, meters)
    if refused:
        return Unmapped(refused.code, f"{named.name}: {refused.detail}")
    read = _read(rule, stream, described)
    why = unfit(read, meter) or _unknown_growth(rule, stream)
    return Unmapped("not_countable", f"{named.name}: {why}") if why else _counted(named, series, read, meter)


def _read(rule: Rule, stream: Stream, described: Kind | None) -> Literal["counter", "gauge", "delta"]:
    """How values are read: as the rule says, else the sender, else what it said elsewhere, else what the name tells.

    A counter whose sender tells by how much it grew is read as that: growth read as a count would be too little.
    """
    if rule.read == "counter" and stream.kind == "delta":
        return "delta"
    if rule.read != "auto":
        return rule.read
    for kind in (stream.kind, described):
        if kind is not None and kind in READINGS:
            return READINGS[kind]
    return "counter" if COUNTING_NAME.fullmatch(stream.name) or stream.field != "value" else "gauge"


def _unknown_growth(rule: Rule, stream: Stream) -> str | None:
    """Why what a counter grew by is not known, where it counts since longer than its sender says."""
    if stream.kind == "delta" and rule.read != "delta" and rule.starts == "ignored":
        return (
            "the first delta of such a counter has all that was counted before; export it as cumulative (preference "
            'lowmemory), or write a rule with read = "delta" where that is not so'
        )
    return None


def _counted(named: Named, series: SeriesKey, read: Literal["counter", "gauge", "delta"], meter: Meter) -> Mapped:
    """The recipe: what is sent, into the base unit of the meter."""
    way: Way = ("level" if meter.time_weighted else "measure") if read == "gauge" else read
    base = meter.level_scale if way == "level" else meter.divisor if meter.time_weighted else Decimal(1)
    return Mapped(
        named.name,
        series,
        way,
        EXACT.multiply(named.rule.multiply, base),
        named.rule.divide,
        msgspec.convert(meter.gap_rule or "hold", GapRule),
        meter.gap_seconds * SECOND_US if meter.gap_seconds else USUAL_GAP_US,
        named.rule.starts == "trusted",
        meter.version,
    )
