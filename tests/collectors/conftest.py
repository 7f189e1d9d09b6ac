"""What the tests of real clients share: the npm packages, and the folder in which scripts that use them run."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

LOCKED = Path(__file__).parent / "node"
OLDEST_NODE = 18  # which has `fetch`
INSTALL = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
INSTALLS_WITHIN_S = 300
UNREACHABLE = re.compile(
    r"EAI_AGAIN|ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EIDLETIMEOUT|ENETUNREACH|E40[1378]|E429|E5\d\d"
)


@pytest.fixture(scope="session", name="node_project")
def fixture_node_project() -> Iterator[Path]:
    """Answer a folder with the locked npm packages: node scripts written there may import them."""
    _need_node()
    with TemporaryDirectory(prefix="hourmeter-node-") as path:
        project = Path(path)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(LOCKED / name, project / name)
        _install(project)
        yield project


def _need_node() -> None:
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("no npm: clients written in JavaScript need it, and node")
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if int(said.strip().removeprefix("v").partition(".")[0]) < OLDEST_NODE:
        pytest.skip(f"node is {said.strip()}; clients written in JavaScript need {OLDEST_NODE} or later")


def _install(project: Path) -> None:
    """Put the packages there. Skips where they can't be fetched; any other failure is one of the lock file."""
    try:
        done = subprocess.run(
            INSTALL, cwd=project, capture_output=True, text=True, check=False, timeout=INSTALLS_WITHIN_S
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm packages can't be fetched here: not within {INSTALLS_WITHIN_S} s")
    if done.returncode and UNREACHABLE.search(done.stderr):
        pytest.skip(f"npm packages can't be fetched here: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
