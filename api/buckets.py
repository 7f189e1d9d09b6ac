"""How many requests may one key make? A token bucket per key, in the memory of this process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from math import ceil
from typing import NamedTuple

Ticks = Callable[[], float]  # seconds of a clock that never goes back
BURST = 2.0  # seconds' worth of requests that a key may make at once
MOST_KEYS = 10_000
WHOLE = 1 - 1e-9  # a token, as sums of parts of one come out: whoever waited as told must not find 0.9999999999999999


class Standing(NamedTuple):
    """Where a key stands: requests it may make at once and has left, seconds until it has all again or (wait) one."""

    burst: int
    left: int
    full_in: int
    wait: int
    per_second: float

    def headers(self) -> tuple[tuple[bytes, bytes], tuple[bytes, bytes]]:
        """RateLimit-Policy and RateLimit, as in draft-ietf-httpapi-ratelimit-headers-10."""
        window = ceil(self.burst / self.per_second)
        return (
            (b"ratelimit-policy", b'"key";q=%d;w=%d' % (self.burst, window)),
            (b"ratelimit", b'"key";r=%d;t=%d' % (self.left, self.full_in)),
        )


class Buckets:
    """A bucket per key: full at first, refilled steadily. Keys that asked longest ago are forgotten, as if full."""

    def __init__(self, per_second: float, ticks: Ticks, most: int = MOST_KEYS) -> None:
        """Allows `per_second` requests for each key, and a burst on top; 0 or less allows everything."""
        self._per_second = per_second
        self._burst = max(1.0, per_second * BURST)
        self._ticks = ticks
        self._most = most
        self._buckets: OrderedDict[bytes, tuple[float, float]] = OrderedDict()  # tokens, and when that was

    def take(self, key: bytes) -> Standing | None:
        """Takes one request's token, where there is one (else `wait` is above zero); None where nothing is limited."""
        if self._per_second <= 0:
            return None
        now = self._ticks()
        tokens, then = self._buckets.pop(key, (self._burst, now))
        tokens = min(self._burst, tokens + (now - then) * self._per_second)
        wait = 0 if tokens >= WHOLE else max(1, ceil((1 - tokens) / self._per_second))
        tokens = tokens if wait else max(0.0, tokens - 1)
        self._buckets[key] = (tokens, now)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        full_in = ceil((self._burst - tokens) / self._per_second)
        return Standing(int(self._burst), int(tokens), full_in, wait, self._per_second)
