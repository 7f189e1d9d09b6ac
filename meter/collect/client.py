"""Sends usage from a program to the service: written to a file first, sent by a thread, deleted when acknowledged.

The caller waits for its own disk and never for the network. Records are sent again until the service has said that it
has them; it counts each once, because every event brings an id and every sample its time.
"""

from __future__ import annotations

import http
import logging
import random
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from meter.collect.post import Answer, Connection, packed
from meter.collect.spool import Segment, Spool
from meter.model import Receipt

_log = logging.getLogger(__name__)

EVENTS: Final = "/v1/events"
SAMPLES: Final = "/v1/usage/collect"
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 60.0
GIVE_UP_SECONDS = 1.0
NEVER = frozenset({400, 413, 415, 422})  # nothing of the body can be read; sending it again changes nothing
_encode = msgspec.json.Encoder(decimal_format="string").encode
_receipt = msgspec.json.Decoder(Receipt)

Record = Mapping[str, object]


class Client:
    """Takes events and samples as dictionaries, keeps them in `directory`, and sends them in the background."""

    def __init__(self, url: str, key: str, directory: Path) -> None:
        """Starts sending what an earlier process left. Raises SpoolError when another process uses the directory."""
        self._spools = {path: Spool(directory / path.rsplit("/", 1)[-1]) for path in (EVENTS, SAMPLES)}
        self._connection = Connection(url, key)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._giving_up = threading.Event()
        self._complaint: str | None = None
        self._thread = threading.Thread(target=self._send_all, name="hourmeter-client", daemon=True)
        self._thread.start()

    def record(self, events: Iterable[Record]) -> None:
        """Takes events; each must bring an `id`, or sending it again could count it twice.

        Raises ValueError for an event without one, SpoolError when too much waits to be sent already.
        """
        taken = list(events)
        if any(not event.get("id") for event in taken):
            raise ValueError("an event needs an id")
        self._take(EVENTS, taken)

    def sample(self, samples: Iterable[Record]) -> None:
        """Takes CPU and memory samples. Raises SpoolError when too much waits to be sent already."""
        self._take(SAMPLES, list(samples))

    def _take(self, path: str, records: Sequence[Record]) -> None:
        if records:
            self._spools[path].append([_encode(record) for record in records])
            self._wake.set()

    def close(self, timeout_s: float = 5.0) -> bool:
        """Sends what waits, for at most `timeout_s`, and stops; False when something is left for the next process."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(timeout_s)
        self._giving_up.set()
        self._thread.join(GIVE_UP_SECONDS)
        left = any(spool.oldest() for spool in self._spools.values())
        if not self._thread.is_alive():
            for spool in self._spools.values():
                spool.close()
            self._connection.close()
        return not left

    def _send_all(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            sent = [self._send_oldest(path, spool) for path, spool in self._spools.items()]
            if all(outcome is None for outcome in sent):
                if self._stopping.is_set():
                    return
                self._wake.wait()
                self._wake.clear()
            elif any(outcome is not None and outcome > 0 for outcome in sent):
                asked = max(outcome for outcome in sent if outcome is not None)
                if self._giving_up.wait(random.uniform(0.5, 1.0) * max(pause, asked)):  # noqa: S311 - no secret
                    return
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            else:
                pause = FIRST_PAUSE_SECONDS

    def _send_oldest(self, path: str, spool: Spool) -> float | None:
        """Sends the oldest segment: None when there is none, 0 when it went, else seconds until the next try."""
        segment = spool.oldest()
        if segment is None:
            return None
        body, headers = packed(b"[" + b",".join(segment.lines) + b"]")
        try:
            answer = self._connection.send("POST", path, body, headers)
        except OSError as error:
            self._complain(f"the service can't be reached ({error}); records wait in files")
            return FIRST_PAUSE_SECONDS
        return self._settle(spool, segment, answer)

    def _settle(self, spool: Spool, segment: Segment, answer: Answer) -> float:
        said = answer.body[:300].decode("utf-8", "replace")
        if answer.status == http.HTTPStatus.OK:
            try:
                receipt = _receipt.decode(answer.body)
            except (msgspec.DecodeError, UnicodeDecodeError):  # a proxy's page: nobody has said that they have it
                self._complain(f"what answers is not the service ({said}); records wait in files")
                return FIRST_PAUSE_SECONDS
            self._report(spool, segment, receipt)
            spool.done(segment)
            return 0.0
        if answer.status in NEVER:
            _log.error("the service refuses %d records (%d, %s); kept in %s",
                       len(segment.lines), answer.status, said, spool.refuse(segment))  # fmt: skip
            return 0.0
        self._complain(f"the service answers {answer.status} ({said}); records wait in files")
        return retry_after(answer)

    def _report(self, spool: Spool, segment: Segment, receipt: Receipt) -> None:
        """Keeps what was rejected: a wrong clock or a missing meter can be put right, and the lines sent."""
        if receipt.rejected:
            first = receipt.rejected[0]
            kept = spool.put_aside(segment, [rejected.index for rejected in receipt.rejected])
            _log.error("%d of %d records were rejected, kept in %s; the first: %s, %s",
                       len(receipt.rejected), len(segment.lines), kept, first.code, first.detail)  # fmt: skip
        if self._complaint is not None:
            self._complaint = None
            _log.info("the service takes records again")

    def _complain(self, text: str) -> None:
        """Logs a trouble once, not at every try."""
        if self._complaint is None:
            _log.warning("%s", text)
        self._complaint = text


def retry_after(answer: Answer) -> float:
    """Seconds the service asks us to wait, at most LONGEST_PAUSE_SECONDS; a wait of our own when it does not say."""
    given = answer.headers.get("retry-after", "")
    return min(float(given), LONGEST_PAUSE_SECONDS) if given.isascii() and given.isdigit() else FIRST_PAUSE_SECONDS
