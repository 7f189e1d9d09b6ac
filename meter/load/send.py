"""How does a batch reach the service, whatever happens? Sent until it is answered, or the import stops."""

from __future__ import annotations

import http
import random
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec
import polars as pl
import zstandard

from meter.collect.client import EVENTS, retry_after
from meter.collect.post import Answer, Connection, said
from meter.load.events import body
from meter.load.source import LoadError
from meter.model import Receipt, Rejection

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
WORTH_PACKING = 1_000
LARGEST_BODY = 8 << 20
SUSPICIOUS_BODY = 64 << 10
HUNG_UP = "the service hung up"
TOO_LARGE = http.HTTPStatus.REQUEST_ENTITY_TOO_LARGE
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_HERE = frozenset({"127.0.0.1", "::1", "localhost"})
_receipt = msgspec.json.Decoder(Receipt)


class Stopped(Exception):  # noqa: N818 - no error: somebody asked for it
    """The import was asked to stop before the batch was acknowledged."""


class RefusedError(LoadError):
    """The service took nothing of a body, and will not."""


class Sender:
    """Sends batches from any number of threads, each over a connection of its own."""

    def __init__(
        self,
        url: str,
        key: str,
        stop: threading.Event,
        say: Callable[[str], None],
        patience_s: float,
        path: str = EVENTS,
    ) -> None:
        """Sends to `path` of `url`; gives up when a batch could not be delivered for `patience_s` seconds.

        Raises LoadError for a URL that is none.
        """
        self._url, self._key, self._path = url, key, path
        try:
            Connection(url, key)
        except ValueError as error:
            raise LoadError(str(error)) from error
        self._own = threading.local()
        self._packed = urlsplit(url).hostname not in _HERE  # here packing costs more than it saves
        self._stop, self._say, self._patience = stop, say, patience_s
        self._most = 1 << 30  # rows; what the service takes at once is learnt from its refusals

    def deliver(self, texts: pl.Series) -> Receipt:
        """The receipt of events, cut into bodies the service takes; committed when this returns.

        Raises Stopped, and LoadError with what the service said when sending again won't help.
        """
        average = max(1, int(texts.str.len_bytes().sum()) // max(1, texts.len()))
        return self._in_parts(texts, max(1, min(self._most, LARGEST_BODY // average)))

    def _in_parts(self, texts: pl.Series, most: int) -> Receipt:
        receipts: list[tuple[int, Receipt]] = []
        for at in range(0, texts.len(), most):
            part = texts.slice(at, most)
            receipt = self._post(part)
            if receipt is None:
                receipt = self._in_parts(part, part.len() // 2) if part.len() > 1 else _too_large()
            receipts.append((at, receipt))
        return Receipt(
            sum(receipt.accepted for _, receipt in receipts),
            sum(receipt.duplicates for _, receipt in receipts),
            [Rejection(at + each.index, each.code, each.detail) for at, one in receipts for each in one.rejected],
        )

    def _post(self, texts: pl.Series) -> Receipt | None:
        """The receipt of one body; None when it is too large, or may be: some servers hang up on those."""
        sent, headers = self._wrapped(body(texts))
        deadline = time.monotonic() + self._patience
        pause = FIRST_PAUSE_S
        while True:
            answer, trouble, asked = self._once(sent, headers)
            if answer is not None and answer.status == TOO_LARGE:
                self._most = max(1, min(self._most, texts.len() // 2))
                return None
            if answer is not None:
                return _read(answer)
            if trouble == HUNG_UP and len(sent) > SUSPICIOUS_BODY and texts.len() > 1:
                return None
            if time.monotonic() > deadline:
                raise LoadError(f"{trouble}; gave up after {self._patience:.0f} s")
            wait = random.uniform(0.5, 1.0) * max(pause, asked)  # noqa: S311 - no secret
            self._say(f"{trouble}; trying again in {wait:.1f} s")
            if self._stop.wait(wait):
                raise Stopped
            pause = min(pause * 2, LONGEST_PAUSE_S)

    def _once(self, sent: bytes, headers: dict[str, str]) -> tuple[Answer | None, str, float]:
        """An answer to go by; else what the trouble is, and how many seconds the service wants to be left alone."""
        if self._stop.is_set():
            raise Stopped
        try:
            answer = self._connection().send("POST", self._path, sent, headers)
        except (BrokenPipeError, ConnectionResetError):
            return None, HUNG_UP, 0.0
        except OSError as error:
            return None, f"the service can't be reached ({error})", 0.0
        if answer.status in PASSING:
            return None, f"the service answers {answer.status} ({said(answer)})", retry_after(answer)
        return answer, "", 0.0

    def _connection(self) -> Connection:
        if not hasattr(self._own, "connection"):
            self._own.connection = Connection(self._url, self._key)
        made: Connection = self._own.connection
        return made

    def _wrapped(self, plain: bytes) -> tuple[bytes, dict[str, str]]:
        if self._packed and len(plain) > WORTH_PACKING:
            return zstandard.ZstdCompressor(level=1).compress(plain), {"Content-Encoding": "zstd"}
        return plain, {}


def _read(answer: Answer) -> Receipt:
    if answer.status != http.HTTPStatus.OK:
        raise RefusedError(f"the service refuses it: {answer.status} ({said(answer)})")
    try:
        return _receipt.decode(answer.body)
    except msgspec.DecodeError as error:
        raise LoadError(f"what answers is not the service ({said(answer)})") from error


def _too_large() -> Receipt:
    return Receipt(0, 0, [Rejection(0, "invalid_event", "the service takes no body as large as this one event")])
