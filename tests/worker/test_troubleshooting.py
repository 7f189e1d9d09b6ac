"""The page on what goes wrong at start: every message it quotes is one that is printed."""

from __future__ import annotations

import ast
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from meter.__main__ import main
from tests.conftest import _database
from tests.served import free_port

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "troubleshooting.md").read_text("utf-8")
SAID = dict(re.findall(r"<!-- said: (\w+) -->\n```text\n(.*)\n```", PAGE))
WRITTEN = re.findall(r"<!-- in: (\S+) -->\n```text\n(.*)\n```", PAGE)
Say = Callable[..., str]


def pattern(shown: str) -> re.Pattern[str]:
    """Read `…` as anything."""
    return re.compile(".+".join(map(re.escape, shown.split("…"))))


@pytest.fixture(name="say")
def fixture_say(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., str]:
    """Answer a function that runs a command under settings which refuse it, and answers what it says then."""

    def say(command: str, **settings: str) -> str:
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("DATABASE_URL", raising=False)
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        assert main([command]) == 2
        (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("meter: "))
        return line.removeprefix("meter: ")

    return say


def test_every_quoted_message_has_its_proof() -> None:
    """Each block of the page is produced below, or found in the file it names."""
    assert PAGE.count("```text") == len(SAID) + len(WRITTEN)
    assert set(SAID) == {"port", "unknown", "form", "twice", "directory", "old", "unreachable", "empty", "newer"}


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("unknown", {"METER_PROT": "9000"}),
        ("form", {"METER_PORT": "http"}),
        ("twice", {"METER_OPERATOR_KEY": "hm_" + "k" * 40, "METER_OPERATOR_KEY_FILE": "key"}),
        ("directory", {"METER_DATA_DIR": "/dev/null/data"}),
        ("unreachable", {"DATABASE_URL": "postgresql://meter@127.0.0.1:1/meter"}),
    ],
)
def test_what_settings_make_it_say(name: str, settings: dict[str, str], say: Say) -> None:
    """Nothing of it needs a server."""
    assert pattern(SAID[name]).match(say("doctor", **settings))


@pytest.mark.slow
@pytest.mark.database
def test_what_a_cluster_of_another_version_makes_it_say(say: Say, data_dir: Path) -> None:
    """The directory is left as it is."""
    cluster = data_dir / "postgres"
    cluster.mkdir(mode=0o755)
    (cluster / "PG_VERSION").write_text("12\n")
    assert pattern(SAID["old"]).fullmatch(say("doctor", METER_DATA_DIR=str(data_dir)))
    assert [path.name for path in cluster.iterdir()] == ["PG_VERSION"]


def test_what_databases_make_it_say(say: Say, postgres_server: str, database: str) -> None:
    """Nobody has migrated one; a newer version has migrated the other; the port is taken for the third."""
    with _database(postgres_server) as url:
        assert say("serve", DATABASE_URL=url) == SAID["empty"]
    with socket.socket() as other:
        port = free_port()
        other.bind(("127.0.0.1", port))
        other.listen()
        assert pattern(SAID["port"]).fullmatch(say("serve", DATABASE_URL=database, METER_PORT=str(port)))
    with psycopg.connect(database) as conn:
        conn.execute("insert into meter.migration (number, name, engine, sha256) values (9000, 'x', 'postgres', '')")
    for command in ("serve", "migrate", "doctor"):
        assert pattern(SAID["newer"]).fullmatch(say(command, DATABASE_URL=database))


def literals(path: Path) -> Iterator[str]:
    """Walk over the texts of a Python file, with `…` for each value that is put in."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)


@pytest.mark.tree
@pytest.mark.parametrize(("file", "shown"), WRITTEN, ids=[file for file, _ in WRITTEN])
def test_what_is_quoted_from_a_file_stands_there(file: str, shown: str) -> None:
    """Where it takes another machine to produce it."""
    path = Path(__file__).resolve().parents[2] / file
    if path.suffix == ".py":
        assert [text for text in literals(path) if pattern(shown).match(text)]
    else:
        assert shown in re.sub(r"\$(\w+|\*)", "…", path.read_text("utf-8"))
