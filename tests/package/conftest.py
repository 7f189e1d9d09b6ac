"""The wheel as it is built from the tree, and an environment that has it and nothing else of ours."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.conftest import _directory
from tests.package.installed import Installed

ROOT = Path(__file__).resolve().parents[2]


def build(source: Path, target: Path) -> Path:
    """Build the wheel of a tree with the build backend itself: nothing is fetched."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(target)]
    subprocess.run(command, cwd=source, capture_output=True, text=True, check=True)
    (wheel,) = target.glob("*.whl")
    return wheel


@pytest.fixture(scope="session", name="wheel")
def fixture_wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZipFile]:
    """Answer the wheel of this tree, open for reading."""
    with ZipFile(build(ROOT, tmp_path_factory.mktemp("dist"))) as opened:
        yield opened


@pytest.fixture(scope="session", name="installed")
def fixture_installed(wheel: ZipFile) -> Iterator[Installed]:
    """Answer an environment with the wheel, whose dependencies are those of the environment the tests run in.

    Their folder is named in a .pth file, and what .pth files in there name is not read: the editable install of the
    tree, which is one, cannot leak in.
    """
    with _directory() as path:
        home = path / "venv"
        venv.EnvBuilder(symlinks=True).create(home)
        install = ["-m", "pip", "--disable-pip-version-check", "--python", str(home / "bin" / "python"), "install"]
        subprocess.run(
            [sys.executable, *install, "--quiet", "--no-deps", "--no-index", str(wheel.filename)],
            capture_output=True,
            text=True,
            check=True,
        )
        (packages,) = home.glob("lib/python*/site-packages")
        (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n", "utf-8")
        for name in ("work", "home"):
            (path / name).mkdir()
        yield Installed(path)
