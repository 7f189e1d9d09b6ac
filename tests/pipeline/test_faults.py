"""The soak in short: everything that can break breaks once, and what was sent is counted exactly."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from meter.migrate import Engine
from tests.soak.run import Plan, run

pytestmark = [pytest.mark.slow, pytest.mark.database]
SECONDS = {"postgres": 40.0, "timescale": 28.0}
EVERY_S = {"postgres": 4.0, "timescale": 2.6}
SEED = int(os.environ.get("METER_TEST_SOAK_SEED", "1"))


def test_sent_is_counted_through_every_fault(engine: Engine, data_dir: Path) -> None:
    """Service, worker, database killed, connections and network cut, disk full, a clock off: sent = counted."""
    print(run(Plan(engine, SECONDS[engine], EVERY_S[engine], SEED), data_dir))  # noqa: T201 - shown when it fails
