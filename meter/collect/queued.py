"""What do queues of events have in common? A URL that may hold a password, and events that each need an id."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import msgspec

from meter.collect.deliver import Item
from meter.collect.source import SourceError
from meter.model import Rejection

AT_MOST_DETAIL = 300
TEXT = (
    "Nothing is acknowledged before the service has said that it has it, and every event brings an id, so that each "
    "counts once whatever ends or is cut off meanwhile. docs/queues.md says what messages look like."
)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(list[msgspec.Raw])
_encode = msgspec.json.Encoder(decimal_format="string").encode
_NULL = b"null"
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def add_url(parser: ArgumentParser, kind: str, example: str) -> None:
    """Adds the two options that say where the queue is; `kind` is redis or amqp."""
    variable = f"{kind.upper()}_URL"
    parser.add_argument(f"--{kind}-url", metavar="URL", help=f"{example}, without a password (default: {variable})")
    parser.add_argument(
        f"--{kind}-url-file", type=Path, metavar="FILE", help=f"a file with the URL (default: {variable})"
    )


def url_of(options: Namespace, kind: str, schemes: tuple[str, ...]) -> str:
    """Where the queue is. Raises SourceError, which never quotes the URL, and OSError for an unreadable file."""
    given, file, variable = getattr(options, f"{kind}_url"), getattr(options, f"{kind}_url_file"), f"{kind.upper()}_URL"
    url = given or (file.read_text("utf-8").strip() if file else os.environ.get(variable, ""))
    if not url:
        raise SourceError(f"where is the queue? Set {variable}, or name it with --{kind}-url or --{kind}-url-file")
    if not _is_url(url, schemes):
        raise SourceError(f"the URL of the queue can't be used; it is {schemes[0]}://user:password@host:port, "
                          "with %2F for a / in the password, %40 for an @, %25 for a %")  # fmt: skip
    if given and ("password=" in given or urlsplit(given).password):
        raise SourceError(f"everybody could read the password on the command line: set {variable}, "
                          f"or name a file with --{kind}-url-file")  # fmt: skip
    return url


def _is_url(text: str, schemes: tuple[str, ...]) -> bool:
    """Whether it is one, as far as can be seen; a / in a password makes its rest look like a port."""
    with suppress(ValueError):
        parts = urlsplit(text)
        return parts.scheme in schemes and parts.port != 0
    return False


def one_event(text: bytes, name: str, time: str | None = None) -> Item:
    """An event from JSON, called `name` where it has no id of its own; `time` goes with `name`, where it has none."""
    try:
        fields = _fields.decode(text)
    except _UNREADABLE as error:
        return unreadable(f"no JSON object: {error}")
    if not _lacks(fields, "id"):
        return _encode(fields)
    defaults = {"id": msgspec.Raw(_encode(name))}
    if time is not None and _lacks(fields, "time"):
        defaults["time"] = msgspec.Raw(_encode(time))
    return _encode({**fields, **defaults})


def _lacks(fields: Mapping[str, msgspec.Raw], name: str) -> bool:
    return bytes(fields.get(name, _NULL)) == _NULL


def events_in(text: bytes, name: str) -> list[Item]:
    """The events of a message, one or an array, each called `name` and its place where it has no id of its own."""
    if not text.lstrip().startswith(b"["):
        return [one_event(text, f"{name}:0")]
    try:
        items = _items.decode(text)
    except _UNREADABLE as error:
        return [unreadable(f"no JSON: {error}")]
    return [one_event(bytes(cast("bytes", item)), f"{name}:{place}") for place, item in enumerate(items)]


def unreadable(why: str) -> Rejection:
    """A refusal of what need not be sent to be refused."""
    return Rejection(0, "invalid_event", why[:AT_MOST_DETAIL])
