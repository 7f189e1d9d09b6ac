"""POST /v1/prices/simulate: who may ask, how it is answered, how a mistake in the book is told."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.api.site import OPERATOR_KEY, Site, problem

PATH = "/v1/prices/simulate"
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "simulation.md").read_text("utf-8")
Body = dict[str, Any]


def book(name: str, amount: str = "0.02", more: str = "") -> str:
    """A draft of credits with a plan of this name, which has no price for output tokens unless `more` has."""
    return f"""
name = "credits"
title = "Credits"
currency = "USD"

[plans.{name}]
title = "Draft"
base_fee = "0.00"
prices.tokens_input = {{ title = "I", meter = "tokens.input", unit = "token", unit_amount = "{amount}", per = 1000 }}
{more}
"""


async def used(site: Site, name: str, **meters: int) -> str:
    """Make a team that used something two months ago, and answer its id."""
    team = await site.make_team(name)
    key = await site.make_key(team, "ingest")
    at = (datetime.now(UTC).replace(day=1) - timedelta(days=40)).isoformat()
    events = [
        {"id": str(uuid4()), "time": at, "meter": meter.replace("_", "."), "quantity": n} for meter, n in meters.items()
    ]
    await site.post("/v1/events", events, key)
    return team


@pytest.fixture(name="pair")
async def fixture_pair(site: Site) -> list[str]:
    """Answer two teams on credits/payg: of one the draft prices all, of the other it does not."""
    return [await used(site, "One", tokens_input=1_000_000), await used(site, "Two", tokens_output=7)]


async def test_the_whole_answer(site: Site, pair: list[str]) -> None:
    """A million tokens at 15 dollars become 20; the other team is told with its usage and is in no sum."""
    asked = {"book": book("payg"), "months": 3, "teams": pair}
    answer = await site.post(PATH, asked)
    (one,) = answer["teams"]
    assert (one["team"], one["result"], one["currency"]) == (pair[0], "pays_more", "USD")
    assert one["paid"] == {"old": "15.00", "new": "20.00", "difference": "5.00", "percent": "33.33"}
    assert one["plans"] == {"credits/payg": one["paid"]}
    assert one["prices"] == [
        {"plan": "credits/payg", "price": "tokens_input", "meter": "tokens.input", "paid": one["paid"]}
    ]
    assert one["periods"][0]["paid"]["old"] == "15.00"
    (two,) = answer["not_compared"]
    assert (two["team"], two["usage"]) == (pair[1], {"tokens.output": "7"})
    assert [(each["side"], each["code"], each["unpriced"]) for each in two["reasons"]] == [
        ("new", "unpriced", [{"meter": "tokens.output", "quantity": "7"}])
    ]
    totals = answer["totals"]
    assert (totals["teams"], totals["compared"], totals["not_compared"]) == (2, 1, 1)
    (usd,) = totals["currencies"]
    assert (usd["pays_more"], usd["pays_less"], usd["unchanged"], usd["paid"]) == (1, 0, 0, one["paid"])
    assert usd["meters"] == {"tokens.input": one["paid"]}
    assert totals["unpriced"] == [{"meter": "tokens.output", "quantity": "7", "teams": 1}]


async def test_lines_as_they_are_known(site: Site, pair: list[str]) -> None:
    """Progress first and between, a line per team, totals last: the same facts as in JSON."""
    asked = {"book": book("payg"), "months": 3, "teams": pair}
    whole = await site.post(PATH, asked)
    async with site.client(Accept="application/x-ndjson") as client, client.stream("POST", PATH, json=asked) as answer:
        assert answer.headers["content-type"].startswith("application/x-ndjson")
        lines = [json.loads(line) async for line in answer.aiter_lines()]
    kinds = [line.pop("type") for line in lines]
    assert (kinds[0], kinds[-1]) == ("progress", "totals")
    assert lines[0] == {"done": 0, "teams": 2}
    assert {"done": 2, "teams": 2} in lines
    told = dict(zip(kinds, lines, strict=True))
    for kind, there in (("team", "teams"), ("not_compared", "not_compared")):
        ((expected),) = whole[there]
        expected.pop("type", None)
        assert told[kind] == expected
    whole["totals"].pop("type", None)
    assert told["totals"] == whole["totals"]


async def test_a_row_per_team(site: Site, pair: list[str]) -> None:
    """As CSV, by `format` too; a team that is in no sum has the reason."""
    asked = {"book": book("payg"), "months": 3, "teams": pair}
    async with site.client() as client:
        answer = await client.post(PATH, params={"format": "csv"}, json=asked)
    assert answer.headers["content-type"].startswith("text/csv")
    rows = {row["team"]: row for row in csv.DictReader(io.StringIO(answer.text))}
    one, two = rows[pair[0]], rows[pair[1]]
    assert (one["result"], one["old"], one["new"], one["difference"], one["percent"]) == (
        "pays_more",
        "15",
        "20",
        "5",
        "33.33",
    )
    assert (two["result"], two["old"], two["reason"]) == (
        "not_compared",
        "",
        "new: unpriced: credits/payg has no price for tokens.output",
    )


async def test_moves(site: Site, pair: list[str]) -> None:
    """As if a team had been on another plan of the draft all along."""
    more = 'prices.out = { title = "Out", meter = "tokens.output", unit = "token", unit_amount = "1" }'
    draft = book("flat", "0.001", more)
    answer = await site.post(
        PATH, {"book": draft, "months": 3, "teams": pair, "moves": {"credits/payg": "credits/flat"}}
    )
    assert {each["team"]: each["paid"]["new"] for each in answer["teams"]} == {pair[0]: "1.00", pair[1]: "7.00"}
    assert answer["not_compared"] == []


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ({"book": book("payg", "abc")}, "invalid_body", "$.book:9: [plans.payg.prices.tokens_input] unit_amount"),
        ({"book": "name = "}, "invalid_body", "$.book:1: syntax"),
        ({"months": 0}, "invalid_body", "$.months"),
        ({"months": 25}, "invalid_body", "$.months"),
        ({"teams": []}, "invalid_body", "$.teams"),
        ({"teams": ["x"]}, "invalid_body", "$.teams[0]"),
        ({"team": []}, "invalid_body", "did you mean `teams`"),
        ({"teams": [str(uuid4())]}, "not_found", "there is no team"),
        ({"moves": {"credits/payg": "credits/max"}}, "unknown_plan", "credits/max"),
        ({"moves": {"credits/ever": "credits/payg"}}, "unknown_plan", "credits/ever"),
    ],
)
async def test_what_is_refused(site: Site, given: Body, code: str, said: str) -> None:
    """Each names the field, of a book its line too."""
    async with site.client(Accept="application/x-ndjson") as client:
        answer = await client.post(PATH, json={"book": book("payg"), "months": 1} | given)
    assert problem(answer) == code
    assert said in answer.json()["detail"]


async def test_a_mistake_in_the_book_is_told_in_parts(site: Site) -> None:
    """Line, table and field, for editors."""
    async with site.client() as client:
        answer = await client.post(PATH, json={"book": book("payg", "abc"), "months": 1})
    told = answer.json()
    assert (told["line"], told["table"], told["field"]) == (9, "plans.payg.prices.tokens_input", "unit_amount")


async def test_only_the_operator_may_ask(site: Site, pair: list[str]) -> None:
    """It is about everybody's usage."""
    key = await site.make_key(pair[0], "admin", "read")
    async with site.client(key) as client:
        answer = await client.post(PATH, json={"book": book("payg"), "months": 1})
    assert problem(answer) == "forbidden"


def block(mark: str) -> str:
    """Answer the block of the page that is marked so."""
    found = re.search(rf"<!-- {mark} -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    assert found, mark
    return found[1]


@pytest.mark.skipif(shutil.which("jq") is None or shutil.which("curl") is None, reason="no curl or jq")
async def test_the_page(site: Site, pair: list[str], tmp_path: Path) -> None:
    """The commands of docs/simulation.md run, with the draft that it shows, and answer what it says."""
    (tmp_path / "draft.toml").write_text(block("file: draft.toml"))
    environment = {"HOURMETER": site.url, "OPERATOR_KEY": OPERATOR_KEY, "PATH": "/usr/local/bin:/usr/bin:/bin"}

    async def run(name: str) -> str:
        command = ["bash", "-euo", "pipefail", "-c", block(f"run: {name}")]
        ran = await asyncio.to_thread(
            subprocess.run, command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return str(ran.stdout)

    lines = [json.loads(line) for line in (await run("all")).splitlines()]
    assert [line["type"] for line in (lines[0], lines[-1])] == ["progress", "totals"]
    teams = {line["team"]: line for line in lines if "team" in line}
    assert teams[pair[0]]["paid"]["new"] == "20.00"
    assert teams[pair[1]]["usage"] == {"tokens.output": "7"}
    rows = {row["team"]: row for row in csv.DictReader(io.StringIO(await run("moved")))}
    assert Decimal(rows[pair[0]]["new"]) == 1 + 12 * int(rows[pair[0]]["periods"])
