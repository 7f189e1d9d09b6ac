"""The page about budgets: each of its blocks runs as it stands there; and reported usage reaches counters by itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.test_quickstart import objects
from tests.served import Client, serving

pytestmark = pytest.mark.slow
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "budgets.md").read_text("utf-8")
BLOCKS: dict[str, str] = dict(re.findall(r"<!-- run: (\w+) -->\n```sh\n(.*?)```", PAGE, re.DOTALL))
PATIENCE_S = 60


def test_the_page(database: str, tmp_path: Path) -> None:
    """Set, looked at, more of them, followed by the worker, with a date, changed and ended."""
    if shutil.which("curl") is None or shutil.which("jq") is None:
        pytest.skip("no curl or no jq on PATH")
    with serving(database, tmp_path) as service:
        operator = Client(service.url)
        owner = {"user_id": "ada", "email": "ada@example.org"}
        team = operator.post("/v1/teams", {"name": "Acme", "owner": owner, "plan": "credits/payg"})["id"]
        scopes = {"name": "all", "scopes": ["ingest", "read", "admin"]}
        client = Client(service.url, operator.post(f"/v1/teams/{team}/keys", scopes)["key"])

        def run(name: str) -> list[dict[str, Any]]:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", BLOCKS[name]],
                cwd=tmp_path,
                env=os.environ | {"HOURMETER": service.url, "KEY": client.key},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            return objects(done.stdout)

        def used(name: str) -> str:
            found = client.get("/v1/budgets")["items"]
            counter: dict[str, str] = next(each for each in found if each["name"] == name)["counters"][0]
            return counter["used"]

        receipt, made = run("set")
        assert (receipt["accepted"], made["unit"], made["amount"]) == (2, "token", "1000000")
        (shown,) = run("look")
        assert [shown["counters"][0][name] for name in ("used", "remaining", "percent")] == ["250000", "750000", "25"]
        anns, calls, listed = run("more")
        assert (anns["unit"], calls["fails"]) == ("USD", "open")
        assert [each["name"] for each in listed["items"]] == [calls["name"], anns["name"], made["name"]]
        assert used(anns["name"]) == "3"  # 200,000 tokens at 0.015 per 1,000
        client.post("/v1/events", {"id": "3", "meter": "tokens.input", "quantity": 100_000, "member": "ann"})
        deadline = time.monotonic() + PATIENCE_S
        while used(made["name"]) != "350000" or used(anns["name"]) != "4.5":
            assert time.monotonic() < deadline, "the worker does not follow"
            time.sleep(0.2)
        receipt, _ = run("history")
        assert receipt["accepted"] == 21 * 24
        deadline = time.monotonic() + PATIENCE_S
        while (told := run("when")[0])["forecast"] is None or told["forecast"]["reason"] == "no_data":
            assert time.monotonic() < deadline, "the worker does not say when"
            time.sleep(0.5)
        forecast = told["forecast"]
        assert (told["used"], forecast["probability"]) == (str(21 * 24 * 40), "1")
        days = (datetime.fromisoformat(forecast["expected"]) - datetime.now(UTC)) / timedelta(days=1)
        assert days == pytest.approx((50_000 - 21 * 24 * 40) / (24 * 40), abs=3)
        changed, everything = run("change")
        assert (changed["amount"], changed["kind"], changed["version"]) == ("2000000", "soft", 2)
        assert [each["name"] for each in everything["items"] if each["ended_at"]] == [made["name"]]
        (metric,) = re.findall(r"^hourmeter_limits_lag_seconds (.*)$", client.http.get("/metrics").text, re.MULTILINE)
        assert 0 <= float(metric) < PATIENCE_S
