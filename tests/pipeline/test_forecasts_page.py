"""The page about forecasts: each of its blocks runs as it stands there."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.pipeline.pages import Shell, acme
from tests.served import serving

pytestmark = pytest.mark.slow


def test_the_page(database: str, tmp_path: Path) -> None:
    """Calls of three weeks, the days to come, and what they cost."""
    with serving(database, tmp_path) as service:
        shell = Shell("forecasts.md", tmp_path, acme(service.url, plan="cloud/payg"))
        (receipt,) = shell.answers("send")
        assert receipt["accepted"] == 21 * 24
        (answer,) = shell.answers("ask")
        assert (answer["unit"], answer["points"]) == ("request", 72)
        first = answer["first"]
        busy = 9 <= datetime.fromisoformat(first["from"]).hour < 17
        assert Decimal(first["mean"]) == pytest.approx(Decimal(100 if busy else 10), abs=5)
        assert Decimal(answer["mase"]) < 1
        (cost,) = shell.answers("cost")
        assert (cost["currency"], cost["unpriced"]) == ("USD", [])
        assert Decimal(cost["total"]["mean"]) > Decimal(cost["total"]["known"])
