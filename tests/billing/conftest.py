"""A team with a plan and a way in, on each engine; and a served database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from meter import database as databases
from meter.ingest import Ingest
from tests.billing.house import House, make_team
from tests.served import Service, serving

CONNECTIONS = 8
PAST_DAYS = 400


@pytest.fixture
async def house(any_database: str) -> AsyncIterator[House]:
    """Answer a team on credits/payg in a database of its own, on each engine."""
    async with databases.pool(any_database, CONNECTIONS) as pool:
        yield await make_team(pool, Ingest(pool, PAST_DAYS), "credits/payg")


@pytest.fixture
def served(database: str, tmp_path: Path) -> Iterator[Service]:
    """Answer a running service on the embedded engine."""
    with serving(database, tmp_path) as running:
        yield running
