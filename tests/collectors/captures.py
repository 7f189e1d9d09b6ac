"""Recorded requests of real clients, sent as they are to a service of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.served import Client

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "captures"
ABSENT = "no recorded requests beside the project"
OF_THE_CONNECTION = {"host", "authorization", "content-length", "transfer-encoding", "connection"}


class Captured(NamedTuple):
    """A recorded request, without what belongs to its connection."""

    name: str
    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes


def names(*starts: str) -> list[str]:
    """Answer the names of the recordings that start so."""
    return sorted(path.stem for path in FOLDER.glob("*.body") if path.stem.startswith(starts))


def recordings(start: str) -> pytest.MarkDecorator:
    """Run a test once per recording whose name starts so; skips it where there are none."""
    absent = pytest.param("", marks=pytest.mark.skip(reason=ABSENT))
    return pytest.mark.parametrize("recording", names(start) or [absent])


def captured(name: str) -> Captured:
    """Answer a recorded request by its name."""
    told = json.loads((FOLDER / f"{name}.headers.json").read_text("utf-8"))
    headers = [(key, value) for key, value in told["headers"] if key.lower() not in OF_THE_CONNECTION]
    return Captured(name, told["method"], told["path"], headers, (FOLDER / f"{name}.body").read_bytes())


def send(request: Captured, client: Client, path: str | None = None) -> httpx.Response:
    """Send a recorded request with the key of a team, and nothing else added."""
    headers = [*request.headers, ("Authorization", f"Bearer {client.key}")]
    with httpx.Client(base_url=client.url, timeout=60) as http:
        http.headers.clear()
        return http.request(request.method, path or request.path, content=request.body, headers=headers)
