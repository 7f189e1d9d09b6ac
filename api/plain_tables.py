"""Tables of a JSON body that a book could hold too: bounded, without nulls, and mistakes told as JSON writes them."""

from __future__ import annotations

import re
from typing import Any, NoReturn

from meter.errors import InvalidBody
from meter.rating.table import BookError

MOST_ITEMS = 1_000
MOST_VALUES = 20_000
LONGEST_TEXT = 200
DEEPEST = 8
LARGEST_WHOLE = 10**26
_INDEX = re.compile(r"\[(\d+)\]")
_HEADED = re.compile(r"(\{ … \}) or (?:a )?\[\w+\]")
_ASSIGNED = re.compile(r"(?<![\w\"'`])([a-z][a-z0-9_]*) = ")


def plain_table(table: dict[str, Any], path: str) -> dict[str, Any]:
    """The table without its nulls, which mean "not there". Raises InvalidBody for what is too large or not exact."""
    found: dict[str, Any] = _Walk().value(table, path, 0)
    return found


class _Walk:
    """One walk through a table; counts what it meets."""

    def __init__(self) -> None:
        self._values = 0

    def value(self, given: Any, path: str, depth: int) -> Any:  # noqa: ANN401 (any JSON in, the same out)
        self._values += 1
        if self._values > MOST_VALUES:
            refuse(path, f"there are more than {MOST_VALUES} values", "ask in several requests")
        if depth > DEEPEST:
            refuse(path, f"lists and objects are more than {DEEPEST} deep", "write it as docs/pricing.md shows")
        if isinstance(given, dict):
            _few(len(given), path)
            kept = {name: each for name, each in given.items() if each is not None}
            return {name: self.value(each, f"{path}.{name[:LONGEST_TEXT]}", depth + 1) for name, each in kept.items()}
        if isinstance(given, list):
            _few(len(given), path)
            return [self.value(each, f"{path}[{at}]", depth + 1) for at, each in enumerate(given)]
        _check(given, path)
        return given


def _few(items: int, path: str) -> None:
    if items > MOST_ITEMS:
        refuse(path, f"there are {items} items", f"write {MOST_ITEMS} at most")


def _check(given: object, path: str) -> None:
    if isinstance(given, float):
        refuse(path, f"{given!r} is not exact in JSON", f'write it as text, "{given!r}"')
    if isinstance(given, str) and len(given) > LONGEST_TEXT:
        refuse(path, f"this text has {len(given)} characters", f"write {LONGEST_TEXT} at most")
    if isinstance(given, int) and abs(given) >= LARGEST_WHOLE:
        refuse(path, "this number is too large", "write 26 digits at most")


def refuse(path: str, problem: str, instead: str) -> NoReturn:
    """Raises InvalidBody about the field at `path` of the body."""
    raise InvalidBody(f"{path}: {problem}; {instead}")


def told(error: BookError) -> InvalidBody:
    """A mistake in a table as its writer sees it: the field by its JSON path, the cure in JSON's notation.

    Tables are written `{ name = value }` in books, and their rows counted from one.
    """
    path = _INDEX.sub(lambda found: f"[{int(found[1]) - 1}]", error.table)
    place = ".".join(part for part in ("$", path, error.field) if part)
    instead = _HEADED.sub(r"\1", error.instead)
    return InvalidBody(f"{place}: {error.problem}; {_ASSIGNED.sub(_named, instead)}")


def _named(found: re.Match[str]) -> str:
    return f'"{found[1]}": '
