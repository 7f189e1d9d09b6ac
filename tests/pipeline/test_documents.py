"""The page about an invoice's forms: its blocks run as they stand there, and make what the page says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest

from tests.billing.papers import PROFILE, rows_of, text_of
from tests.pipeline.test_quickstart import objects
from tests.served import make_team, serving

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "documents.md").read_text("utf-8")
BLOCKS: dict[str, str] = dict(re.findall(r"<!-- run: (\w+) -->\n```sh\n(.*?)```", PAGE, re.DOTALL))


def test_the_page(database: str, tmp_path: Path) -> None:
    """A profile is put, an invoice is made, and its three files say the same."""
    if shutil.which("curl") is None or shutil.which("jq") is None:
        pytest.skip("no curl or no jq on PATH")
    with serving(database, tmp_path) as service:
        client = make_team(service.url, plan="calls/pro")
        told = {"HOURMETER": service.url, "KEY": client.key, "TEAM": client.team}

        def run(name: str) -> str:
            command = ["bash", "-euo", "pipefail", "-c", BLOCKS[name]]
            done = subprocess.run(
                command, cwd=tmp_path, env=os.environ | told, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            return done.stdout

        put, got = objects(run("profile"))
        assert put == got
        assert (put["name"], put["locale"], put["version"]) == (PROFILE["name"], "de", 1)
        run("forms")
        assert set(BLOCKS) == {"profile", "forms"}
        invoice = json.loads((tmp_path / "invoice.json").read_text("utf-8"))
        text = text_of((tmp_path / "invoice.pdf").read_bytes())
        page = (tmp_path / "invoice.html").read_text("utf-8")
        assert invoice["total"] == "49.00"
        for said in (text, page.replace("&amp;", "&")):
            assert {each for each in (invoice["number"], PROFILE["name"], "PO 4711") if each not in said} == set()
        rows = rows_of((tmp_path / "invoice.csv").read_text("utf-8"))
        assert sum(Decimal(row["amount"]) for row in rows if row["row"] == "line") == Decimal("49.00")
