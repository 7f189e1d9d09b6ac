"""The editor's schema: it accepts what the reader accepts, refuses what it does not know, and knows every field."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meter.rating.book import DEMO_BOOKS
from meter.rating.book_schema import schema
from meter.rating.models import MODELS
from meter.rating.price_table import UNLIMITED
from meter.rating.table import BookError, Table
from tests.rating import books
from tests.rating.books import FULL, as_json, at, fields_of, full, named, read, tables_of, written, written_path
from tests.rating.cast import BOOK

SCHEMA = schema()
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA)
TESTS = Path(__file__).parent
TABLES = tuple(tables_of(full()))
FIELDS = tuple(fields_of(full()))
DAY = datetime(2026, 1, 1, tzinfo=UTC)
EMPTY: list[object] = ["", " ", [], {}, [{}], {"x": {}}, False]
VALUES = (*EMPTY, 0, 1, -1, 10**70, "x", "pro", "1e99", "9" * 70, ["x"], [1], {"x": 1}, {"A b": 1}, DAY.date(), DAY)
# Tables whose names are the writer's own: of plans and prices, of meters, of labels.
FREE = {"plans", "prices", "addons", "coupons", "counts", "when"}
# Asked for only to say why they are refused: who is taxed, and of prices what others have.
REFUSED = {"taxes.customer"}
EVERYWHERE = {"catalogue", "times"}


def refusal(text: str) -> BookError | None:
    """Why the reader refuses a book, None where it takes it."""
    try:
        read(text)
    except BookError as error:
        return error
    return None


def accepts(text: str) -> bool:
    """Whether the reader takes a book."""
    return refusal(text) is None


def mistakes(text: str) -> list[str]:
    """What an editor would underline."""
    return [f"{error.instance_path}: {error.message}" for error in VALIDATOR.iter_errors(as_json(text))]


def of_tests() -> Iterator[str]:
    """Every book, and every plan, that a test of rating writes as one text."""
    for path in sorted(TESTS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
                if "[plans." in text:
                    yield text
                elif "prices." in text:
                    yield BOOK.format(body=text, currency="USD")


def properties(node: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field that the schema names, wherever."""
    if isinstance(node, dict):
        for name, kind in node.get("properties", {}).items():
            if kind.keys() != {"const"}:  # a condition
                yield name, kind
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for each in inner:
        yield from properties(each)


def nodes(node: dict[str, Any], written: Any, path: str) -> list[dict[str, Any]]:
    """What the schema says of the table at a path of a book; of prices what it says of their model."""
    if "$ref" in node:
        return nodes(SCHEMA["$defs"][node["$ref"].rpartition("/")[2]], written, path)
    if "properties" not in node and (choices := node.get("oneOf", node.get("anyOf"))):
        return [each for choice in choices for each in nodes(choice, written, path)]
    if node.get("properties", {}).get("model", {}).get("const", model_of(written)) != model_of(written):
        return []
    if not path:
        return [node]
    step, rest = re.fullmatch(r"\.?([^.\[\]]+|\[[0-9]+\])(.*)", path).groups()  # type: ignore[union-attr]
    if step.startswith("["):
        # Rates of a catalogue are read though no book writes them.
        row = dict(enumerate(written, 1) if isinstance(written, list) else ()).get(int(step[1:-1]), {})
        return nodes(node["items"], row, rest) if "items" in node else []
    below = [node.get("properties", {}).get(step), *node.get("patternProperties", {}).values()]
    inside = written.get(step, {}) if isinstance(written, dict) else {}
    return [found for each in below if each is not None for found in nodes(each, inside, rest)]


def model_of(written: Any) -> str:
    """The model of a price as written."""
    model = written.get("model", "per_unit") if isinstance(written, dict) else ""
    return str(model)


def test_it_is_a_schema() -> None:
    """By the draft it names; an editor gets a sentence for every field."""
    jsonschema_rs.meta.validate(SCHEMA)
    assert [name for name, kind in properties(SCHEMA) if not {"description", "$ref", "anyOf"} & kind.keys()] == []


def test_books_that_are_read_are_valid() -> None:
    """The book of all fields, and all that the tests write."""
    accepted = [text for text in (FULL, *of_tests()) if toml(text) and accepts(text)]
    assert len(accepted) > 5
    assert [(text, mistakes(text)) for text in accepted if mistakes(text)] == []


def toml(text: str) -> bool:
    """Whether it is TOML at all."""
    try:
        as_json(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("name", DEMO_BOOKS)
def test_demo_books_are_valid(name: str) -> None:
    """What we ship gives no red line in an editor."""
    assert mistakes(files("meter.rating").joinpath("books", f"{name}.toml").read_text("utf-8")) == []


@pytest.mark.parametrize("path", [path for path in TABLES if not path or path[-1] not in FREE], ids=named)
def test_an_unknown_field_is_refused_by_both(path: books.Path) -> None:
    """In every table whose fields are known."""
    content = full()
    at(content, path)["zzz_unknown"] = 1
    text = written(content)
    with pytest.raises(BookError, match="zzz_unknown: unknown field"):
        read(text)
    assert mistakes(text)


@pytest.mark.parametrize("path", FIELDS, ids=named)
def test_a_book_with_a_field_less_is_valid_where_it_is_read(path: books.Path) -> None:
    """What may be left out the schema does not ask for."""
    content = full()
    del at(content, path[:-1])[path[-1]]
    text = written(content)
    if accepts(text):
        assert mistakes(text) == []


@pytest.mark.parametrize("path", FIELDS, ids=named)
def test_a_value_of_a_wrong_kind_is_refused_by_both(path: books.Path) -> None:
    """A list of lists is nowhere right; the reader names the field and its line."""
    content = full()
    at(content, path[:-1])[path[-1]] = [[]]
    text = written(content)
    with pytest.raises(BookError) as caught:
        read(text)
    said = caught.value
    assert named(path).startswith(said.table)
    assert said.field in {path[-1], ""}
    line = text.splitlines()[(said.line or 0) - 1]
    assert any(line.startswith(start) for start in starts(path)), line
    assert said.instead
    assert mistakes(text)


@given(path=st.sampled_from(FIELDS), value=st.sampled_from(VALUES))
@settings(max_examples=150)
def test_any_value_anywhere_is_read_or_refused_in_words(path: books.Path, value: object) -> None:
    """Nothing but a BookError is raised, and what is read is valid for an editor, too."""
    content = full()
    at(content, path[:-1])[path[-1]] = value
    text = written(content)
    said = refusal(text)
    assert (said.line and said.instead) if said else mistakes(text) == []


def starts(path: books.Path) -> Iterator[str]:
    """How the line of a field begins: with its path, or that of the list it is in."""
    yield f"{written_path(path)} = "
    for place, name in enumerate(path):
        if isinstance(name, int):
            yield f"{written_path(path[:place])} = "


def test_the_schema_knows_each_field_that_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A field that a reader learns fails here until the schema says what it is, and the other way round."""
    asked: set[tuple[str, str]] = set()
    has = Table.has

    def recorded(self: Table, field: str) -> bool:
        asked.add((self.path, field))
        return has(self, field)

    monkeypatch.setattr(Table, "has", recorded)
    read(FULL)
    content, unknown = full(), set()
    for path, field in asked:
        # The plan of an override is read as a whole, with what is replaced in it.
        plan = re.sub(r"^overrides\[[0-9]+\]", "plans.pro", path)
        found = [*nodes(SCHEMA, content, path), *(nodes(SCHEMA, content, plan) if plan != path else ())]
        assert found, path
        known = {name for node in found for name in node.get("properties", {})}
        if field not in known | EVERYWHERE and all(node["additionalProperties"] is False for node in found):
            unknown.add(f"{path}.{field}")
    assert unknown - REFUSED == set()
    assert {name for name, _ in properties(SCHEMA)} - {field for _, field in asked} == set()


def test_every_model_is_in_the_book_of_all_fields() -> None:
    """Else the test above says nothing of one."""
    prices = full()["plans"]["pro"]["prices"].values()
    assert {model_of(price) for price in prices} == {model.NAME for model in MODELS}
    assert any(price.get("included") == UNLIMITED for price in prices)
