"""How far did the import of a file get? One small file beside it, replaced whole after each acknowledged batch.

What it says may lag behind what the service has (a kill between answer and file, a power cut): the rows in between are
then sent again, and the service counts each once. It never runs ahead.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
from xxhash import xxh3_128_hexdigest

from meter.load.source import LoadError, Position

VERSION = 1
EDGE = 1 << 20
"""Bytes of the head and of the tail that stand for a file's content."""


class Fingerprint(msgspec.Struct, frozen=True):
    """What a file is told by: its size, its last change, and a hash of its size, head and tail."""

    size: int
    mtime_ns: int
    content: str


class Tally(msgspec.Struct):
    """What became of the rows so far; `why` has one detail for each code."""

    accepted: int = 0
    duplicates: int = 0
    rejected: dict[str, int] = {}
    why: dict[str, str] = {}

    @property
    def refused(self) -> int:
        """How many rows were rejected, here or by the service."""
        return sum(self.rejected.values())

    def reject(self, found: Sequence[tuple[str, str]]) -> None:
        """Counts rejections, each a code and its detail."""
        counted = Counter(code for code, _ in found)
        self.rejected = {**self.rejected, **{code: self.rejected.get(code, 0) + n for code, n in counted.items()}}
        self.why = dict(reversed(found)) | self.why


class State(msgspec.Struct):
    """Where an import stands, and what it was begun with."""

    file: Fingerprint
    url: str
    key: str  # its public beginning
    mapping: str  # digest
    source: str  # of derived ids
    position: Position = Position()
    done_bytes: int = 0  # of the file as it lies there, packed or not
    tally: Tally = msgspec.field(default_factory=Tally)
    rejects_bytes: int = 0
    sent: bool = False  # something of it may be stored, though no answer has said so yet
    done: bool = False
    version: int = VERSION


def fingerprint(path: Path) -> Fingerprint:
    """The fingerprint of a file as it lies there."""
    with path.open("rb") as file:
        found = os.fstat(file.fileno())
        head = file.read(EDGE)
        file.seek(max(0, found.st_size - EDGE))
        content = xxh3_128_hexdigest(b"%d\0%b%b" % (found.st_size, head, file.read(EDGE)))
    return Fingerprint(found.st_size, found.st_mtime_ns, content)


def load(path: Path) -> State | None:
    """The kept state, None where there is none. Raises LoadError for one that can't be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=State)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise LoadError(f"{path} can't be read ({error}); --restart begins anew, and nothing counts twice") from error


def save(path: Path, state: State) -> None:
    """Replaces the kept state; a process killed at any moment leaves the old one or the new one."""
    new = path.with_name(path.name + ".new")
    new.write_bytes(msgspec.json.encode(state))
    new.replace(path)


def begin(kept: State | None, now: State) -> State:
    """The state to go on from: the kept one where it is of this very import, a new one after one that was finished.

    Raises LoadError, saying what to do, where something changed in between.
    """
    if kept is None:
        return now
    if kept.version != VERSION:
        raise LoadError("it was begun by another version; --restart begins anew, and nothing counts twice")
    if kept.file != now.file:
        raise LoadError(_changed(kept, now))
    if kept.done or not (kept.sent or kept.position != Position()):
        return now
    for name, before, after in (
        ("another service", kept.url, now.url),
        ("another key", kept.key, now.key),
        ("another mapping", kept.mapping, now.mapping),
        ("another --source", kept.source, now.source),
    ):
        if before != after:
            raise LoadError(
                f"after {kept.position.rows:,} rows this import was stopped; it was begun with {name}. Go on with that,"
                " or --restart from the first row: what is counted already then counts as a duplicate"
            )
    return kept


def _changed(kept: State, now: State) -> str:
    was = "imported" if kept.done else f"read to row {kept.position.rows:,}"
    without = "size, head and tail are the same: equal rows are duplicates"
    if kept.file.content != now.file.content:
        without = (
            f"rows that were counted would count again, but for --restart --source {kept.source} (equal rows in the"
            " same places are duplicates then)"
        )
    return (
        f"the file has changed since it was {was}. --restart reads it from the first row. With a column for ids, rows"
        f" that were counted are duplicates then. Without, ids come from the file's content and the row's number, and"
        f" {without}"
    )
