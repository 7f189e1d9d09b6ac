"""Reading a book's tables field by field, so that every mistake says where it is and what to write instead."""

from __future__ import annotations

import re
from datetime import date, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, NoReturn

from meter.rating.money import parse_amount

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from decimal import Decimal

_INSTANT: Final = '"2026-03-31T00:00:00Z"'
_DATE: Final = "2026-03-31"
_ALIKE: Final = 4
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")


class BookError(ValueError):
    """A price book that cannot be used: file, line, table, field, what is wrong and what to write instead.

    ``line`` is None where there is no text, as of prices in a question.
    """

    def __init__(self, file: str, table: str, field: str, problem: str, instead: str, line: int | None = None) -> None:
        """Keep the parts for programs and join them for people."""
        self.file, self.line = file, line
        self.table, self.field, self.problem, self.instead = table, field, problem, instead
        where = file if line is None else f"{file}:{line}"
        place = f"[{table}] {field}".strip() if table else field
        super().__init__(f"{where}: {place}: {problem}; {instead}")

    def on(self, line: int) -> BookError:
        """The same mistake, on a line of the file."""
        return BookError(self.file, self.table, self.field, self.problem, self.instead, line)


class Table:
    """One table of a book; remembers which fields were read, so that ``finish`` can name those nobody knows."""

    def __init__(self, file: str, path: str, fields: Mapping[str, Any]) -> None:
        """Wrap the parsed ``fields`` of the table at dotted ``path`` (empty for the top of the file)."""
        self.file, self.path, self._fields = file, path, fields
        self._known: set[str] = set()

    @property
    def fields(self) -> dict[str, Any]:
        """Everything the table writes, read or not."""
        return dict(self._fields)

    def without(self, field: str, **others: object) -> Table:
        """The same table without a field that was read, and with others in its place."""
        fields = {name: value for name, value in self._fields.items() if name != field}
        inner = Table(self.file, self.path, fields | others)
        inner.has(field)
        return inner

    def refuse(self, field: str, problem: str, instead: str) -> NoReturn:
        """Raise BookError about ``field`` of this table."""
        raise BookError(self.file, self.path, field, problem, instead)

    def has(self, field: str) -> bool:
        """Tell whether the table writes ``field`` at all."""
        self._known.add(field)
        return field in self._fields

    def says(self, field: str, word: str | None) -> bool:
        """Tell whether ``field`` is exactly ``word``, where a word may stand in place of a number."""
        return self.has(field) and self._fields[field] == word

    def text(self, field: str, default: str | None = None) -> str:
        """Read a text that is not empty; required without a default."""
        value = self._value(field, default, f'write {field} = "…"')
        if not isinstance(value, str) or not value.strip():
            self.refuse(field, f"{value!r} is not a text", f'write {field} = "…"')
        return value

    def choice(self, field: str, choices: Sequence[str], default: str) -> str:
        """Read one of a few words."""
        value = self.text(field, default)
        if value not in choices:
            self.refuse(field, f"{value!r} is unknown", f"write one of {', '.join(choices)}")
        return value

    def flag(self, field: str) -> bool:
        """Read true or false; absent is false."""
        value = self._value(field, default=False, instead="")
        if not isinstance(value, bool):
            self.refuse(field, f"{value!r} is neither true nor false", f"write {field} = true, or leave it out")
        return value

    def money(self, field: str, default: str | None = None) -> Decimal:
        """Read an amount of money: quoted, not negative."""
        value = self._value(field, default, f'write {field} = "0.05"')
        if not isinstance(value, str):
            self.refuse(field, f"{value} is not quoted", f'money is text in a book, write {field} = "{value}"')
        return self._amount(field, value, positive=False)

    def number(
        self, field: str, default: Decimal | None = None, *, positive: bool = False, such: str = "1000"
    ) -> Decimal:
        """Read a quantity: whole or quoted, not negative, above zero if ``positive``; ``such`` shows one."""
        return self._amount(field, self._value(field, default, f"write {field} = {such}"), positive=positive)

    def names(self, field: str) -> tuple[str, ...]:
        """Read a list of names; absent is empty."""
        value = self._value(field, [], "")
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            self.refuse(field, f"{value!r} is not a list of names", f'write {field} = ["cpu.used", "memory.used"]')
        return tuple(value)

    def instant(self, field: str) -> datetime:
        """Read a point in time that says its zone: a TOML date-time, or text as in RFC 3339."""
        value, instead = self._value(field, None, f"write {field} = {_INSTANT}"), f"write {_INSTANT}"
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                self.refuse(field, f"{value!r} is not a point in time", instead)
        if not isinstance(value, datetime) or value.utcoffset() is None:
            self.refuse(field, f"{value} is not a point in time with its zone", instead)
        return value

    def date(self, field: str) -> date:
        """Read a day: a TOML date, or text as in RFC 3339."""
        value, instead = self._value(field, None, f"write {field} = {_DATE}"), f"write {_DATE}"
        if isinstance(value, str):
            try:
                value = date.fromisoformat(value)
            except ValueError:
                self.refuse(field, f"{value!r} is not a date", instead)
        if not isinstance(value, date) or isinstance(value, datetime):
            self.refuse(field, f"{value} is not a date", instead)
        return value

    def inner(self, field: str) -> Table:
        """Read a table whose fields are known; absent is one without fields."""
        return Table(self.file, f"{self.path}.{field}".lstrip("."), self.table(field))

    def tables(self, field: str, also: str = "") -> Iterator[tuple[str, Table]]:
        """Read the named tables below ``field`` in the order written; absent is none. ``also`` helps with names."""
        for name, fields in self.table(field).items():
            inner = f"{self.path}.{field}.{name}".lstrip(".")
            if not _NAME.fullmatch(name):
                self.refuse(field, f"{name!r} is not a name", f"write lower-case letters, digits, _ and - only{also}")
            if not isinstance(fields, dict):
                raise BookError(self.file, inner, "", f"{fields!r} is not a table", "write { … } or a [table]")
            yield name, Table(self.file, inner, fields)

    def rows(self, field: str, *, optional: bool = False) -> tuple[Table, ...]:
        """Read a list of tables, at least one; if ``optional``, absent and empty are none."""
        value = self._value(field, [] if optional else None, f"write {field} = [{{ … }}, …]")
        if value == [] and not optional:
            self.refuse(field, "is not a list of tables: it is empty", f"write {field} = [{{ … }}, …]")
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            self.refuse(field, "is not a list of tables", f"write {field} = [{{ … }}, …]")
        return tuple(Table(self.file, f"{self.path}.{field}[{at}]".lstrip("."), row) for at, row in enumerate(value, 1))

    def table(self, field: str) -> dict[str, Any]:
        """Read a table as it stands; absent is empty."""
        value = self._value(field, {}, "")
        if not isinstance(value, dict):
            self.refuse(field, f"{value!r} is not a table", f"write {field} = {{ … }} or [{field}]")
        return value

    def finish(self) -> None:
        """Refuse fields that nobody read, with the nearest known name."""
        for field in self._fields:
            if field not in self._known:
                near = get_close_matches(field, sorted(self._known), 1)
                known = f"known here: {', '.join(sorted(self._known))}"
                self.refuse(field, "unknown field", f"did you mean {near[0]}?" if near else known)

    def _value(self, field: str, default: object, instead: str) -> Any:  # noqa: ANN401 - whatever the file holds
        if self.has(field):
            return self._fields[field]
        if default is None:
            self.refuse(field, "is missing", self._instead_of_a_slip(field) or instead)
        return default

    def _instead_of_a_slip(self, field: str) -> str:
        """What to write where a field that nobody asked for yet is nearly the one that is missing."""
        # Only fields that begin alike: a title that is missing is no `tiers`.
        unread = {_bare(each): each for each in self._fields if each not in self._known}
        alike = [each for each in unread if each[:_ALIKE] == _bare(field)[:_ALIKE]]
        near = [unread[each] for each in get_close_matches(_bare(field), alike, 1)]
        return f'write "{field}" in place of "{near[0]}"' if near else ""

    def _amount(self, field: str, value: str | int | Decimal, *, positive: bool) -> Decimal:
        try:
            amount = parse_amount(value)
        except (TypeError, ValueError) as error:
            self.refuse(field, f"{value!r} is not an amount", str(error))
        if amount < 0 or (positive and not amount):
            self.refuse(field, f"{value} is not allowed", f"write a number {'above' if positive else 'from'} zero")
        return amount


def _bare(field: str) -> str:
    """A name without what differs between habits of writing: `unitAmount` is `unit_amount`."""
    return field.replace("_", "").replace("-", "").lower()
