"""Backfills end to end: the page and the command, against a service with its worker."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.test_quickstart import objects
from tests.served import Client, make_team, serving

pytestmark = pytest.mark.slow
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "backfill.md").read_text("utf-8")
BLOCKS: dict[str, str] = dict(re.findall(r"<!-- run: (\w+) -->\n```sh\n(.*?)```", PAGE, re.DOTALL))
DAY = {"from_": "2026-11-03", "to": "2026-11-04", "meter": "tokens.input"}


def used(client: Client, **question: Any) -> dict[str | None, str]:
    """Answer what a day comes to, by member."""
    items = client.get("/v1/usage", **DAY, group_by="member", **question)["items"]
    return {item["member"]: item["quantity"] for item in items}


def environ(key: str) -> dict[str, str]:
    """Answer the environment of a command, with a key in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("METER_")}
    return kept | {"HOURMETER_KEY": key, "COLUMNS": "200"}


def test_the_page(database: str, tmp_path: Path) -> None:
    """Compared, applied and undone by the command; begun, brought and compared by the API."""
    if shutil.which("curl") is None or shutil.which("jq") is None:
        pytest.skip("no curl or no jq on PATH")
    with serving(database, tmp_path) as service:
        client = make_team(service.url)

        def run(name: str) -> str:
            meter = f'meter() {{ "{sys.executable}" -m meter "$@"; }}'
            script = f"{meter}\nexport HOURMETER={service.url} KEY={client.key}\n{BLOCKS[name]}"
            command = ["bash", "-euo", "pipefail", "-c", script]
            done = subprocess.run(
                command, cwd=tmp_path, env=environ(client.key), capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr + done.stdout
            return done.stdout

        assert objects(run("events")) == [{"accepted": 4, "duplicates": 0, "rejected": []}]
        before = used(client)
        run("file")
        said = run("compare")
        assert "the source has 5 events, stored are 4; 1 are the same" in said
        assert "would be: 2 added, 0 restored, 2 amended, 1 voided" in said
        assert "1: 50 → 500" in said
        assert used(client) == before == {"ann": "2049"}
        assert "applied: 2 added, 0 restored, 2 amended, 1 voided" in run("apply")
        assert used(client) == {"ann": "1240", "bob": "360"}
        assert "undone: 3 events put back, 2 that were added are voided" in run("undo")
        assert used(client) == before
        begun, receipt, comparing, difference = objects(run("begin"))
        assert (begun["state"], comparing["state"], begun["labels"]) == ("staged", "comparing", {"member": ["ann"]})
        assert [each["code"] for each in receipt["rejected"]] == ["outside_backfill"]
        assert difference["backfill"]["would"]["amended"] == 1
        (hour, _) = difference["items"]
        assert hour["amended"] == {"events": 1, "before": "700", "after": "650"}


def command(client: Client, *words: str, code: int) -> str:
    """Answer what the command prints, and how it must end."""
    given = [sys.executable, "-m", "meter", "backfill", *words, "--url", client.url]
    ended = subprocess.run(given, env=environ(client.key), capture_output=True, text=True, check=False)
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def written(path: Path, rows: list[tuple[str, str, int, str]]) -> str:
    """Write a file of events."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("id", "time", "quantity", "member"), *rows])
    return str(path)


def test_the_command(database: str, tmp_path: Path) -> None:
    """A dry run is forgotten; rejected rows keep it from being applied; add; JSON; what it can't do."""
    with serving(database, tmp_path) as service:
        client = make_team(service.url)
        at = "2026-11-03T10:00:00Z"
        client.push([{"id": "a", "time": at, "meter": "tokens.input", "quantity": 1, "member": "ann"}])
        of = ("--from", "2026-11-03", "--to", "2026-11-04", "--meter", "tokens.input", "--set", "meter=tokens.input")
        why = ("--reason", "a day was lost")
        file = written(tmp_path / "one.csv", [("a", at, 1, "ann"), ("b", at, 2, "bob")])
        said = command(client, file, *of, *why, "--dry-run", code=1)
        assert "would be: 1 added" in said
        assert [each["state"] for each in client.get("/v1/backfills")["items"]] == ["cancelled"]
        odd = written(tmp_path / "odd.csv", [("a", at, 1, "ann"), ("b", "2026-11-05T10:00:00Z", 2, "bob")])
        said = command(client, odd, *of, *why, "--apply", code=1)
        assert "1 outside_backfill; the first in row 2" in said
        assert "not applied, as rows were rejected" in said
        said = command(client, file, *of, *why, "--mode", "add", "--apply", "--json", code=0)
        shown = json.loads(said[said.index("{") : said.rindex("}") + 1])
        assert [hour["added"]["quantity"] for hour in shown["items"]] == ["2"]
        assert used(client) == {"ann": "1", "bob": "2"}
        assert "--id" in command(client, file, code=2)
        assert "no such backfill" in command(client, "--id", client.team, "--apply", code=2)
