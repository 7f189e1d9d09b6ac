"""docs/pricing.md priced by machine: each example's usage, lines, total and members, read from the page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from msgspec.structs import replace

from meter.rating.book import Book, attachments, demo_books, parse_book
from meter.rating.book_schema import schema
from meter.rating.usage import Usage
from tests.rating.cast import MARCH, demo, rated, used

PAGE = (Path(__file__).parents[2] / "docs" / "pricing.md").read_text()
HEADING = re.compile(r"^### `(\w+)` `(\w+)`\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """One plan's section of the page; rows are cells as text, thousands separators taken out."""

    book: str
    plan: str
    usage: tuple[Usage, ...]
    lines: list[list[str]]
    members: list[list[str]]

    def __str__(self) -> str:
        return f"{self.book}-{self.plan}"


def row_of(text: str) -> Usage:
    """Usage from `meter quantity [member [service]]`, - for no member, or `meter level peak`."""
    meter, quantity, *who = text.split()
    if who == ["peak"]:
        return used(meter, quantity, measure="peak")
    return used(meter, quantity, *(None if name == "-" else name for name in who))


def table(section: str, first: str) -> list[list[str]]:
    """Rows of the section's table whose header starts with ``first``."""
    match = re.search(rf"^\| {first} \|.*?\n\|[-:| ]+\|\n((?:\|.*\n?)+)", section, re.MULTILINE)
    rows = match.group(1).splitlines() if match else []
    return [[re.sub(r"[*`,]", "", cell).strip() for cell in row.strip("|").split("|")] for row in rows]


def examples() -> list[Example]:
    """Every example of the page."""
    found = []
    for book, plan, section in HEADING.findall(PAGE):
        stated = section[section.index("Usage:") : section.index("|")]
        usage = tuple(row_of(text) for text in re.findall(r"`([^`]+)`", stated))
        found.append(Example(book, plan, usage, table(section, "price"), table(section, "member")))
    return found


def test_every_demo_plan_is_on_the_page() -> None:
    """No plan without its example, and no example of a plan that is gone."""
    plans = {(book.name, plan) for book in demo_books() for plan in book.plans}
    assert {(example.book, example.plan) for example in examples()} == plans
    assert len(examples()) == len(plans) == 13


@pytest.mark.parametrize("example", examples(), ids=str)
def test_lines_and_total_are_those_of_the_page(example: Example) -> None:
    """Used, free, billed and amount of each line, in order, and the total."""
    result = rated(demo(example.book, example.plan), *example.usage)
    expected = [[row[0], row[1], row[2], row[3], row[5]] for row in example.lines[:-1]]
    names = {"minimum": " minimum"}
    assert [
        [
            line.price + names.get(line.kind, ""),
            f"{line.quantity:f}",
            f"{line.included:f}",
            f"{line.billed_quantity:f}",
            str(line.amount),
        ]
        for line in result.lines
    ] == expected
    assert example.lines[-1][0] == "total"
    assert example.lines[-1][5] == str(result.total)
    assert result.unpriced == ()


@pytest.mark.parametrize("example", [each for each in examples() if each.members], ids=str)
def test_members_are_those_of_the_page(example: Example) -> None:
    """Each member's amount, nobody's row last."""
    result = rated(demo(example.book, example.plan), *example.usage)
    assert [[row.member or "nobody", str(row.amount)] for row in result.members] == [
        [row[0], row[2]] for row in example.members
    ]
    assert sum(row.amount for row in result.members) == result.total


def block(kind: str, language: str) -> dict[str, str]:
    """Blocks of the page that are marked so, by the name in the mark."""
    return dict(re.findall(rf"^<!-- {kind}: ([\w.]+) -->\n```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))


def shop() -> Book:
    """The page's book of everything, with the file that it names."""
    text = block("book", "toml")["shop"]
    beside = block("file", "json")
    assert attachments(text) == tuple(beside)
    return parse_book(text, "shop.toml", beside)


@pytest.mark.parametrize("whose", ["anybody", "agreed"])
def test_a_month_by_the_book_of_the_page(whose: str) -> None:
    """With seats and add-ons; and as agreed with one team."""
    book = shop()
    teams = {"agreed": book.overrides[0].team, "anybody": UUID(int=1)}
    plan = book.applied(book.plan_for("pro", teams[whose], MARCH.start), {"support": 2}, {"seats": 5})
    tokens = replace(used("tokens", 1_000_000), dimensions=(("model", "gpt-small"), ("kind", "input")))
    result = rated(plan, used("requests", 3500), tokens)
    expected = table(PAGE.partition(f"<!-- month: {whose} -->")[2], "price")
    assert [[line.price, str(line.amount)] for line in result.lines] == [[row[0], row[2]] for row in expected[:-1]]
    assert expected[-1] == ["total", "", str(result.total)]


def test_the_page_names_every_field_of_a_book() -> None:
    """What the editor's schema knows of plans and of what stands beside them is in the page's words."""
    fields = {name for name in fields_of(schema()) if f"`{name}`" not in PAGE and f"`[{name}]`" not in PAGE}
    assert fields == set()


def fields_of(node: object) -> set[str]:
    """Every field that a schema names."""
    if isinstance(node, list):
        return {name for each in node for name in fields_of(each)}
    if not isinstance(node, dict):
        return set()
    return {*node.get("properties", {}), *(name for each in node.values() for name in fields_of(each))}


def test_what_the_page_says_is_left_out() -> None:
    """The price by the image."""
    chosen = shop().catalogue
    assert chosen is not None
    assert chosen.left_out == {"gpt-small": ("output_cost_per_image",)}
