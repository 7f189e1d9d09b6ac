"""What does a book say otherwise than another? Field by field, under the names that files use."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec

from meter.rating.book_catalogue import FIELD as CATALOGUE
from meter.rating.money import parse_amount, plain

if TYPE_CHECKING:
    from meter.rating.book import Book

# Whose order is that of lines, or of which the first that fits holds.
_ORDERED: Final = frozenset({"plans", "prices", "rates"})
# Fields whose text is no number, though it may look like one.
_WORDS: Final = frozenset({"name", "title", "unit"})
# What rows of a list are told apart by: overrides, rates of taxes and of exchange, hours.
_NAMING: Final = ("team", "plan", "name", "category", "country", "region", "from", "to", "valid_from", "days")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


class Difference(msgspec.Struct, frozen=True):
    """A field at a dotted path, and what it says in each book, as text; None where it is not written."""

    path: str
    old: str | None
    new: str | None


class _Written(msgspec.Struct):
    """Everything a book says, by path, in reading order; and the order of what has one."""

    fields: dict[str, Any]
    orders: dict[str, tuple[str, ...]]


def diff(old: Book | None, new: Book) -> tuple[Difference, ...]:
    """Every field that says something else, in reading order; all of them where there is no old book.

    Numbers are compared by what they are, "0.10" being 0.1. Rows of a list go by their names where each has its own,
    so that one more is one difference. Rates that come from a catalogue are told under ``catalogue.prices``.
    """
    before, after = _written(old), _written(new)
    found = []
    for path in _paths(before.fields, after.fields):
        was, now = before.fields.get(path), after.fields.get(path)
        if not _same(path, was, now):
            found.append(Difference(path, _text(was), _text(now)))
    return (*found, *_moved(before.orders, after.orders))


def _written(book: Book | None) -> _Written:
    written = _Written({}, {})
    if book is not None:
        _walk(book.written, "", written)
        for model in () if book.catalogue is None else book.catalogue.prices:
            _walk(dict(model.prices), _joined(f"{CATALOGUE}.prices", model.model), written)
    return written


def _walk(table: Mapping[str, Any], path: str, written: _Written) -> None:
    for name, value in table.items():
        at = _joined(path, name)
        if isinstance(value, dict) and value:
            _walk(value, at, written)
            if name in _ORDERED:
                written.orders[at] = tuple(value)
        elif isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
            keys = _keys(value)
            for key, row in zip(keys, value, strict=True):
                _walk(row, f"{at}[{key}]", written)
            if name in _ORDERED:
                written.orders[at] = keys
        else:
            written.fields[at] = value


def _keys(rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """What rows of a list are called: by name where each has another, else by number."""
    names = tuple(_name(row) for row in rows)
    if all(names) and len(set(names)) == len(names):
        return names
    return tuple(str(number) for number in range(1, len(rows) + 1))


def _name(row: Mapping[str, Any]) -> str:
    labels = row.get("when")
    if isinstance(labels, dict):
        return ", ".join(f"{name}={value}" for name, value in labels.items()) or "others"
    return _text(row.get("title")) or " ".join(filter(None, (_text(row.get(field)) for field in _NAMING)))


def _paths(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Paths of both in the order of the new one; what is gone follows what it followed."""
    gone: defaultdict[str | None, list[str]] = defaultdict(list)
    last: str | None = None
    for path in old:
        if path in new:
            last = path
        else:
            gone[last].append(path)
    yield from gone[None]
    for path in new:
        yield path
        yield from gone[path]


def _moved(old: Mapping[str, tuple[str, ...]], new: Mapping[str, tuple[str, ...]]) -> Iterator[Difference]:
    """Lists and tables of which what both books have is in another order."""
    for path, names in new.items():
        was = [name for name in old.get(path, ()) if name in names]
        now = [name for name in names if name in was]
        if was != now:
            yield Difference(path, ", ".join(was), ", ".join(now))


def _same(path: str, old: object, new: object) -> bool:
    if type(old) is type(new) and old == new:
        return True
    if path.rpartition(".")[2] in _WORDS:
        return False
    was, now = _number(old), _number(new)
    return was is not None and was == now


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        return None
    try:
        return parse_amount(value)
    except ValueError:
        return None


def _text(value: object) -> str | None:
    return None if value is None else _said(value)


def _said(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            return f"{plain(value):f}"
        case date():
            return value.isoformat()
        case list():
            return ", ".join(map(_said, value))
        case dict():
            return "{ }"
        case _:
            return str(value)


def _joined(path: str, name: str) -> str:
    """A path with one more name, quoted where TOML would."""
    said = name if _BARE.fullmatch(name) else f'"{name}"'
    return f"{path}.{said}".lstrip(".")
