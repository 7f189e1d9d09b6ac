"""The storm in full: 32 callers, 500 calls each, on limits of 1,000; the service killed in the middle."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.soak.storm import Storm, run

pytestmark = [pytest.mark.soak, pytest.mark.database]
ROUNDS = int(os.environ.get("METER_TEST_STORM_ROUNDS", "500"))
SEED = int(os.environ.get("METER_TEST_SOAK_SEED", "1"))
VARIANTS = {
    "one": Storm(ROUNDS, seed=SEED),
    "four": Storm(ROUNDS, processes=4, honest=True, seed=SEED),
    "five": Storm(ROUNDS, processes=4, five=True, honest=True, seed=SEED),
    "prepaid": Storm(ROUNDS, processes=4, prepaid=True, honest=True, seed=SEED),
}


@pytest.mark.parametrize("storm", VARIANTS.values(), ids=VARIANTS)
def test_never_over_and_nothing_lost(
    storm: Storm, any_database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One budget, asked by one process and by four; five of them; credits that were paid before. On each engine."""
    line = run(storm, any_database, tmp_path)
    with capsys.disabled():
        print(f"\n{line}")  # noqa: T201 - what happened is for who runs it
