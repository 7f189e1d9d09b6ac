"""Rules for metrics: what fits, what is put in, how values are read, and in which unit."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, get_args

import msgspec
import pytest
from msgspec.structs import replace

from meter.cells import Aggregation
from meter.errors import InvalidMapping
from meter.facts import MAX_STRING
from meter.mapping.event_rules import Patterns
from meter.mapping.presets import LONGEST_TOML, MOST_DOTS, of_toml
from meter.mapping.route import (
    LONGEST_LABELS,
    LONGEST_MATCHED,
    NO_RULE,
    TOO_LONG,
    Ignored,
    Mapped,
    Named,
    Target,
    Unmapped,
    among,
    filled,
    fits,
    in_order,
    matches,
    route,
)
from meter.mapping.rules import MOST_PRESETS, Document, Rule, unfit, wrong
from meter.model import Meter
from meter.points.counting import Reading, base
from meter.segments import SECOND_US
from meter.streams import MOST_LABELS, Field, Kind, Stream
from tests.meter.cast import METERS, NOW, meter, stream

READS = ("counter", "gauge", "delta")


def rule(**fields: object) -> Rule:
    """Answer a rule as a document says it, on m to requests unless said otherwise."""
    return msgspec.convert({"metric": "m", "meter": "requests", **fields}, Rule)


def routed(rule: Rule, sent: Stream, meters: Mapping[str, Meter] = METERS, **more: Any) -> Target:
    """Answer where a stream goes by one rule."""
    return route(sent, [Named("r", rule)], meters, more.get("described"), more.get("member"))


def mapped(rule: Rule, sent: Stream, meters: Mapping[str, Meter] = METERS, **more: Any) -> Mapped:
    """Answer where a stream counts to by one rule."""
    target = routed(rule, sent, meters, **more)
    assert isinstance(target, Mapped), target
    return target


@pytest.mark.parametrize(
    ("pattern", "text", "fit"),
    [
        ("a.b", "a.b", True),
        ("a.b", "aXb", False),
        ("a.b", "a.b\n", False),
        ("", "", True),
        ("", "a", False),
        ("*", "", True),
        ("*", "a\nb", True),
        ("a*", "a", True),
        ("a*", "ba", False),
        ("*a", "ba", True),
        ("*a", "ab", False),
        ("a*c*e", "abcde", True),
        ("a*c*e", "ace", True),
        ("a*c*e", "aec", False),
        ("*ab*ab", "ab", False),
        ("?", "", False),
        ("a?c", "abc", True),
        ("a?c", "abbc", False),
        ("[a]+", "a", False),
        ("größe*", "größer", True),
    ],
)
def test_patterns(pattern: str, text: str, *, fit: bool) -> None:
    """A star stands for anything, a question mark for one character, and all else for itself."""
    assert matches(pattern, text) is fit


def test_a_pattern_of_many_stars_ends() -> None:
    """However little fits: nobody can stop the service with a rule."""
    began = time.perf_counter()
    assert not matches("*a" * 100 + "b", "a" * 3_000)
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(
    ("patterns", "fitting", "others"),
    [
        ("eth*", ["eth0"], ["lo", ""]),
        ("!lo", ["eth0", ""], ["lo"]),
        ("", [""], ["a"]),
        ("!", ["a"], [""]),
        (["a", "b*"], ["a", "bc"], ["", "c"]),
        (["!idle", "!io*"], ["user", ""], ["idle", "iowait"]),
        (["used", ""], ["used", ""], ["free"]),
        (["b*", "!bad"], ["ban"], ["bad", "c", ""]),
        ([], ["a", ""], []),
    ],
)
def test_one_must_fit_and_none_of_the_barred(patterns: Patterns, fitting: list[str], others: list[str]) -> None:
    """Where nothing is wanted, everything is that is not barred; a label that is not there is empty."""
    assert [text for text in [*fitting, *others] if among(patterns, text)] == fitting


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("", None),
        ("{a}", "1"),
        ("{no}", None),
        ("{no|a}", "1"),
        ("{ empty | b.c }", "2"),
        ("{a}/{b.c}", "1/2"),
        ("x-{no}", "x-"),
        ("{empty}{no}", None),
    ],
)
def test_templates(template: str, text: str | None) -> None:
    """A label's value, or the first there is; where nothing comes of it there is none."""
    assert filled(template, {"a": "1", "b.c": "2", "empty": ""}) == text


def test_where_asks_for_labels() -> None:
    """All of them."""
    asked = rule(where={"state": ["used", ""], "device": "!lo"})
    assert fits(asked, stream("m", state="used", device="eth0"))
    assert fits(asked, stream("m"))
    assert not fits(asked, stream("m", state="free"))
    assert not fits(asked, stream("m", state="used", device="lo"))
    assert not fits(asked, stream("n"))


@pytest.mark.parametrize(
    ("said", "fitting"), [(None, ["value", "sum"]), ("value", ["value"]), ("sum", ["sum"]), ("count", ["count"])]
)
def test_fields(said: str | None, fitting: list[Field]) -> None:
    """Where nothing is said: the only number, and of a histogram the sum."""
    assert [each for each in get_args(Field) if fits(rule(field=said), stream("m", "counter", each))] == fitting


def test_own_rules_are_asked_first_then_presets_in_their_order() -> None:
    """The first that fits decides, and is named; a preset that there is no more is passed over."""
    known = {
        "p": Document(rules=[rule(metric="m*"), rule(metric="x")]),
        "q": Document(rules=[rule(metric="*", ignore=True, meter=None)]),
    }
    document = Document(presets=["q", "gone", "p"], rules=[rule(metric="mine", meter="calls"), rule(metric="m2")])
    order = in_order(document, known)
    assert [each.name for each in order] == ["rules[0]", "rules[1]", "q[0]", "p[0]", "p[1]"]
    assert route(stream("m2"), order, METERS, None, None)[0] == "rules[1]"
    assert route(stream("m3"), order, METERS, None, None) == Ignored("q[0]")
    turned = in_order(replace(document, presets=["p", "q"]), known)
    assert route(stream("m3"), turned, METERS, None, None)[0] == "p[0]"
    assert route(stream("m3"), in_order(Document(), known), METERS, None, None) == NO_RULE


@pytest.mark.parametrize(
    ("read", "kind", "described", "name", "field", "way"),
    [
        ("delta", "counter", "gauge", "m", "value", "delta"),
        ("auto", "delta", "counter", "m", "value", "delta"),
        ("auto", "unknown", "counter", "m", "value", "counter"),
        ("auto", "unknown", "unknown", "m_total", "value", "counter"),
        ("auto", "unknown", None, "m_sum", "value", "counter"),
        ("auto", "unknown", None, "m_count", "value", "counter"),
        ("auto", "unknown", None, "m_bucket", "value", "counter"),
        ("auto", "unknown", None, "m", "sum", "counter"),
        ("auto", "unknown", None, "m_total_x", "value", "level"),
        ("auto", "unknown", "gauge", "m_total", "value", "level"),
        ("gauge", "counter", None, "m", "value", "level"),
    ],
)
def test_how_values_are_read(read: str, kind: Kind, described: Kind | None, name: str, field: Field, way: str) -> None:
    """As the rule says, else the sender with the points, else apart from them, else what the name tells."""
    said = rule(metric="m*", meter="cpu", read=read, field=field)
    assert mapped(said, stream(name, kind, field), described=described).way == way


# By aggregation: the readings that make usage of it, with the way they are counted.
READINGS: dict[str, dict[str, str]] = {
    "sum": {"counter": "counter", "delta": "delta"},
    "count": {},
    "unique": {},
    "time_weighted": {"counter": "counter", "delta": "delta", "gauge": "level"},
    **{name: {"gauge": "measure"} for name in ("min", "max", "average", "latest", "percentile")},
}


@pytest.mark.parametrize("aggregation", get_args(Aggregation))
@pytest.mark.parametrize("read", READS)
def test_what_makes_usage_of_which_meter(aggregation: str, read: Any) -> None:
    """The others are unmapped, and the reason names the rule and says what to do."""
    meters = {"a": meter("a", aggregation)}
    said = rule(meter="a", read=read)
    target = routed(said, stream("m"), meters)
    way = READINGS[aggregation].get(read)
    if way is not None:
        assert isinstance(target, Mapped)
        assert (target.way, unfit(read, meters["a"])) == (way, None)
        return
    assert isinstance(target, Unmapped)
    assert (target.reason, target.detail) == ("not_countable", f"r: {unfit(read, meters['a'])}")
    assert wrong(Document(rules=[said]), meters, {}) == f"rules[0].read: {unfit(read, meters['a'])}"


@pytest.mark.parametrize(
    ("slug", "read", "divide", "value", "stored"),
    [
        ("requests", "counter", 1, "7", "7"),
        ("requests", "delta", "0.5", "7", "14"),
        ("tokens.input", "counter", 3, "1", "0.333333333333"),
        ("response_time", "gauge", 1000, "250", "0.25"),
        ("cpu", "gauge", 100, "250", "2.5"),  # percent of a core, held: cores, times seconds later
        ("cpu", "counter", 3600, "7200", "7200"),  # core-seconds, in core-hours, kept as core-seconds
        ("memory", "gauge", 2**30, str(2**30), "1024"),  # bytes in GB, kept as MB, times seconds later
        ("memory", "delta", 1, "2", str(2 * 1024 * 3600)),  # GB-hours, kept as MB-seconds
        ("storage", "gauge", 2**30, str(2**31), "2"),
    ],
)
def test_factors_and_base_units(slug: str, read: str, divide: object, value: str, stored: str) -> None:
    """What is sent, times and by what the rule says, is as the meter is sent; it is kept in its base unit."""
    target = mapped(rule(meter=slug, read=read, divide=str(divide)), stream("m"))
    reading = Reading(1, 1, target.way, target.multiply, target.divide)
    assert base(Decimal(value), reading) == Decimal(stored)
    doubled = mapped(rule(meter=slug, read=read, divide=str(divide), multiply="2"), stream("m"))
    assert doubled.multiply == 2 * target.multiply


def test_a_meter_says_how_long_its_levels_hold() -> None:
    """Five minutes where it says nothing."""
    assert mapped(rule(meter="cpu"), stream("m", "gauge"))[5:7] == ("hold", 300 * SECOND_US)
    strict = {"cpu": replace(METERS["cpu"], gap_rule="zero", gap_seconds=60)}
    assert mapped(rule(meter="cpu"), stream("m", "gauge"), strict)[5:7] == ("zero", 60 * SECOND_US)


def test_whose_it_is() -> None:
    """The rule's member, else that of the request; the service by the usual labels; dimensions that there are."""
    said = rule(member="{user}", dimensions={"model": "{model}", "region": "{zone|none}"})
    sent = stream("m", user="ann", job="web", model="small")
    assert mapped(said, sent, member="ben").series == ("requests", "ann", "web", (("model", "small"),), False)
    bare = mapped(said, stream("m", host="h1"), member="ben")
    assert bare.series == ("requests", "ben", "h1", (), False)
    assert mapped(rule(service=""), stream("m", job="web")).series == ("requests", None, None, (), False)
    assert mapped(said, sent).trusts_starts
    assert not mapped(rule(starts="ignored"), sent).trusts_starts


@pytest.mark.parametrize(
    ("fields", "labels", "reason", "named"),
    [
        ({"meter": "none"}, {}, "unknown_meter", "'none'"),
        ({"meter": "old"}, {}, "meter_archived", "old"),
        ({"dimensions": {"shard": "{a}"}}, {"a": "1"}, "undeclared_dimension", "'shard'"),
        ({"dimensions": {"model": "{a}"}}, {"a": "x" * (MAX_STRING + 1)}, "string_too_long", "model"),
        ({"service": "{a}"}, {"a": "nul\0"}, "string_too_long", "service"),
        ({"member": "{a}"}, {"a": "x" * (MAX_STRING + 1)}, "string_too_long", "member"),
    ],
)
def test_what_a_rule_cant_count(fields: dict[str, Any], labels: dict[str, str], reason: str, named: str) -> None:
    """It is unmapped, and the detail names the rule and what is the matter."""
    target = routed(rule(**fields), stream("m", **labels))
    assert isinstance(target, Unmapped)
    assert target.reason == reason
    assert target.detail.startswith("r")
    assert named in target.detail


def test_labels_that_are_too_many_or_too_long() -> None:
    """No rule is asked then."""
    most = {f"l{number}": "v" for number in range(MOST_LABELS)}
    assert isinstance(routed(rule(), stream("m", **most)), Mapped)
    assert routed(rule(), stream("m", **most, one_more="v")) == TOO_LONG
    assert isinstance(routed(rule(), stream("m", a="v" * LONGEST_LABELS)), Mapped)
    assert routed(rule(ignore=True, meter=None), stream("m", a="v" * LONGEST_LABELS, b="v")) == TOO_LONG


def test_an_archived_meter_is_told_before_what_its_series_lack() -> None:
    """A rule may stay when its meter goes."""
    assert METERS["old"].archived_at == NOW
    assert wrong(Document(rules=[rule(meter="old")]), METERS, {}) is None


@pytest.mark.parametrize("text", [b"rules = 1", b"[[rules]]\nmetric = 1", b"[[rules]]\n", b"\xff", b"= ", b"a = 1"])
def test_toml_that_is_no_mapping(text: bytes) -> None:
    """Is refused with the place."""
    with pytest.raises(InvalidMapping, match=r"\$|line|decode|unknown field|required field"):
        of_toml(text)


def test_numbers_of_toml_are_exact() -> None:
    """No binary float in between."""
    (read,) = of_toml(b'[[rules]]\nmetric = "m"\nmeter = "requests"\nmultiply = 0.1\ndivide = 3').rules
    assert (read.multiply, read.divide) == (Decimal("0.1"), Decimal(3))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"x = " + b"1" * 5_000, "4300 digits"),
        (b"x = 1e99999999999999999999", "InvalidOperation"),
        (b'[[events]]\ntype = "a"\nmeter = "m"\nmultiply = "sNaN"', "multiply: a number above 0"),
        (b"[[events]]\ntype = 'a'\nmeter = 'm'\nmultiply = nan", "multiply: a number above 0"),
        (b".".join([b"a"] * 502) + b" = 1", "at most 262144 bytes, with 500 dots in a line"),
        (b"#" * (LONGEST_TOML + 1), "at most 262144 bytes"),
        (b"a = " + b"[" * 10_000, "recursion"),
    ],
)
def test_toml_beyond_its_bounds(text: bytes, said: str) -> None:
    """Is refused, whatever Python's own reader makes of it."""
    with pytest.raises(InvalidMapping, match=re.escape(said)):
        of_toml(text)


def test_toml_up_to_its_bounds() -> None:
    """Is read."""
    longest = b"#" * (LONGEST_TOML - 1_001) + b"\n# " + b"." * MOST_DOTS
    assert of_toml(longest) == Document()


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"where": {f"$.l{number}": "a" for number in range(17)}}, "where"),
        ({"where": {"$.a": ["b"] * 51}}, "where"),
        ({"where": {"$.a": "b" * 301}}, "where"),
        ({"where": {"$." + "a" * 300: "b"}}, "where"),
    ],
)
def test_patterns_are_bounded(fields: dict[str, Any], place: str) -> None:
    """In number and length, for streams and for events; the place is told."""
    for kind, usual in (("rules", {"metric": "m"}), ("events", {"type": "m"})):
        with pytest.raises(msgspec.ValidationError, match=rf"\$\.{kind}\[0\]\.{place}"):
            msgspec.convert({kind: [{**usual, "meter": "requests", **fields}]}, Document)
    most = {f"$.l{number}": ["b" * 300] * 50 for number in range(16)}
    for kind, usual in (("rules", {"metric": "m"}), ("events", {"type": "m"})):
        msgspec.convert({kind: [{**usual, "meter": "requests", "where": most}]}, Document)


def test_presets_are_bounded() -> None:
    """Each once, and not without end."""
    known = {f"p{number}": Document() for number in range(MOST_PRESETS + 1)}
    document = msgspec.convert({"presets": list(known)[:MOST_PRESETS]}, Document)
    assert wrong(document, METERS, known) is None
    with pytest.raises(msgspec.ValidationError, match=r"\$\.presets"):
        msgspec.convert({"presets": list(known)}, Document)
    assert wrong(Document(presets=["p1", "p0", "p1"]), METERS, known) == "presets: 'p1' is there more than once"


def test_what_of_a_long_label_is_matched() -> None:
    """Its beginning: a rule can't make each of many streams take long."""
    assert among("a*", "a" * 16_000)
    assert not among("*b", "a" * LONGEST_MATCHED + "b")


def test_a_change_of_the_meter_makes_another_target() -> None:
    """So that streams that are known are looked at anew."""
    changed = {"requests": replace(METERS["requests"], version=METERS["requests"].version + 1)}
    assert mapped(rule(), stream("m")) != mapped(rule(), stream("m"), changed)
