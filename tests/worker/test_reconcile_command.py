"""`meter reconcile` as people run it, in a process of its own, against a served app."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.conftest import _database
from tests.served import Client, Service, make_team, serving

Ended = subprocess.CompletedProcess[str]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "reconcile.md"
BLOCK = re.compile(r"<!-- run -->\n```sh\n(.*?)```", re.DOTALL)
# By hour from 09:00 on, two calls each: what the service counts, and every file is held against.
HOURS = {9: (100, 20), 10: (5, 7), 11: (1000, 1), 12: (3, 4)}
HEAD = "time,quantity\n"
AGREES = HEAD + "".join(
    f"2026-11-02T{hour}:00:00Z,{first}\n2026-11-02T{hour}:59:59.999999Z,{second}\n"
    for hour, (first, second) in HOURS.items()
).replace("T9:", "T09:")


@pytest.fixture(scope="module", name="service")
def fixture_service(
    postgres_server: str, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """Answer a running `meter serve`."""
    with (
        _database(postgres_server, postgres_template) as url,
        serving(url, tmp_path_factory.mktemp("service"), "--no-worker") as running,
    ):
        yield running


@pytest.fixture(name="client", scope="module")
def fixture_client(service: Service) -> Client:
    """Answer a client of a team that has used what HOURS says, and something else."""
    client = make_team(service.url)
    events: list[object] = [
        {
            "id": f"{hour}-{minute}",
            "time": f"2026-11-02T{hour:02}:{minute}:00Z",
            "meter": "tokens.input",
            "quantity": quantity,
            "member": "bob" if minute == 40 else "alice",
            "service": "chat",
            "dimensions": {"model": "small"},
        }
        for hour, both in HOURS.items()
        for minute, quantity in zip((20, 40), both, strict=True)
    ]
    other = {"id": "x", "time": "2026-11-02T10:30:00Z", "meter": "tokens.input", "quantity": 1, "service": "other"}
    peak = {"id": "y", "time": "2026-11-02T10:30:00Z", "meter": "peak", "quantity": 1}
    client.post("/v1/meters", {"slug": "peak", "title": "Peak", "unit": "GB", "aggregation": "max", "dimensions": []})
    assert client.push([*events, other, peak])["accepted"] == 10
    return client


def environ(key: str | None) -> dict[str, str]:
    """Answer the environment of a command, with a key in it or none."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("METER_", "HOURMETER_"))}
    return kept | {"COLUMNS": "160"} | ({} if key is None else {"HOURMETER_KEY": key})


def reconcile(client: Client, file: Path, *words: str, key: str | None = "") -> Ended:
    """Run `meter reconcile` as that team on a file of input tokens of the chat; `key` is another one, or none."""
    usual = ("--set", "meter=tokens.input", "--set", "service=chat", "--url", client.url)
    command = [sys.executable, "-m", "meter", "reconcile", str(file), *usual, *words]
    return subprocess.run(
        command, env=environ(key if key is None else key or client.key), text=True, capture_output=True, check=False
    )


def written(directory: Path, text: str) -> Path:
    """Answer a CSV file with that text."""
    file = directory / "theirs.csv"
    file.write_text(text)
    return file


def plain(ended: Ended, code: int) -> str:
    """Answer what was shown, tables' frames left out, on one line."""
    assert (ended.returncode, ended.stderr) == (code, ""), ended
    return " ".join(re.sub("[│┃]", " ", ended.stdout).split())


def document(ended: Ended, code: int) -> dict[str, Any]:
    """Answer the JSON document that was shown."""
    assert (ended.returncode, ended.stderr) == (code, ""), ended
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def refused(ended: Ended) -> str:
    """Answer why they could not be compared: exit code 2, one message, no traceback, nothing shown."""
    assert (ended.returncode, ended.stdout) == (2, ""), ended
    assert ended.stderr.startswith("meter: ")
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_a_file_that_agrees(client: Client, tmp_path: Path) -> None:
    """Exit code 0, the totals, and the words; of another service nothing is counted."""
    said = plain(reconcile(client, written(tmp_path, AGREES)), 0)
    assert "tokens.input token 1140 1140 0 0" in said
    assert "tokens.input: all 4 hours agree; both totals are the same" in said
    assert "theirs.csv: 8 rows, 2026-11-02T09:00:00+00:00 to 2026-11-02T13:00:00+00:00" in said


def test_two_hours_that_differ(client: Client, tmp_path: Path) -> None:
    """Exit code 1; both hours with ours, theirs, difference and percent, then the total in plain words."""
    file = written(tmp_path, AGREES.replace(",100\n", ",108\n").replace(",7\n", ",11.5\n"))
    said = plain(reconcile(client, file), 1)
    assert "2026-11-02T09:00:00+00:00 tokens.input 120 128 -8 -6.25" in said
    assert "2026-11-02T10:00:00+00:00 tokens.input 12 16.5 -4.5 -27.2727" in said
    assert "T11:00:00+00:00 tokens.input" not in said
    assert "tokens.input: our total is 12.5 tokens lower (1.0846 %): 2 hours differ" in said
    assert "the one hour" not in plain(reconcile(client, file, "--tolerance", "10%"), 1)
    assert "all 4 hours agree; our total is 12.5 tokens lower" in plain(reconcile(client, file, "--tolerance", "8"), 0)


def test_hours_that_are_missing(client: Client, tmp_path: Path) -> None:
    """On either side they are told as missing, not as zero."""
    text = AGREES.replace("T10:", "T14:") + "2026-11-02T15:00:00Z,0\n"
    found = document(reconcile(client, written(tmp_path, text), "--json"), 1)
    assert [(each["from"][11:16], each["ours"], each["theirs"], each["missing"]) for each in found["differences"]] == [
        ("10:00", "12", None, "there"), ("14:00", None, "12", "here"), ("15:00", None, "0", "here"),
    ]  # fmt: skip
    assert (found["agrees"], found["meters"][0]["missing_here"], found["meters"][0]["missing_there"]) == (False, 2, 1)
    assert found["meters"][0]["says"] == (
        "tokens.input: both totals are the same: 2 hours missing here, 1 hour missing there"
    )
    shown = plain(reconcile(client, written(tmp_path, text), "--skip-zeros"), 1)
    assert "2026-11-02T14:00:00+00:00 tokens.input missing 12" in shown
    assert "T15:00" not in shown.split("theirs.csv")[0]


def test_another_zone(client: Client, tmp_path: Path) -> None:
    """Times without a zone are of --tz, and so are hours: Kathmandu's begin at a quarter past ours."""
    text = HEAD + "2026-11-02 15:00,120\n2026-11-02 16:00,12\n2026-11-02 17:00,1001\n2026-11-02 18:00,7\n"
    found = document(reconcile(client, written(tmp_path, text), "--tz", "Asia/Kathmandu", "--json"), 0)
    assert (found["agrees"], found["from"]) == (True, "2026-11-02T09:15:00+00:00")
    assert "row 1: its time can't be read, or has no zone: say which with --tz" in refused(
        reconcile(client, written(tmp_path, text.replace(" 1", "T1")))
    )
    days = HEAD + "2026-11-02,1140\n"
    found = document(reconcile(client, written(tmp_path, days), "--zone", "Asia/Tokyo", "--window", "day", "--json"), 0)
    assert found["from"] == "2026-11-01T15:00:00+00:00"


def test_by_member_of_ndjson_and_parquet(client: Client, tmp_path: Path) -> None:
    """Labels of rows are compared when --by says so, in every format; the columns are mapped as for an import."""
    rows = [
        {"ts": f"2026-11-02T{hour:02}:00:00Z", "who": who, "n": quantity, "cost": 0.1, "model": "small"}
        for hour, both in HOURS.items()
        for who, quantity in zip(("alice", "bob"), both, strict=True)
    ]
    ndjson, parquet = tmp_path / "a.ndjson", tmp_path / "a.parquet"
    ndjson.write_text("".join(json.dumps(row) + "\n" for row in rows))
    pl.DataFrame(rows[:-1]).write_parquet(parquet)
    words = ("--map", "time=ts", "--map", "member=who", "--map", "quantity=n", "--map", "dimensions.model=model")
    by = (*words, "--by", "member,model")
    assert document(reconcile(client, ndjson, *by, "--json"), 0)["by"] == ["member", "model"]
    said = plain(reconcile(client, parquet, *by), 1)
    assert "2026-11-02T12:00:00+00:00 tokens.input bob small 4 missing" in said
    assert "1 hour missing there" in said
    assert "--by key: no column has it" in refused(reconcile(client, ndjson, *words, "--by", "key"))


def test_a_part_of_a_file(client: Client, tmp_path: Path) -> None:
    """From an hour to another on both sides; what one side lacks inside is missing."""
    file = written(tmp_path, AGREES.replace(",100\n", ",999\n"))
    found = document(reconcile(client, file, "--from", "2026-11-02T10:00:00Z", "--to", "2026-11-03", "--json"), 0)
    assert (found["rows"], found["to"]) == (6, "2026-11-03T00:00:00+00:00")
    found = document(reconcile(client, written(tmp_path, HEAD + "2026-11-02T12:00:00Z,7"), "--from", "2026-11-02",
                               "--json"), 1)  # fmt: skip
    assert found["meters"][0]["missing_there"] == 3


def test_what_cant_be_compared(client: Client, tmp_path: Path) -> None:
    """Exit code 2 and why: rows that can't be read, nothing to compare, a meter without a total, no key, no service."""
    assert "row 9: " in refused(reconcile(client, _with(tmp_path, "2026-11-02T09:00:00Z,many")))
    assert "row 9: column 'time' has no time" in refused(reconcile(client, _with(tmp_path, ",1")))
    assert "row 9: the row has 3 cells" in refused(reconcile(client, _with(tmp_path, "a,b,c")))
    assert "row 9: it has no quantity" in refused(reconcile(client, _with(tmp_path, "2026-11-02T09:00:00Z,NaN")))
    assert "quantity has no column" in refused(reconcile(client, written(tmp_path, "time\n2026-11-02T09:00:00Z\n")))
    good = written(tmp_path, AGREES)
    assert "nothing to compare" in refused(reconcile(client, good, "--to", "2026-11-01"))
    command = [sys.executable, "-m", "meter", "reconcile", str(good), "--url", client.url, "--set"]
    for meter, words in (("meter=nope", "there is no meter 'nope'"), ("meter=peak", "peak is read as its max")):
        ended = subprocess.run([*command, meter], env=environ(client.key), text=True, capture_output=True, check=False)
        assert words in refused(ended)
    assert "this key is unknown" in refused(reconcile(client, good, key="hm_nobody"))
    assert "HOURMETER_KEY" in refused(reconcile(client, good, key=None))
    assert "can't be reached" in refused(reconcile(client, good, "--url", "http://127.0.0.1:9"))
    assert "is no tolerance" in refused(reconcile(client, good, "--tolerance", "some"))
    assert "is no zone" in refused(reconcile(client, good, "--tz", "Mars/Olympus"))
    assert "no such mapping" in refused(reconcile(client, good, "--mapping", str(tmp_path / "none.toml")))
    assert "No such file" in refused(reconcile(client, tmp_path / "none.csv"))


def _with(directory: Path, row: str) -> Path:
    return written(directory, f"{AGREES}{row}\n")


def test_the_commands_of_the_page(service: Service, tmp_path: Path) -> None:
    """Each block of docs/reconcile.md does what the text around it says."""
    client = make_team(service.url)
    found = []
    for block in BLOCK.findall(PAGE.read_text("utf-8")):
        script = f'meter() {{ "{sys.executable}" -m meter "$@"; }}\n{block}'
        ended = subprocess.run(
            ["bash", "-euc", script],
            env=environ(client.key) | {"HOURMETER": client.url},
            cwd=tmp_path, text=True, capture_output=True, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended
        found.append(ended.stdout)
    imported, differs, agrees = found
    assert "accepted" in imported
    assert "requests: our total is 2 requests lower (6.6667 %): 1 hour differs, 1 hour missing here" in differs
    assert "they differ" in differs
    assert '"agrees": true' in agrees
