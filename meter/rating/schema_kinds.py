"""The kinds of values that fields of a book have, as JSON Schema; ``table`` reads the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from meter.rating.proration import RULES

Schema: TypeAlias = dict[str, Any]

NAME: Final = "^[a-z][a-z0-9_-]{0,62}$"
_NUMBER: Final = r"[0-9]{1,64}(\.[0-9]{1,64})?([eE][+-]?[0-9]{1,2})?"
_AMOUNT: Final = rf"^\+?{_NUMBER}$"
_ABOVE_ZERO: Final = rf"^\+?(?=[0-9.]*[1-9]){_NUMBER}$"
_UUID: Final = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


def text(said: str) -> Schema:
    """Words for people, or a name; never empty."""
    return {"type": "string", "pattern": r"\S", "description": said}


def word(choices: Iterable[str], said: str, default: str | None = None) -> Schema:
    """One of a few words."""
    return {"type": "string", "enum": list(choices), "description": said} | _default(default)


def flag(said: str) -> Schema:
    """Yes or no."""
    return {"type": "boolean", "default": False, "description": said}


def money(said: str, default: str | None = None) -> Schema:
    """Quoted text, so that no digit is ever lost."""
    return {"type": "string", "pattern": _AMOUNT, "examples": ["0.05"], "description": said} | _default(default)


def number(said: str, default: int | None = None, *, positive: bool = False) -> Schema:
    """A whole number, or quoted text."""
    least = "exclusiveMinimum" if positive else "minimum"
    pattern = _ABOVE_ZERO if positive else _AMOUNT
    kinds = [{"type": "number", least: 0}, {"type": "string", "pattern": pattern}]
    return {"anyOf": kinds, "description": said} | _default(default)


def percent(said: str) -> Schema:
    """From 0 to 100."""
    kinds = [{"type": "number", "minimum": 0, "maximum": 100}, {"type": "string", "pattern": _AMOUNT}]
    return {"anyOf": kinds, "description": said}


def names(said: str, choices: Iterable[str] = ()) -> Schema:
    """A list of names."""
    each = {"type": "string"} | ({"enum": list(choices)} if choices else {})
    return {"type": "array", "items": each, "description": said}


def country(said: str) -> Schema:
    """An ISO 3166 code."""
    return {"type": "string", "pattern": "^[A-Z]{2}$", "description": said}


def currency(said: str) -> Schema:
    """An ISO 4217 code."""
    return {"type": "string", "pattern": "^[A-Z]{3}$", "description": said}


def instant(said: str) -> Schema:
    """A point in time with its zone; editors see TOML's own as text."""
    return {"type": "string", "format": "date-time", "examples": ["2026-03-31T00:00:00Z"], "description": said}


def day(said: str) -> Schema:
    """A date."""
    return {"type": "string", "format": "date", "examples": ["2026-03-31"], "description": said}


def team(said: str) -> Schema:
    """The id of a team."""
    return {"type": "string", "pattern": _UUID, "description": said}


def prorate(said: str) -> Schema:
    """How something is reduced to the time it was served."""
    return word(RULES, f"How {said} is reduced to the part of a period that was served.", RULES[0])


def record(said: str, properties: Mapping[str, Schema], required: Iterable[str] = ()) -> Schema:
    """A table whose fields are known."""
    fields = {"type": "object", "properties": dict(properties), "additionalProperties": False, "description": said}
    needed = list(required)
    return fields | ({"required": needed} if needed else {})


def named(said: str, each: Schema) -> Schema:
    """Tables by their names."""
    return {"type": "object", "patternProperties": {NAME: each}, "additionalProperties": False, "description": said}


def rows(said: str, each: Schema, *, optional: bool = False) -> Schema:
    """A list of tables."""
    return {"type": "array", "items": each, "description": said} | ({} if optional else {"minItems": 1})


def reference(name: str) -> Schema:
    """A definition by its name."""
    return {"$ref": f"#/$defs/{name}"}


def _default(value: object) -> Schema:
    return {} if value is None else {"default": value}
