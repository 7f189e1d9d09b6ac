"""What the tests of OpenMeter's two SDKs share: the npm one as a program, events, and sending them through a kill."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from tests.served import Client, Service

SCRIPT = Path(__file__).parent / "clients" / "openmeter.mjs"
FIRST = datetime(2026, 11, 20, 8, tzinfo=UTC)
RANGE = (FIRST, FIRST + timedelta(hours=12))
MODELS, SUBJECTS = ("small", "large"), ("ann", "ben", "cleo")
WITHIN_S = 60
POLL_S = 0.02
METER: dict[str, Any] = {
    "slug": "tokens_total",
    "eventType": "prompt",
    "aggregation": "SUM",
    "valueProperty": "$.tokens",
    "groupBy": {"model": "$.model"},
}

Event = dict[str, Any]


class Refused(Exception):  # noqa: N818 (an answer)
    """What the npm SDK raised."""

    def __init__(self, name: str, detail: str, status: int | None = None) -> None:
        """Keeps what it was called, which status it had, and what it said."""
        super().__init__(detail)
        self.name = name
        self.status = status


class Npm:
    """OpenMeter's npm SDK in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Talks to a process that runs the script."""
        self._process = process

    def __call__(self, path: str, *arguments: object) -> Any:
        """Answer what a method of the client answers, as JSON has it. Raises Refused."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode([path, *arguments]).decode() + "\n")
        self._process.stdin.flush()
        answer = msgspec.json.decode(self._process.stdout.readline())
        if "error" in answer:
            raise Refused(**answer["error"])
        return answer["value"]


@contextmanager
def npm_sdk(client: Client, project: Path) -> Iterator[Npm]:
    """Answer the npm SDK with a team's key."""
    shutil.copy(SCRIPT, project)
    command = ["node", SCRIPT.name, client.url, client.key]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=project, stdin=pipe, stdout=pipe, text=True) as process:
        yield Npm(process)  # leaving closes its input, which ends it


def events(count: int) -> list[Event]:
    """Answer events of some subjects and models over some hours; every other number is a text, with decimals."""
    found = []
    for number in range(count):
        tokens: object = f"{number}.25" if number % 2 else number
        found.append(
            {
                "id": f"e{number}",
                "source": "app",
                "specversion": "1.0",
                "type": METER["eventType"],
                "subject": SUBJECTS[number % len(SUBJECTS)],
                "time": (FIRST + timedelta(minutes=number % 600)).isoformat(),
                "data": {"tokens": tokens, "model": MODELS[number % len(MODELS)]},
            }
        )
    return found


def total(sent: Sequence[Event]) -> Decimal:
    """Answer what these events come to."""
    return sum((Decimal(str(each["data"]["tokens"])) for each in sent), Decimal(0))


def totals(sent: Sequence[Event]) -> dict[tuple[str, str], Decimal]:
    """Answer what these events come to by subject and model."""
    keys = {(each["subject"], each["data"]["model"]) for each in sent}
    return {key: total([each for each in sent if (each["subject"], each["data"]["model"]) == key]) for key in keys}


def batches(sent: Sequence[Event], size: int) -> list[Sequence[Event]]:
    """Answer the events in batches."""
    return [sent[start : start + size] for start in range(0, len(sent), size)]


def send_through_a_kill(
    service: Service, send: Callable[[Sequence[Event]], object], parts: Sequence[Sequence[Event]]
) -> None:
    """Send batches, each until it is taken, while the service is killed and started again in the middle."""
    taken: list[int] = []
    failures: list[str] = []

    def work() -> None:
        deadline = time.monotonic() + WITHIN_S
        for number, part in enumerate(parts):
            while number not in taken:
                assert time.monotonic() < deadline, failures
                try:
                    send(part)
                except Exception as error:  # noqa: BLE001 (whatever a client raises: its user tries again)
                    failures.append(repr(error))
                    time.sleep(POLL_S)
                else:
                    taken.append(number)

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        while len(taken) < len(parts) // 10 and not working.done():
            time.sleep(POLL_S / 10)
        service.kill()
        assert len(taken) < len(parts), "it was too fast to be killed in the middle"
        service.start()
        working.result(WITHIN_S)
    assert failures, "the client never met the kill"
