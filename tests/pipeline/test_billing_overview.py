"""The page about what a team is billed: each of its blocks runs as it stands there, and answers what the page says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.pages import Shell, acme
from tests.served import serving

pytestmark = pytest.mark.slow


def test_the_page(database: str, tmp_path: Path) -> None:
    """The running period, three months of which one was billed, and how the team stands."""
    with serving(database, tmp_path) as service:
        told = acme(service.url)
        shell = Shell("billing-overview.md", tmp_path, told)
        (current,) = shell.answers("current")
        assert (current["cost"]["total"], current["cost"]["currency"], current["account"]) == ("30.00", "USD", None)
        assert 1 <= current["days_left"] <= 31
        (history,) = shell.answers("history")
        assert [sum(month["invoices"].values()) for month in history["items"]] == [0, 1, 0]
        assert {sums["total"] for month in history["items"] for sums in month["sums"]} == {"0.00"}
        (summary,) = shell.answers("summary")
        assert (summary["last_invoice"]["number"], summary["last_invoice"]["total"]) == ("HM-000001", "0.00")
        assert (summary["next_invoice"]["total"], summary["next_invoice"]["draft"]) == ("30.00", None)
        assert [each["outstanding"] for each in summary["balances"]] == ["0.00"]
