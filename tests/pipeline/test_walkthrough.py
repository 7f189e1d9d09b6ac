"""The page from logs to invoices: each block runs and says what stands there; then the same blocks on whole traces."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import polars as pl
import pytest

from tests.pipeline.traces import frame
from tests.served import OPERATOR_KEY, serving

pytestmark = pytest.mark.slow
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "walkthrough-traces.md").read_text("utf-8")
BLOCKS: dict[str, str] = dict(re.findall(r"<!-- run: (\w+) -->\n```sh\n(.*?)```", PAGE, re.DOTALL))
ANSWERS: dict[str, str] = dict(
    re.findall(r"<!-- run: (\w+) -->\n```sh\n[^`]*```\n\n```text\n(.*?)```", PAGE, re.DOTALL)
)
OCTOBER = 1_791_190_800_000_000
"""2026-10-05T09:00:00Z in microseconds: traces are moved there."""
PRICES = {"input": Decimal("0.015"), "cached": Decimal("0.0015"), "output": Decimal("0.045")}
CENT = Decimal("0.01")


class Desk:
    """Somebody who follows the page, in a directory of their own."""

    def __init__(self, directory: Path, url: str, database: str) -> None:
        """With the service at hand, and its database for the commands."""
        self.directory = directory
        self._around = os.environ | {
            "HOURMETER": url,
            "OPERATOR": OPERATOR_KEY,
            "DATABASE_URL": database,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }

    def run(self, name: str) -> str:
        """What a block says, as it stands on the page."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", BLOCKS[name]],
            cwd=self.directory,
            env=self._around,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(name="desk")
def fixture_desk(database: str, tmp_path: Path) -> Iterator[Desk]:
    """Answer somebody in front of a running service."""
    if missing := [each for each in ("curl", "jq", "awk") if shutil.which(each) is None]:
        pytest.skip(f"no {' and no '.join(missing)} on PATH")
    with serving(database, tmp_path) as service:
        yield Desk(tmp_path, service.url, database)


def test_the_page(desk: Desk) -> None:
    """Every command is run in its order, and every answer that is shown is what it says."""
    assert len(ANSWERS) == PAGE.count("```text")
    for name in BLOCKS:
        said = desk.run(name)
        if name in ANSWERS:
            assert said == ANSWERS[name], name


def test_the_traces(desk: Desk) -> None:
    """The recorded requests of three services by the same commands: each invoice is the sum of its log."""
    sums = write_logs(desk.directory)
    for name in BLOCKS:
        if name in {"logs", "by_hand"}:
            continue
        said = desk.run(name)
        if name == "lines":
            check_lines(said, sums)
        if name == "members":
            check_members(said, sums)
        if name == "verify":
            owed = [f'["agrees","{sum(lines(each).values()):f}",[]]' for each in sums.values()]
            assert said.splitlines() == owed


Used = dict[str, dict[str | None, Decimal]]
"""Tokens by kind and member."""


def write_logs(directory: Path) -> dict[str, Used]:
    """Writes the traces as the page has its logs, moved to October; answers what was used in each."""
    azure = frame("azure_llm_2023")
    azure.columns = ["service", "at", "context_tokens", "generated_tokens"]
    moved = pl.from_epoch(pl.col("at").dt.epoch("us") - pl.col("at").dt.epoch("us").min() + OCTOBER, "us")
    azure = azure.with_columns(moved.dt.to_string("%Y-%m-%dT%H:%M:%S%.6fZ").alias("at"))
    kinds = {"input": "context_tokens", "output": "generated_tokens"}
    found = {
        team: logged(azure.filter(pl.col("service") == service).drop("service"), directory / f"{team}.csv", kinds)
        for team, service in (("code", "azure-code"), ("conversation", "azure-conv"))
    }
    chat = frame("mooncake_conversation").drop("hash_ids")
    chat.columns = ["milliseconds", "input_tokens", "output_tokens", "cached_tokens"]
    chat = chat.select("milliseconds", "input_tokens", "cached_tokens", "output_tokens")
    kinds = {"input": "input_tokens", "cached": "cached_tokens", "output": "output_tokens"}
    found["chat"] = logged(chat, directory / "chat.csv", kinds)
    cached = found["chat"]["cached"]
    found["chat"]["input"] = {who: tokens - cached[who] for who, tokens in found["chat"]["input"].items()}
    return found


def logged(rows: pl.DataFrame, file: Path, kinds: dict[str, str]) -> Used:
    """Writes rows with a number and a user each, some without; answers the tokens by kind and user."""
    numbered = rows.with_row_index("request").with_columns(
        pl.when(pl.col("request") % 11 > 0).then(pl.format("user-{}", pl.col("request") % 7)).alias("user")
    )
    numbered.select("request", rows.columns[0], "user", *rows.columns[1:]).write_csv(file)
    used: Used = {kind: defaultdict(Decimal) for kind in kinds}
    for row in numbered.iter_rows(named=True):
        for kind, column in kinds.items():
            used[kind][row["user"]] += row[column]
    return used


def lines(used: Used) -> dict[str, Decimal]:
    """What each kind of tokens costs."""
    return {kind: cents(sum(tokens.values(), Decimal(0)), kind) for kind, tokens in used.items()}


def cents(tokens: Decimal, kind: str) -> Decimal:
    """What tokens cost, to the cent."""
    return (tokens * PRICES[kind] / 1000).quantize(CENT, ROUND_HALF_UP)


def check_lines(said: str, sums: dict[str, Used]) -> None:
    """Each line of each invoice has the tokens of the log, and their price."""
    expected = {
        (team, f"{sum(tokens.values()):f}", f"{lines(used)[kind]:f}")
        for team, used in sums.items()
        for kind, tokens in used.items()
    }
    rows = [re.fullmatch(r"(\w+): .*, (\d+) tokens?, ([\d.]+)", line) for line in said.splitlines()]
    assert {row.groups() for row in rows if row} == expected
    assert len(rows) == len(expected)


def check_members(said: str, sums: dict[str, Used]) -> None:
    """Statements come to the invoice, and each is what its tokens cost but for a cent a line."""
    stated: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for team, member, total in re.findall(r"^(\w+): (\S+) (\S+)$", said, re.MULTILINE):
        stated[team][member] = Decimal(total)
    for team, used in sums.items():
        assert sum(stated[team].values()) == sum(lines(used).values())
        members = {member for tokens in used.values() for member in tokens}
        assert stated[team].keys() == {member or "nobody" for member in members}
        for member in members:
            exact = sum(tokens[member] * PRICES[kind] / 1000 for kind, tokens in used.items())
            assert abs(stated[team][member or "nobody"] - exact) < CENT * len(used)
