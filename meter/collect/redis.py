"""Events of a Redis stream, read as a consumer group; how they are read is in redis_stream.py."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from threading import Event

from meter.collect.queued import TEXT, add_url, url_of
from meter.collect.source import Service, Source


def add_options(parser: ArgumentParser) -> None:
    """Adds where the stream is, and how it is read."""
    add_url(parser, "redis", "redis://host:6379/0 or rediss://")
    parser.add_argument("--stream", default="usage", help="key of the stream (default: %(default)s)")
    parser.add_argument("--group", default="hourmeter", help="consumer group (default: %(default)s)")
    parser.add_argument(
        "--claim-after",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="take over entries that another collector has held for so long (default: 60)",
    )
    parser.add_argument("--delete", action="store_true", help="delete entries once they are acknowledged")


def run(service: Service, options: Namespace, stop: Event) -> None:
    """Reads the stream until `stop` is set."""
    from meter.collect.redis_stream import Collector, Reading

    url = url_of(options, "redis", ("redis", "rediss", "unix"))
    reading = Reading(options.stream, options.group, options.claim_after, delete=options.delete)
    Collector(url, reading, service, stop).run()


SOURCE = Source(
    "redis",
    "Events of a Redis stream",
    TEXT,
    (
        ("--redis-url redis://127.0.0.1:6379 --stream usage", "from a Redis without a password"),
        ("--redis-url-file /run/redis-url --url https://usage.example --key-file /run/key", "secrets from files"),
    ),
    add_options,
    run,
)
