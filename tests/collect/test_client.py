"""The client: every record arrives, whatever the service or the process does meanwhile, and the caller never waits."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from meter.collect import client as clients
from meter.collect.client import Client, retry_after
from meter.collect.post import Answer, Connection
from tests.collect.service import FakeService, fake_service
from tests.served import free_port

ROOT = Path(__file__).resolve().parents[2]
RECORD_FOR_EVER = """
import itertools, sys
from pathlib import Path
from meter.collect.client import Client
client = Client(sys.argv[1], "hm_key", Path(sys.argv[2]))
for number in itertools.count():
    client.record([{"id": f"e{number}", "meter": "requests", "quantity": 1}])
    print(number, flush=True)
"""


def wait_until(holds: Callable[[], bool], seconds: float = 20) -> None:
    """Poll until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def event(number: int) -> dict[str, object]:
    """Make an event."""
    return {"id": f"e{number}", "meter": "requests", "quantity": 1}


@pytest.fixture(name="service")
def fixture_service() -> Iterator[FakeService]:
    """Answer a service that takes everything."""
    with fake_service() as service:
        yield service


@pytest.fixture(autouse=True)
def _fixture_short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again soon: these tests are about what arrives, not when."""
    monkeypatch.setattr(clients, "FIRST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(clients, "LONGEST_PAUSE_SECONDS", 0.1)


def test_events_and_samples_go_their_ways(service: FakeService, tmp_path: Path) -> None:
    """Each to its path, with the key, and nothing is left."""
    client = Client(service.url, "hm_key", tmp_path)
    client.record([event(1), event(2)])
    client.sample([{"id": "s", "user_id": "alice"}])
    assert client.close(20)
    assert sorted(service.bodies) == [
        ("/v1/events", [event(1), event(2)]),
        ("/v1/usage/collect", [{"id": "s", "user_id": "alice"}]),
    ]
    assert set(service.keys) == {"Bearer hm_key"}
    assert list(tmp_path.rglob("*.ndjson")) == []


def test_big_bodies_are_packed(service: FakeService, tmp_path: Path) -> None:
    """And read as what they were."""
    client = Client(service.url, "hm_key", tmp_path)
    client.record(map(event, range(1000)))
    assert client.close(20)
    assert service.ids == [f"e{number}" for number in range(1000)]


def test_a_busy_service_is_asked_again(service: FakeService, tmp_path: Path) -> None:
    """Trouble of its own (503, 500), too many (429), an unknown key (401): nothing is given up."""
    service.statuses = [503, 500, 429, 401]
    client = Client(service.url, "hm_key", tmp_path)
    client.record([event(1)])
    wait_until(lambda: service.ids == ["e1"])
    client.close()


def test_a_lost_answer_is_asked_for_again(service: FakeService, tmp_path: Path) -> None:
    """The service has it, we don't know: sent again, and it counts each id once."""
    service.lose_answer = True
    client = Client(service.url, "hm_key", tmp_path)
    client.record([event(1)])
    assert client.close(20)
    assert len(service.bodies) == 2
    assert service.ids == ["e1"]


def test_only_a_receipt_says_that_records_arrived(
    service: FakeService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A proxy's own page comes with status 200 too: the records wait, the sender goes on, the trouble is told once."""
    service.pages = [b"<html>sign in to this network</html>", b"", b"\xff", b"{}"]
    client = Client(service.url, "hm_key", tmp_path)
    client.record([event(1)])
    wait_until(lambda: service.ids == ["e1"])
    assert client.close(20)
    assert [record.levelno for record in caplog.records if record.levelno > logging.INFO] == [logging.WARNING]


def test_what_can_never_be_read_blocks_nothing(
    service: FakeService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is put aside and said aloud; what follows arrives."""
    service.statuses = [400]
    client = Client(service.url, "hm_key", tmp_path)
    client.record([event(1)])
    wait_until(lambda: bool(list(tmp_path.rglob("refused/*.ndjson"))))
    client.record([event(2)])
    wait_until(lambda: service.ids == ["e2"])
    client.close()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_the_caller_does_not_wait_for_the_network(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody listens: records are taken at once, the trouble is logged once, and a later process sends them."""
    client = Client(f"http://127.0.0.1:{free_port()}", "hm_key", tmp_path)
    began = time.monotonic()
    for number in range(20):
        client.record([event(number)])
    assert time.monotonic() - began < 5
    wait_until(lambda: bool(caplog.records))
    assert not client.close(0.1)
    assert len(caplog.records) == 1
    with fake_service() as service:
        assert Client(service.url, "hm_key", tmp_path).close(20)
        assert service.ids == [f"e{number}" for number in range(20)]


def test_a_killed_process_leaves_everything_it_took(tmp_path: Path) -> None:
    """Killed in the middle (SIGKILL): every event whose `record` returned is sent by the next process, once."""
    command = [sys.executable, "-c", RECORD_FOR_EVER, f"http://127.0.0.1:{free_port()}", str(tmp_path)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        taken = [int(process.stdout.readline()) for _ in range(200)]
        process.send_signal(signal.SIGKILL)
        taken += [int(line) for line in process.stdout.read().splitlines()]
    with fake_service() as service:
        assert Client(service.url, "hm_key", tmp_path).close(20)
        sent = [int(name[1:]) for name in service.ids]
    assert sent[: len(taken)] == taken == list(range(len(taken)))
    assert len(sent) <= len(taken) + 1  # the one that was being taken


def test_an_event_needs_an_id(service: FakeService, tmp_path: Path) -> None:
    """Without one, sending it again could count it twice."""
    client = Client(service.url, "hm_key", tmp_path)
    with pytest.raises(ValueError, match="id"):
        client.record([{"meter": "requests", "quantity": 1}])
    client.close()


@pytest.mark.parametrize(("header", "seconds"), [("2", 2.0), ("900", 60.0), ("soon", 0.5), ("", 0.5)])
def test_retry_after(header: str, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the service asks for, within reason."""
    monkeypatch.undo()
    assert retry_after(Answer(503, {"retry-after": header}, b"")) == seconds


@pytest.mark.parametrize("url", ["ftp://host", "host:80", "http://", ""])
def test_only_http(url: str) -> None:
    """A URL that can't work is refused at once, not when the first record waits."""
    with pytest.raises(ValueError, match="no http or https URL"):
        Connection(url, "hm_key")
