"""The page about collectors: each block is run by a test, and what it tells of the mapping is so."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from meter.mapping.presets import USUAL
from tests.collectors.figures import by, total
from tests.collectors.page import BLOCKS, PAGE, block, run, shell
from tests.served import Client, make_team, serving

pytestmark = pytest.mark.slow


@pytest.fixture(name="client")
def fixture_client(database: str, tmp_path: Path) -> Iterator[Client]:
    """Answer a team of a running service."""
    if shutil.which("curl") is None or shutil.which("jq") is None:
        pytest.skip("no curl or jq")
    with serving(database, tmp_path) as service:
        yield make_team(service.url)


def cpu(seconds: float, jiffies: int, plugin: str = "cpu") -> dict[str, Any]:
    """Answer what collectd says of a processor at an instant."""
    named = {"host": "db-1", "plugin": plugin, "type": plugin, "type_instance": "user", "time": 1795160000 + seconds}
    return {**named, "dsnames": ["value"], "dstypes": ["derive"], "values": [jiffies]}


def test_every_block_is_run() -> None:
    """A block that no test runs is not on the page, and there is none without a name."""
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("*.py"))
    assert [name for name in BLOCKS if not re.search(rf"[\"']{name}[\"']", tests)] == []
    assert len(re.findall(r"^```\w+$", PAGE, re.MULTILINE)) == len(BLOCKS)


def test_the_presets_it_names_are_the_usual_ones() -> None:
    """Those in the sentence about a team without a mapping."""
    told = re.search(r"of its own: (.*?)\.", PAGE, re.DOTALL)
    assert told is not None
    assert tuple(re.findall(r"`([\w-]+)`", told[1])) == USUAL


def test_preview(client: Client, tmp_path: Path) -> None:
    """The body of the page would count to CPU, by a rule of a preset; and nothing is stored."""
    (item,) = json.loads(run(shell("preview", client), tmp_path))["items"]
    assert item["counts_to"] == [
        {"meter": "cpu.used", "member": None, "service": "db-1", "dimensions": {"host": "db-1"}, "read_as": "counter"}
    ]
    assert item["rule"] == "collectd[0]"
    assert client.get("/v1/usage/series")["items"] == []


def test_unmapped_and_points(client: Client, tmp_path: Path) -> None:
    """A metric without a rule is listed with its points; what counted is explained point by point."""
    sent = [cpu(0, 360_000), cpu(10, 720_000), cpu(20, 180_000), cpu(20, 7, "irq")]
    client.http.post("/v1/collectd", json=sent).raise_for_status()
    (unmapped,) = json.loads(run(shell("unmapped", client), tmp_path))["items"]
    assert (unmapped["source"], unmapped["name"], unmapped["reason"], unmapped["points"]) == (
        "collectd",
        "irq.irq",
        "no_rule",
        1,
    )
    points = json.loads(run(shell("points", client), tmp_path))["items"]
    told = [
        (point["value"], point["read_as"], (point["counted"] or {}).get("quantity"), point["why"]) for point in points
    ]
    assert told == [
        ("180000", "counter", "0.5", "it fell from 720000, so it counts anew from zero"),
        ("720000", "counter", "1", "the difference to 360000"),
        ("360000", "counter", None, "the first value, and nobody knows since when it was counted: it counts nothing"),
    ]
    assert total(client, "cpu.used", from_="2026-11-20", to="2026-11-21") == Decimal("1.5")


def test_openmeter(client: Client, tmp_path: Path) -> None:
    """The lines for OpenMeter's SDK count to the meter that has the name of the type."""
    (tmp_path / "first.py").write_text(block("openmeter", client), "utf-8")
    run(f"export HOURMETER={client.url} KEY={client.key}\nexec {sys.executable} first.py", tmp_path)
    assert by(client, "tokens.output", "member") == {"bob": Decimal(123)}
    assert by(client, "tokens.output", "model") == {"small": Decimal(123)}
