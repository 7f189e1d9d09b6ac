"""Request bodies: bounded as they arrive, bounded again as they unpack, and never taken when cut short."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Mapping
from typing import Protocol

import cramjam
import zstandard
from litestar.types import Receive

from meter.errors import BodyTooLarge, BodyTooSlow, InvalidBody, UnsupportedEncoding

IN_LINE_BYTES = 65_536  # unpacking less than this takes less than handing it to a thread
# RFC 9659: what a zstd window may need in HTTP; a frame that asks for more is refused before memory is.
ZSTD_WINDOW = 8 << 20
# Four bytes of a zstd frame can stand for 128 kB, so a slice unpacks to 16 MB at most before the bound is checked.
ZSTD_SLICE = 512
GZIP_SLICE = 65_536
# Members and frames may follow each other, but each costs some microseconds and copies of a slice: millions of empty
# ones fit into a body. A blocked gzip file has one per 64 kB.
MOST_MEMBERS = 4_096
# Three bytes of snappy stand for 64 at most (format_description.txt: a copy with a two-byte offset).
SNAPPY_RATIO = 22


class _Message(Protocol):
    """The part of a request that is asked here."""

    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def receive(self) -> Receive: ...


async def read_body(request: _Message, limit: int, seconds: float) -> bytes:
    """The whole body, unpacked as Content-Encoding says (gzip, deflate, zstd, snappy).

    Raises:
        UnsupportedEncoding: another encoding, or several.
        BodyTooLarge: more than `limit` bytes arrive, or come out of the packing.
        BodyTooSlow: it has not arrived after `seconds`.
        InvalidBody: it ended early, or is not what its encoding says.
    """
    unpack = _unpacker(request.headers.get("content-encoding", ""))
    announced = request.headers.get("content-length", "0")
    try:
        async with asyncio.timeout(seconds):
            if announced.isascii() and announced.isdigit() and int(announced) > limit:
                await _let_pass(request.receive, limit)
                raise _too_large(limit)
            packed = await _received(request.receive, limit)
    except TimeoutError:
        raise BodyTooSlow(f"the body did not arrive within {seconds} s; send less at once") from None
    if unpack is None:
        return packed
    if len(packed) < IN_LINE_BYTES:
        return unpack(packed, limit)
    return await asyncio.to_thread(unpack, packed, limit)


async def _received(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise InvalidBody("the body ended before its announced end")
        part = message["body"]
        size += len(part)
        if size > limit:
            parts.clear()
            await _let_pass(receive, limit)
            raise _too_large(limit)
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def _let_pass(receive: Receive, limit: int) -> None:
    """Takes what else is on its way, up to as much again, and keeps none of it.

    Whoever is answered while still sending finds the connection reset, and never reads why.
    """
    passed = 0
    while passed <= limit:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            return
        passed += len(message["body"])


def unpacked(packed: bytes, encoding: str, limit: int) -> bytes:
    """A body as Content-Encoding says. Raises UnsupportedEncoding, BodyTooLarge, InvalidBody."""
    unpack = _unpacker(encoding)
    return packed if unpack is None else unpack(packed, limit)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"at most {limit} bytes, unpacked too; send it in parts", limit_bytes=limit)


def _unpacker(encoding: str) -> Callable[[bytes, int], bytes] | None:
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return None
    if name not in ENCODINGS:
        raise UnsupportedEncoding(f"Content-Encoding {encoding[:40]!r}; send one of {', '.join(ENCODINGS)}, or none")
    return ENCODINGS[name]


def gunzip(packed: bytes, limit: int) -> bytes:
    """The content of one or more gzip members. Raises InvalidBody and BodyTooLarge."""
    return _inflate(packed, limit, zlib.MAX_WBITS | 16)


def inflate(packed: bytes, limit: int) -> bytes:
    """The content of a zlib stream, which is what HTTP calls deflate. Raises InvalidBody and BodyTooLarge."""
    return _inflate(packed, limit, zlib.MAX_WBITS)


def _inflate(packed: bytes, limit: int, form: int) -> bytes:
    return _whole(packed, limit, lambda at, left: _member(packed, at, left, form))


def _whole(packed: bytes, limit: int, member: Callable[[int, int], tuple[list[bytes], int]]) -> bytes:
    """The content of all members: `member` answers that of the one at a place, within a bound, and where the next is.

    By place and not by what is left over: that would be copied for each of them.
    """
    parts: list[bytes] = []
    left, at = limit, 0
    for _ in range(MOST_MEMBERS):
        content, at = member(at, left)
        left -= sum(map(len, content))
        parts += content
        if at == len(packed):
            return b"".join(parts)
    raise InvalidBody(f"the packed body has more than {MOST_MEMBERS} parts; pack it as one")


def _member(packed: bytes, at: int, limit: int, form: int) -> tuple[list[bytes], int]:
    """The content of the gzip member (or zlib stream) at a place, and where the next begins."""
    stream = zlib.decompressobj(form)
    parts: list[bytes] = []
    size = 0
    for start in range(at, len(packed), GZIP_SLICE):
        given = packed[start : start + GZIP_SLICE]
        try:
            part = stream.decompress(given, limit - size + 1)
        except zlib.error as error:
            raise InvalidBody(f"the body is not what its Content-Encoding says: {error}") from error
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
        if stream.eof:
            return parts, start + len(given) - len(stream.unused_data)
    raise InvalidBody("the packed body ends early")


def unzstd(packed: bytes, limit: int) -> bytes:
    """The content of one or more zstd frames. Raises InvalidBody and BodyTooLarge."""
    return _whole(packed, limit, lambda at, left: _zstd_frame(packed, at, left))


def _zstd_frame(packed: bytes, at: int, limit: int) -> tuple[list[bytes], int]:
    """The content of the frame at a place in pieces, and where the next begins."""
    frame = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).decompressobj()
    parts: list[bytes] = []
    size = 0
    for start in range(at, len(packed), ZSTD_SLICE):
        given = packed[start : start + ZSTD_SLICE]
        try:
            part = frame.decompress(given)
        except zstandard.ZstdError as error:
            raise InvalidBody(f"the body is not what its Content-Encoding says: {error}") from error
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
        if frame.eof:
            return parts, start + len(given) - len(frame.unused_data)
    raise InvalidBody("the packed body ends early")


def unsnappy(packed: bytes, limit: int) -> bytes:
    """The content of a raw snappy block, as Prometheus sends it. Raises InvalidBody and BodyTooLarge.

    A block says first how much comes out of it, so memory is taken only for what may come and can.
    """
    try:
        size = cramjam.snappy.decompress_raw_len(packed)
        if size > limit:
            raise _too_large(limit)
        if size > SNAPPY_RATIO * len(packed):
            raise InvalidBody("the packed body ends early")
        return bytes(cramjam.snappy.decompress_raw(packed))
    except cramjam.DecompressionError as error:
        raise InvalidBody(f"the body is not what its Content-Encoding says: {error}") from error


ENCODINGS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": gunzip,
    "x-gzip": gunzip,
    "deflate": inflate,
    "zstd": unzstd,
    "snappy": unsnappy,
}
