"""Which service does a command talk to, and with whose key? `--url`, and HOURMETER_KEY or a file."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

KEY_VARIABLE = "HOURMETER_KEY"
NO_KEY = f"a key is needed: set {KEY_VARIABLE}, or name a file with --key-file"


def add_service(parser: ArgumentParser) -> None:
    """Adds the options that say which service, and with whose key."""
    parser.add_argument("--url", default="http://127.0.0.1:8100", help="the service (default: %(default)s)")
    parser.add_argument("--key-file", type=Path, help=f"a file with the team's key (default: {KEY_VARIABLE})")


def key_of(options: Namespace) -> str | None:
    """The key; None where nothing says which. Raises OSError for a file that can't be read."""
    return options.key_file.read_text("utf-8").strip() if options.key_file else os.environ.get(KEY_VARIABLE)
