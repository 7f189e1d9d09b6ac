"""`meter version`: which version is this?"""

from __future__ import annotations

from argparse import Namespace
from importlib import metadata

from meter.commands.command import Command, Page
from meter.settings import Settings

DISTRIBUTION = "hourmeter"


def run(_settings: Settings, _options: Namespace) -> int:
    """Names the distribution and its version."""
    print(f"{DISTRIBUTION} {metadata.version(DISTRIBUTION)}")
    return 0


COMMAND = Command(
    Page(
        "version",
        "Say which version this is",
        "The version of the installed distribution, on one line.",
        (("meter version", "to put into a report"),),
    ),
    run,
)
