"""A page of the documentation whose blocks are run as they stand there, in one shell's surroundings."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.test_quickstart import objects
from tests.served import Client

DOCS = Path(__file__).resolve().parents[2] / "docs"


class Shell:
    """Runs the blocks of a page by their names, in a directory; `told` are the variables that the page speaks of."""

    def __init__(self, page: str, directory: Path, told: Mapping[str, str]) -> None:
        """Reads the page. Skips the test without curl and jq, which pages use."""
        if shutil.which("curl") is None or shutil.which("jq") is None:
            pytest.skip("no curl or no jq on PATH")
        text = (DOCS / page).read_text("utf-8")
        self._blocks: dict[str, str] = dict(re.findall(r"<!-- run: (\w+) -->\n```sh\n(.*?)```", text, re.DOTALL))
        self._directory = directory
        self._told = {**told, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def run(self, name: str) -> str:
        """Answer what a block prints."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self._blocks[name]],
            cwd=self._directory,
            env=os.environ | self._told,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def answers(self, name: str) -> list[dict[str, Any]]:
        """Answer the JSON objects that a block prints."""
        return objects(self.run(name))


def acme(url: str, **more: str) -> dict[str, str]:
    """Make a team, with what is said of it, and a key of it, and answer what a page calls them."""
    operator = Client(url)
    owner = {"user_id": "ada", "email": "ada@example.org"}
    team = operator.post("/v1/teams", {"name": "Acme", "owner": owner, **more})["id"]
    key = operator.post(f"/v1/teams/{team}/keys", {"name": "all", "scopes": ["ingest", "read", "admin"]})["key"]
    return {"HOURMETER": url, "KEY": key, "OPERATOR": operator.key, "TEAM": team}
