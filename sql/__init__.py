"""What do we ask of the database? Every statement is a file; this loader is the only way in."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import LiteralString, cast

ROOT = files(__name__)


@cache
def statement(name: str) -> LiteralString:
    """The text of `sql/statement/<name>.sql`; the cast is safe because files ship with the code and hold no input.

    Raises FileNotFoundError for a name without a file.
    """
    return cast("LiteralString", (ROOT / "statement" / f"{name}.sql").read_text("utf-8"))


@cache
def checks() -> dict[str, LiteralString]:
    """The invariants of `sql/check`: name to query, in name order. Each must return no rows."""
    found = sorted((ROOT / "check").iterdir(), key=lambda path: path.name)
    return {
        path.name.removesuffix(".sql"): cast("LiteralString", path.read_text("utf-8"))
        for path in found
        if path.name.endswith(".sql")
    }
