"""The page about analytics: each of its blocks runs as it stands there, and answers what the page says."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.pipeline.pages import Shell, acme
from tests.served import serving

pytestmark = pytest.mark.slow


def test_the_page(database: str, tmp_path: Path) -> None:
    """Who costs most, comparisons, peaks, trends, and the operator's view of all teams."""
    with serving(database, tmp_path) as service:
        shell = Shell("analytics.md", tmp_path, acme(service.url, plan="credits/payg"))
        (receipt,) = shell.answers("use")
        assert receipt["accepted"] == 6
        (dearest,) = shell.answers("dearest")
        assert [(item["group"], item["quantity"]) for item in dearest["items"]] == [("ann", "7.5"), ("bob", "4.05")]
        parts = [*dearest["items"], dearest["other"]]
        assert sum(Decimal(part["contribution"]) for part in parts) == Decimal(dearest["change"]["absolute"])
        assert dearest["unpriced"] == [{"meter": "network", "reason": "unpriced"}]
        span, months = shell.answers("compare")
        assert (span["groups"][0]["change"]["percent"], span["unit"]) == ("50", "token")
        assert (months["months"], months["currency"], len(months["groups"][0]["months"])) == (3, "USD", 4)
        high, by_day = shell.answers("peaks")
        assert [peak["above"] for peak in high["groups"][0]["peaks"]] == ["200000"]
        assert by_day["percentile"] == 95
        assert len(by_day["groups"][0]["peaks"]) == 1
        (trend,) = shell.answers("trends")
        assert [group["group"] for group in trend["groups"]] == ["chat", "search"]
        lines = (tmp_path / "trends.csv").read_text("utf-8").splitlines()
        assert lines[0] == "group,from,to,quantity,moving_average,complete"
        assert len(lines) == 1 + 2 * 14
        teams, members, services, meters = shell.answers("everybody")
        assert [item["team_name"] for item in teams["items"]] == ["Acme"]
        assert teams["totals"][0]["quantity"] == "1250000"
        assert [item["group"] for item in members["items"]] == ["ann", "eve", "bob"]
        assert [item["group"] for item in services["items"]] == ["chat", "search"]
        assert [(item["group"], item["currency"]) for item in meters["items"]] == [
            ("tokens.input", "USD"),
            ("tokens.output", "USD"),
        ]
        assert (services["teams"], services["teams_left_out"]) == (1, 0)
