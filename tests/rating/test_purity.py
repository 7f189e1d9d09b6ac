"""No float, no clock and nothing of the outside world reaches the folder."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import meter.rating

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = sorted(Path(meter.rating.__file__).parent.rglob("*.py"))
# total_seconds, timestamp and true division of whole numbers make floats; the others ask the world for something.
FORBIDDEN_NAMES = {"float", "open", "print", "input"}
FORBIDDEN_METHODS = {"total_seconds", "timestamp", "now", "utcnow", "today", "from_float"}
ALLOWED_ROOTS = {
    *("__future__", "babel", "calendar", "collections", "contextlib", "contextvars", "datetime", "decimal", "difflib"),
    *("fnmatch", "fractions", "functools", "hashlib", "importlib", "itertools", "json", "meter", "msgspec", "re"),
    *("tomllib", "types", "typing", "zoneinfo"),
}
WHOLE = {"gcd", "lcm"}  # of math, which else is about floats: these know whole numbers only


def findings(tree: ast.AST) -> Iterator[str]:
    """Everything in a module that could bring a float or the world in."""
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=float() | complex()):
                yield f"line {node.lineno}: {node.value!r}"
            case ast.Name(id=name) if name in FORBIDDEN_NAMES:
                yield f"line {node.lineno}: {name}"
            case ast.Attribute(attr=name) if name in FORBIDDEN_METHODS:
                yield f"line {node.lineno}: {name}"
            case ast.Import(names=names):
                yield from (alias.name for alias in names if not allowed(alias.name))
            case ast.ImportFrom(module="math", names=names) if all(alias.name in WHOLE for alias in names):
                pass
            case ast.ImportFrom(module="uuid", names=names) if [alias.name for alias in names] == ["UUID"]:
                pass  # of a team; what makes new ones asks for chance or the time
            case ast.ImportFrom(module=str(module)) if not allowed(module):
                yield f"line {node.lineno}: from {module}"
            case _:
                pass


def allowed(module: str) -> bool:
    """Of our own code, rating imports rating only."""
    return module.partition(".")[0] in ALLOWED_ROOTS and (
        not module.startswith("meter") or module.startswith("meter.rating")
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_float_no_clock_no_outside(path: Path) -> None:
    """The syntax tree of each file holds no float, asks no clock and imports nothing that does I/O."""
    assert list(findings(ast.parse(path.read_text()))) == []


@pytest.mark.parametrize(
    "code",
    [
        "x = 0.5",
        "x = 1e3",
        "x = 2j",
        "float(x)",
        "d.total_seconds()",
        "datetime.now()",
        "import psycopg",
        "import random",
        "from uuid import UUID, uuid4",
    ],
)
def test_the_walk_finds_what_it_looks_for(code: str) -> None:
    """The test above fails when it should."""
    assert list(findings(ast.parse(code)))


def test_rating_leans_on_nothing_else_of_ours() -> None:
    """An import of another part of meter is found too."""
    assert list(findings(ast.parse("from meter.database import pool")))
    assert not list(findings(ast.parse("from meter.rating.money import share")))
