"""The demo, from an empty directory to an invoice, as `make demo ONCE=1` runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.served import Client, Service, free_port

ROOT = Path(__file__).resolve().parents[2]
FIELDS = {"url", "operator_key", "team", "team_key", "invoice", "total", "pdf"}
pytestmark = [pytest.mark.slow, pytest.mark.database]


def run(data_dir: Path, port: int) -> dict[str, Any]:
    """Run the demo once and answer the object of its last line."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("METER_", "DATABASE_URL"))}
    environ = {**kept, "METER_DATA_DIR": str(data_dir), "METER_PORT": str(port)}
    command = [sys.executable, "-m", "meter", "demo", "--once", "--json"]
    outcome = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=500, check=False)
    assert outcome.returncode == 0, outcome.stderr
    answer: dict[str, Any] = json.loads(outcome.stdout.splitlines()[-1])
    return answer


def processes_of(data_dir: Path) -> list[str]:
    """Answer who still works in a directory."""
    return [
        " ".join(process.info["cmdline"] or [])
        for process in psutil.process_iter(["cmdline"])
        if str(data_dir) in " ".join(process.info["cmdline"] or [])
    ]


def test_from_nothing_to_an_invoice_and_again(data_dir: Path) -> None:
    """Exit 0, the object is right, everything has stopped; a second run finds it all and makes nothing twice."""
    port = free_port()
    first = run(data_dir, port)
    assert first.keys() == FIELDS
    assert first["url"] == f"http://127.0.0.1:{port}"
    assert Decimal(first["total"]) > 0
    assert Path(first["pdf"]).read_bytes().startswith(b"%PDF-")
    assert processes_of(data_dir) == []

    began = time.monotonic()
    second = run(data_dir, port)
    assert second == first
    assert time.monotonic() - began < 120

    look_inside(data_dir, first)


def look_inside(data_dir: Path, made: dict[str, Any]) -> None:
    """Serve the directory again: three teams, one invoice of the first, and nothing that does not add up."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("METER_", "DATABASE_URL"))}
    environ = {**kept, "METER_DATA_DIR": str(data_dir)}
    doctor = [sys.executable, "-m", "meter", "doctor"]
    outcome = subprocess.run(doctor, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=200, check=False)
    assert outcome.returncode == 0, outcome.stdout
    service = Service("", data_dir)
    del service._environ["DATABASE_URL"]
    service._environ["METER_OPERATOR_KEY"] = made["operator_key"]
    service.start()
    try:
        operator, team = Client(service.url, made["operator_key"]), Client(service.url, made["team_key"])
        assert len(operator.get("/v1/teams")["items"]) == 3
        (invoice,) = team.get("/v1/invoices")["items"]
        assert (invoice["id"], invoice["total"]) == (made["invoice"], made["total"])
    finally:
        service.stop()
