"""Which lines does a text have, from any byte on? Plain, gzip or zstd by its ending; memory is constant."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, cast

import zstandard

from meter.load.source import LoadError

LONGEST_LINE = 16 << 20
BLOCK = 1 << 20
BOM = b"\xef\xbb\xbf"
_OTHER_BOMS = (b"\xff\xfe", b"\xfe\xff")


class Lines(Iterator[bytes]):
    """The lines of a text as bytes, with their ends; `offset` is where the next one begins."""

    def __init__(self, packed: BinaryIO, unpacked: IO[bytes], offset: int) -> None:
        """Reads on from the byte `offset` of `unpacked`; `packed` is the file below it."""
        self._packed = packed
        self._unpacked = unpacked
        self.offset = offset
        self._opened = self._stamp()

    def __next__(self) -> bytes:
        """The next line. Raises LoadError for one that never ends, and where the packing is broken."""
        try:
            line = self._unpacked.readline(LONGEST_LINE + 1)
        except (EOFError, zlib.error, zstandard.ZstdError, gzip.BadGzipFile) as error:
            raise LoadError(f"the file can't be unpacked any further: {error}") from error
        if not line:
            raise StopIteration
        if len(line) > LONGEST_LINE:
            raise LoadError(f"from byte {self.offset} on there is no end of line for {LONGEST_LINE} bytes")
        if not line.endswith(b"\n") and self._stamp() != self._opened:
            raise LoadError(
                "the file is being written to, and its last line is not whole; import it when it is finished"
            )
        self.offset += len(line)
        return line

    def _stamp(self) -> tuple[int, int]:
        found = os.fstat(self._packed.fileno())
        return found.st_size, found.st_mtime_ns

    def read_bytes(self) -> int:
        """How much of the file as it lies there was read."""
        return self.offset if self._packed is self._unpacked else self._packed.tell()


@contextmanager
def lines(path: Path, offset: int = 0) -> Iterator[Lines]:
    """The lines from a byte on (of the unpacked text). Raises LoadError where it can't be unpacked, and OSError."""
    with path.open("rb") as packed:
        if path.suffix not in (".gz", ".zst"):
            packed.seek(offset)
            yield Lines(packed, packed, offset)
            return
        with _unpacked(packed, path.suffix) as unpacked:
            _skip(unpacked, offset)
            yield Lines(packed, unpacked, offset)


def _unpacked(packed: BinaryIO, suffix: str) -> IO[bytes]:
    if suffix == ".gz":
        return cast("IO[bytes]", gzip.GzipFile(fileobj=packed))
    return cast("IO[bytes]", io.BufferedReader(_Zstd(packed), BLOCK))


def _skip(file: IO[bytes], count: int) -> None:
    while count > 0:
        try:
            part = file.read(min(count, BLOCK))
        except (EOFError, zlib.error, zstandard.ZstdError, gzip.BadGzipFile) as error:
            raise LoadError(f"the file can't be unpacked: {error}") from error
        if not part:
            raise LoadError("the file is shorter than it was")
        count -= len(part)


class _Zstd(io.RawIOBase):
    """The content of one or more zstd frames; unlike the library's own reader it says when the last is cut short."""

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._rest = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._ready:
            part = self._rest or self._packed.read(BLOCK >> 3)
            if not part:
                if self._frame is not None:
                    raise EOFError("the zstd file ends early")
                return 0
            frame = self._frame or zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()
            self._ready = memoryview(frame.decompress(part))
            self._rest = frame.unused_data if frame.eof else b""
            self._frame = None if frame.eof else frame
        taken = min(len(buffer), len(self._ready))
        buffer[:taken] = self._ready[:taken]
        self._ready = self._ready[taken:]
        return taken


def without_bom(line: bytes) -> bytes:
    """The first line without its byte order mark. Raises LoadError for UTF-16."""
    if line.startswith(_OTHER_BOMS):
        raise LoadError("the file is UTF-16; save it as UTF-8")
    return line.removeprefix(BOM)
