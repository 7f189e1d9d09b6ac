"""The CloudEvents SDKs, as they are: structured, binary and in batches, each event counts once, as the rules say."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cloudevents.conversion import to_binary, to_dict, to_structured
from cloudevents.http import CloudEvent

from tests.collectors.figures import by, everything, total
from tests.collectors.page import block, put_mapping, run
from tests.served import Client, make_team, serving

pytestmark = pytest.mark.slow
NODE_SCRIPT = Path(__file__).parent / "clients" / "cloudevents.mjs"


def mapped_team(url: str, directory: Path) -> Client:
    """Answer a new team with the rules for events of the page."""
    client = make_team(url)
    put_mapping(client, directory, block("events-toml", client))
    return client


def report(number: int, **attributes: str) -> CloudEvent:
    """Answer an event that counts `number` documents and ten times as many tokens."""
    named = {"type": "report.made", "source": "python", "id": f"report-{number}", "subject": "ann", **attributes}
    return CloudEvent(named, {"pages": number, "usage": {"tokens": number * 10}, "model": "small"})


def send(client: Client, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Send what the SDK has made, and answer the receipt."""
    answer = client.http.post("/v1/events", content=body, headers=dict(headers))
    assert answer.status_code == 200, answer.text
    receipt: dict[str, Any] = answer.json()
    return receipt


def test_python_in_each_form(database: str, tmp_path: Path) -> None:
    """Structured, with a name that is not ASCII, binary, and a batch; sent again, each is a duplicate."""
    batch = [to_dict(report(4)), to_dict(report(8)), to_dict(report(16, type="nobody.knows"))]
    forms = [
        to_structured(report(1, subject="zoë")),
        to_binary(report(2, subject="bob")),
        ({"content-type": "application/cloudevents-batch+json"}, json.dumps(batch).encode()),
    ]
    with serving(database, tmp_path) as service:
        client = mapped_team(service.url, tmp_path)
        receipts = [send(client, *form) for form in forms]
        assert [(each["accepted"], each["duplicates"]) for each in receipts] == [(2, 0), (2, 0), (4, 0)]
        assert total(client, "documents") == 15
        assert by(client, "documents", "member") == {"ann": Decimal(12), "bob": Decimal(2), "zoë": Decimal(1)}
        assert by(client, "tokens.input", "model") == {"small": Decimal(150)}
        assert [each["name"] for each in client.get("/v1/mapping/unmapped")["items"]] == ["nobody.knows"]
        before = everything(client)
        again = [send(client, *form) for form in forms]
        assert [(each["accepted"], each["duplicates"]) for each in again] == [(0, 2), (0, 2), (0, 4)]
        assert everything(client) == before


def test_javascript_in_each_form(database: str, tmp_path: Path, node_project: Path) -> None:
    """Structured, binary and a batch from node; sent again, each is a duplicate."""
    shutil.copy(NODE_SCRIPT, node_project)
    with serving(database, tmp_path) as service:
        client = mapped_team(service.url, tmp_path)
        script = f"export HOURMETER={client.url} KEY={client.key}\nexec node {NODE_SCRIPT.name}"
        receipts, again = json.loads(run(script, node_project))
        assert [(each["accepted"], each["duplicates"]) for each in receipts] == [(2, 0), (2, 0), (4, 0)], receipts
        assert [(each["accepted"], each["duplicates"]) for each in again] == [(0, 2), (0, 2), (0, 4)]
        assert by(client, "documents", "member") == {"ann": Decimal(2), "zoë": Decimal(13)}
        assert total(client, "tokens.input") == 40


def test_the_page(database: str, tmp_path: Path, node_project: Path) -> None:
    """What the page shows for both languages is counted by the rules it shows."""
    with serving(database, tmp_path) as service:
        client = mapped_team(service.url, tmp_path)
        (tmp_path / "report.py").write_text(block("cloudevents-python", client), "utf-8")
        (node_project / "report.mjs").write_text(block("cloudevents-javascript", client), "utf-8")
        head = f"export HOURMETER={client.url} KEY={client.key}\n"
        run(f"{head}exec {sys.executable} report.py", tmp_path)
        run(f"{head}exec node report.mjs", node_project)
        assert by(client, "documents", "member") == {"bob": Decimal(15)}
        assert by(client, "tokens.input", "model") == {"small": Decimal(445)}
