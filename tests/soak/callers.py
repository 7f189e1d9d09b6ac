"""Callers that ask before they use: they hang up, come back, and die holding what was set apart for them."""

from __future__ import annotations

import http.client
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Event
from typing import Any, NamedTuple

import msgspec

from tests.served import RETRYABLE, Client

PATIENCE_S, PAUSE_S = 60.0, 0.2
DENIED = frozenset({402, 429})
LASTS_S = 5  # a service that is killed is back by then, most times
SHORT_S = (1, 3)
MUCH, LITTLE = 60, 5  # asked for at most, beside what will be used: many at once are about what a limit has left
WHOLE = Decimal(1000)
NEARLY = timedelta(seconds=1)
MEMBERS, SERVICES = 4, 2
METERS = ("tokens.input",) * 2 + ("tokens.output",)

_read = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder(decimal_format="string").encode


class Use(NamedTuple):
    """What one call uses, and whose it is."""

    meter: str
    quantity: Decimal
    member: str
    service: str


@dataclass
class Seen:
    """What a caller went through: how often what happened, and what was answered about each reservation's use.

    `unheard` may be settled or not. `beyond` is what was settled above what was reserved, `fullest` how far used and
    reserved were above a limit at most, `lowest` the least that the account had left; `wrong` nobody should hear.
    """

    counts: Counter[str] = field(default_factory=Counter)
    settled: dict[str, Use] = field(default_factory=dict)
    unheard: dict[str, Use] = field(default_factory=dict)
    beyond: Decimal = Decimal(0)
    fullest: Decimal = Decimal("-Infinity")
    lowest: Decimal = Decimal("Infinity")
    wrong: list[str] = field(default_factory=list)


class Held(NamedTuple):
    """What was set apart for a call."""

    reservation: str
    asked: Decimal
    expires_at: datetime


class Caller:
    """One caller. Its thread runs `work`: call after call, each of another kind by its dice."""

    def __init__(self, number: int, client: Client, mean: Decimal, seed: int, *, honest: bool) -> None:
        """Calls with a client's key; a call uses `mean` on average, and no more than it asked for where `honest`."""
        self.seen = Seen()
        self.turns = 0
        self._number = number
        self._dice = random.Random(f"{seed}/{number}")  # noqa: S311 - no secret
        self._honest = honest
        self._mean = float(mean * WHOLE)
        self._key = client.key
        self._port = client.http.base_url.port or 0
        self._line: http.client.HTTPConnection | None = None

    def work(self, rounds: int, over: Event) -> None:
        """Makes so many calls, fewer if it is over before."""
        kinds: dict[Callable[[], None], int] = {
            self._settles: 50,
            self._settles_again: 8,
            self._hangs_up_settling: 12,
            self._settles_more: 0 if self._honest else 4,
            self._settles_late: 0 if self._honest else 2,
            self._releases: 12,
            self._dies_holding: 6,
            self._hangs_up_asking: 6,
        }
        try:
            for kind in self._dice.choices(list(kinds), list(kinds.values()), k=rounds):
                if over.is_set():
                    break
                kind()
                self.turns += 1
        finally:
            self._hang_up()

    def _settles(self) -> None:
        use = self._use()
        if held := self._authorize(use, LASTS_S):
            self._settle(held, use)

    def _settles_again(self) -> None:
        """Whoever sends it again gets the same answer."""
        use = self._use()
        if held := self._authorize(use, LASTS_S):
            answers = [self._settle(held, use) for _ in range(2)]
            if None not in answers and answers[0] != answers[1]:
                self.seen.wrong.append(f"{held.reservation} was answered differently when it was settled again")
            self.seen.counts["settled again"] += 1

    def _hangs_up_settling(self) -> None:
        """It does not wait for the answer; some send it again at once, the others are never seen again."""
        use = self._use()
        if held := self._authorize(use, LASTS_S):
            self._drop("/v1/settle", _settling(held, use))
            if self._dice.random() < 0.5:
                self._settle(held, use)
                self.seen.counts["settled after a time-out"] += 1
            else:
                self.seen.unheard[held.reservation] = use
                self.seen.counts["died settling"] += 1

    def _settles_more(self) -> None:
        use = self._use()
        if held := self._authorize(use, LASTS_S, 0):
            self._settle(held, use._replace(quantity=use.quantity * 2))
            self.seen.counts["settled more"] += 1

    def _settles_late(self) -> None:
        """About when its time is over, so that it meets whoever takes back what was set apart."""
        use = self._use()
        if held := self._authorize(use, SHORT_S[0], LITTLE):
            left = (held.expires_at - datetime.now(UTC)).total_seconds()
            time.sleep(max(0.0, left + self._dice.uniform(-0.2, 0.6)))
            self._settle(held, use)
            self.seen.counts["settled late"] += 1

    def _releases(self) -> None:
        use = self._use()
        if held := self._authorize(use, LASTS_S):
            for _ in range(self._dice.randint(1, 2)):
                status, answer = self._post("/v1/release", {"reservation": held.reservation})
                if status != http.client.OK or answer["state"] not in {"released", "expired"}:
                    self.seen.wrong.append(f"release: {status} {answer}")
            self.seen.counts["released"] += 1

    def _dies_holding(self) -> None:
        use = self._use()
        if self._authorize(use, self._dice.randint(*SHORT_S), LITTLE):
            self.seen.counts["died holding"] += 1

    def _hangs_up_asking(self) -> None:
        self._drop("/v1/authorize", _asking(self._use(), self._dice.randint(*SHORT_S)))
        self.seen.counts["died asking"] += 1

    def _use(self) -> Use:
        quantity = Decimal(max(1, int(self._dice.expovariate(1 / self._mean)))) / WHOLE
        return Use(
            self._dice.choice(METERS),
            quantity,
            f"m{self._dice.randrange(MEMBERS)}",
            f"s{self._dice.randrange(SERVICES)}",
        )

    def _authorize(self, use: Use, lasts_s: int, most: int = MUCH) -> Held | None:
        """Mostly asks for little more than it will use, at times for `most` more."""
        asked = use.quantity + Decimal(int(most * 1000 * self._dice.random() ** 2)) / WHOLE
        status, answer = self._post("/v1/authorize", _asking(use._replace(quantity=asked), lasts_s))
        if status not in {http.client.OK, *DENIED}:
            self.seen.wrong.append(f"authorize: {status} {answer}")
            return None
        self._note(answer)
        full = [each["id"] for each in answer["limits"] if _is_over(each)]
        if (status == http.client.OK and full) or (status == http.client.TOO_MANY_REQUESTS and not full):
            self.seen.wrong.append(f"authorize: {status}, and over by {full}: {answer}")
        if status in DENIED:
            self.seen.counts[f"denied {status}"] += 1
            return None
        self.seen.counts["allowed"] += 1
        return Held(answer["reservation"], asked, datetime.fromisoformat(answer["expires_at"]))

    def _settle(self, held: Held, use: Use) -> Any:
        """The answer; None from one who is honest, and was not heard in time."""
        try:
            status, answer = self._post("/v1/settle", _settling(held, use), held.expires_at if self._honest else None)
        except TimeoutError:
            self.seen.unheard.setdefault(held.reservation, use)
            self.seen.counts["gave up settling"] += 1
            return None
        if status != http.client.OK:
            self.seen.wrong.append(f"settle: {status} {answer}")
            return answer
        if held.reservation not in self.seen.settled:
            self.seen.settled[held.reservation] = use
            late = datetime.now(UTC) >= held.expires_at
            self.seen.beyond += use.quantity if late else max(Decimal(0), use.quantity - held.asked)
        self._note(answer)
        return answer

    def _note(self, answer: Mapping[str, Any]) -> None:
        """How full limits are and what the account has left."""
        for each in answer["limits"]:
            if _denies(each):
                over = Decimal(each["used"]) + Decimal(each["reserved"]) - Decimal(each["limit"])
                self.seen.fullest = max(self.seen.fullest, over)
        if billing := answer["billing"]:
            left = Decimal(billing["balance"]) - Decimal(billing["reserved"])
            self.seen.lowest = min(self.seen.lowest, left)

    def _post(self, path: str, body: object, ends: datetime | None = None) -> tuple[int, Any]:
        """The answer, asked for until there is one. Raises TimeoutError where there is none when it nearly `ends`."""
        encoded = _encode(body)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if ends and datetime.now(UTC) > ends - NEARLY:
                raise TimeoutError
            try:
                self._line = self._line or self._connect()
                self._line.request("POST", path, encoded, {"Authorization": f"Bearer {self._key}"})
                answer = self._line.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException):
                self._hang_up()
                self.seen.counts["tried again"] += 1
                time.sleep(PAUSE_S)
                continue
            if answer.status not in RETRYABLE:
                return answer.status, _read(text)
            self.seen.counts["busy"] += 1
            time.sleep(PAUSE_S)
        raise AssertionError(f"nobody answers {path}")

    def _drop(self, path: str, body: object) -> None:
        """Sends some or all of a request, and hangs up before the answer."""
        encoded = _encode(body)
        head = (
            f"POST {path} HTTP/1.1\r\nHost: hourmeter\r\nAuthorization: Bearer {self._key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(encoded)}\r\n\r\n"
        )
        sent = head.encode() + encoded
        if self._dice.random() < 0.25:
            sent = sent[: self._dice.randrange(1, len(sent))]
        self._hang_up()
        try:
            line = self._connect()
            line.connect()
            line.sock.sendall(sent)
            time.sleep(self._dice.choice((0, 0, 0.002, 0.01)))
            line.close()
        except OSError:
            self.seen.counts["nobody there to hang up on"] += 1

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_S)

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None


def _asking(use: Use, lasts_s: int) -> dict[str, object]:
    return {**use._asdict(), "expires_in_seconds": lasts_s}


def _settling(held: Held, use: Use) -> dict[str, object]:
    """With an attribute, so that the events' list shows which reservation each belongs to."""
    event = {"meter": use.meter, "quantity": use.quantity, "attributes": {"call": held.reservation}}
    return {"reservation": held.reservation, "event": event}


def _denies(limit: Mapping[str, Any]) -> bool:
    return limit["limit"] is not None and limit["kind"] == "hard"


def _is_over(limit: Mapping[str, Any]) -> bool:
    """Whether a call would go beyond a limit that denies, by what its answer says of it."""
    if not _denies(limit):
        return False
    most, used, reserved, asked = (Decimal(limit[name]) for name in ("limit", "used", "reserved", "asked"))
    return used + reserved + asked > most or used + reserved >= most
