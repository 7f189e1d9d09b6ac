"""Ten minutes, a fault every twenty seconds, four kinds of clients: sent = counted, exactly."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from meter.migrate import Engine
from tests.soak.run import Plan, run

pytestmark = [pytest.mark.soak, pytest.mark.database]
SECONDS = float(os.environ.get("METER_TEST_SOAK_SECONDS", "600"))
EVERY_S = 20.0
SEED = int(os.environ.get("METER_TEST_SOAK_SEED", "1"))


def test_sent_is_counted_under_fire(engine: Engine, data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What four clients sent is counted once in the right hours, and everything adds up, on each engine."""
    line = run(Plan(engine, SECONDS, EVERY_S, SEED), data_dir)
    with capsys.disabled():
        print(f"\n{line}")  # noqa: T201 - what happened is for who runs it
