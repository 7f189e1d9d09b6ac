"""`meter demo`: a served product full of believable usage, from nothing."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace

from meter.commands.command import FOUND_SOMETHING, Command, Page
from meter.settings import Settings


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the options of `meter demo`."""
    parser.add_argument("--once", action="store_true", help="make it, stop everything and exit, instead of serving on")
    parser.add_argument("--json", action="store_true", help="the last line on standard output is one JSON object")


def run(settings: Settings, options: Namespace) -> int:
    """Makes the demo, then serves it unless told otherwise."""
    from meter.demo import run as demos

    return demos.demo(settings, os.environ, once=options.once, as_json=options.json)


COMMAND = Command(
    Page(
        "demo",
        "Serve a product full of believable usage, from nothing",
        "Three teams, six weeks of usage, invoices with PDFs, and usage that goes on while it runs. It lives in "
        "METER_DATA_DIR, else in ./data/demo; a second run goes on with what is there. DATABASE_URL is left alone: "
        "a demo never writes into a database that others use.",
        (
            ("meter demo", "then open the address it prints"),
            ("METER_DATA_DIR=/tmp/demo meter demo --once --json", "for a script: keys and address as JSON, and an end"),
        ),
        ("METER_DATA_DIR", "METER_HOST", "METER_PORT", "METER_OPERATOR_KEY"),
        {FOUND_SOMETHING: "the service did not start or refused something: standard error says what"},
    ),
    run,
    add_arguments,
)
