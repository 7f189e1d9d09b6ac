"""CloudEvents 1.0 over HTTP, as its SDKs and OpenMeter's send them: structured, in batches, or binary."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import unquote_to_bytes

import msgspec

from api.ingest.bodies import Bodies
from api.ingest.exact_json import UnreadableError, check_parts, object_of, value_of
from meter.errors import InvalidBody, UnsupportedEncoding
from meter.model import Refusal, Rejection
from meter.streams import Occurrence

PREFIX = "ce-"
VERSION = "1.0"
EXTENSION = "ce."
_MARKS = ("ce-specversion", "ce-id", "ce-source", "ce-type")
_FAMILY = "application/cloudevents"
_STRUCTURED = frozenset({"application/cloudevents+json", "application/cloudevents-batch+json"})
_REQUIRED = ("id", "source", "type")
_KNOWN = frozenset({*_REQUIRED, "specversion", "time", "subject", "datacontenttype", "dataschema"})
_NOT_EXTENSIONS = _KNOWN | {"data", "data_base64"}
_ESCAPED = re.compile(r"\\(.)")
_bodies = Bodies(msgspec.Raw)


def decode(body: bytes, headers: Mapping[str, str], most: int) -> list[Occurrence | Rejection]:
    """The events of a body in order; those that can't be read are refused in their place. Names of headers: lower case.

    An event is binary where its attributes are headers (`ce-id`, …), else a JSON object, alone, in an array or one a
    line. `specversion` may be missing. `data` is the data object: exact, of int and Decimal. Data that is no object
    stands there as `value`, bytes that are no JSON as `data_base64`, and an extension attribute as `ce.<name>`, where
    the data has no such name itself.

    Raises InvalidBody when nothing of it can be read, BatchTooLarge above `most` events, and UnsupportedEncoding for
    forms of CloudEvents other than JSON.
    """
    media_type = _bare(headers.get("content-type", ""))
    check_parts(body, most)
    if not media_type.startswith(_FAMILY) and is_binary(headers):
        return [_rejected(_binary(body, media_type, headers), 0)]
    if media_type.startswith(_FAMILY) and media_type not in _STRUCTURED:
        raise UnsupportedEncoding(f"CloudEvents are read as JSON, not as {media_type[:100]!r}")
    found = _bodies.read(body, media_type, most)
    return [
        item if isinstance(item, Rejection) else _rejected(_structured(item), index) for index, item in enumerate(found)
    ]


def is_binary(headers: Mapping[str, str]) -> bool:
    """Whether headers (names in lower case) bring the attributes of an event whose data is the body."""
    return any(name in headers for name in _MARKS)


def _rejected(found: Occurrence | Refusal, index: int) -> Occurrence | Rejection:
    return Rejection(index, found.code, found.detail) if isinstance(found, Refusal) else found


def _structured(text: msgspec.Raw) -> Occurrence | Refusal:
    try:
        given = object_of(text)
    except UnreadableError as error:
        return Refusal("invalid_event", str(error))
    attributes = {name: value for name, value in given.items() if value is not None}  # null is as good as not there
    data = _data_of(attributes)
    return data if isinstance(data, Refusal) else _occurrence(attributes, data)


def _binary(body: bytes, media_type: str, headers: Mapping[str, str]) -> Occurrence | Refusal:
    attributes: dict[str, object] = {}
    for name, value in headers.items():
        if name.startswith(PREFIX):
            try:
                attributes[name.removeprefix(PREFIX)] = _header_text(value)
            except UnicodeError:
                return Refusal("invalid_event", f"the header {name[:64]} is not percent-encoded UTF-8")
    data = _content(body, media_type)
    if isinstance(data, Refusal):
        raise InvalidBody(data.detail)
    return _occurrence(attributes, data)


def _header_text(value: str) -> str:
    """An attribute as it was before it became a header: quotes taken off, then percent-decoded. Raises UnicodeError."""
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = _ESCAPED.sub(r"\1", value[1:-1])
    return unquote_to_bytes(value.encode("latin-1")).decode("utf-8")


def _occurrence(attributes: Mapping[str, object], data: dict[str, object]) -> Occurrence | Refusal:
    wrong = _attribute_refusal(attributes)
    if wrong:
        return wrong
    time = _time(attributes.get("time"))
    if isinstance(time, Refusal):
        return time
    extensions = {EXTENSION + name: value for name, value in attributes.items() if name not in _NOT_EXTENSIONS}
    return Occurrence(
        type=str(attributes["type"]),
        id=str(attributes["id"]),
        source=str(attributes["source"]),
        time=time,
        subject=str(attributes.get("subject", "")) or None,
        data={**extensions, **data} if extensions else data,
    )


def _attribute_refusal(attributes: Mapping[str, object]) -> Refusal | None:
    """Why these are not the attributes of an event that we read."""
    for name in _REQUIRED:
        if not attributes.get(name):
            return Refusal("invalid_event", f"`{name}` is missing; a CloudEvent has an id, a source and a type")
    for name in _KNOWN - {"time"}:
        if not isinstance(attributes.get(name, ""), str):
            return Refusal("invalid_event", f"`{name}` is not a string")
    if attributes.get("specversion", VERSION) != VERSION:
        return Refusal("invalid_event", f"`specversion` is not {VERSION}, which is the one that is read")
    return None


def _time(given: object) -> datetime | Refusal | None:
    if given is None:
        return None
    try:
        time = msgspec.convert(given, datetime) if isinstance(given, str) else None
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        return Refusal("invalid_time", "`time` is not an RFC 3339 time with its zone, as in 2026-11-20T09:00:00Z")
    return time


def _data_of(attributes: Mapping[str, object]) -> dict[str, object] | Refusal:
    packed = attributes.get("data_base64")
    if packed is None:
        return _as_object(attributes.get("data"))
    if "data" in attributes or not isinstance(packed, str):
        return Refusal("invalid_event", "bring either `data` or `data_base64`, the latter as a string")
    try:
        content = b64decode(packed, validate=True)
    except ValueError as error:
        return Refusal("invalid_event", f"`data_base64` is not Base64: {error}")
    return _content(content, _bare(str(attributes.get("datacontenttype", ""))))


def _content(content: bytes, media_type: str) -> dict[str, object] | Refusal:
    """Bytes as data: JSON where they are said to be, or where nothing is said and they are."""
    if not content:
        return {}
    if not media_type or media_type.endswith(("/json", "+json")):
        try:
            return _as_object(value_of(content))
        except UnreadableError as error:
            if media_type:
                return Refusal("invalid_event", f"the data is not JSON, as its type says: {error}")
    if media_type.startswith("text/"):
        try:
            return {"value": content.decode("utf-8")}
        except UnicodeDecodeError:
            pass  # of another charset: kept as bytes
    return {"data_base64": b64encode(content).decode("ascii")}


def _as_object(data: object) -> dict[str, object]:
    if data is None:
        return {}
    return data if isinstance(data, dict) else {"value": data}


def _bare(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()
