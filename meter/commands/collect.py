"""`meter collect SOURCE`: usage of what runs here, sent to a service."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

from meter.commands.command import Command, Page, add_page, refuse
from meter.settings import Settings

KEY_VARIABLE = "HOURMETER_KEY"
_EXAMPLE = f"{KEY_VARIABLE}=hm_… meter collect"


def add_arguments(parser: ArgumentParser) -> None:
    """Adds one command per source, each with the same options."""
    from meter.collect import SOURCES

    sources = parser.add_subparsers(title="sources", metavar="SOURCE", required=True)
    for source in SOURCES:
        page = Page(
            source.name,
            source.help,
            f"The team's key comes from {KEY_VARIABLE} or a file, never from the command line, where everybody could "
            "read it. What can't be sent now waits in the spool, a folder, and is sent later, once.",
            (
                (f"{_EXAMPLE} {source.name} --service web", "to the service on this machine, every 30 seconds"),
                (
                    f"meter collect {source.name} --url https://usage.example --key-file /run/key --every 10",
                    "to another machine, every 10 seconds",
                ),
            ),
        )
        one = add_page(sources, page)
        one.set_defaults(source=source)
        one.add_argument("--url", default="http://127.0.0.1:8100", help="the service (default: %(default)s)")
        one.add_argument("--key-file", type=Path, help=f"a file with the team's key (default: {KEY_VARIABLE})")
        one.add_argument("--service", default=source.name, help="service to count it to (default: %(default)s)")
        one.add_argument("--member", default="collector", help="member to count it to (default: %(default)s)")
        one.add_argument("--every", type=float, default=30.0, help="seconds between samples (default: 30)")
        one.add_argument("--spool", type=Path, default=Path("spool"), help="where records wait (default: ./spool)")


def run(_settings: Settings, options: Namespace) -> int:
    """Collects from one source until a signal comes."""
    from meter.collect.client import Client
    from meter.collect.source import Labels
    from meter.processes import stopped_by_signals

    key = options.key_file.read_text("utf-8").strip() if options.key_file else os.environ.get(KEY_VARIABLE)
    if not key:
        return refuse(f"a key is needed: set {KEY_VARIABLE}, or name a file with --key-file")
    labels = Labels(options.service, options.member, options.every)
    with stopped_by_signals() as stop:
        client = Client(options.url, key, options.spool)
        options.source.run(client, labels, stop)
        client.close()
    return 0


COMMAND = Command(
    Page(
        "collect",
        "Send usage from here to a service",
        "Each source reads something at regular times, keeps what it read on disk, and sends it to "
        "/v1/usage/collect and /v1/events until it is stopped.",
        ((f"{_EXAMPLE} host", "CPU, memory, disk and network of this machine"),),
    ),
    run,
    add_arguments,
)
