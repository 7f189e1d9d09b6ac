"""Thirty-two callers on one limit, a service killed in the middle: never over, nothing lost, nothing twice. In short."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.storm import Storm, run

pytestmark = pytest.mark.slow
VARIANTS = (
    ("postgres", Storm(60)),
    ("timescale", Storm(60, processes=4, five=True)),
    ("postgres", Storm(60, processes=4, prepaid=True)),
)


@pytest.mark.parametrize(("engine", "storm"), VARIANTS, indirect=["engine"], ids=lambda each: str(each))
def test_never_over_and_nothing_lost(storm: Storm, any_database: str, tmp_path: Path) -> None:
    """Callers hang up, die and come back; one budget, five of them, or credits that were paid before."""
    print(run(storm, any_database, tmp_path))  # noqa: T201 - shown when it fails
