"""The page about checking an invoice: each of its blocks runs as it stands there, and does what the page says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.pipeline.test_quickstart import objects
from tests.served import Client, serving

pytestmark = pytest.mark.slow
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "checking-invoices.md").read_text("utf-8")
BLOCKS: dict[str, str] = dict(re.findall(r"<!-- run: (\w+) -->\n```sh\n(.*?)```", PAGE, re.DOTALL))


def test_the_page(database: str, tmp_path: Path) -> None:
    """Billed, verified, a late event named, explained in the words of the page, the digest computed, shared."""
    if shutil.which("curl") is None or shutil.which("jq") is None:
        pytest.skip("no curl or no jq on PATH")
    with serving(database, tmp_path) as service:
        operator = Client(service.url)
        owner = {"user_id": "ann", "email": "ann@example.org"}
        team = operator.post("/v1/teams", {"name": "Acme", "owner": owner, "plan": "credits/starter"})["id"]
        scopes = {"name": "all", "scopes": ["ingest", "read", "admin"]}
        key = operator.post(f"/v1/teams/{team}/keys", scopes)["key"]

        def run(name: str) -> str:
            script = f"export HOURMETER={service.url} KEY={key} TEAM={team}\n{BLOCKS[name]}"
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script],
                cwd=tmp_path,
                env=os.environ,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            return done.stdout

        assert run("bill") == "HM-000001 24.00\n"
        (found,) = objects(run("verify"))
        assert (found["state"], found["recomputed"], found["since"]["meters"]) == ("agrees", "24.00", [])
        came = '[{"meter":"requests","late_events":1,"corrected_events":0}]'
        assert run("late").splitlines() == ['"agrees"', came, '"2.00"']
        said = run("explain")
        assert PAGE.count(said[: said.index("[")]) == 1
        assert said.splitlines()[-1] == "3"
        digests = run("digest").splitlines()
        assert (len(digests), len(set(digests))) == (2, 1)
        assert run("members").splitlines() == ['["ann","1.67"]', '["bob","2.50"]', '[null,"19.83"]']
