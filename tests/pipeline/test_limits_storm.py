"""The storm in short: many callers on one limit, a service killed in the middle; never over, nothing lost or twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.storm import Storm, run

pytestmark = pytest.mark.slow
VARIANTS = {
    "five": ("postgres", Storm(30, processes=2, five=True, honest=True)),
    "prepaid": ("timescale", Storm(30, prepaid=True)),
}


@pytest.mark.parametrize(("engine", "storm"), VARIANTS.values(), indirect=["engine"], ids=VARIANTS)
def test_never_over_and_nothing_lost(storm: Storm, any_database: str, tmp_path: Path) -> None:
    """Callers hang up, die and come back: on five budgets in two processes, on credits and a budget in one."""
    print(run(storm, any_database, tmp_path))  # noqa: T201 - shown when it fails
