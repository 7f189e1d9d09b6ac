"""The page about subscriptions: each of its blocks runs as it stands there, and does what the page says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipeline.test_quickstart import objects
from tests.served import OPERATOR_KEY, Client, serving

pytestmark = pytest.mark.slow
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "subscriptions.md").read_text("utf-8")
BLOCKS: dict[str, str] = dict(re.findall(r"<!-- run: (\w+) -->\n```sh\n(.*?)```", PAGE, re.DOTALL))


def test_the_page(database: str, tmp_path: Path) -> None:
    """A book, a plan, a preview, an upgrade with seats, add-on and coupon, a downgrade withdrawn, a cancellation."""
    if shutil.which("curl") is None or shutil.which("jq") is None:
        pytest.skip("no curl or no jq on PATH")
    with serving(database, tmp_path) as service:
        operator = Client(service.url)
        owner = {"user_id": "ada", "email": "ada@example.org"}
        team = operator.post("/v1/teams", {"name": "Acme", "owner": owner})["id"]
        scopes = {"name": "all", "scopes": ["ingest", "read", "admin"]}
        key = operator.post(f"/v1/teams/{team}/keys", scopes)["key"]
        told = {"HOURMETER": service.url, "KEY": key, "OPERATOR": OPERATOR_KEY, "TEAM": team, "DATABASE_URL": database}

        def run(name: str) -> str:
            meter = f'meter() {{ "{sys.executable}" -m meter "$@"; }}\n'
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", meter + BLOCKS[name]],
                cwd=tmp_path,
                env=os.environ | told,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, (done.stdout, done.stderr)
            return done.stdout

        run("book")
        assert objects(run("start"))[0]["plan"] == "studio/solo"
        (shown,) = objects(run("show"))
        assert (shown["amount"], shown["status"]) == ("20.00", "active")
        (would,) = objects(run("preview"))
        assert float(would["difference"]) > 0
        (made,) = objects(run("upgrade"))
        assert (made["decided"][0]["plan"], made["decided"][0]["unused"]) == ("studio/band", "credit")
        assert objects(run("upgrade"))[0]["decided"] == made["decided"]
        assert [each["preview"] for each in objects(run("beside"))] == [False] * 3
        (shown,) = objects(run("show"))
        # 60.00, three seats of 8.00 above the two that are free, 5.00 for the archive
        assert (shown["amount"], [each["coupon"] for each in shown["coupons"]]) == ("89.00", ["studio/welcome"])
        (later,) = objects(run("downgrade"))
        assert [each["type"] for each in later["decided"]] == ["plan", "addon", "quantity"]
        assert len(objects(run("show"))[0]["scheduled"]) == len(later["decided"])
        run("withdraw")
        assert objects(run("show"))[0]["scheduled"] == []
        cancelled, resumed = objects(run("cancel"))
        assert [each["type"] for each in cancelled["decided"] + resumed["withdrawn"]] == ["cancel", "cancel"]
        history = run("history").splitlines()
        assert history[0].endswith("the plan is cancelled; of a fee that goes by time the time until then is owed")
        assert [line.split(" ", 1)[0] for line in run("phases").splitlines() if "place" in line] == [
            "studio/solo",
            "studio/band",
        ]
