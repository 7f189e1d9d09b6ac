"""How is a Redis stream read so that each entry counts once? As a consumer group; acknowledged after the receipt.

What was read and not acknowledged stays with its consumer: after a cut connection it is read again, and what a dead
consumer held is claimed. Sent again it brings the same ids, made from the entries' own where the events have none.
"""

from __future__ import annotations

import logging
import re
import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from meter.collect.deliver import MOST, Deliverer, Item
from meter.collect.patience import Patience, Stopped
from meter.collect.queued import one_event, unreadable
from meter.collect.source import Service, SourceError
from meter.model import Rejection

_log = logging.getLogger(__name__)

BLOCK_MILLISECONDS = 1_000
ANSWERS_WITHIN_S = 15.0
GROUPED = frozenset({"dimensions", "quantities", "attributes"})
MINE, NEW, FIRST = "0", ">", b"0-0"
_MADE_BY_CLOCK = re.compile(r"(\d{12,13})-\d+")  # milliseconds since 1970, of 2001 or later
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_encode = msgspec.json.encode

Fields = Mapping[bytes, bytes]


class Reading(NamedTuple):
    """What is read: the stream, as which group, and after how many seconds entries of others are claimed."""

    stream: str
    group: str
    claim_after_s: float
    delete: bool


class Entry(NamedTuple):
    """An entry of the stream; without fields it was deleted before it was read."""

    id: bytes
    fields: Fields


class Collector:
    """One consumer of the group."""

    def __init__(self, url: str, reading: Reading, service: Service, stop: Event) -> None:
        """Reads from `url`. Raises SourceError for one that can't be used."""
        self._reading, self._stop = reading, stop
        self._consumer = f"{socket.gethostname()}-{uuid4().hex[:12]}"
        self._deliverer = Deliverer(service, stop.wait)
        self._patience = Patience(stop.wait)
        self._claim_at = 0.0
        try:
            self._server: Redis = Redis.from_url(
                url,
                protocol=2,
                socket_timeout=ANSWERS_WITHIN_S,
                socket_connect_timeout=ANSWERS_WITHIN_S,
                retry=Retry(NoBackoff(), 0),  # a read that is repeated unseen would leave entries behind
            )
        except (ValueError, TypeError):
            raise SourceError("the URL of the queue can't be used") from None  # the library's words may quote it

    def run(self) -> None:
        """Reads and sends until one shall stop, over as many connections as it takes."""
        _log.info("collecting from the stream %s as %s", self._reading.stream, self._consumer)
        with self._server, closing(self._deliverer):
            with suppress(Stopped):
                while not self._stop.is_set():
                    try:
                        self._read_on()
                    except (RedisError, OSError) as error:
                        self._patience.pause(f"Redis: {error}")
            self._leave()

    def _read_on(self) -> None:
        """Reads over one connection: first what an earlier one left unacknowledged, then what is new."""
        self._join()
        while left := self._read(MINE):
            self._settle(left)
        while not self._stop.is_set():
            self._claim()
            self._settle(self._read(NEW))
            self._patience.worked()

    def _join(self) -> None:
        """Makes group and stream where they are missing; a new group begins with the oldest entry."""
        try:
            self._server.xgroup_create(self._reading.stream, self._reading.group, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def _read(self, start: str) -> list[Entry]:
        streams: dict[Any, Any] = {self._reading.stream: start}
        found: Any = self._server.xreadgroup(
            self._reading.group, self._consumer, streams, count=MOST, block=BLOCK_MILLISECONDS
        )
        return _entries(pair for _, entries in found or () for pair in entries)

    def _claim(self) -> None:
        """Takes over what others have held for too long, each half of that time."""
        if time.monotonic() < self._claim_at:
            return
        cursor = FIRST
        while not self._stop.is_set():
            claimed: Any = self._server.xautoclaim(
                self._reading.stream,
                self._reading.group,
                self._consumer,
                min_idle_time=int(self._reading.claim_after_s * 1_000),
                start_id=cursor,
                count=MOST,
            )
            self._settle(_entries(claimed[1]))
            cursor = claimed[0]
            if cursor == FIRST:
                break
        self._claim_at = time.monotonic() + self._reading.claim_after_s / 2

    def _settle(self, entries: list[Entry]) -> None:
        """Sends entries, then acknowledges them and puts the rejected aside, all at once."""
        if not entries:
            return
        there = [entry for entry in entries if entry.fields]
        if len(there) < len(entries):
            _log.error("%d entries were trimmed off the stream before they were counted", len(entries) - len(there))
        items = [event_of(self._reading.stream, entry) for entry in there]
        rejected = self._deliverer.deliver(items)
        with self._server.pipeline(transaction=True) as pipeline:
            for place, why in rejected.items():
                aside: dict[Any, Any] = _aside(there[place], items[place], why)
                pipeline.xadd(f"{self._reading.stream}:rejected", aside)
            ids = [entry.id for entry in entries]
            pipeline.xack(self._reading.stream, self._reading.group, *ids)
            if self._reading.delete:
                pipeline.xdel(self._reading.stream, *ids)
            pipeline.execute()

    def _leave(self) -> None:
        """Takes this consumer off the group's list, unless it still holds entries, which others then claim."""
        try:
            consumers: Any = self._server.xinfo_consumers(self._reading.stream, self._reading.group)
            held = {one["name"]: one["pending"] for one in consumers}
            if held.get(self._consumer.encode()) == 0:
                self._server.xgroup_delconsumer(self._reading.stream, self._reading.group, self._consumer)
        except RedisError as error:
            _log.info("the consumer stays listed: %s", error)


def _entries(pairs: Iterable[tuple[bytes | None, Fields | None]]) -> list[Entry]:
    """Entries as the library answers them; Redis 6 claims nothing in place of one that was deleted."""
    return [Entry(entry_id, fields or {}) for entry_id, fields in pairs if entry_id is not None]


def event_of(stream: str, entry: Entry) -> Item:
    """The event of an entry. Without an id of its own it gets the entry's, and then its time too where it has none.

    With an id of its own it doesn't: a publisher that adds it again makes an entry of another time.
    """
    entry_id = entry.id.decode()
    text = entry.fields.get(b"event")
    if text is None:
        try:
            text = _encode(_gathered(entry.fields))
        except UnicodeDecodeError as error:
            return unreadable(f"the fields are no UTF-8: {error}")
    return one_event(text, f"redis:{stream}:{entry_id}", _time_in(entry_id))


def _gathered(fields: Fields) -> dict[str, object]:
    """An event from fields: `dimensions.model` is the dimension `model`."""
    event: dict[str, object] = {}
    groups: dict[str, dict[str, str]] = {}
    for name, value in fields.items():
        group, _, within = name.decode().partition(".")
        if within and group in GROUPED:
            groups.setdefault(group, {})[within] = value.decode()
        else:
            event[name.decode()] = value.decode()
    return {**event, **groups}


def _time_in(entry_id: str) -> str | None:
    """When an entry was added; None where its publisher numbers the entries otherwise."""
    found = _MADE_BY_CLOCK.fullmatch(entry_id)
    return (_EPOCH + timedelta(milliseconds=int(found[1]))).isoformat() if found else None


def _aside(entry: Entry, item: Item, why: Rejection) -> dict[str, bytes | str]:
    """A rejected event: `event` as it was sent, so that it can be added to the stream again, and why."""
    if isinstance(item, bytes):
        event = item
    else:
        shown = {name.decode(errors="replace"): value.decode(errors="replace") for name, value in entry.fields.items()}
        event = entry.fields.get(b"event", _encode(shown))
    return {"event": event, "code": why.code, "detail": why.detail, "entry": entry.id}
