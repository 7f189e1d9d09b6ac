"""What is a source? A name, its page of help, its options, and a function that sends until it is told to stop."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import NamedTuple

from meter.collect.client import Client


class Service(NamedTuple):
    """To where usage is sent, and with whose key."""

    url: str
    key: str


class SourceError(Exception):
    """A source can't begin; the message says what to change."""


class Source(NamedTuple):
    """One source: `add_options(parser)` adds its options, `run(service, options, stop)` sends until `stop` is set.

    `text` says on its page of help what becomes of what can't be sent now; `examples` are options with what each is
    for. `run` raises SourceError when it can't begin.
    """

    name: str
    help: str
    text: str
    examples: tuple[tuple[str, str], ...]
    add_options: Callable[[ArgumentParser], None]
    run: Callable[[Service, Namespace, Event], None]


class Labels(NamedTuple):
    """To whom usage is counted, and how often it is read: the service, the member, and seconds between samples."""

    service: str
    member: str
    every_s: float


def sampled(name: str, summary: str, sample: Callable[[Client, Labels, Event], None]) -> Source:
    """A source that `sample` reads at regular times and hands to a client, which keeps it on disk until it is sent."""

    def add_options(parser: ArgumentParser) -> None:
        parser.add_argument("--service", default=name, help="service to count it to (default: %(default)s)")
        parser.add_argument("--member", default="collector", help="member to count it to (default: %(default)s)")
        parser.add_argument("--every", type=float, default=30.0, help="seconds between samples (default: 30)")
        parser.add_argument("--spool", type=Path, default=Path("spool"), help="where records wait (default: ./spool)")

    def run(service: Service, options: Namespace, stop: Event) -> None:
        client = Client(service.url, service.key, options.spool)
        sample(client, Labels(options.service, options.member, options.every), stop)
        client.close()

    return Source(
        name,
        summary,
        "What can't be sent now waits in the spool, a folder, and is sent later, once.",
        (
            ("--service web", "to the service on this machine, every 30 seconds"),
            ("--url https://usage.example --key-file /run/key --every 10", "to another machine, every 10 seconds"),
        ),
        add_options,
        run,
    )
