"""The page about coverage: each of its blocks runs as it stands there, and answers what the page says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.test_quickstart import objects
from tests.served import Client, serving

pytestmark = pytest.mark.slow
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "coverage.md").read_text("utf-8")
BLOCKS: dict[str, str] = dict(re.findall(r"<!-- run: (\w+) -->\n```sh\n(.*?)```", PAGE, re.DOTALL))
PATIENCE_S = 60


def test_the_page(database: str, tmp_path: Path) -> None:
    """Sent, noted and learned by the worker, asked for, by the hour, and who is gone by now."""
    if shutil.which("curl") is None or shutil.which("jq") is None:
        pytest.skip("no curl or no jq on PATH")
    with serving(database, tmp_path) as service:
        operator = Client(service.url)
        owner = {"user_id": "ada", "email": "ada@example.org"}
        team = operator.post("/v1/teams", {"name": "Acme", "owner": owner})["id"]
        scopes = {"name": "all", "scopes": ["ingest", "read", "admin"]}
        key = operator.post(f"/v1/teams/{team}/keys", scopes)["key"]

        def run(name: str) -> Any:
            script = f"export HOURMETER={service.url} KEY={key}\n{BLOCKS[name]}"
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script],
                cwd=tmp_path,
                env=os.environ,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            return objects(done.stdout)[0]

        assert run("send")["accepted"] == 144 + 126
        deadline = time.monotonic() + PATIENCE_S
        while (answer := run("ask"))["quarters_expected"] != 192:
            assert time.monotonic() < deadline, answer
        found = {item["service"]: (item["quantity"], item["coverage"]) for item in answer["items"]}
        assert found == {"web": ("48", "1"), "batch": ("21", "0.875")}
        assert (answer["coverage"], answer["quarters_seen"]) == ("0.9375", 180)
        hours = run("hours")["items"]
        assert [(item["quantity"], item["coverage"]) for item in hours[8:13]] == [
            ("1", "1"),
            *[(None, "0")] * 3,
            ("1", "1"),
        ]
        assert run("declare")["expected_every_seconds"] == 3600
        assert {each["service"] for each in run("silent")["items"]} <= {"web", "batch"}
