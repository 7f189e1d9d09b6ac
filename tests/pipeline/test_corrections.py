"""The page about corrections: each of its blocks runs as it stands there, and does what the page says."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

import sql
from meter import aggregate
from meter.database import connect
from meter.held import listing, turn
from tests.contract.place import until
from tests.pipeline.test_quickstart import objects
from tests.served import Client, serving

pytestmark = pytest.mark.slow
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "corrections.md").read_text("utf-8")
BLOCKS: dict[str, str] = dict(re.findall(r"<!-- run: (\w+) -->\n```sh\n(.*?)```", PAGE, re.DOTALL))
DAY = {"from_": "2026-11-02", "to": "2026-11-03", "meter": "tokens.input", "group_by": "member"}


def test_the_page(database: str, tmp_path: Path) -> None:
    """Sent, tried, voided, amended, by a query, undone, and what changed since."""
    if shutil.which("curl") is None or shutil.which("jq") is None:
        pytest.skip("no curl or no jq on PATH")
    with serving(database, tmp_path) as service:
        operator = Client(service.url)
        owner = {"user_id": "ada", "email": "ada@example.org"}
        team = operator.post("/v1/teams", {"name": "Acme", "owner": owner})["id"]
        scopes = {"name": "all", "scopes": ["ingest", "read", "admin"]}
        key = operator.post(f"/v1/teams/{team}/keys", scopes)["key"]
        client = Client(service.url, key)

        def run(name: str) -> list[dict[str, Any]]:
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
            return objects(done.stdout)

        def used() -> dict[str | None, str]:
            items = client.get("/v1/usage", **DAY)["items"]
            return {item["member"]: item["quantity"] for item in items}

        assert run("events") == [{"accepted": 3, "duplicates": 0, "rejected": []}]
        (would,) = run("dry")
        assert (would["id"], would["moved"][0]["before"], would["moved"][0]["after"]) == (None, "6400", "5700")
        assert used() == {"ann": "6400"}
        assert [each["kind"] for each in run("correct")] == ["void", "amend"]
        assert used() == {"ann": "700", "bob": "500"}
        assert run("events")[0]["duplicates"] == 3
        run("query")
        assert used() == {"ann": "700", None: "500"}
        undone, listed = run("undo")
        assert undone["kind"] == "undo"
        assert [each["kind"] for each in listed["items"]] == ["undo", "amend", "amend", "void"]
        assert used() == {"ann": "700", "bob": "500"}
        with psycopg.connect(database, autocommit=True, options="-c search_path=meter") as conn:
            conn.execute(sql.statement("record_tick"))  # as the worker does within a minute
        assert run("changes")[0]["items"] == []
        before = used()
        assert [each["accepted"] for each in run("again")] == [1, 1]
        asyncio.run(look(database))  # as the worker does within a minute
        assert used() == before | {"ann": "740"}
        (held,) = run("held")[0]["items"]
        assert (held["first"]["time"], held["held"]["time"]) == ("2026-11-02T11:00:00Z", "2026-11-02T11:00:05Z")
        (decided,) = run("decide")
        assert (decided["kind"], decided["events"], decided["moved"]) == ("drop", 1, [])
        assert run("held")[0]["items"] == []


async def look(database: str) -> None:
    """Roll up and look for ids that came again, beside the worker who does so too."""

    async def held() -> bool:
        await aggregate.refresh(conn)
        await turn.turn(conn, datetime.now(UTC))
        return bool(await listing.waiting(conn))

    async with await connect(database, autocommit=True) as conn:
        await until(held)
