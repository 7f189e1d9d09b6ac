"""The real service as a process that tests may talk to, kill and start again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

OPERATOR_KEY = "hm_testtest_" + "0" * 43
READY_WITHIN_S = 60
RETRYABLE = frozenset({502, 503, 504})


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Service:
    """`meter serve` on a database; `kill` is SIGKILL, `start` may follow it."""

    def __init__(self, database: str, data_dir: Path, *arguments: str, **settings: str) -> None:
        """Serves `database`, a migrated one; `data_dir` is for its own files; `settings` go on top of the usual."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._arguments = arguments
        self._log = data_dir / "service.log"
        self._command = [sys.executable, "-m", "meter"]
        self._directory: Path | None = None
        kept = {name: value for name, value in os.environ.items() if not name.startswith("METER_")}
        self._environ = kept | {
            "DATABASE_URL": database,
            "METER_DATA_DIR": str(data_dir),
            "METER_PORT": str(self.port),
            "METER_OPERATOR_KEY": OPERATOR_KEY,
            "METER_KEY_REQUESTS_PER_SECOND": "0",  # one key does here what many do elsewhere
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and waits until it answers. Raises AssertionError with its log when it does not."""
        with self._log.open("ab") as log:
            command = [*self._command, "serve", *self._arguments]
            self._process = subprocess.Popen(command, cwd=self._directory, env=self._environ, stdout=log, stderr=log)
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                if httpx.get(f"{self.url}/v1/health", timeout=5).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError(f"the service did not come up:\n{self._log.read_text()[-4000:]}")

    def kill(self) -> None:
        """Ends it as a power cut would."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """Asks it to end, and sees that it does."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=30)

    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid


@contextmanager
def serving(database: str, data_dir: Path, *arguments: str, **settings: str) -> Iterator[Service]:
    """A running service, stopped at the end."""
    service = Service(database, data_dir, *arguments, **settings)
    service.start()
    try:
        yield service
    finally:
        service.stop()


class Client:
    """A caller with a key, who answers what the API answered as plain data. Leaves nothing open when let go of."""

    def __init__(self, url: str, key: str = OPERATOR_KEY, team: str = "") -> None:
        """Calls `url` with `key`, the operator's by default."""
        self.url = url
        self.key = key
        self.team = team
        self.http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60)
        weakref.finalize(self, self.http.close)

    def twin(self) -> Client:
        """Another connection with the same key, for another thread."""
        return Client(self.url, self.key, self.team)

    def get(self, path: str, **parameters: Any) -> Any:
        """The JSON answer of a GET that succeeds."""
        answer = self.http.get(path, params={name.rstrip("_"): value for name, value in parameters.items()})
        assert answer.is_success, answer.text
        return answer.json()

    def post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> Any:
        """The JSON answer of a POST that succeeds."""
        answer = self.http.post(path, content=msgspec.json.encode(body), headers=headers)
        assert answer.is_success, answer.text
        return answer.json()

    def push(self, events: Sequence[object], path: str = "/v1/events") -> Any:
        """The receipt of a batch, sent until it is answered: what every collector does."""
        body = msgspec.json.encode(events)
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            try:
                answer = self.http.post(path, content=body)
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            if answer.status_code in RETRYABLE:
                time.sleep(0.05)
                continue
            assert answer.is_success, answer.text
            return answer.json()
        raise AssertionError("the service took nothing for a minute")

    def usage(self, **question: Any) -> list[dict[str, Any]]:
        """All items of a usage question, page after page."""
        items: list[dict[str, Any]] = []
        answer = self.get("/v1/usage", **question, limit=1000)
        while True:
            items += answer["items"]
            if answer["next"] is None:
                return items
            answer = self.get("/v1/usage", **question, limit=1000, cursor=answer["next"])


def make_team(url: str, name: str = "Acme", **more: object) -> Client:
    """A new team with one key of all scopes."""
    operator = Client(url)
    owner = {"user_id": "alice", "email": "alice@example.com"}
    team = operator.post("/v1/teams", {"name": name, "owner": owner, **more})
    body = {"name": "tests", "scopes": ["ingest", "read", "admin"], "kind": "standard"}
    made = operator.post(f"/v1/teams/{team['id']}/keys", body)
    return Client(url, made["key"], team["id"])
