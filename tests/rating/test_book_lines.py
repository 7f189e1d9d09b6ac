"""A field of a book is found on the line it is written on, however TOML lets it be written."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

import pytest

from meter.rating.book import DEMO_BOOKS, parse_book
from meter.rating.book_lines import line_of
from meter.rating.table import BookError

TEXT = """\
name = "x" # [plans.a]
[plans.a]
title = \"\"\"of two lines,
[plans.b] 'price' = 3 \"\"\"
base_fee = '1"1'
prices."calls" = { unit = 'u', tiers = [
  { up_to = 1, unit_amount = "1" }, # the first, { up_to = 2 }
  # and the last
  { unit_amount = "2", when = { a = [1, 2], b = "}" } },
], per = 1_000 }
prices.calls.title = "C"

[[rates]]
from = 2026-03-01
[[rates]]
from = 2026-04-01 # later
"""


@pytest.mark.parametrize(
    ("table", "field", "line"),
    [
        ("", "name", 1),
        ("plans.a", "", 2),
        ("plans.a", "title", 3),
        ("plans.a", "base_fee", 5),
        ("plans.a.prices.calls", "unit", 6),
        ("plans.a.prices.calls", "tiers", 6),
        ("plans.a.prices.calls.tiers[1]", "unit_amount", 7),
        ("plans.a.prices.calls.tiers[2]", "", 9),
        ("plans.a.prices.calls.tiers[2].when", "b", 9),
        ("plans.a.prices.calls", "per", 10),
        ("plans.a.prices.calls", "title", 11),
        ("rates[2]", "from", 16),
        ("plans.a.prices.calls", "meter", 6),  # what is missing is told where its table begins
        ("plans.a.prices.calls.tiers[2]", "up_to", 9),
        ("plans.z", "title", 2),
        ("", "title", 1),
    ],
)
def test_fields_and_tables_are_found(table: str, field: str, line: int) -> None:
    """Inline tables, lists over several lines, quoted keys, texts that look like TOML, comments."""
    assert line_of(TEXT, table, field) == line


@pytest.mark.parametrize("name", DEMO_BOOKS)
def test_every_field_of_a_book_is_found(name: str) -> None:
    """Of each path the line has the last name of it."""
    text = files("meter.rating").joinpath("books", f"{name}.toml").read_text("utf-8")
    lines = text.splitlines()

    def check(table: str, fields: dict[str, Any]) -> None:
        for field, value in fields.items():
            assert field in lines[line_of(text, table, field) - 1], (table, field)
            if isinstance(value, dict):
                check(f"{table}.{field}".lstrip("."), value)

    check("", tomllib.loads(text))


@pytest.mark.parametrize(("text", "line"), [("a = 1\nb = \nc = 2", 2), ("a = 1\n\nb = [1,", 3)])
def test_where_the_reader_stopped(text: str, line: int) -> None:
    """What is no TOML at all has a line, too."""
    with pytest.raises(BookError) as caught:
        parse_book(text, "b.toml")
    assert str(caught.value).startswith(f"b.toml:{line}: syntax: ")


def test_a_mistake_in_a_book_names_its_line() -> None:
    """In the middle of a list, too."""
    text = """\
name = "b"
title = "B"
currency = "USD"
[plans.p]
title = "P"
[plans.p.prices.calls]
title = "Calls"
meter = "requests"
unit = "request"
model = "graduated"
tiers = [
  { up_to = 10, unit_amount = "1" },
  { up_to = 5, unit_amount = "0.5" },
  { unit_amount = "0.1" },
]
"""
    with pytest.raises(BookError) as caught:
        parse_book(text, "b.toml")
    assert str(caught.value).startswith("b.toml:13: [plans.p.prices.calls.tiers[2]] up_to: ")
