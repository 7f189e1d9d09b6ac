"""The newcomer's page: each of its blocks runs as it stands there, and answers what the page says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import playwright
import pytest

from tests.served import OPERATOR_KEY, serving

pytestmark = pytest.mark.slow
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "quickstart.md").read_text("utf-8")
BLOCKS: dict[str, str] = dict(re.findall(r"<!-- run: (\w+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL))
ADDRESS = "http://127.0.0.1:8100"
PATH = "/usr/local/bin:/usr/bin:/bin"
OLDEST_NODE = 18
OF_THE_MOMENT = {"request_id", "as_of"}


def node() -> str:
    """Answer a Node.js that is new enough: the machine's, or the one that Playwright brings. Skip without."""
    driver = Path(playwright.__file__).parent / "driver" / "node"
    for program in (shutil.which("node"), str(driver)):
        if program is None:
            continue
        try:
            said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            continue
        if int(said.removeprefix("v").split(".")[0]) >= OLDEST_NODE:
            return program
    pytest.skip(f"no Node.js {OLDEST_NODE} or later, on PATH or with Playwright")


def objects(text: str) -> list[dict[str, Any]]:
    """Read JSON objects that follow each other."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        found.append(value)
        at += len(text[at:]) - len(text[at:].lstrip())
    return found


ANSWERS = [
    answer for block in re.findall(r"<!-- answers -->\n```json\n(.*?)```", PAGE, re.DOTALL) for answer in objects(block)
]


def without_moment(answer: dict[str, Any]) -> dict[str, Any]:
    """Leave out what differs each time; that it is there, the keys tell."""
    return {name: None if name in OF_THE_MOMENT else value for name, value in answer.items()}


@contextmanager
def unreliable(target: str) -> Iterator[str]:
    """Answer an address in front of a service that loses the first batch of events: 503, nothing passed on."""
    lost: list[str] = []

    class Way(BaseHTTPRequestHandler):
        """Passes requests on, but for the first with events."""

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path == "/v1/events" and not lost:
                lost.append(self.path)
                self._answer(503, b"")
                return
            kept = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
            answer = httpx.request(self.command, target + self.path, content=body, headers=kept)
            self._answer(answer.status_code, answer.content)

        def _answer(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _pass  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Way) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
    assert lost


def command(language: str, directory: Path) -> str:
    """Answer the shell command of a section, as the page tells it, after saving what it says to save."""
    if language == "curl":
        return BLOCKS["curl"]
    file = directory / {"python": "first.py", "javascript": "first.mjs"}[language]
    file.write_text(BLOCKS[language], "utf-8")
    program = f"{sys.executable} -I -S" if language == "python" else node()  # -S: nothing but the standard library
    return f"{program} {file.name}"


@pytest.mark.parametrize("language", ["curl", "python", "javascript"])
def test_the_first_event(language: str, database: str, tmp_path: Path) -> None:
    """From the operator's key to the answer, over a connection that fails once: the five answers of the page."""
    if shutil.which("curl") is None or shutil.which("jq") is None:
        pytest.skip("no curl or jq")
    directory = tmp_path / "source"
    (directory / "data").mkdir(parents=True)
    (directory / "data" / "operator.key").write_text(f"{OPERATOR_KEY}\n", "utf-8")
    assert ADDRESS in BLOCKS["key"]
    with serving(database, tmp_path) as service, unreliable(service.url) as address:
        script = BLOCKS["key"].replace(ADDRESS, address) + command(language, directory)
        ran = subprocess.run(
            ["bash", "-euc", script], cwd=directory, env={"PATH": PATH}, capture_output=True, text=True, check=False
        )
    assert ran.returncode == 0, ran.stderr
    answers = objects(ran.stdout.strip())
    assert len(answers) == len(ANSWERS)
    for answer, shown in zip(answers, ANSWERS, strict=True):
        assert without_moment(answer).items() >= without_moment(shown).items()
    steps = re.findall(r"(?:#|//) (\d)\.|; (\d)\. ", BLOCKS[language])
    assert sorted(int(a or b) for a, b in steps) == [1, 2, 3, 4, 5]
