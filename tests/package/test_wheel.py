"""The wheel: everything the program needs, nothing else, and the truth about itself."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from tests.package.conftest import ROOT, build
from tests.test_architecture import PACKAGES

pytestmark = [pytest.mark.slow, pytest.mark.tree]


def tracked() -> set[str]:
    """Name every file of the five packages that git keeps or would; without git, all but what Python leaves."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        ask = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *PACKAGES]
        listed = subprocess.run(ask, cwd=ROOT, capture_output=True, text=True, check=True)
        return {name for name in listed.stdout.splitlines() if (ROOT / name).exists()}
    found = (path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file())
    return {str(path.relative_to(ROOT)) for path in found if "__pycache__" not in path.parts}


def project() -> dict[str, Any]:
    """Answer what pyproject.toml says of the project."""
    said: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return said


def metadata(wheel: ZipFile) -> Message:
    """Answer what the wheel says of itself."""
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return BytesParser().parsebytes(wheel.read(name))


def normal(requirement: str) -> str:
    """Spell a requirement one way: lower case, no blanks, its bounds in order."""
    name, _, marker = requirement.lower().replace(" ", "").replace('"', "'").partition(";")
    head, bounds = re.fullmatch(r"([a-z0-9._-]+(?:\[[a-z,]+\])?)(.*)", name, re.DOTALL).groups()  # type: ignore[union-attr]
    return f"{head}{','.join(sorted(bounds.split(',')))};{marker}"


def test_it_holds_every_file_of_the_packages_and_no_other(wheel: ZipFile) -> None:
    """Statements, templates, styles, scripts and price books too; no tests, documents or scripts."""
    inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert inside == tracked()
    kinds = {Path(name).suffix for name in inside}
    assert kinds == {".py", ".sql", ".toml", ".html", ".txt", ".css", ".js", ".svg"}


def test_its_files_are_those_of_the_tree(wheel: ZipFile) -> None:
    """To the byte."""
    different = [name for name in tracked() if wheel.read(name) != (ROOT / name).read_bytes()]
    assert different == []


def test_what_it_says_of_itself(wheel: ZipFile) -> None:
    """Name, version, the Python it needs, dependencies and the README, as pyproject.toml has them."""
    said, wanted = metadata(wheel), project()
    assert (said["Name"], said["Version"], said["Summary"]) == (
        wanted["name"],
        wanted["version"],
        wanted["description"],
    )
    assert said["Requires-Python"] == wanted["requires-python"]
    assert said["Description-Content-Type"] == "text/markdown"
    assert said.get_payload(decode=True) == (ROOT / "README.md").read_bytes()
    assert {normal(line) for line in said.get_all("Requires-Dist", [])} == set(map(normal, wanted["dependencies"]))
    assert (said["License-Expression"] or said["License-File"] or said["License"]) == wanted.get("license")


def test_it_runs_on_any_machine_and_brings_one_command(wheel: ZipFile) -> None:
    """Pure Python, with `meter` as its only entry point."""
    (tags,) = (wheel.read(name).decode() for name in wheel.namelist() if name.endswith(".dist-info/WHEEL"))
    (points,) = (wheel.read(name).decode() for name in wheel.namelist() if name.endswith("/entry_points.txt"))
    assert "Tag: py3-none-any" in tags
    assert points.split() == ["[console_scripts]", "meter", "=", "meter.__main__:main"]


def test_the_image_is_built_from_the_same_files(wheel: ZipFile, tmp_path: Path) -> None:
    """What the Dockerfile copies, of what .dockerignore lets through, makes the same wheel."""
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    copied = [
        words for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE) for words in [line.split()]
    ]
    source = tmp_path / "src"
    source.mkdir()
    for *names, target in copied:
        for name in names:
            assert f"!{name}" in ignored, f".dockerignore keeps {name} from the builder"
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, source / target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, source / target)
    (tmp_path / "dist").mkdir()
    with ZipFile(build(source, tmp_path / "dist")) as other:
        assert {name: other.read(name) for name in other.namelist()} == {
            name: wheel.read(name) for name in wheel.namelist()
        }
