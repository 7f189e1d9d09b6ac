"""The page about how invoices are made: each of its blocks runs as it stands there, and does what the page says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.test_quickstart import objects
from tests.served import Client, serving

pytestmark = pytest.mark.slow
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "invoicing.md").read_text("utf-8")
BLOCKS: dict[str, str] = dict(re.findall(r"<!-- run: (\w+) -->\n```sh\n(.*?)```", PAGE, re.DOTALL))


def test_the_page(database: str, tmp_path: Path) -> None:
    """A month by the command, a draft to its number, and void."""
    if shutil.which("curl") is None or shutil.which("jq") is None:
        pytest.skip("no curl or no jq on PATH")
    with serving(database, tmp_path) as service:
        operator = Client(service.url)
        owner = {"user_id": "ada", "email": "ada@example.org"}
        team = operator.post("/v1/teams", {"name": "Acme", "owner": owner})["id"]
        key = operator.post(f"/v1/teams/{team}/keys", {"name": "all", "scopes": ["ingest", "read", "admin"]})["key"]
        told = {"HOURMETER": service.url, "KEY": key, "OPERATOR": operator.key, "TEAM": team, "DATABASE_URL": database}
        told["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

        def run(name: str) -> str:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", BLOCKS[name]],
                cwd=tmp_path,
                env=os.environ | told,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            return done.stdout

        def answers(name: str) -> list[dict[str, Any]]:
            return objects(run(name))

        assert "1 billed, 0 draft, 0 there, 0 failed" in run("month")
        assert "meter bill --month 2026-09 --final: 1 billed, 0 draft, 0 there, 0 failed, 0 skipped; " in run("runs")
        runs, results = answers("results")
        assert (runs["items"][0]["month"], runs["items"][0]["came"]["billed"]) == ("2026-09", 1)
        assert [(each["team"], each["came"], each["number"]) for each in results["items"]] == [
            (team, "billed", "HM-000001")
        ]
        august, sums = answers("number")
        year = operator.get(f"/v1/invoices/{august['invoice']}")["issued_at"][:4]
        assert (august["number"], sums["came"]) == (f"ACME-{year}-00001", {"billed": 1})
        draft, again, final = answers("draft")
        assert [each["status"] for each in (draft, again, final)] == ["draft", "draft", "open"]
        assert [each["total"] for each in (draft, again, final)] == ["15.00", "22.50", "22.50"]
        assert [each["number"] for each in (draft, again, final)] == [None, None, "HM-000002"]
        void, listed = answers("void")
        assert (void["status"], void["number"], void["closed_note"]) == (
            "void",
            "HM-000002",
            "billed to the wrong company",
        )
        assert [each["id"] for each in listed["items"]] == [draft["id"]]
