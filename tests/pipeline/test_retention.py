"""The page about retention: each of its blocks runs as it stands there, and drill-down goes on in the archive."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from meter.retention.classes import CLASSES
from meter.settings import SETTINGS
from tests.served import Client, serving

pytestmark = pytest.mark.slow
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "retention.md").read_text("utf-8")
BLOCKS: dict[str, str] = dict(re.findall(r"<!-- run: (\w+) -->\n```sh\n(.*?)```", PAGE, re.DOTALL))
WEEK = {"from_": "2026-10-05", "to": "2026-10-12"}
AROUND = {"from_": "2026-10-05", "to": "2026-11-20"}
SETTLED_WITHIN_S = 60
EVENTS: list[dict[str, Any]] = [
    {
        "id": f"e-{n}",
        "time": f"2026-{'10' if n < 8 else '11'}-{5 + n % 8:02}T09:00:00Z",
        "meter": "tokens.input",
        "quantity": f"{n + 1}.000000000001",
        "member": ("ann", "bob")[n % 2],
        "attributes": {"n": n},
    }
    for n in range(12)
]


def test_the_page(database: str, tmp_path: Path) -> None:
    """Held back until billed, dropped, archived, verified, and asked for as before; by each role its own."""
    if shutil.which("curl") is None:
        pytest.skip("no curl on PATH")
    with serving(database, tmp_path, METER_ARCHIVE_DIR=str(tmp_path / "archive")) as service:
        operator = Client(service.url)
        owner = {"user_id": "ada", "email": "ada@example.org"}
        made = operator.post("/v1/teams", {"name": "Acme", "owner": owner, "plan": "credits/payg"})
        scopes = {"name": "all", "scopes": ["ingest", "read", "admin"]}
        key = operator.post(f"/v1/teams/{made['id']}/keys", scopes)["key"]
        client = Client(service.url, key)

        def run(name: str) -> str:
            meter = f'meter() {{ "{sys.executable}" -m meter "$@"; }}\npython() {{ "{sys.executable}" "$@"; }}\n'
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", meter + BLOCKS[name]],
                cwd=tmp_path,
                env=os.environ | {"DATABASE_URL": database, "HOURMETER": service.url, "KEY": key},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, (done.stdout, done.stderr)
            return done.stdout

        assert client.post("/v1/events", EVENTS)["accepted"] == len(EVENTS)
        before = client.get("/v1/usage/events", **AROUND)
        usage = client.get("/v1/usage", meter="tokens.input", window="day", **AROUND)["items"]
        settle(database)
        held = run("look")
        assert "held back: raw events from 2026-10-05 on" in held
        assert f"team {made['id']} has usage that is to be billed" in held
        client.post(f"/v1/teams/{made['id']}/invoices", {"from": "2026-10-01T00:00:00Z", "to": "2026-11-01T00:00:00Z"})
        assert "to be dropped: " in run("look")
        kept = run("keep")
        assert re.search(r"^dropped [0-9]+ weeks of raw events, 2026-10-05 to 2026-11-02", kept, re.MULTILINE), kept
        assert "nothing was dropped" in kept
        assert "2 files, 0 wrong" in run("archive")
        found = msgspec.json.decode(run("ask"))["items"]
        assert [item["id"] for item in found] == [f"e-{n}" for n in range(6, -1, -1)]
        assert "tokens.input" in run("read")

        assert client.get("/v1/usage/events", **AROUND) == before
        assert client.get("/v1/usage", meter="tokens.input", window="day", **AROUND)["items"] == usage
        first = client.get("/v1/usage/events", limit=7, **AROUND)
        rest = client.get("/v1/usage/events", limit=7, cursor=first["next"], **AROUND)
        assert first["items"] + rest["items"] == before["items"]
        lines = client.http.get("/v1/usage/events", params=AROUND_ASKED | {"format": "ndjson"}).text.splitlines()
        assert [msgspec.json.decode(line) for line in lines] == before["items"]
        bobs = client.http.get("/v1/usage/events", params=AROUND_ASKED, headers={"X-User-ID": "bob"}).json()["items"]
        assert bobs == [item for item in before["items"] if item["member"] == "bob"]
        other = operator.post("/v1/teams", {"name": "Other", "owner": owner})["id"]
        assert operator.get("/v1/usage/events", team=other, **AROUND)["items"] == []
        late = client.post("/v1/events", [EVENTS[0] | {"id": "late"}])
        assert [each["code"] for each in late["rejected"]] == ["too_late"]
        order = {"kind": "void", "reason": "a mistake", "events": [{"id": "e-0", "time": EVENTS[0]["time"]}]}
        refused = client.http.post("/v1/corrections", json=order)
        assert refused.json()["code"] == "raw_data_gone"
        for path in (tmp_path / "archive").rglob("*.parquet"):
            path.unlink()
        gone = client.http.get("/v1/usage/events", params=AROUND_ASKED)
        assert (gone.status_code, gone.json()["code"]) == (503, "archive_away")


AROUND_ASKED = {name.rstrip("_"): value for name, value in AROUND.items()}


def settle(url: str) -> None:
    """Wait until all is rolled up; what follows it would take its time, and is taken as done."""
    deadline = time.monotonic() + SETTLED_WITHIN_S
    with psycopg.connect(url, autocommit=True, options="-c search_path=meter") as conn:
        while conn.execute("select from touched").fetchone() is not None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        conn.execute("delete from wide_look")
        conn.execute("delete from follow_up")


def test_every_class_is_on_the_page() -> None:
    """With its setting, which there is."""
    known = {setting.name for setting in SETTINGS}
    for each in CLASSES:
        assert re.search(rf"^\|[^|]*\b{each.name}\b[^|]*\|", PAGE, re.MULTILINE), each.name
        assert each.setting is None or (each.setting in known and each.setting in PAGE)
