"""A served database for all imports, and a new team for each: totals are asked by team, so tests don't meet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import _database
from tests.load.importer import Importer
from tests.served import Service, make_team, serving


@pytest.fixture(scope="session", name="shared_service")
def fixture_shared_service(
    postgres_server: str, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """Answer a running `meter serve` with its worker."""
    with (
        _database(postgres_server, postgres_template) as url,
        serving(url, tmp_path_factory.mktemp("service")) as running,
    ):
        yield running


@pytest.fixture
def service(shared_service: Service) -> Iterator[Service]:
    """Answer that service, up again should this test have left it down."""
    yield shared_service
    try:
        httpx.get(f"{shared_service.url}/v1/health", timeout=10)
    except httpx.TransportError:
        shared_service.start()


@pytest.fixture
def importer(service: Service, tmp_path: Path) -> Importer:
    """Answer `meter import` against that service, as a new team."""
    return Importer(make_team(service.url), tmp_path)
