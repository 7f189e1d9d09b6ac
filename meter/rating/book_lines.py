"""On which line of a book is a field? Python's TOML reader does not say, so the text is walked once more."""

from __future__ import annotations

import re
from typing import Final

_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_WHITE: Final = re.compile(r"[ \t]*")
_KEY: Final = re.compile(r"[A-Za-z0-9_-]+|\"(?:[^\"\\]|\\.)*\"|'[^']*'")
# The long ones first; what is inside of them is nobody's key.
_TEXT: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")|\'\'\'.*?\'{3,5}(?!\')|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL
)
_TOLD: Final = re.compile(r"at line ([0-9]+)")
_BARE: Final = re.compile(r"[^,\]}#\n]*")


def line_of(text: str, table: str, field: str) -> int:
    """The line, from 1, on which ``field`` of the table at a dotted path is written, else where its table begins.

    Tables of a list are counted from 1, ``tiers[2]``. The text must be valid TOML.
    """
    lines = _Walk(text).lines
    path = ".".join(filter(None, (table, field)))
    while path and path not in lines:
        path = _parent(path)
    return lines.get(path, 1)


def broken_line(text: str, said: str) -> int:
    """The line on which TOML's reader stopped, by what it said: its end where it wants more."""
    told = _TOLD.search(said)
    return int(told.group(1)) if told else len(text.splitlines())


def _parent(path: str) -> str:
    """What a path lies in: of ``a.tiers[2]`` the list, of others the table."""
    return path.rpartition("[")[0] if path.endswith("]") else path.rpartition(".")[0]


class _Walk:
    """One pass over a text; ``lines`` has where each key, table and element begins, where it is first written."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.lines: dict[str, int] = {}
        self.counts: dict[str, int] = {}
        table = ""
        while self._skip(_BLANK) and self.at < len(text):
            if text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> str:
        begin = self.at
        many = self.text.startswith("[[", self.at)
        self.at += 1 + many
        path = self._keys("")
        if many:
            self.counts[path] = self.counts.get(path, 0) + 1
            path = f"{path}[{self.counts[path]}]"
        self.at = self.text.index("]", self.at) + 1 + many
        self._note(path, begin)
        return path

    def _pair(self, table: str) -> None:
        begin = self.at
        path = self._keys(table)
        self._note(path, begin)
        self.at = self.text.index("=", self.at) + 1
        self._value(path)

    def _keys(self, table: str) -> str:
        """Read a dotted key, whose parts are tables within each other."""
        path = table
        while True:
            self._skip(_WHITE)
            begin = self.at
            name = self._take(_KEY).strip("\"'")
            path = f"{path}.{name}".lstrip(".")
            self._note(path, begin)
            self._skip(_WHITE)
            if not self.text.startswith(".", self.at):
                return path
            self.at += 1

    def _value(self, path: str) -> None:
        self._skip(_WHITE)
        opened = self.text[self.at]
        if opened in "[{":
            self.at += 1
            self._inside(path, "]" if opened == "[" else "}")
        elif opened in "\"'":
            self._take(_TEXT)
        else:
            self._take(_BARE)

    def _inside(self, path: str, closing: str) -> None:
        """Read the elements of a list, or the pairs of a table, to its end."""
        count = 0
        while self._skip(_BLANK) and self.text[self.at] != closing:
            if self.text[self.at] == ",":
                self.at += 1
            elif closing == "]":
                count += 1
                self._note(f"{path}[{count}]", self.at)
                self._value(f"{path}[{count}]")
            else:
                self._pair(path)
        self.at += 1

    def _note(self, path: str, at: int) -> None:
        if path not in self.lines:
            self.lines[path] = self.text.count("\n", 0, at) + 1

    def _skip(self, what: re.Pattern[str]) -> bool:
        self._take(what)
        return True

    def _take(self, what: re.Pattern[str]) -> str:
        found = what.match(self.text, self.at)
        if found is None:
            raise ValueError(f"no TOML at character {self.at}")
        self.at = found.end()
        return found.group()
