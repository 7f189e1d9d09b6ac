"""Rules for events: what can be looked up is known when a rule is made, and what can't be is said by name."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from meter.mapping.event_rules import EventRule, is_path, lookup, path


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("$.a", ("a",)),
        ("$.a.b", ("a", "b")),
        ('$["a"]', ("a",)),
        ("$['a.b']", ("a.b",)),
        ('$.a["b.c"].d', ("a", "b.c", "d")),
        ("$.größe", ("größe",)),
        ("$.a-b c", ("a-b c",)),
    ],
)
def test_paths(expression: str, names: tuple[str, ...]) -> None:
    """Dots and names in brackets."""
    assert is_path(expression)
    assert path(expression) == names
    data: Any = 7
    for name in reversed(names):
        data = {name: data}
    assert lookup(expression, data) == 7
    assert lookup(expression, {}) is None


@pytest.mark.parametrize("expression", ["", "$", "a", "$a", "$.", "$..a", "$.a[0]", "$.*", "$.a[*]", "$[a]", '$.a["b]'])
def test_what_is_no_path(expression: str) -> None:
    """Said when the rule is made, not when an event comes."""
    assert not is_path(expression)
    for fields in ({"value": expression}, {"where": {expression: ""}}):
        with pytest.raises((ValueError, msgspec.ValidationError)):
            msgspec.convert({"type": "t", "meter": "m", **fields}, EventRule)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"value": "tokens"}, "value"),
        ({"value": "=5"}, "value"),
        ({"member": "nobody"}, "member"),
        ({"service": "$.a[0]"}, "service"),
        ({"dimensions": {"model": "model"}}, "dimensions.model"),
        ({"where": {"=x": "y"}}, "where"),
        ({"where": {"model": "y"}}, "where"),
        ({"multiply": "0"}, "multiply"),
        ({"multiply": "-1"}, "multiply"),
        ({"multiply": "NaN"}, "multiply"),
        ({"multiply": "1e40"}, "multiply"),
        ({"typo": "x"}, "typo"),
    ],
)
def test_rules_that_cannot_be(fields: dict[str, Any], named: str) -> None:
    """The message names the field."""
    with pytest.raises(msgspec.ValidationError, match=named):
        msgspec.json.decode(json.dumps({"type": "t", "meter": "m", **fields}), type=EventRule)


def test_rules_are_written_as_they_are_read() -> None:
    """From JSON and back, with what was left out left out."""
    text = (
        b'{"type":"prompt","meter":"tokens.input","where":{"$.type":["input","!x"]},"value":"$.tokens",'
        b'"dimensions":{"model":"$.model"},"multiply":"0.001"}'
    )
    read = msgspec.json.decode(text, type=EventRule)
    assert read.multiply == Decimal("0.001")
    assert msgspec.json.decode(msgspec.json.encode(read), type=EventRule) == read
