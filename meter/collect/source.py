"""What is a source? A name, a line of help, and a function that sends until it is told to stop."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import NamedTuple

from meter.collect.client import Client


class Labels(NamedTuple):
    """To whom usage is counted, and how often it is read: the service, the member, and seconds between samples."""

    service: str
    member: str
    every_s: float


class Source(NamedTuple):
    """One source of samples: `run(client, labels, stop)` sends to `client` until `stop` is set."""

    name: str
    help: str
    run: Callable[[Client, Labels, Event], None]
