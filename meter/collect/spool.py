"""Where do records wait while the service can't be reached? In files that survive this process, however it ends.

A spool is a directory of segments, each a file of JSON lines. Lines are appended to the newest and synced before
`append` returns; the oldest is read, sent, and deleted once it is acknowledged. One process per spool.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

SEGMENT_BYTES = 1_000_000
SEGMENT_LINES = 5_000
LARGEST_BYTES = 1_000_000_000
REFUSED = "refused"


class SpoolError(RuntimeError):
    """The spool can't take records: it is full, or another process uses it."""


class Segment(NamedTuple):
    """A closed segment: where it is, and its lines without line ends."""

    path: Path
    lines: list[bytes]


class Spool:
    """A queue of JSON lines in a directory: `append` from any thread, `oldest` and `done` from the one that sends."""

    def __init__(self, directory: Path, largest_bytes: int = LARGEST_BYTES) -> None:
        """Opens or makes the spool. Raises SpoolError when another process has it open."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._largest = largest_bytes
        self._guard = threading.Lock()
        self._lock = (directory / "lock").open("ab")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            raise SpoolError(f"another process uses {directory}; give each collector a directory of its own") from error
        segments = self._segments()
        self._bytes = sum(path.stat().st_size for path in segments)
        # what was refused counts too: a segment of the same name would overwrite it, were it refused as well
        named = [*segments, *(directory / REFUSED).glob("*.ndjson")]
        self._next = max((int(path.stem) for path in named), default=0) + 1
        self._open: BinaryIO | None = None
        self._open_bytes = self._open_lines = 0

    def append(self, lines: Sequence[bytes]) -> None:
        """Adds lines, to as many segments as they need; when it returns they are on disk.

        Raises SpoolError when they would make the spool larger than it may be, and OSError when the disk says no.
        """
        with self._guard:
            if self._bytes + sum(len(line) + 1 for line in lines) > self._largest:
                raise SpoolError(f"{self._directory} is full ({self._bytes} bytes that could not be sent)")
            for portion in _portions(lines):
                self._write(portion)

    def _write(self, lines: Sequence[bytes]) -> None:
        data = b"".join(line + b"\n" for line in lines)
        file = self._writable()
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
        self._bytes += len(data)
        self._open_bytes += len(data)
        self._open_lines += len(lines)
        if self._open_bytes >= SEGMENT_BYTES or self._open_lines >= SEGMENT_LINES:
            self._seal()

    def oldest(self) -> Segment | None:
        """The oldest segment, closed so that nothing is added to it any more; None when the spool is empty.

        A line that a crash cut off is left out: its `append` never returned.
        """
        with self._guard:
            segments = self._segments()
            if not segments:
                return None
            if self._open is not None and Path(self._open.name) == segments[0]:
                self._seal()
        *whole, _cut_off = segments[0].read_bytes().split(b"\n")
        return Segment(segments[0], [line for line in whole if line])

    def done(self, segment: Segment) -> None:
        """Deletes a segment that was acknowledged."""
        with self._guard:
            self._bytes -= segment.path.stat().st_size
            segment.path.unlink()

    def refuse(self, segment: Segment) -> Path:
        """Puts aside a segment that the service will never take, and answers where it is now."""
        aside = self._directory / REFUSED
        aside.mkdir(mode=0o700, exist_ok=True)
        with self._guard:
            self._bytes -= segment.path.stat().st_size
            return segment.path.rename(aside / segment.path.name)

    def put_aside(self, segment: Segment, places: Sequence[int]) -> Path:
        """Keeps those lines of a segment that were rejected, beside the refused segments; call it before `done`."""
        aside = self._directory / REFUSED
        aside.mkdir(mode=0o700, exist_ok=True)
        kept = aside / segment.path.name  # the same again when the segment is sent again
        with kept.open("wb") as file:
            file.writelines(segment.lines[place] + b"\n" for place in places)
            file.flush()
            os.fsync(file.fileno())
        return kept

    def close(self) -> None:
        """Lets another process use the spool."""
        with self._guard:
            self._seal()
            self._lock.close()

    def _segments(self) -> list[Path]:
        return sorted(self._directory.glob("*.ndjson"))

    def _writable(self) -> BinaryIO:
        """The segment to append to; a new one after every start, so that a cut-off line is never written on."""
        if self._open is None:
            self._open = (self._directory / f"{self._next:012d}.ndjson").open("xb")
            self._next += 1
            _sync(self._directory)
        return self._open

    def _seal(self) -> None:
        if self._open is not None:
            self._open.close()
        self._open = None
        self._open_bytes = self._open_lines = 0


def _portions(lines: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Lines in parts of a segment's size at most: a segment is one body, and the service bounds those."""
    portion: list[bytes] = []
    size = 0
    for line in lines:
        if portion and (len(portion) >= SEGMENT_LINES or size + len(line) >= SEGMENT_BYTES):
            yield portion
            portion, size = [], 0
        portion.append(line)
        size += len(line) + 1
    if portion:
        yield portion


def _sync(directory: Path) -> None:
    """A new file's name is on disk only when its directory is."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
