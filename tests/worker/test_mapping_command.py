"""`meter mapping` as people run it, in a process of its own, against a served app."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cramjam
import pytest

from api.ingest.otlp import JSON
from meter.mapping.presets import USUAL
from tests.api.collecting import at, counter, gauge
from tests.api_ingest.otlp_requests import PROTOBUF, document, written
from tests.api_ingest.remote_write_requests import request_1, sample
from tests.conftest import _database
from tests.served import Client, Service, make_team, serving

Ended = subprocess.CompletedProcess[str]
RULES = """
presets = ["genai", "otel-system"]

[[rules]]
metric = "bytes"
meter = "network"
member = "{who}"
dimensions = { direction = "{way}" }
divide = 0.5
"""


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


@pytest.fixture(name="client")
def fixture_client(service: Service) -> Client:
    """Answer a client of a new team."""
    return make_team(service.url)


def meter(client: Client, *words: object, key: str | None = "") -> Ended:
    """Run `meter mapping` as that team; `key` is another one, or none."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("METER_", "HOURMETER_"))}
    environ = kept | {"COLUMNS": "160"} | ({} if key is None else {"HOURMETER_KEY": key or client.key})
    command = [sys.executable, "-m", "meter", "mapping", *map(str, words)]
    if "--url" not in command:
        command += ["--url", client.url]
    return subprocess.run(command, env=environ, text=True, capture_output=True, timeout=60, check=False)


def shown(client: Client, *words: object) -> str:
    """Answer what a run that goes well prints, with what a table wraps and frames on one line."""
    ended = meter(client, *words)
    assert (ended.returncode, ended.stderr) == (0, ""), ended
    return " ".join(ended.stdout.replace("│", " ").split())


def refused(ended: Ended, code: int = 1) -> str:
    """Answer what a run that went wrong says: a line on standard error, no traceback, nothing else."""
    assert (ended.returncode, ended.stdout) == (code, ""), ended
    assert ended.stderr.startswith("meter: ")
    assert "Traceback" not in ended.stderr
    return ended.stderr.removeprefix("meter: ")


def mapping(client: Client) -> dict[str, Any]:
    """Answer what `show` prints."""
    found: dict[str, Any] = json.loads(meter(client, "show").stdout)
    return found


def test_a_file_is_applied_and_shown(client: Client, tmp_path: Path) -> None:
    """TOML as people wrote it and JSON as it was shown; each says what changed."""
    before = mapping(client)
    assert (before["version"], before["changed_at"], before["mapping"]["presets"]) == (1, None, list(USUAL))
    toml, again = tmp_path / "new.toml", tmp_path / "again.JSON"
    toml.write_text(RULES)
    said = shown(client, "apply", toml)
    assert said.startswith("version 2, in place of 1; it holds from the next body on")
    assert "rules for metrics: 1 (1 new, 0 gone)" in said
    assert "presets: 2 (0 new, 4 gone)" in said
    put = mapping(client)
    assert (put["version"], put["mapping"]["rules"][0]["divide"]) == (2, "0.5")
    assert put == client.get("/v1/mapping")
    again.write_text(json.dumps(put["mapping"] | {"rules": []}))
    assert "rules for metrics: 0 (0 new, 1 gone)" in shown(client, "apply", again)
    assert mapping(client)["version"] == 3


def test_a_wrong_mapping_is_refused_in_plain_words(client: Client, tmp_path: Path) -> None:
    """Exit code 1; the place and what to write instead, and nothing changes."""
    toml, yaml = tmp_path / "new.toml", tmp_path / "new.yaml"
    toml.write_text('[[rules]]\nmetric = "a"\nmeter = "nope"\n')
    told = refused(meter(client, "apply", toml))
    assert told == "rules[0].meter: there is no meter 'nope'; GET /v1/meters lists those there are\n"
    assert told == refused(meter(client, "try", "otlp", toml, "--mapping", toml))
    toml.write_text("presets = 1\n")
    assert refused(meter(client, "apply", toml)) == "Expected `array`, got `int` - at `$.presets`\n"
    assert "Expected `array`, got `int` - at `$.presets`" in refused(
        meter(client, "try", "otlp", toml, "--mapping", toml)
    )
    yaml.write_text("presets: []")
    assert "Name it so that it ends in .toml or .json" in refused(meter(client, "apply", yaml))
    assert "No such file" in refused(meter(client, "apply", tmp_path / "none.toml"), code=2)
    assert mapping(client)["version"] == 1


def test_a_recorded_body_is_tried(client: Client, tmp_path: Path) -> None:
    """By the team's mapping and by a draft: what it becomes, by which rule, or why not; nothing is stored."""
    used = gauge(at(0), at(1), name="system.memory.usage", state="used", **{"service.name": "web", "host.name": "h1"})
    other = counter(at(0), name="bytes")
    draft = tmp_path / "draft.toml"
    draft.write_text(RULES)
    strange = counter(at(0), name="\x1b[31m[red]x")
    for name, media_type in (("body.bin", PROTOBUF), ("body.json", JSON), ("body.gz", JSON)):
        body = tmp_path / name
        plain = written(document(used, other, strange), media_type)
        body.write_bytes(gzip.compress(plain) if body.suffix == ".gz" else plain)
        said = shown(client, "try", "otlp", body)
        assert "system.memory.usage 2 memory.used (level) service=web host=h1 otel-system[2]" in said
        assert "bytes 1 no rule of the mapping fits; write one, or one that ignores it" in said
        assert "\N{REPLACEMENT CHARACTER}[31m[red]x" in said
        assert "bytes 1 network (counter) rules[0]" in shown(client, "try", "otlp", body, "--mapping", draft)
    told = refused(meter(client, "try", "otlp", tmp_path / "body.json", "--content-type", "text/plain"))
    assert told.startswith("Content-Type 'text/plain'; send application/x-protobuf")
    assert client.usage(meter="memory.used", from_="2026-11-01", to="2026-12-01", tz="UTC") == []
    assert client.get("/v1/mapping/unmapped")["items"] == []


def test_packed_bodies_and_events_are_tried(client: Client, tmp_path: Path) -> None:
    """Prometheus' as it comes; an event that can't be counted is told below the table."""
    write, events = tmp_path / "write.bin", tmp_path / "events.json"
    series = [({"__name__": "node_memory_MemTotal_bytes", "job": "node", "instance": n}, [sample()]) for n in "ab"]
    write.write_bytes(bytes(cramjam.snappy.compress_raw(request_1(*series, series[0]))))
    for more in ((), ("--content-encoding", "snappy")):
        said = shown(client, "try", "prometheus", write, *more)
        assert "node_memory_MemTotal_bytes 2 memory (level) service=node instance=a node-exporter[2]" in said
        assert "node_memory_MemTotal_bytes 1 memory (level) service=node instance=b node-exporter[2]" in said
    events.write_text(
        json.dumps([{"id": "1", "source": "s", "type": "requests", "data": {"quantity": 2}}, {"id": "2"}])
    )
    said = shown(client, "try", "cloudevents", events)
    assert "requests 1 requests" in said
    assert "can't be counted, whatever the mapping says: event 1: `source` is missing" in said


def test_what_no_rule_takes_is_listed(client: Client) -> None:
    """Nothing at first; then each name with how much and why."""
    assert shown(client, "unmapped") == "everything that was sent makes usage, or is left out on purpose"
    body = written(document(*(counter(at(0), at(1), name=f"m.{number}") for number in range(1_001))), PROTOBUF)
    answer = client.http.post("/v1/metrics", content=body, headers={"Content-Type": PROTOBUF})
    assert answer.status_code == 200
    said = shown(client, "unmapped")
    assert all(f" m.{number} 2 GB " in said for number in range(1_001))
    assert "no rule of the mapping fits; write one, or one that ignores it" in said


def test_who_may_not_is_told(client: Client, tmp_path: Path) -> None:
    """A key that only reads, an unknown one, none, one from a file, and a service that is not there."""
    toml, key_file = tmp_path / "new.toml", tmp_path / "key"
    toml.write_text("")
    body = {"name": "reads", "scopes": ["read"], "kind": "standard"}
    reads = Client(client.url).post(f"/v1/teams/{client.team}/keys", body)["key"]
    assert refused(meter(client, "apply", toml, key=reads)) == "this key has read; it needs admin\n"
    assert refused(meter(client, "show", key="hm_nobody")) == "this key is unknown, revoked or expired\n"
    assert "HOURMETER_KEY" in refused(meter(client, "show", key=None), code=2)
    key_file.write_text(f"{client.key}\n")
    assert meter(client, "show", "--key-file", key_file, key=None).returncode == 0
    assert "no http or https URL" in refused(meter(client, "show", "--url", "ftp://x"), code=2)
    assert "can't be reached" in refused(meter(client, "show", "--url", "http://127.0.0.1:9"), code=2)
