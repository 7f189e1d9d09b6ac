"""Events of a RabbitMQ queue; how they are read is in amqp_queue.py."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from threading import Event

from meter.collect.queued import TEXT, add_url, url_of
from meter.collect.source import Service, Source, SourceError

LARGEST_PREFETCH = 65_535


def add_options(parser: ArgumentParser) -> None:
    """Adds where the queue is, and how it is read."""
    add_url(parser, "amqp", "amqp://host:5672/vhost or amqps://")
    parser.add_argument("--queue", default="usage", help="a durable queue (default: %(default)s)")
    parser.add_argument("--prefetch", type=int, default=1_000, help="messages held at once (default: %(default)s)")
    parser.add_argument(
        "--nack",
        action="store_true",
        help="leave messages that are rejected as a whole to the queue's dead-letter exchange; it must have one",
    )


def run(service: Service, options: Namespace, stop: Event) -> None:
    """Reads the queue until `stop` is set."""
    from meter.collect.amqp_queue import Collector, Reading

    if not 0 < options.prefetch <= LARGEST_PREFETCH:
        raise SourceError(f"--prefetch is a number from 1 to {LARGEST_PREFETCH}")
    url = url_of(options, "amqp", ("amqp", "amqps"))
    Collector(url, Reading(options.queue, options.prefetch, nack=options.nack), service, stop).run()


SOURCE = Source(
    "amqp",
    "Events of a RabbitMQ queue",
    TEXT,
    (
        ("--amqp-url-file /run/amqp-url --queue usage", "the URL with its password from a file"),
        ("--amqp-url amqp://127.0.0.1 --url https://usage.example --key-file /run/key", "as guest, to another machine"),
    ),
    add_options,
    run,
)
