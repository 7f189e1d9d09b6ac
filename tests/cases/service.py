"""A service to put cases to: our own on the embedded engine, for as long as it is needed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from meter import database, embedded
from meter.migrate import migrate
from tests.served import Client, serving


@contextmanager
def service() -> Iterator[Client]:
    """The operator at a running service; everything of it is gone afterwards."""
    with TemporaryDirectory(prefix="hourmeter-cases-") as directory:
        data, files = Path(directory) / "data", Path(directory) / "files"
        data.mkdir()
        files.mkdir()
        with embedded.running(data) as url:
            asyncio.run(_migrate(url))
            with serving(url, files) as served:
                yield Client(served.url)


async def _migrate(url: str) -> None:
    async with await database.connect(url, autocommit=True) as connection:
        await migrate(connection, "postgres")
