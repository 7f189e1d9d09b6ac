"""`meter collect SOURCE`: usage of what runs here, sent to a service."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from meter.commands.command import Command, Page, add_page, refuse
from meter.commands.with_service import KEY_VARIABLE, NO_KEY, add_service, key_of
from meter.settings import Settings

_WITH_KEY = f"{KEY_VARIABLE}=hm_… meter collect"


def add_arguments(parser: ArgumentParser) -> None:
    """Adds one command per source: which service, with whose key, and the options of its own."""
    from meter.collect import SOURCES

    sources = parser.add_subparsers(title="sources", metavar="SOURCE", required=True)
    for source in SOURCES:
        page = Page(
            source.name,
            source.help,
            f"The team's key comes from {KEY_VARIABLE} or a file, never from the command line, where everybody could "
            f"read it. {source.text}",
            tuple((_shown(source.name, given), what) for given, what in source.examples),
        )
        one = add_page(sources, page)
        one.set_defaults(source=source)
        add_service(one)
        source.add_options(one)


def _shown(name: str, given: str) -> str:
    """An example as it is typed: the key stands before it, unless a file has it."""
    return f"{'meter collect' if '--key-file' in given else _WITH_KEY} {name} {given}"


def run(_settings: Settings, options: Namespace) -> int:
    """Collects from one source until a signal comes."""
    from meter.collect.source import Service, SourceError
    from meter.processes import stopped_by_signals

    key = key_of(options)
    if not key:
        return refuse(NO_KEY)
    try:
        with stopped_by_signals() as stop:
            options.source.run(Service(options.url, key), options, stop)
    except SourceError as error:
        return refuse(str(error))
    return 0


COMMAND = Command(
    Page(
        "collect",
        "Send usage from here to a service",
        "Each source runs until it is stopped. It reads something here at regular times and keeps it on disk until it "
        "is sent, or takes events from a message queue and acknowledges them when the service has them.",
        (
            (f"{_WITH_KEY} host", "CPU, memory, disk and network of this machine"),
            (f"{_WITH_KEY} redis --redis-url redis://127.0.0.1:6379 --stream usage", "events of a Redis stream"),
            (f"{_WITH_KEY} amqp --amqp-url-file /run/amqp-url --queue usage", "events of a RabbitMQ queue"),
        ),
    ),
    run,
    add_arguments,
)
