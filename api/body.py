"""Request bodies: bounded as they arrive, bounded again as they unpack, and never taken when cut short."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Mapping
from typing import Protocol

import zstandard
from litestar.types import Receive

from meter.errors import BodyTooLarge, BodyTooSlow, InvalidBody, UnsupportedEncoding

IN_LINE_BYTES = 65_536  # unpacking less than this takes less than handing it to a thread
# RFC 9659: what a zstd window may need in HTTP; a frame that asks for more is refused before memory is.
ZSTD_WINDOW = 8 << 20
# Four bytes of a zstd frame can stand for 128 kB, so a slice unpacks to 16 MB at most before the bound is checked.
ZSTD_SLICE = 512


class _Message(Protocol):
    """The part of a request that is asked here."""

    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def receive(self) -> Receive: ...


async def read_body(request: _Message, limit: int, seconds: float) -> bytes:
    """The whole body, unpacked as Content-Encoding says (gzip, deflate, zstd).

    Raises:
        UnsupportedEncoding: another encoding, or several.
        BodyTooLarge: more than `limit` bytes arrive, or come out of the packing.
        BodyTooSlow: it has not arrived after `seconds`.
        InvalidBody: it ended early, or is not what its encoding says.
    """
    unpack = _unpacker(request.headers.get("content-encoding", ""))
    announced = request.headers.get("content-length", "0")
    if announced.isascii() and announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(seconds):
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
            raise _too_large(limit)
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


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
    parts: list[bytes] = []
    size = 0
    rest = packed
    while rest or not parts:
        stream = zlib.decompressobj(form)
        try:
            part = stream.decompress(rest, limit - size + 1)
        except zlib.error as error:
            raise InvalidBody(f"the body is not what its Content-Encoding says: {error}") from error
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        if not stream.eof:
            raise InvalidBody("the packed body ends early")
        parts.append(part)
        rest = stream.unused_data
    return b"".join(parts)


def unzstd(packed: bytes, limit: int) -> bytes:
    """The content of one or more zstd frames. Raises InvalidBody and BodyTooLarge."""
    parts: list[bytes] = []
    size = 0
    rest = packed
    while rest or not parts:
        content, rest = _zstd_frame(rest, limit - size)
        size += sum(map(len, content))
        parts += content
    return b"".join(parts)


def _zstd_frame(packed: bytes, limit: int) -> tuple[list[bytes], bytes]:
    """The content of the first frame in pieces, and what follows it."""
    frame = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).decompressobj()
    parts: list[bytes] = []
    size = 0
    for start in range(0, len(packed), ZSTD_SLICE):
        try:
            part = frame.decompress(packed[start : start + ZSTD_SLICE])
        except zstandard.ZstdError as error:
            raise InvalidBody(f"the body is not what its Content-Encoding says: {error}") from error
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
        if frame.eof:
            return parts, frame.unused_data + packed[start + ZSTD_SLICE :]
    raise InvalidBody("the packed body ends early")


ENCODINGS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": gunzip,
    "x-gzip": gunzip,
    "deflate": inflate,
    "zstd": unzstd,
}
