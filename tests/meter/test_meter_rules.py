"""What a meter may be and what of it may change: each rule, and the page that tells them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from meter.meter_rules import (
    AGGREGATIONS,
    BILLABLE,
    RESERVED,
    RULES,
    Definition,
    completed,
    definition_of,
    divisor,
    held,
    wrong,
)
from meter.model import Event
from tests.meter.cast import METERS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "meters.md").read_text("utf-8")


def said(**fields: Any) -> Definition:
    """Answer a definition, of a sum unless it says otherwise."""
    usual = {"slug": "own", "title": "Own", "unit": "thing", "aggregation": "sum"}
    return completed(msgspec.convert(usual | fields, Definition))


FULL: dict[str, dict[str, Any]] = {
    "sum": {"scale": 1000, "billable": True},
    "count": {"billable": True, "billable_statuses": ["2xx", "404", "done"]},
    "min": {},
    "max": {},
    "average": {},
    "latest": {},
    "unique": {"unique_of": "attributes.session id"},
    "percentile": {"percentile": "99.999999"},
    "time_weighted": {"per": "month", "scale": 1024, "gap_rule": "hold", "gap_seconds": 60, "billable": True},
}


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_every_aggregation_has_what_it_needs(aggregation: str) -> None:
    """With all that belongs to it, and with as little as it can do with, a meter of each kind is one."""
    assert wrong(said(aggregation=aggregation, **FULL[aggregation])) is None
    needed = {"unique_of": "member"} if aggregation == "unique" else {}
    assert wrong(said(aggregation=aggregation, **needed)) is None


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"slug": "Own"}, "slug"),
        ({"slug": "1st"}, "slug"),
        ({"slug": "a" * 64}, "slug"),
        ({"slug": "own\n"}, "slug"),
        ({"dimensions": ["Model"]}, "'Model' is no name"),
        ({"dimensions": ["a.b"]}, "is no name"),
        ({"dimensions": ["a" * 64]}, "is no name"),
        ({"dimensions": ["a\n"]}, "is no name"),
        ({"dimensions": ["member"]}, "'member' means something else"),
        ({"dimensions": ["group_by"]}, "means something else"),
        ({"dimensions": [f"d{n}" for n in range(17)]}, "at most 16"),
        ({"aggregation": "max", "billable": True}, "billable: only for"),
        ({"aggregation": "unique", "unique_of": "member", "billable": True}, "billable: only for"),
        ({"aggregation": "count", "scale": 2}, "scale: only for"),
        ({"per": "hour"}, "per: only for"),
        ({"gap_rule": "zero", "gap_seconds": 1}, "gap_rule: only for"),
        ({"unique_of": "member"}, "unique_of: only for"),
        ({"percentile": 50}, "percentile: only for"),
        ({"aggregation": "unique"}, "say what is counted"),
        ({"aggregation": "unique", "unique_of": "service"}, "write `member`"),
        ({"aggregation": "unique", "unique_of": "attributes."}, "write `member`"),
        ({"aggregation": "unique", "unique_of": "attributes.a\0"}, "write `member`"),
        ({"aggregation": "percentile", "percentile": 0}, "between 0 and 100"),
        ({"aggregation": "percentile", "percentile": 100}, "between 0 and 100"),
        ({"aggregation": "percentile", "percentile": "NaN"}, "between 0 and 100"),
        ({"aggregation": "percentile", "percentile": "0.0000001"}, "at most 6 decimals"),
        ({"scale": 0}, "whole number"),
        ({"scale": "0.5"}, "whole number"),
        ({"scale": "1E+999999"}, "whole number"),
        ({"scale": "1E-999999"}, "whole number"),
        ({"scale": "sNaN"}, "whole number"),
        ({"scale": "Infinity"}, "whole number"),
        ({"aggregation": "time_weighted", "gap_rule": "hold"}, "come together"),
        ({"aggregation": "time_weighted", "gap_seconds": 9}, "come together"),
        ({"aggregation": "time_weighted", "gap_rule": "hold", "gap_seconds": 0}, "gap_seconds"),
        ({"aggregation": "time_weighted", "gap_rule": "hold", "gap_seconds": 31 * 86_400 + 1}, "gap_seconds"),
        ({"expected_every_seconds": 0}, "1 to 86400, or null"),
        ({"expected_every_seconds": 86_401}, "1 to 86400, or null"),
        ({"billable_statuses": []}, "or null for all"),
        ({"billable_statuses": ["a b"]}, "'a b' is none"),
        ({"billable_statuses": ["*"]}, "'*' is none"),
        ({"billable_statuses": [str(n) for n in range(33)]}, "1 to 32"),
    ],
)
def test_what_can_be_no_meter(fields: dict[str, Any], told: str) -> None:
    """The reason says what to write instead."""
    assert told in (wrong(said(**fields)) or "")


def test_what_goes_without_saying() -> None:
    """Levels per hour, the 95th percentile, names sorted and once, statuses in lower case."""
    assert said(aggregation="time_weighted").per == "hour"
    assert said(aggregation="percentile").percentile == 95
    assert said(dimensions=["b", "a", "b"]).dimensions == ("a", "b")
    assert said(billable_statuses=["Done", "2XX", "done"]).billable_statuses == ("2xx", "done")


@pytest.mark.parametrize(
    ("per", "scale", "stored"),
    [("second", 1, 1), ("minute", 1, 60), ("hour", 1024, 1024 * 3600), ("day", 1, 86_400), ("month", 1024, 1024)],
)
def test_the_divisor_is_the_scale_times_the_seconds(per: str, scale: int, stored: int) -> None:
    """The seconds of a month are left to its reading."""
    assert divisor(said(aggregation="time_weighted", per=per, scale=scale)) == stored


@pytest.mark.parametrize("slug", METERS)
def test_a_meter_says_of_itself_what_it_is(slug: str) -> None:
    """A definition taken from a meter is complete, and its scale is what it was made with."""
    found = definition_of(METERS[slug])
    assert completed(found) == found
    assert found.scale == 1, "3600 s of level_scale 1024 are one hour of a GB"


HELD = {"aggregation": "time_weighted"} | FULL["time_weighted"]
CHANGED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "slug": ({}, {"slug": "other"}),
    "title": ({}, {"title": "Other"}),
    "unit": ({}, {"unit": "other"}),
    "aggregation": ({}, {"aggregation": "max"}),
    "scale": ({}, {"scale": 10}),
    "per": ({"aggregation": "time_weighted"}, {"aggregation": "time_weighted", "per": "day"}),
    "unique_of": (
        {"aggregation": "unique", "unique_of": "member"},
        {"aggregation": "unique", "unique_of": "attributes.a"},
    ),
    "percentile": ({"aggregation": "percentile"}, {"aggregation": "percentile", "percentile": 99}),
    "gap_rule": (HELD, HELD | {"gap_rule": "zero"}),
    "gap_seconds": (HELD, HELD | {"gap_seconds": 61}),
    "dimensions": ({"dimensions": ["a", "b"]}, {"dimensions": ["a", "c"]}),
    "billable": ({}, {"billable": True}),
    "billable_statuses": ({}, {"billable_statuses": ["2xx"]}),
    "expected_every_seconds": ({}, {"expected_every_seconds": 60}),
    "archived": ({}, {"archived": True}),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.field)
def test_each_rule_holds(rule: Any) -> None:
    """A change of each field is refused where its rule says so, with that rule, and nowhere else."""
    before, after = (said(**fields) for fields in CHANGED[rule.field])
    assert wrong(before) is None
    assert wrong(after) is None
    found = {used: [broken.field for broken in held(before, after, used=used)] for used in (False, True)}
    refused = [rule.field]
    assert (
        found
        == {
            "always": {False: [], True: []},
            "unused": {False: [], True: refused},
            "more": {False: [], True: refused},
            "never": {False: refused, True: refused},
        }[rule.changes]
    )


def test_dimensions_may_be_added() -> None:
    """More of them is no change to what was counted; nor is the same."""
    before = said(dimensions=["a"])
    assert held(before, said(dimensions=["b", "a"]), used=True) == []
    assert held(before, before, used=True) == []


def test_there_is_a_rule_for_every_field() -> None:
    """None is forgotten."""
    assert sorted(rule.field for rule in RULES) == sorted(Definition.__struct_fields__)
    assert set(CHANGED) == set(Definition.__struct_fields__)


def test_the_page_has_the_rules() -> None:
    """docs/meters.md says what the data says."""
    told = re.findall(r"^\| `(\w+)` \| (always|unused|more|never) \| (.+) \|$", PAGE, re.MULTILINE)
    assert told == [tuple(rule) for rule in RULES]


def test_the_page_has_the_aggregations() -> None:
    """All of them, and which are billable."""
    told = re.findall(r"^\| `(\w+)` \| .+ \| (yes|no) \|$", PAGE, re.MULTILINE)
    assert told == [(name, "yes" if name in BILLABLE else "no") for name in AGGREGATIONS]


def test_names_of_events_are_reserved() -> None:
    """A dimension named like a field of an event would be mistaken for it."""
    assert set(Event.__struct_fields__) <= RESERVED
