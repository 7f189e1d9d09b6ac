"""Keeps a demo alive: the made-up companies go on in their rhythm, and this machine's own usage joins the first."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from meter.collect import host
from meter.collect.client import Client
from meter.collect.post import Connection
from meter.collect.source import Labels
from meter.demo.api import DemoError, push
from meter.demo.history import Stream
from meter.demo.load import batches
from meter.demo.rhythm import Story

_log = logging.getLogger(__name__)

SEND_EVERY_SECONDS = 5.0
READ_EVERY_SECONDS = 5.0
LAST_TRY_SECONDS = 3.0
MACHINE = "this-machine"


class Live(NamedTuple):
    """One team that goes on: its key, its usage and story, since when, and whom to tell until when it was sent."""

    key: str
    streams: Sequence[Stream]
    story: Story
    since: datetime
    sent: Callable[[datetime], None]


@contextmanager
def going_on(url: str, teams: Sequence[Live], spool: Path) -> Iterator[None]:
    """Sends live usage while we are inside: every team's, and this machine's to the first of them."""
    stop = threading.Event()
    client = Client(url, teams[0].key, spool)
    labels = Labels(MACHINE, "collector", READ_EVERY_SECONDS)
    threads = [threading.Thread(target=_go_on, args=(url, team, stop), daemon=True) for team in teams]
    threads.append(threading.Thread(target=host.run, args=(client, labels, stop), daemon=True))
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(SEND_EVERY_SECONDS)
        client.close(LAST_TRY_SECONDS)


def _go_on(url: str, team: Live, stop: threading.Event) -> None:
    since, trouble = team.since, False
    with closing(Connection(url, team.key)) as connection:
        while not stop.wait(SEND_EVERY_SECONDS):
            until = datetime.now(UTC)
            try:
                _send(connection, team, since, until)
            except (DemoError, OSError) as error:
                if not trouble:
                    _log.warning("live usage waits: %s", error)
                trouble = True
                continue
            since, trouble = until, False
            team.sent(until)


def _send(connection: Connection, team: Live, since: datetime, until: datetime) -> None:
    for batch in batches(team.streams, team.story, since, until):
        if batch.lines:
            push(connection, batch.path, batch.lines)
