"""The page about usage that changes after its invoice: each of its blocks runs as it stands there."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.pipeline.pages import Shell, acme
from tests.served import serving

pytestmark = pytest.mark.slow


def test_the_page(database: str, tmp_path: Path) -> None:
    """A late event on the next invoice, the report of it, and another policy."""
    with serving(database, tmp_path) as service:
        shell = Shell("late-usage.md", tmp_path, acme(service.url))
        (october,) = shell.answers("late")
        (line,) = [line for line in october["lines"] if line["kind"] == "adjustment"]
        assert (line["amount"], Decimal(line["quantity"])) == ("7.50", Decimal(500_000))
        assert [(each["member"], each["amount"]) for each in line["members"]] == [("bob", "7.50")]
        assert october["total"] == "7.50"
        (report,) = shell.answers("report")
        (entry,) = report["items"]
        assert (entry["before"], entry["after"], entry["amount"]) == ("15.00", "22.50", "7.50")
        assert entry["meters"] == [{"meter": "tokens.input", "late": 1, "corrected": 0}]
        assert (entry["state"], entry["on"]) == ("billed", {"id": october["id"], "number": october["number"]})
        (policy,) = shell.answers("policy")
        assert policy == {"late_usage": "credit_note", "version": 1}
