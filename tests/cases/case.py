"""A case as its file writes it, read field by field, so that what nobody understood is told and not left out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
Expected = dict[str, Any]


class UnreadableFileError(Exception):
    """The file is no file of cases."""


class NotUnderstoodError(Exception):
    """A case says something that its family knows no question of ours for."""


class Fields:
    """An object of a case; `finish` refuses what was not taken."""

    def __init__(self, values: Mapping[str, Any], path: str) -> None:
        """Knows where it stands, for messages; null is "not there"."""
        self._path = path
        self._left = {name: value for name, value in values.items() if value is not None}

    def text(self, name: str, default: str = "") -> str:
        """A text; the default where it is missing."""
        value = self._left.pop(name, default)
        if not isinstance(value, str):
            raise NotUnderstoodError(f"{self._path}.{name}: {value!r} is no text")
        return value

    def maybe(self, name: str) -> str | None:
        """A text, or None where it is missing."""
        return self.text(name) if name in self._left else None

    def number(self, name: str, default: str | None = None) -> Decimal:
        """A number written as text, required without a default."""
        if name not in self._left and default is None:
            raise NotUnderstoodError(f"{self._path}.{name} is missing")
        return number_of(self.text(name, default or ""), f"{self._path}.{name}")

    def flag(self, name: str) -> bool:
        """True or false; false where it is missing."""
        value = self._left.pop(name, False)
        if not isinstance(value, bool):
            raise NotUnderstoodError(f"{self._path}.{name}: {value!r} is neither true nor false")
        return value

    def texts(self, name: str) -> list[str | None]:
        """A list of texts or nulls, empty where it is missing."""
        values = self._left.pop(name, [])
        if not isinstance(values, list) or not all(each is None or isinstance(each, str) for each in values):
            raise NotUnderstoodError(f"{self._path}.{name}: {values!r} is no list of texts")
        return values

    def numbers(self, name: str) -> list[Decimal]:
        """A list of numbers written as text, empty where it is missing."""
        return [number_of(each or "", f"{self._path}.{name}") for each in self.texts(name)]

    def has(self, name: str) -> bool:
        """Whether it is there, and not null."""
        return name in self._left

    def object(self, name: str) -> Fields | None:
        """An object, or None where it is missing."""
        value = self._left.pop(name, None)
        if value is not None and not isinstance(value, dict):
            raise NotUnderstoodError(f"{self._path}.{name} is no object")
        return None if value is None else Fields(value, f"{self._path}.{name}")

    def rows(self, name: str, read: Callable[[Fields], T]) -> list[T]:
        """A list of objects, each read whole."""
        values = self._left.pop(name, [])
        if not isinstance(values, list) or not all(isinstance(each, dict) for each in values):
            raise NotUnderstoodError(f"{self._path}.{name} is no list of objects")
        return list(self._rows(name, values, read))

    def _rows(self, name: str, values: list[Any], read: Callable[[Fields], T]) -> Iterator[T]:
        for place, each in enumerate(values):
            row = Fields(each, f"{self._path}.{name}[{place}]")
            yield read(row)
            row.finish()

    def finish(self) -> None:
        """Refuse what nobody took: a key that is not looked at would be a case that is not checked."""
        if self._left:
            raise NotUnderstoodError(f"{self._path}: nobody knows {', '.join(sorted(self._left))}")


def number_of(text: str, path: str) -> Decimal:
    """A number written as text. Raises NotUnderstoodError."""
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise NotUnderstoodError(f"{path}: {text!r} is no number") from error


@dataclass(frozen=True)
class Case:
    """One case: by which price, for what usage, what the other system says comes out."""

    id: str
    model: str
    price_definition: dict[str, Any]
    usage_given: dict[str, Any]
    expected: Expected
    price: Fields = field(init=False, compare=False)
    usage: Fields = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Begin to read."""
        object.__setattr__(self, "price", Fields(self.price_definition, "price_definition"))
        object.__setattr__(self, "usage", Fields(self.usage_given, "usage"))

    def again(self) -> Case:
        """The same case, unread."""
        return Case(self.id, self.model, self.price_definition, self.usage_given, self.expected)

    def finish(self) -> None:
        """Refuse fields that nobody read."""
        self.price.finish()
        self.usage.finish()


def cases_of(file: Path) -> list[Case]:
    """Every case of a file. Raises UnreadableFileError."""
    try:
        content = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UnreadableFileError(f"{file}: {error}") from error
    listed = content.get("cases") if isinstance(content, dict) else content
    if not isinstance(listed, list):
        raise UnreadableFileError(f'{file}: there is no list of cases; write {{"cases": [ … ]}}')
    cases = [_case(file, place, each) for place, each in enumerate(listed)]
    ids = [case.id for case in cases]
    if doubled := {each for each in ids if ids.count(each) > 1}:
        raise UnreadableFileError(f"{file}: several cases are called {', '.join(sorted(doubled))}")
    return cases


def _case(file: Path, place: int, given: object) -> Case:
    kinds = {"id": str, "model": str, "price_definition": dict, "usage": dict, "expected": dict}
    if not isinstance(given, dict):
        raise UnreadableFileError(f"{file}: case {place} is no object")
    for name, kind in kinds.items():
        if not isinstance(given.get(name), kind):
            raise UnreadableFileError(f"{file}: case {place} ({given.get('id')}): {name} is missing or of another kind")
    if not given["expected"]:
        raise UnreadableFileError(f"{file}: case {place} ({given['id']}) expects nothing, so it could not fail")
    return Case(given["id"], given["model"], given["price_definition"], given["usage"], given["expected"])
