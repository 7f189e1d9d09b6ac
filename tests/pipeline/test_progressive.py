"""What the page about invoices says of those before a period is over: its blocks run as they stand there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.billing.papers import text_of
from tests.pipeline.pages import Shell, acme
from tests.served import Client, serving

pytestmark = pytest.mark.slow
WITHIN_S = 60
HALF_AN_HOUR = timedelta(minutes=30)


@contextmanager
def working(database: str, directory: Path) -> Iterator[None]:
    """`meter work` on a database, ended at the end."""
    around = os.environ | {"DATABASE_URL": database, "METER_DATA_DIR": str(directory)}
    worker = subprocess.Popen([sys.executable, "-m", "meter", "work"], env=around)
    try:
        yield
    finally:
        worker.terminate()
        worker.wait(timeout=30)


def whole(made: dict[str, Any], client: Client) -> dict[str, Any]:
    """The running period, of which an invoice bills the beginning."""
    return {"from": made["period"]["from"], "to": client.get("/v1/billing/current")["period"]["to"]}


def zone_of(now: datetime) -> str:
    """A zone in which no month began an hour ago."""
    return "Pacific/Honolulu" if now.day == 1 and now.hour == 0 else "UTC"


def test_the_section(database: str, tmp_path: Path) -> None:
    """A threshold, usage above it, and the invoice: verified, printed, and taken off what the period comes to."""
    with serving(database, tmp_path, "--no-worker") as service:
        now = datetime.now(UTC)
        told = acme(service.url, timezone=zone_of(now)) | {"BEFORE": (now - HALF_AN_HOUR).isoformat()}
        shell, client = Shell("invoicing.md", tmp_path, told), Client(service.url, told["KEY"])
        (threshold,) = shell.answers("threshold")
        assert (threshold["amount"], threshold["currency"], threshold["version"]) == ("100", "USD", 1)
        (receipt,) = shell.answers("crossing")
        assert receipt["accepted"] == 1
        with working(database, tmp_path):
            (made,) = until_there(shell)
        assert (made["total"], made["status"], made["number"]) == ("150.00", "open", "HM-000001")
        invoice = f"/v1/invoices/{made['id']}"
        assert client.get(f"{invoice}/verify")["state"] == "agrees"
        (line,) = client.get(f"{invoice}/explain")["lines"]
        assert line["as_written"] is True
        assert "150.00" in text_of(client.http.get(f"{invoice}/pdf").content)
        left = client.post(f"/v1/teams/{told['TEAM']}/invoices", whole(made, client) | {"preview": True})
        assert [(line["kind"], line["amount"]) for line in left["lines"]] == [
            ("usage", "150.00"),
            ("progressive", "-150.00"),
        ]
        assert left["total"] == "0.00"


def until_there(shell: Shell) -> list[dict[str, Any]]:
    """Answer the invoices once there are any."""
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        if found := shell.answers("progressive"):
            return found
        time.sleep(0.5)
    raise AssertionError("no invoice came")
