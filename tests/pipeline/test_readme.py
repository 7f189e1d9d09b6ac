"""What the README shows to copy runs as it stands there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.served import OPERATOR_KEY, Service, make_team

pytestmark = pytest.mark.slow
README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.mark.skipif(shutil.which("jq") is None or shutil.which("curl") is None, reason="no curl or jq")
def test_the_first_event_of_the_readme(service: Service) -> None:
    """The block marked to run does, twice over, and its answers say what the text says."""
    found = re.search(r"<!-- run -->\n```sh\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert found
    environment = {"HOURMETER": service.url, "OPERATOR_KEY": OPERATOR_KEY, "PATH": "/usr/local/bin:/usr/bin:/bin"}
    again = found[1] + found[1][found[1].index('curl -sf "$HOURMETER/v1/events"') :]
    ran = subprocess.run(["bash", "-euc", again], env=environment, capture_output=True, text=True, check=True)
    answers = [json.loads(text) for text in ran.stdout.replace("}{", "}\n{").splitlines()]
    assert [answer["accepted"] for answer in answers if "accepted" in answer] == [2, 1, 0, 0]
    assert [answer["duplicates"] for answer in answers if "accepted" in answer] == [0, 0, 2, 1]
    hours = [answer["items"] for answer in answers if "items" in answer]
    assert hours[0] == hours[1]
    assert [(item["from"], item["quantity"], item["member"], item["model"]) for item in hours[0]] == [
        ("2026-10-05T09:00:00Z", "6548", "bob", "small")
    ]


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl or jq")
def test_the_meter_of_the_meters_page(service: Service) -> None:
    """The block of docs/meters.md makes the meter it shows, with the key of a team's admin."""
    found = re.search(
        r"<!-- run -->\n```sh\n(.*?)```", (README.parent / "docs/meters.md").read_text("utf-8"), re.DOTALL
    )
    assert found
    client = make_team(service.url)
    environment = {"HOURMETER": service.url, "KEY": client.key, "PATH": "/usr/local/bin:/usr/bin:/bin"}
    ran = subprocess.run(["bash", "-euc", found[1]], env=environment, capture_output=True, text=True, check=True)
    made = json.loads(ran.stdout)
    assert (made["slug"], made["aggregation"], made["own"]) == ("queue.depth", "max", True)
    assert made in client.get("/v1/meters", limit=1000)["items"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl or jq")
def test_the_questions_of_the_usage_page(service: Service) -> None:
    """Each request of docs/usage.md answers what the page says it does, on two days of usage."""
    found = re.search(r"<!-- run -->\n```sh\n(.*?)```", (README.parent / "docs/usage.md").read_text("utf-8"), re.DOTALL)
    assert found
    client = make_team(service.url)
    events = [
        {"id": f"{n}", "time": f"2026-10-0{5 + n}T09:00:00Z", "meter": "tokens.input", "quantity": 10 * n + 10}
        | {"member": member, "dimensions": {"model": "gpt-5"}}
        for n, member in enumerate(("ann", "tester"))
    ]
    assert client.push(events)["accepted"] == 2
    environment = {"HOURMETER": service.url, "KEY": client.key, "PATH": "/usr/local/bin:/usr/bin:/bin"}
    ran = subprocess.run(["bash", "-euc", found[1]], env=environment, capture_output=True, text=True, check=True)
    rolling, top, largest, *rows = [line for line in ran.stdout.splitlines() if line]
    assert [item["quantity"] for item in json.loads(rolling)["items"]] == ["10", *["30"] * 6]
    assert [(item["member"], item["quantity"], item["other"]) for item in json.loads(top)["items"]] == [
        ("tester", "20", False),
        ("ann", "10", False),
    ]
    assert [item["quantity"] for item in json.loads(largest)["items"]] == ["10"]
    assert [row.split(",")[2:4] for row in rows] == [["model", "quantity"], ["gpt-5", "10"], ["gpt-5", "20"]]
