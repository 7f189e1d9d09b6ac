"""What docs/import.md shows to copy runs as it stands there; what is kept is used; a dry run sends nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from tests.load.importer import Importer

pytestmark = pytest.mark.slow
PAGE = Path(__file__).resolve().parents[2] / "docs" / "import.md"
BLOCK = re.compile(r"<!-- run -->\n```sh\n(.*?)```", re.DOTALL)


def test_the_commands_of_the_page(importer: Importer) -> None:
    """Dry run, import, and import again: each block does what the text around it says."""
    dry, first, again = BLOCK.findall(PAGE.read_text("utf-8"))
    answers = [shell(importer, block) for block in (dry, first, again)]
    assert '"dimensions":{"model":"small"}' in answers[0]
    assert "of the first 3 rows 1 would be refused" in answers[0]
    assert "row 3: invalid_time" in answers[0]
    assert "some would be refused" in answers[0]
    assert re.search(r"accepted +3\n +duplicates +0\n +rejected +0\n", answers[1])
    assert 'zone = "Europe/Paris"' in answers[2]
    assert re.search(r"accepted +0\n +duplicates +3 .*\n +rejected +0\n", answers[2])
    assert importer.totals("tokens.input", "member", "model", "service") == {
        ("alice", "small", "chat"): (Decimal(6548), 1),
        ("bob", "small", "chat"): (Decimal(120), 1),
        ("bob", "large", "chat"): (Decimal(2000), 1),
    }
    assert importer.totals("tokens.output") == {(): (Decimal(458), 2)}


def shell(importer: Importer, block: str) -> str:
    """Run a block of the page in the directory of files."""
    environ = importer.environ() | {"HOURMETER": importer.client.url}
    meter = f'meter() {{ "{sys.executable}" -m meter "$@"; }}\n'
    command = ["bash", "-euc", meter + block]
    ran = subprocess.run(command, env=environ, cwd=importer.directory, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran
    return ran.stdout


def test_a_dry_run_leaves_no_trace(importer: Importer) -> None:
    """Nothing is sent and no file is made."""
    file = importer.write("a.csv", "time,meter,quantity\n2026-11-01T00:00:00Z,requests,1\n")
    before = set(importer.directory.iterdir())
    assert importer.run(file, "--dry-run").code == 0
    assert set(importer.directory.iterdir()) == before
    assert importer.totals("requests") == {}


def test_packed_on_the_way_to_another_machine(importer: Importer) -> None:
    """A name that is not known to be this machine gets zstd bodies, which the service takes."""
    rows = "".join(f"2026-11-01T00:00:{n % 60:02}Z,requests,{n}\n" for n in range(1_000))
    elsewhere = importer.client.url.replace("127.0.0.1", "127.1")
    assert importer.run(importer.write("a.csv", "time,meter,quantity\n" + rows), "--url", elsewhere).code == 0
    assert importer.totals("requests") == {(): (Decimal(sum(range(1_000))), 1_000)}


def test_a_mapping_serves_another_file(importer: Importer) -> None:
    """The kept mapping is used by name for a second file, and what it does not fit is said."""
    first = importer.write("a.csv", "ts,n\n2026-11-01T00:00:00Z,1\n")
    assert importer.run(first, "--map", "time=ts", "--map", "quantity=n", "--set", "meter=requests").code == 0
    kept = str(first.with_name("a.csv.mapping.toml"))
    second = importer.write("b.csv", "n,ts\n2,2026-11-01T00:00:00Z\n")
    assert importer.run(second, "--mapping", kept).code == 0
    assert importer.totals("requests") == {(): (Decimal(3), 2)}
    third = importer.write("c.csv", "n,when\n2,2026-11-01T00:00:00Z\n")
    ended = importer.run(third, "--mapping", kept)
    assert (ended.code, "no column 'ts'" in ended.err) == (2, True), ended
    first.with_name("a.csv.mapping.toml").write_text("[map]\ntime = 1\n")
    ended = importer.run(first)
    assert (ended.code, "mapping can't be read" in ended.err) == (2, True), ended
