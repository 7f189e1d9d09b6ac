"""The documents say what is: features have their tests, commands run, settings and files exist."""

from __future__ import annotations

import argparse
import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from meter.__main__ import make_parser
from meter.settings import SETTINGS, load
from tests.test_architecture import PACKAGES, PLUGINS

pytestmark = pytest.mark.tree
ROOT = Path(__file__).resolve().parents[1]
FEATURES = ROOT / "docs" / "features.md"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")])
TEST_ID = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
TEST_FILE = re.compile(r"`(tests/[\w/]+\.py)(?:::\w+)?`")
SHELL = re.compile(r"^```(?:sh|bash|shell|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PATHS = re.compile(rf"`((?:{'|'.join(PACKAGES)}|tests|docs|scripts)/[\w./-]+)`")
LINKS = re.compile(r"\[[^\]]*\]\((?!\w+:|#)([^)#\s]+)[^)]*\)")
OF_COMPOSE = {"POSTGRES_PASSWORD"}


def name_of(path: Path) -> str:
    """Name a document in messages."""
    return str(path.relative_to(ROOT))


@cache
def functions(path: str) -> set[str]:
    """Name the functions of a file."""
    module = ast.parse((ROOT / path).read_text("utf-8"))
    return {node.name for node in ast.walk(module) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}


def rows(text: str) -> list[str]:
    """List the rows of every table, without heads and rules."""
    lines = text.splitlines()
    return [
        line
        for line, above in zip(lines, ["", *lines], strict=False)
        if line.startswith("|") and above.startswith("|") and not re.fullmatch(r"[|:\- ]+", line)
    ]


def test_every_feature_has_its_proof() -> None:
    """Each row of docs/features.md names a test, and every test it names exists."""
    found = rows(FEATURES.read_text("utf-8"))
    assert found
    assert [row for row in found if not TEST_ID.search(row)] == []
    missing = [
        f"{path}::{name}"
        for path, name in TEST_ID.findall("\n".join(found))
        if not (ROOT / path).exists() or name not in functions(path)
    ]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_named_tests_exist(document: Path) -> None:
    """A test that a document leans on is there."""
    text = document.read_text("utf-8")
    assert [path for path in TEST_FILE.findall(text) if not (ROOT / path).exists()] == []
    assert [f"{path}::{name}" for path, name in TEST_ID.findall(text) if name not in functions(path)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_named_files_exist(document: Path) -> None:
    """A file or folder of ours that a document names or links to is there."""
    text = document.read_text("utf-8")
    paths = [path for path in PATHS.findall(text) if not (ROOT / path).exists()]
    links = [link for link in LINKS.findall(text) if not (document.parent / link).exists()]
    assert paths + links == []


def commands(text: str) -> Iterator[list[str]]:
    """Walk over the commands in the shell blocks of a document, without the variables set before them."""
    for block in SHELL.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r"&&|\|\||[|;&]", line.split(" #")[0].removeprefix("$ ")):
                try:
                    words = shlex.split(part)
                except ValueError:  # a quote that goes over several lines: the body of a request
                    continue
                while words and re.fullmatch(r"\w+=.*", words[0]):
                    words.pop(0)
                if words:
                    yield words


def subcommands() -> dict[str, set[str]]:
    """Answer the subcommands of `meter`, each with the options it knows."""
    for action in make_parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            return {name: set(parser._option_string_actions) for name, parser in action.choices.items()}
    raise AssertionError("meter has no subcommands")


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_commands_exist(document: Path) -> None:
    """Every `make x` and `meter y --z` in a shell block is one that there is."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    known = subcommands()
    wrong = []
    for program, *words in commands(document.read_text("utf-8")):
        if program == "make":
            wrong += [f"make {word}" for word in words if "=" not in word and word not in targets]
        if Path(program).name == "meter":
            name = words[0] if words else ""
            options = [word.split("=")[0] for word in words if word.startswith("--")]
            nested = name in {"collect", "prices"}  # what they do has options of its own
            if name not in known or not (nested or set(options) <= known[name]):
                wrong.append(" ".join([program, *words]))
    assert wrong == []


def test_every_setting_is_in_the_example() -> None:
    """.env.example names every setting there is and no other, with its default."""
    text = (ROOT / ".env.example").read_text("utf-8")
    example = dict(re.findall(r"^#?([A-Z][A-Z0-9_]*)=(.*)$", text, re.MULTILINE))
    assert set(example) - OF_COMPOSE == {setting.name for setting in SETTINGS}
    assert {s.name: s.default for s in SETTINGS if s.default is not None and s.default != example[s.name]} == {}


def test_example_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The defaults that .env.example shows are values the program takes."""
    text = (ROOT / ".env.example").read_text("utf-8")
    shown = {name: value for name, value in re.findall(r"^#?([A-Z][A-Z0-9_]*)=(.*)$", text, re.MULTILINE) if value}
    assert load(shown) is not None
    monkeypatch.setenv("METER_NO_SUCH_SETTING", "1")
    with pytest.raises(ValueError, match="METER_NO_SUCH_SETTING is not a setting"):
        load()


def test_containers_set_only_settings() -> None:
    """Names that compose.yaml and the Dockerfile set are settings."""
    names = {setting.name for setting in SETTINGS}
    for file in ("compose.yaml", "Dockerfile"):
        assert set(re.findall(r"\bMETER_[A-Z_]+\b", (ROOT / file).read_text("utf-8"))) <= names, file


def test_contributing_knows_every_plugin_folder() -> None:
    """The table of "where do I add" has each folder of plug-ins with the name of its tuple."""
    table = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    for folder, name in PLUGINS.items():
        assert f"`{name}` in `{folder.replace('.', '/')}/__init__.py`" in table


def test_readme_shows_every_folder() -> None:
    """The drawing of the flow matches the folders."""
    readme = (ROOT / "README.md").read_text("utf-8")
    assert [package for package in PACKAGES if package not in readme] == []
