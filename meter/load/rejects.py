"""Which rows were not taken, and why? One JSON object a line: row, code, detail, and the row as it stands there."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from meter.load.source import Bad, LoadError

_encode = msgspec.json.Encoder(enc_hook=str, decimal_format="string").encode


class Rejects:
    """The file of rejects of one import; while it is open no other import of the same file runs."""

    def __init__(self, path: Path) -> None:
        """Opens or makes it. Raises LoadError when another process has it open."""
        self.path = path
        self._file = path.open("ab")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise LoadError(f"another import writes to {path}; wait for it, or stop it") from error

    def length(self) -> int:
        """How many bytes are there."""
        return os.fstat(self._file.fileno()).st_size

    def cut(self, length: int) -> None:
        """Takes away what was written after the state that says `length`. Raises LoadError when less is there."""
        if self.length() < length:
            raise LoadError(f"{self.path} lost rows that were rejected; --restart finds them again")
        self._file.truncate(length)

    def add(self, found: Sequence[Bad]) -> int:
        """Writes rejected rows; the length of the file with them."""
        for bad in found:
            line = {"row": bad.row, "code": bad.code, "detail": bad.detail, "record": bad.record}
            self._file.write(_encode(line) + b"\n")
        self._file.flush()
        return self.length()

    def close(self) -> None:
        """Closes the file; an empty one is taken away."""
        if not self.length():
            self.path.unlink(missing_ok=True)
        self._file.close()
