"""`meter prices`: what it says and by which code it ends; and the page about it, block by block, as people run it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema_rs
import pytest

from meter.__main__ import main
from meter.prices.store import shipped
from tests.conftest import _database
from tests.pipeline.test_quickstart import objects
from tests.served import OPERATOR_KEY, Client, Service, make_team, serving

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "prices-as-code.md").read_text("utf-8")
BLOCKS: dict[str, str] = dict(re.findall(r"<!-- run: (\w+) -->\n```sh\n(.*?)```", PAGE, re.DOTALL))
NOTHING, WRONG, CHANGES = 0, 1, 2
MANY_WRONG = """
name = "many"
title = "Many"
currency = "EUR"
colour = "red"

[plans.a]
title = "A"
base_fee = 3
[plans.a.prices.x]
title = "X"
meter = "requests"
unit = "request"
unit_amount = "1,5"
[plans.a.prices.y]
title = "Y"
meter = "tokens.input"
unit = "token"
unit_amout = "1"

[plans.b]
titel = "B"

[plans.c]
title = "C"
[plans.c.prices]
r = { title = "R", meter = "m", unit = "x", unit_amount = "1" }
s = { title = "S", meter = "m", unit = "x", unit_amount = "1" }

[addons.extra]
title = "Extra"

[coupons.half]
percent = "101"
"""
# What is wrong there, line by line.
LINES = {
    5: "colour",
    9: "base_fee",
    14: "unit_amount",
    15: "unit_amount",
    21: "title",
    26: "prices",
    30: "base_fee",
    34: "percent",
}


@pytest.fixture(scope="module", name="url")
def fixture_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """Answer a database of this file's own."""
    with _database(postgres_server, postgres_template) as url:
        yield url


@pytest.fixture(scope="module", name="service")
def fixture_service(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Answer a running service on that database."""
    with serving(url, tmp_path_factory.mktemp("service"), "--no-worker") as running:
        yield running


def environ(url: str, directory: Path) -> dict[str, str]:
    """Answer the environment of a command on a database."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("METER_", "HOURMETER"))}
    own = {"DATABASE_URL": url, "METER_DATA_DIR": str(directory), "COLUMNS": "200"}
    return kept | own | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


class Ended(NamedTuple):
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


def prices(url: str, directory: Path, *words: str, **settings: str) -> Ended:
    """Run `meter prices` in a directory, with nobody at a terminal; here, as a process takes longer to begin."""
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(directory)
        for name in [name for name in os.environ if name.startswith(("METER_", "HOURMETER"))]:
            patch.delenv(name)
        for name, value in (environ(url, directory) | settings).items():
            patch.setenv(name, value)
        patch.setattr(sys, "stdin", StringIO())
        try:
            code = main(["prices", *words])
        except SystemExit as ended:
            code = int(str(ended.code))
    return Ended(code, out.getvalue(), err.getvalue())


def written(directory: Path, text: str, name: str = "book.toml") -> str:
    """Write a file and answer its name."""
    (directory / name).write_text(text, "utf-8")
    return name


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    """Each with its line and field, in the order of the file, without a database; for programs too."""
    file = written(tmp_path, MANY_WRONG)
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    ended = prices(nowhere, tmp_path, "validate", file)
    assert ended.returncode == WRONG
    told = [re.match(r"book.toml:(\d+): (?:\[\S+\] )?(\S+): ", line) for line in ended.stderr.splitlines()]
    assert [(int(each[1]), each[2]) for each in told if each] == list(LINES.items())
    shown = json.loads(prices(nowhere, tmp_path, "validate", file, "--json").stdout)
    assert [each["line"] for each in shown["mistakes"]] == list(LINES)
    for text in ("name = ", "", "plans = 3", 'name = "a"\nplans = { a = 1 }'):
        broken = prices(nowhere, tmp_path, "plan", written(tmp_path, text))
        assert (broken.returncode, "book.toml:1: " in broken.stderr) == (WRONG, True), broken.stderr


def test_a_right_book_says_what_it_has(url: str, tmp_path: Path) -> None:
    """And with --database which meters there are not, with what was meant."""
    text = shipped("credits").text
    ended = prices(url, tmp_path, "validate", written(tmp_path, text), "--database")
    assert (ended.returncode, ended.stderr) == (NOTHING, "")
    assert "book credits, version" in ended.stdout
    slip = text.replace('meter = "tokens.input"', 'meter = "token.input"')
    ended = prices(url, tmp_path, "validate", written(tmp_path, slip), "--database")
    assert ended.returncode == WRONG
    assert "there is no meter 'token.input'; did you mean tokens.input?" in ended.stderr
    taxed = text + '\n[taxes]\nrates = [{ name = "VAT", percent = 19, country = "DE" }]\n'
    ended = prices(url, tmp_path, "validate", written(tmp_path, taxed))
    assert (ended.returncode, "VAT is for DE" in ended.stderr) == (WRONG, True)


def test_what_the_catalogue_can_not_say(url: str, tmp_path: Path) -> None:
    """By model, with the field of the price file; the file is kept with the version, and exported beside the book."""
    models = {"big": {"input_cost_per_token": 1e-06, "input_cost_per_token_above_200k_tokens": 2e-06, "mode": "chat"}}
    written(tmp_path, json.dumps(models), "models.json")
    book = """
name = "models"   # a comment of ours
title = "Models"
currency = "USD"
catalogue = { file = "models.json", as_of = 2026-11-01, markup = "1.5" }
[plans.base]
title = "Base"
prices.tokens = { title = "T", meter = "tokens.input", unit = "token", model = "matrix", catalogue = true }
"""
    file = written(tmp_path, book)
    said = prices(url, tmp_path, "validate", file)
    assert (said.returncode, "big: input_cost_per_token_above_200k_tokens" in said.stdout) == (NOTHING, True), said
    assert prices(url, tmp_path, "apply", file, "--yes").returncode == NOTHING
    other = tmp_path / "other"
    other.mkdir()
    assert prices(url, other, "export", "models", "-o", "mine.toml").returncode == NOTHING
    assert (other / "mine.toml").read_text("utf-8") == book
    assert json.loads((other / "models.json").read_text("utf-8")) == models
    assert prices(url, other, "plan", "mine.toml").returncode == NOTHING
    (other / "models.json").write_text("{}", "utf-8")
    kept = prices(url, other, "export", "models", "-o", "mine.toml")
    assert (kept.returncode, "says something else" in kept.stderr) == (WRONG, True)
    (other / "models.json").unlink()
    gone = prices(url, other, "plan", "mine.toml")
    assert (gone.returncode, "models.json is not there" in gone.stderr) == (WRONG, True)


def test_codes_when_it_can_not(tmp_path: Path) -> None:
    """2 says that something would change, so whatever goes wrong is 1: no server, no file, a wrong setting or word."""
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    file = written(tmp_path, shipped("calls").text)
    for words in (("plan", file), ("drift", file), ("plan", "none.toml"), ("plan", file, "--from", "soon"), ("plan",)):
        ended = prices(nowhere, tmp_path, *words)
        assert (ended.returncode, bool(ended.stderr)) == (WRONG, True), words
    ended = prices(nowhere, tmp_path, "plan", file, METER_PORT="many")
    assert (ended.returncode, "METER_PORT" in ended.stderr) == (WRONG, True)


def test_applying_needs_a_yes(url: str, tmp_path: Path) -> None:
    """Where nobody can be asked it changes nothing without --yes."""
    file = written(tmp_path, shipped("calls").text.replace('"0.01"', '"0.02"'))
    ended = prices(url, tmp_path, "apply", file)
    assert (ended.returncode, "--yes" in ended.stderr) == (WRONG, True)
    assert prices(url, tmp_path, "plan", file).returncode == CHANGES


def test_the_schema_is_one(tmp_path: Path, url: str) -> None:
    """What ships is right by it, and a slip is not."""
    assert prices(url, tmp_path, "schema", "-o", "s.json").returncode == NOTHING
    known = jsonschema_rs.validator_for(json.loads((tmp_path / "s.json").read_text("utf-8")))
    assert known.is_valid({"name": "a", "title": "A", "currency": "EUR", "plans": {"x": {"title": "X"}}})
    assert not known.is_valid({"name": "a", "title": "A", "currency": "EUR", "plans": {"x": {"titel": "X"}}})
    assert prices(url, tmp_path, "schema").stdout == (tmp_path / "s.json").read_text("utf-8")


@pytest.mark.slow
def test_the_page(service: Service, url: str, tmp_path: Path) -> None:
    """Exported, validated, planned, simulated, applied twice, drifted; unpriced usage found, and priced."""
    for program in ("curl", "jq"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program} on PATH")
    client = make_team(service.url, plan="credits/payg")
    month = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    last = (month - timedelta(days=1)).replace(day=3)
    quantities = {"tokens.input": 1_000_000, "network": 30}
    assert client.push([{"id": "a", "time": last.isoformat(), "quantities": quantities}])["accepted"] == 1

    def run(name: str, code: int = 0) -> str:
        shell = environ(url, tmp_path) | {"HOURMETER": service.url, "KEY": client.key, "OPERATOR_KEY": OPERATOR_KEY}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", BLOCKS[name]],
            cwd=tmp_path,
            env=shell,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done
        return done.stdout + done.stderr

    assert "hourmeter" in run("begin")
    assert (tmp_path / "credits.toml").read_text("utf-8") == shipped("credits").text
    assert "#:schema ./book.schema.json" in run("schema")
    mistakes = run("mistakes")
    assert "wrong.toml:14: [plans.payg.prices.tokens_input] unit_amount: 'o.015'" in mistakes
    assert "wrong.toml:15: [plans.payg.prices.tokens_output] meter: is missing" in mistakes
    assert "not to be committed" in mistakes
    planned = run("plan")
    assert "~ plans.payg.prices.tokens_input.unit_amount: 0.015 → 0.018" in planned
    assert "NO PRICE for network: 30 used by 1 team" in planned  # so no sum of it is shown
    simulated = run("simulate")
    assert f"{client.team},Acme,not_compared,USD" in simulated
    applied = run("apply")
    assert (applied.count("applied: credits"), applied.count("nothing changes")) == (1, 1)
    assert "to come" in applied
    drifted = run("drift")
    assert "credits.toml is what is in force" in drifted
    assert "~ plans.payg.prices.tokens_input.unit_amount: 0.018 → 0.015" in drifted
    dry, versions = objects(run("http"))
    assert (dry["changed"], dry["reaches"]) == (
        True,
        [{"kind": "plan", "name": "credits/payg", "how": "changed", "teams": 1}],
    )
    assert [each["state"] for each in versions["items"]] == ["to_come", "in_force"]
    found: list[dict[str, Any]] = objects(run("unpriced").split("┏")[0])[0]["items"]
    assert [(each["meter"], each["quantity"], each["plan"]) for each in found] == [("network", "30", "credits/payg")]
    operator = Client(service.url)
    refused = operator.http.post(f"/v1/teams/{client.team}/invoices", json={})
    assert refused.json()["code"] == "unpriced_usage"
    priced = run("priced")
    assert '"items":[]' in priced
    made = operator.post(f"/v1/teams/{client.team}/invoices", {})
    assert {line["price"]: line["amount"] for line in made["lines"]} == {"tokens_input": "15.00", "network": "3.00"}
    planned_again = prices(url, tmp_path, "plan", "dearer.toml", "--json")
    assert planned_again.returncode == CHANGES
    (currency,) = json.loads(planned_again.stdout)["money"]["totals"]["currencies"]
    assert (currency["paid"]["old"], currency["paid"]["new"], currency["pays_more"]) == ("18.00", "21.00", 1)
    shown = prices(url, tmp_path, "plan", "dearer.toml")
    assert "0 teams would pay less, 1 more, 0 the same: 18.00 → 21.00 USD (+3.00, +16.67%)" in shown.stdout
    billed = prices(url, tmp_path, "plan", "dearer.toml", "--from", f"{last:%Y-%m}-01", "--months", "0")
    assert (billed.returncode, "can't be applied: final invoices of 1 teams" in billed.stderr) == (WRONG, True)
