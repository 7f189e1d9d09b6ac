"""Sends six weeks of usage as fast as the service takes them: big batches, over a few connections at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import NamedTuple

from meter.collect.client import EVENTS, SAMPLES
from meter.collect.post import Connection
from meter.demo.api import push
from meter.demo.history import Stream, lines
from meter.demo.rhythm import Story

CONNECTIONS = 3
BATCH_LINES = 8_000


class Batch(NamedTuple):
    """Lines for one path, and how many quarters of an hour they are."""

    path: str
    lines: list[str]
    quarters: int


def batches(streams: Sequence[Stream], story: Story, after: datetime, until: datetime) -> Iterator[Batch]:
    """The usage of a team in (after, until], each path by itself, in order of time."""
    for path in (SAMPLES, EVENTS):
        chosen = [stream for stream in streams if stream.path == path]
        waiting: list[str] = []
        quarters = 0
        for found in lines(chosen, story, after, until) if chosen else ():
            waiting += found
            quarters += 1
            if len(waiting) >= BATCH_LINES:
                yield Batch(path, waiting, quarters)
                waiting, quarters = [], 0
        if quarters:
            yield Batch(path, waiting, quarters)


def load(url: str, key: str, found: Iterator[Batch], advance: Callable[[Batch], None]) -> None:
    """Sends batches, calling `advance` after each was acknowledged. Raises DemoError, OSError at the first trouble."""
    local = threading.local()
    room = threading.Semaphore(CONNECTIONS * 2)

    def send(batch: Batch) -> None:
        try:
            if not hasattr(local, "connection"):
                local.connection = Connection(url, key)
            if batch.lines:
                push(local.connection, batch.path, batch.lines)
            advance(batch)
        finally:
            room.release()

    with ThreadPoolExecutor(CONNECTIONS) as senders:
        sent: list[Future[None]] = []
        try:
            for batch in found:
                room.acquire()
                sent.append(senders.submit(send, batch))
                for future in filter(Future.done, sent):
                    future.result()
            for future in sent:
                future.result()
        except BaseException:
            senders.shutdown(wait=False, cancel_futures=True)
            raise
