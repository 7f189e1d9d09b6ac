"""The blocks of the page about collectors, as the tests run them: with their own address and key."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tests.served import Client

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "collectors.md").read_text("utf-8")
BLOCKS: dict[str, str] = dict(re.findall(r"<!-- run: ([\w-]+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL))
ADDRESS = "http://127.0.0.1:8100"
KEY = "hm_the_key_of_your_team"


def block(name: str, client: Client, url: str | None = None) -> str:
    """Answer a block of the page for a client of the service, at `url` where that is not the service's own address."""
    return BLOCKS[name].replace(ADDRESS, url or client.url).replace(KEY, client.key)


def shell(name: str, client: Client, url: str | None = None) -> str:
    """Answer a shell block, after what the page says to set first."""
    head = f"export HOURMETER={url or client.url} KEY={client.key}\n"
    return head + block(name, client, url)


def run(script: str, directory: Path) -> str:
    """Run a shell script in a folder, and answer what it says. Raises AssertionError when it fails."""
    done = subprocess.run(
        ["bash", "-euc", script], cwd=directory, env=os.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def put_mapping(client: Client, directory: Path, mapping: str) -> None:
    """Put a mapping written in TOML, as the page says."""
    (directory / "mapping.toml").write_text(mapping, "utf-8")
    run(shell("put-mapping", client), directory)
