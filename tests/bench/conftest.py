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
