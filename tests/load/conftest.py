"""A served database, and a team whose files are imported."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.load.importer import Importer
from tests.served import Service, make_team, serving


@pytest.fixture
def service(database: str, tmp_path: Path) -> Iterator[Service]:
    """Answer a running `meter serve` with its worker."""
    data = tmp_path / "service"
    data.mkdir()
    with serving(database, data) as running:
        yield running


@pytest.fixture
def importer(service: Service, tmp_path: Path) -> Importer:
    """Answer `meter import` against that service, as a new team."""
    return Importer(make_team(service.url), tmp_path)
