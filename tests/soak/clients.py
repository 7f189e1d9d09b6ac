"""Clients that send until they are answered, and know exactly what they have sent: events, samples, and from files."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any, ClassVar

import httpx
import msgspec

from meter.collect.client import Client as FileClient
from tests.served import RETRYABLE
from tests.soak.oracle import Book, microseconds

PER_BODY = 40
PATIENCE_S = 120.0
LONGEST_PAUSE_S = 0.5
AHEAD = timedelta(minutes=5)  # the service takes no events from later than that
LATE = (*[timedelta(0)] * 8, timedelta(minutes=50), timedelta(days=2), timedelta(days=7), timedelta(days=30))
Record = dict[str, object]


class Clock:
    """A client's clock, which may be wrong."""

    def __init__(self) -> None:
        """Is right."""
        self.off = timedelta(0)

    def now(self) -> datetime:
        """What it shows."""
        return datetime.now(UTC) + self.off


@dataclass
class Tally:
    """What a client went through; `surprises` are answers that nobody should get, `longest_s` a body's way in."""

    counts: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)
    longest_s: float = 0.0


def is_ahead(at: datetime) -> bool:
    """Whether the service must refuse a time, by the true clock; what is near the limit is not made here."""
    return at > datetime.now(UTC) + AHEAD


class Sender:
    """One client. Its thread runs `work`: body after body, each sent again until it is answered."""

    path: ClassVar[str]
    media_type: ClassVar[str] = "application/json"

    def __init__(self, name: str, url: str, key: str, pace_s: float) -> None:
        """Sends to `url` with a key, and rests `pace_s` between bodies."""
        self.name = name
        self.clock = Clock()
        self.book = Book()
        self.tally = Tally()
        self.dice = random.Random(name)  # noqa: S311 - no secret
        self._pace_s = pace_s
        self._http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60)
        self._numbers = count()
        self._rest = Event()  # never set: a pause

    def work(self, stop: Event) -> None:
        """Sends until stopped; when it returns, everything is acknowledged. Raises AssertionError."""
        with self._http:
            while not stop.is_set():
                self.turn(next(self._numbers))
                stop.wait(self._pace_s * self.dice.uniform(0.5, 1.5))
            self.finish()

    def turn(self, number: int) -> None:
        """Makes a body, sends it, and notes what is in it."""
        raise NotImplementedError

    def finish(self) -> None:
        """Sends what was held back."""

    def deliver(self, body: bytes) -> tuple[bytes, bool]:
        """The answer to a body, sent until there is one; and whether it was sent more than once."""
        began = time.monotonic()
        for attempt in count():
            self.tally.counts["requests"] += 1
            answer = self._try(body)
            took = time.monotonic() - began
            if answer is not None:
                self.tally.longest_s = max(self.tally.longest_s, took)
                self.tally.counts["retries"] += attempt
                return answer, attempt > 0
            assert took < PATIENCE_S, f"{self.name}: not answered for {took:.0f} s; {self.tally.surprises[-1:]}"
            self._rest.wait(self.dice.uniform(0.02, LONGEST_PAUSE_S))
        raise AssertionError("a count has no end")

    def _try(self, body: bytes) -> bytes | None:
        try:
            answer = self._http.post(self.path, content=body, headers={"Content-Type": self.media_type})
        except httpx.TransportError as error:
            self.tally.counts[type(error).__name__] += 1
            return None
        if answer.status_code == httpx.codes.OK:
            return answer.content
        self.tally.counts[f"status {answer.status_code}"] += 1
        if answer.status_code not in RETRYABLE:
            self.tally.surprises.append(f"{self.name}: {answer.status_code} {answer.text[:300]}")
        return None


class ReceiptSender(Sender):
    """One that is told what became of each record, and sends every tenth body once more."""

    def push(self, records: Sequence[Mapping[str, Any]], ahead: set[int], number: int) -> None:
        """Sends records, of which those `ahead` must be refused and all others counted, once."""
        body = msgspec.json.encode(records)
        self._judge(body, len(records), ahead)
        if number % 10 == 0:
            self._judge(body, len(records), ahead, known=True)
        self.tally.counts["records"] += len(records) - len(ahead)
        self.tally.counts["rejected"] += len(ahead)

    def _judge(self, body: bytes, total: int, ahead: set[int], *, known: bool = False) -> None:
        said, again = self.deliver(body)
        receipt = msgspec.json.decode(said)
        told = {each["index"]: each["code"] for each in receipt["rejected"]}
        good = total - len(ahead)
        stored = [(0, good)] if known else [(good, 0), (0, good)] if again else [(good, 0)]
        assert told == dict.fromkeys(ahead, "time_in_future"), f"{self.name}: {receipt}"
        assert (receipt["accepted"], receipt["duplicates"]) in stored, f"{self.name}: {receipt}, {good} good, {again}"
        self.tally.counts["duplicates"] += receipt["duplicates"]
        self.tally.counts["stored unheard"] += 0 if known else receipt["duplicates"]


class Events(ReceiptSender):
    """Sends JSON events with ids, of several meters, some late by weeks."""

    path = "/v1/events"

    def turn(self, number: int) -> None:
        """One body of events."""
        records: list[Record] = []
        ahead: set[int] = set()
        for place in range(PER_BODY):
            at = self.clock.now() - self.dice.choice(LATE) - timedelta(seconds=self.dice.randrange(60))
            service = f"{self.name}-{place % 3}"
            amounts = {"tokens.input": self._amount(), "tokens.output": self._amount()}
            if place % 4 == 0:
                amounts = {"requests": "1"}
            records.append(
                {"id": f"{self.name}-{number}-{place}", "time": at.isoformat(), "service": service}
                | ({"quantities": amounts} if len(amounts) > 1 else {"meter": "requests", "quantity": "1"})
            )
            if is_ahead(at):
                ahead.add(place)
                continue
            for meter, amount in amounts.items():
                self.book.add(meter, service, microseconds(at), Fraction(amount))
        self.push(records, ahead, number)

    def _amount(self) -> str:
        return f"{self.dice.randrange(1, 10**7)}.{self.dice.randrange(10**6):06}"


class Samples(ReceiptSender):
    """Sends what agents measure: cores and memory over a while, across quarters and hours, without an id."""

    path = "/v1/usage/collect"

    def turn(self, number: int) -> None:
        """One body of samples."""
        records: list[Record] = []
        ahead: set[int] = set()
        for place in range(PER_BODY // 4):
            at = self.clock.now() - self.dice.choice(LATE)
            seconds = self.dice.choice(("15", "60", "1800.5", "5400.25"))
            cores, megabytes = f"{self.dice.randrange(1, 64_000)}e-3", f"{self.dice.randrange(1, 10**6)}.5"
            service = f"{self.name}-{place}"
            records.append(
                {
                    "user_id": self.name,
                    "service_id": service,
                    "timestamp": at.isoformat(),
                    "duration_seconds": seconds,
                    "cpu_cores": cores,
                    "memory_mb": megabytes,
                }
            )
            if is_ahead(at):
                ahead.add(place)
                continue
            end_us = microseconds(at)
            start_us = end_us - int(Fraction(seconds) * 1_000_000)
            self.book.hold("cpu", service, start_us, end_us, Fraction(cores))
            self.book.hold("memory", service, start_us, end_us, Fraction(megabytes))
        self.push(records, ahead, number)


class Files(Sender):
    """A program with the client that keeps records in files until they are acknowledged."""

    def __init__(self, name: str, url: str, key: str, pace_s: float, directory: Path) -> None:
        """Keeps its files in a directory."""
        super().__init__(name, url, key, pace_s)
        self._directory = directory
        self._client = FileClient(url, key, directory)

    def turn(self, number: int) -> None:
        """Some events and a sample, which the client takes at once."""
        service = f"{self.name}-{number % 3}"
        at = self.clock.now() - self.dice.choice(LATE)
        events: list[Record] = [
            {
                "id": f"{self.name}-{number}-{place}",
                "time": at.isoformat(),
                "meter": "documents",
                "quantity": str(place + 1),
                "service": service,
            }
            for place in range(PER_BODY // 2)
        ]
        sample = {"user_id": "u", "service_id": service, "timestamp": at.isoformat(), "duration_seconds": 900}
        ahead = is_ahead(at)
        self._client.record(events)
        self._client.sample([sample | {"cpu_cores": 2}])
        self.tally.counts["rejected" if ahead else "records"] += len(events) + 1
        if not ahead:
            at_us = microseconds(at)
            for place in range(PER_BODY // 2):
                self.book.add("documents", service, at_us, Fraction(place + 1))
            self.book.hold("cpu", service, at_us - 900_000_000, at_us, Fraction(2))

    def finish(self) -> None:
        """Waits until all files are gone; what was rejected was put aside, and nothing else was."""
        assert self._client.close(PATIENCE_S), f"{self.name}: records are left"
        aside = [line for path in self._directory.glob("*/refused/*") for line in path.read_bytes().splitlines()]
        assert len(aside) == self.tally.counts["rejected"], f"{self.name}: {len(aside)} put aside"
