"""How do events of a queue reach the service? Sent until a receipt tells what became of each; the queue keeps them."""

from __future__ import annotations

import http
import logging
from collections.abc import Sequence

import msgspec

from meter.collect.client import EVENTS, NEVER, retry_after
from meter.collect.patience import Patience, Wait
from meter.collect.post import Answer, Connection, packed, said
from meter.collect.source import Service, SourceError
from meter.model import Receipt, Rejection

_log = logging.getLogger(__name__)

MOST = 1_000
_receipt = msgspec.json.Decoder(Receipt)

Item = bytes | Rejection
"""An event as JSON, with its id; or why it was refused before it was sent."""


class Problem(msgspec.Struct, frozen=True):
    """What our service answers when it takes nothing of a body; what stands between it and us answers otherwise."""

    code: str
    title: str
    detail: str = ""


_problem = msgspec.json.Decoder(Problem)


class Deliverer:
    """Sends events, at most MOST in a request; counts what became of them."""

    def __init__(self, service: Service, wait: Wait) -> None:
        """Sends to a service, and waits with `wait` while it is away. Raises SourceError for a URL that is none."""
        try:
            self._connection = Connection(service.url, service.key)
        except ValueError as error:
            raise SourceError(str(error)) from error
        self._patience = Patience(wait)
        self._most = MOST
        self._accepted = self._duplicates = self._rejected = 0

    def deliver(self, items: Sequence[Item]) -> dict[int, Rejection]:
        """Why items were rejected, by place; every other one is counted when this returns. Raises Stopped."""
        rejected = {place: item for place, item in enumerate(items) if isinstance(item, Rejection)}
        places = [place for place in range(len(items)) if place not in rejected]
        events = [item for item in items if isinstance(item, bytes)]
        rejected |= {places[at]: why for at, why in self._in_parts(events).items()}
        self._rejected += len(rejected)
        if rejected:
            first = rejected[min(rejected)]
            _log.error("%d events were rejected; the first: %s, %s", len(rejected), first.code, first.detail)
        return rejected

    def _in_parts(self, events: Sequence[bytes]) -> dict[int, Rejection]:
        """Sends half as many at once where the service refuses a body, and more again where it takes one."""
        rejected: dict[int, Rejection] = {}
        at = 0
        while at < len(events):
            part = events[at : at + self._most]
            answer = self._answer(part)
            if isinstance(answer, Problem) and len(part) > 1:
                self._most = len(part) // 2
                continue
            if isinstance(answer, Problem):
                rejected[at] = Rejection(at, answer.code, answer.detail or answer.title)
            else:
                rejected |= {at + rejection.index: rejection for rejection in answer.rejected}
                self._accepted += answer.accepted
                self._duplicates += answer.duplicates
                self._most = min(self._most * 2, MOST)
            at += len(part)
        return rejected

    def _answer(self, events: Sequence[bytes]) -> Receipt | Problem:
        """What the service says of a body, asked until it says something of it."""
        body, headers = packed(b"[" + b",".join(events) + b"]")
        while True:
            try:
                answer = self._connection.send("POST", EVENTS, body, headers)
            except OSError as error:
                self._patience.pause(f"the service can't be reached ({error})")
                continue
            read = _read(answer)
            if read is not None:
                self._patience.worked()
                return read
            self._patience.pause(f"the service answers {answer.status} ({said(answer)})", retry_after(answer))

    def close(self) -> None:
        """Says what became of all events, and closes the connection."""
        _log.info("stopped: %d accepted, %d duplicates, %d rejected", self._accepted, self._duplicates, self._rejected)
        self._connection.close()


def _read(answer: Answer) -> Receipt | Problem | None:
    """A receipt, or a refusal for good in our service's own words; None for all that passes, a proxy's page too."""
    try:
        if answer.status == http.HTTPStatus.OK:
            return _receipt.decode(answer.body)
        return _problem.decode(answer.body) if answer.status in NEVER else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
