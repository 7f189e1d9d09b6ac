"""The page about asking before a call: each of its blocks runs as it stands there, and answers what the page says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from meter.errors import BudgetSpent, CreditsExhausted, LimitReached, LimitsUnavailable, PriceUnknown
from tests.pipeline.test_quickstart import objects
from tests.served import Client, serving

pytestmark = pytest.mark.slow
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "authorize.md").read_text("utf-8")
BLOCKS: dict[str, str] = dict(re.findall(r"<!-- run: (\w+) -->\n```sh\n(.*?)```", PAGE, re.DOTALL))


def test_the_page(database: str, tmp_path: Path) -> None:
    """Asked, settled twice, released, several at once, and denied."""
    if shutil.which("curl") is None or shutil.which("jq") is None:
        pytest.skip("no curl or no jq on PATH")
    with serving(database, tmp_path, "--no-worker") as service:
        operator = Client(service.url)
        owner = {"user_id": "ada", "email": "ada@example.org"}
        team = operator.post("/v1/teams", {"name": "Acme", "owner": owner, "plan": "credits/prepaid"})["id"]
        scopes = {"name": "all", "scopes": ["ingest", "read", "admin"]}
        client = Client(service.url, operator.post(f"/v1/teams/{team}/keys", scopes)["key"])
        bought = {"kind": "credit_purchase", "paid": "100"}
        operator.post(f"/v1/admin/credits?team={team}", bought)
        budget = {"name": "tokens a day", "measure": "units", "meters": ["tokens.input"], "amount": 20_000}
        client.post("/v1/budgets", budget | {"window": "day"})

        def run(name: str) -> tuple[list[dict[str, Any]], str]:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", BLOCKS[name]],
                cwd=tmp_path,
                env=os.environ | {"HOURMETER": service.url, "KEY": client.key},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            return objects(done.stdout), done.stderr

        ((asked,), _) = run("ask")
        assert (asked["allowed"], asked["checked"]) == (True, True)
        ((settled,), _) = run("settle")
        assert settled["usage"]["quantities"] == {"tokens.input": "6548", "tokens.output": "97"}
        assert (settled["usage"]["member"], settled["usage"]["service"]) == ("ann", "chat")
        assert (settled["billing"]["charged"], settled["billing"]["balance"]) == ("0.102585", "99.897415")
        assert run("settle")[0] == [settled]
        ((_, released), _) = run("release")
        assert released["state"] == "released"
        ((several, given_back), _) = run("several")
        assert [each["status"] for each in several["items"]] == [200, 429]
        assert [each["answer"]["state"] for each in given_back["items"]] == ["released"]
        ((denied,), waited) = run("denied")
        assert (denied["status"], denied["code"], denied["limits"][-1]["remaining"]) == (429, "limit_reached", "13452")
        assert int(waited.partition(":")[2]) > 0


def test_the_page_knows_every_reason() -> None:
    """What a call may be denied for is in the table, with its status."""
    kinds = (LimitReached, BudgetSpent, PriceUnknown, CreditsExhausted, LimitsUnavailable)
    assert set(re.findall(r"^\| (\d+) `(\w+)` \|", PAGE, re.MULTILINE)) == {(str(k.status), k.code) for k in kinds}
