"""A served database on the engine at hand, for figures rather than facts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.served import Service, serving


@pytest.fixture
def service(any_database: str, tmp_path: Path) -> Iterator[Service]:
    """Answer a running `meter serve` with its worker, on each engine."""
    with serving(any_database, tmp_path) as running:
        yield running


@pytest.fixture(params=[1, 2])
def processes(request: pytest.FixtureRequest) -> int:
    """Answer how many processes serve the port."""
    chosen: int = request.param
    return chosen


@pytest.fixture
def served_by(any_database: str, tmp_path: Path, processes: int) -> Iterator[Service]:
    """Answer a running `meter serve` of that many processes, with its worker, on each engine."""
    with serving(any_database, tmp_path, METER_PROCESSES=str(processes)) as running:
        yield running
