"""The rules that come with the program, a file each: for what collectors send as they are."""

from __future__ import annotations

import tomllib
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from meter.errors import InvalidMapping
from meter.mapping.rules import Document

FOLDER = files(__package__) / "presets"
LONGEST_TOML, MOST_DOTS = 262_144, 500  # Python's reader takes quadratic time over dotted keys
USUAL = ("genai", "http-server", "otel-system", "node-exporter", "cadvisor", "collectd")


@cache
def presets() -> dict[str, Document]:
    """Every preset by its name. Those in USUAL are the mapping of a team that has none of its own."""
    found = sorted((path for path in FOLDER.iterdir() if path.name.endswith(".toml")), key=lambda path: path.name)
    return {path.name.removesuffix(".toml"): of_toml(path.read_bytes()) for path in found}


def of_toml(text: bytes) -> Document:
    """A mapping written in TOML: `presets`, then `[[rules]]` and `[[events]]`. Raises InvalidMapping with the place."""
    if len(text) > LONGEST_TOML or any(line.count(b".") > MOST_DOTS for line in text.splitlines()):
        raise InvalidMapping(f"in TOML at most {LONGEST_TOML} bytes, with {MOST_DOTS} dots in a line; send it as JSON")
    try:
        read: dict[str, Any] = tomllib.loads(text.decode(), parse_float=Decimal)
        return msgspec.convert(read, Document)
    except (ValueError, InvalidOperation, RecursionError) as error:
        raise InvalidMapping(str(error)) from error


def usual() -> Document:
    """The mapping of a team that has none of its own."""
    return Document(presets=list(USUAL))
