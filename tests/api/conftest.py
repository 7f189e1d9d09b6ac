"""One served app for all tests of this folder; each makes teams of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.api.site import Site, served, settings_for
from tests.conftest import _database


@pytest.fixture(scope="session", name="site_database")
def fixture_site_database(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """Answer the URL of the database behind the site."""
    with _database(postgres_server, postgres_template) as url:
        yield url


@pytest.fixture(scope="session", name="shared_site")
async def fixture_shared_site(site_database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """Answer the site, served from the first test to the last."""
    async with served(settings_for(site_database, tmp_path_factory.mktemp("data"))) as site:
        yield site


@pytest.fixture
def site(shared_site: Site) -> Site:
    """Answer the site with its clock set right."""
    shared_site.clock.ahead = shared_site.clock.ahead * 0
    return shared_site
