"""Protobuf, written and read apart from every library."""

from __future__ import annotations

import struct
from collections.abc import Iterator

Value = int | float | str | bytes | list[int]


def varint(number: int) -> bytes:
    """Write a number."""
    found = bytearray()
    number &= 2**64 - 1
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(found) + bytes((number,))


def message(*fields: tuple[int, Value]) -> bytes:
    """Write a message: whole numbers, doubles, texts, messages and packed numbers by their type."""
    parts = []
    for number, value in fields:
        if isinstance(value, float):
            parts.append(varint(number << 3 | 1) + struct.pack("<d", value))
        elif isinstance(value, int):
            parts.append(varint(number << 3) + varint(value))
        else:
            packed = b"".join(map(varint, value)) if isinstance(value, list) else value
            content = packed.encode() if isinstance(packed, str) else packed
            parts.append(varint(number << 3 | 2) + varint(len(content)) + content)
    return b"".join(parts)


def number_at(data: bytes, at: int) -> tuple[int, int]:
    """Read a number, and answer where the next field is."""
    found = shift = 0
    while True:
        byte = data[at]
        at += 1
        found |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return found, at


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Walk over the fields of a message."""
    at = 0
    while at < len(data):
        tag, at = number_at(data, at)
        size = {1: 8, 5: 4}.get(tag & 7, 0)
        if tag & 7 == 0:
            value, at = number_at(data, at)
            yield tag >> 3, value
            continue
        if tag & 7 == 2:
            size, at = number_at(data, at)
        yield tag >> 3, data[at : at + size]
        at += size


def repeated(data: bytes, number: int) -> list[bytes]:
    """Answer all contents of one field."""
    return [value for name, value in fields(data) if name == number and isinstance(value, bytes)]


def texts(data: bytes, number: int) -> list[str]:
    """Answer all texts of one field."""
    return [value.decode() for value in repeated(data, number)]
