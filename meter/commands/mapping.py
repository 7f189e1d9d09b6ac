"""`meter mapping`: what the metrics of collectors count to, shown, changed and tried on a service."""

from __future__ import annotations

import sys
import zlib
from argparse import ArgumentParser, Namespace
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec

from meter.collect.ask import RefusedError, Service
from meter.commands.command import FOUND_SOMETHING, PROGRAM, Command, Page, add_page, refuse
from meter.commands.with_service import KEY_VARIABLE, NO_KEY, add_service, key_of
from meter.settings import Settings

SOURCES = ("otlp", "prometheus", "collectd", "cloudevents", "lago")
TOML, JSON, PROTOBUF = "application/toml", "application/json", "application/x-protobuf"
TYPES = {".toml": TOML, ".json": JSON}
PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
PEEKED = 100
MAPPING, UNMAPPED = "/v1/mapping", "/v1/mapping/unmapped"
_EXAMPLE = f"{KEY_VARIABLE}=hm_… meter mapping"
_REFUSED = {FOUND_SOMETHING: "the service, or the file, says what to change: it stands on standard error"}


class _Kind(NamedTuple):
    """What a subcommand is: its page, what it adds to the options, and what it does with the service."""

    page: Page
    add_arguments: Any
    run: Any


def _show(service: Service, _options: Namespace) -> None:
    print(msgspec.json.format(msgspec.json.encode(service.ask("GET", MAPPING)), indent=2).decode())


def _apply(service: Service, options: Namespace) -> None:
    """Puts the file in place of the mapping that was there when we looked."""
    content, kind = options.file.read_bytes(), _type_of(options.file)
    before = service.ask("GET", MAPPING)
    headers = {"Content-Type": kind, "If-Match": f'"{before["version"]}"'}
    after = service.ask("PUT", MAPPING, content, headers)
    print(f"version {after['version']}, in place of {before['version']}; it holds from the next body on")
    for field, words in (("rules", "rules for metrics"), ("events", "rules for events"), ("presets", "presets")):
        was, now = before["mapping"].get(field, []), after["mapping"].get(field, [])
        kept = sum(1 for each in now if each in was)
        print(f"  {words}: {len(now)} ({len(now) - kept} new, {len(was) - kept} gone)")


def _try(service: Service, options: Namespace) -> None:
    """Asks what a recorded body would become, and shows it."""
    body = options.body.read_bytes()
    trial = {
        "source": options.source,
        "body": b64encode(body).decode(),
        "content_type": options.content_type or _usual_type(options.source, body),
        "content_encoding": _usual_encoding(body) if options.content_encoding is None else options.content_encoding,
        **({"mapping": _draft(options.mapping)} if options.mapping else {}),
    }
    answer = service.ask("POST", f"{MAPPING}/preview", msgspec.json.encode(trial))
    rows = [(name, str(points), becomes, why) for (name, becomes, why), points in _alike(answer["items"]).items()]
    _table(("name", "points", "becomes", "by rule, or why not"), rows)
    for told in answer["refused"]:
        print(f"can't be counted, whatever the mapping says: {_printable(told)}")


def _unmapped(service: Service, _options: Namespace) -> None:
    rows = [
        (each["source"], each["name"], str(each["points"]), each["unit"], each["last_seen_at"], each["detail"])
        for each in _pages(service, UNMAPPED)
    ]
    if not rows:
        print("everything that was sent makes usage, or is left out on purpose")
        return
    _table(("source", "name", "points", "unit", "last seen", "why it makes no usage"), rows)


def _pages(service: Service, path: str) -> Iterator[dict[str, Any]]:
    """All items of a list."""
    more: dict[str, str] = {}
    while True:
        page = service.ask("GET", f"{path}?{urlencode({'limit': '1000'} | more)}")
        yield from page["items"]
        if page["next"] is None:
            return
        more = {"cursor": page["next"]}


def _type_of(file: Path) -> str:
    if file.suffix.lower() not in TYPES:
        raise RefusedError(f"{file}: is it TOML or JSON? Name it so that it ends in {' or '.join(TYPES)}")
    return TYPES[file.suffix.lower()]


def _draft(file: Path) -> Any:  # noqa: ANN401 (a document, as the service reads it)
    """A mapping from a file. Raises RefusedError with what is wrong."""
    from meter.errors import InvalidMapping
    from meter.mapping.presets import of_toml
    from meter.mapping.rules import Document

    content = file.read_bytes()
    try:
        read = of_toml(content) if _type_of(file) == TOML else msgspec.json.decode(content, type=Document)
    except (InvalidMapping, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RefusedError(f"{file}: {error}") from error
    return read


def _usual_type(source: str, body: bytes) -> str:
    """How the senders of a source usually write."""
    is_json = _beginning(body).lstrip()[:1] in (b"{", b"[")
    return PROTOBUF if source == "prometheus" or (source == "otlp" and not is_json) else JSON


def _beginning(body: bytes) -> bytes:
    """The first bytes, out of gzip too, which is how most senders of OTLP pack."""
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(body, PEEKED)
    except zlib.error:
        return body[:PEEKED]


def _usual_encoding(body: bytes) -> str:
    """How a body is packed, by how it begins; of Prometheus the service knows."""
    return next((name for magic, name in PACKED.items() if body.startswith(magic)), "")


def _alike(items: Iterable[dict[str, Any]]) -> dict[tuple[str, str, str], int]:
    """How many points there are of each name that come to the same."""
    found: dict[tuple[str, str, str], int] = {}
    for each in items:
        name = each["name"] if each["field"] == "value" else f"{each['name']} ({each['field']})"
        becomes = "\n".join(_series(counted) for counted in each["counts_to"])
        key = name, becomes, "; ".join(part for part in (each["rule"], each["why"]) if part)
        found[key] = found.get(key, 0) + each["points"]
    return found


def _series(counted: dict[str, Any]) -> str:
    """A series in a line: its meter, how it is read, whose it is, which service, its dimensions."""
    labels = {"member": counted["member"], "service": counted["service"], **counted["dimensions"]}
    read = f" ({counted['read_as']})" if counted["read_as"] else ""
    return " ".join([f"{counted['meter']}{read}", *(f"{name}={value}" for name, value in labels.items() if value)])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints a table: nothing is cut, and nothing that a sender wrote is taken for markup or by the terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_lines=True)
    for name in head:
        table.add_column(name, overflow="fold", justify="right" if name == "points" else "left")
    for row in rows:
        table.add_row(*(Text(_printable(cell)) for cell in row))
    Console().print(table)


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text)


def _try_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("source", choices=SOURCES, metavar="SOURCE", help=f"whose form it has: {', '.join(SOURCES)}")
    parser.add_argument("body", type=Path, metavar="BODY", help="a file with the body of a request, as it was sent")
    parser.add_argument("--mapping", type=Path, help="a mapping in TOML or JSON to try (default: the team's own)")
    parser.add_argument("--content-type", help="as it was sent (default: what the source usually sends)")
    parser.add_argument("--content-encoding", help="as it was sent (default: told by how the body begins)")


def _apply_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the mapping: .toml or .json")


def _no_arguments(_parser: ArgumentParser) -> None:
    pass


_ONES = (
    _Kind(
        Page(
            "show",
            "Print the team's mapping as JSON",
            "With its version, and when it was changed: null where it is the one that every team begins with, which "
            "is made of presets.",
            ((f"{_EXAMPLE} show", "the mapping of the key's team"),),
            (),
            _REFUSED,
        ),
        _no_arguments,
        _show,
    ),
    _Kind(
        Page(
            "apply",
            "Replace the team's mapping by a file",
            "It holds from the next body on; what was counted stays where it is. Nothing is changed when somebody "
            "else changed the mapping at the same time, or when a rule is wrong: then the message names the rule and "
            "the field. The key needs the scope admin.",
            ((f"{_EXAMPLE} apply mapping.toml", "what is in the file is the mapping from now on"),),
            (),
            _REFUSED,
        ),
        _apply_arguments,
        _apply,
    ),
    _Kind(
        Page(
            "try",
            "Show what a recorded body would become",
            "Each metric and event of the body: which meter, member, service and dimensions it would count to, by "
            "which rule, or why it would not. Nothing is stored.",
            (
                (f"{_EXAMPLE} try otlp body.bin", "by the team's mapping"),
                (
                    f"{_EXAMPLE} try prometheus body.bin --mapping new.toml --content-encoding snappy",
                    "by a mapping that is not applied yet",
                ),
            ),
            (),
            _REFUSED,
        ),
        _try_arguments,
        _try,
    ),
    _Kind(
        Page(
            "unmapped",
            "List what was sent and makes no usage",
            "By source and name: how many points, and why no rule makes usage of them. None of it is billed. A body "
            "that came twice is counted twice here.",
            ((f"{_EXAMPLE} unmapped", "what a rule is still to be written for"),),
            (),
            _REFUSED,
        ),
        _no_arguments,
        _unmapped,
    ),
)


def add_arguments(parser: ArgumentParser) -> None:
    """Adds what can be done with a mapping, each with the service and the key."""
    ones = parser.add_subparsers(title="what to do", metavar="WHAT", required=True)
    for each in _ONES:
        one = add_page(ones, each.page)
        one.set_defaults(work=each.run)
        each.add_arguments(one)
        add_service(one)


def run(_settings: Settings, options: Namespace) -> int:
    """Does it, and says in plain words what the service refused."""
    key = key_of(options)
    if not key:
        return refuse(NO_KEY)
    try:
        service = Service(options.url, key)
    except ValueError as error:
        return refuse(str(error))
    try:
        options.work(service, options)
    except RefusedError as error:
        sys.stderr.write(f"{PROGRAM}: {_printable(str(error))}\n")
        return FOUND_SOMETHING
    finally:
        service.close()
    return 0


COMMAND = Command(
    Page(
        "mapping",
        "See, change and try what collectors' metrics count to",
        "The mapping says which meter each metric and event of a collector counts to, and whose it is: rules of the "
        "team's own, then presets that come with the service. These commands ask the service for it, which may be "
        f"anywhere. The team's key comes from {KEY_VARIABLE} or a file.",
        (
            (f"{_EXAMPLE} show", "what holds now"),
            (f"{_EXAMPLE} unmapped", "what was sent and makes no usage"),
        ),
        (),
        _REFUSED,
    ),
    run,
    add_arguments,
)
