"""The page about how invoices are made: each of its blocks runs as it stands there, and does what the page says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.pages import Shell, acme
from tests.served import Client, serving

pytestmark = pytest.mark.slow


def test_the_page(database: str, tmp_path: Path) -> None:
    """A month by the command, a draft to its number, and void."""
    with serving(database, tmp_path) as service:
        told = acme(service.url)
        shell = Shell("invoicing.md", tmp_path, told | {"DATABASE_URL": database})
        run, answers = shell.run, shell.answers
        assert "1 billed, 0 draft, 0 there, 0 failed" in run("month")
        assert "meter bill --month 2026-09 --final: 1 billed, 0 draft, 0 there, 0 failed, 0 skipped; " in run("runs")
        runs, results = answers("results")
        assert (runs["items"][0]["month"], runs["items"][0]["came"]["billed"]) == ("2026-09", 1)
        assert [(each["team"], each["came"], each["number"]) for each in results["items"]] == [
            (told["TEAM"], "billed", "HM-000001")
        ]
        august, sums = answers("number")
        year = Client(service.url).get(f"/v1/invoices/{august['invoice']}")["issued_at"][:4]
        assert (august["number"], sums["came"]) == (f"ACME-{year}-00001", {"billed": 1})
        draft, again, final = answers("draft")
        assert [each["status"] for each in (draft, again, final)] == ["draft", "draft", "open"]
        assert [each["total"] for each in (draft, again, final)] == ["15.00", "22.50", "22.50"]
        assert [each["number"] for each in (draft, again, final)] == [None, None, "HM-000002"]
        void, listed = answers("void")
        assert (void["status"], void["number"], void["closed_note"]) == (
            "void",
            "HM-000002",
            "billed to the wrong company",
        )
        assert [each["id"] for each in listed["items"]] == [draft["id"]]
