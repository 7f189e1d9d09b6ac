"""The page about credit notes: each of its blocks runs as it stands there, and does what the page says."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

import meter.credit_notes
from tests.pipeline.pages import Shell
from tests.served import Client, make_team, serving

pytestmark = pytest.mark.slow
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "credit-notes.md").read_text("utf-8")
YEAR = datetime.now(UTC).year - 1


def test_the_page(database: str, tmp_path: Path) -> None:
    """Shown, made, read in every form, refused, and the rest taken back until the invoice is paid."""
    with serving(database, tmp_path) as service:
        operator, client = Client(service.url), make_team(service.url, plan="credits/payg")
        used = {"time": f"{YEAR}-10-07T10:00:00Z", "meter": "tokens.input", "quantity": 10**6, "member": "ann"}
        client.push([used])
        period = {"from": f"{YEAR}-10-01", "to": f"{YEAR}-11-01"}
        invoice = client.post(f"/v1/teams/{client.team}/invoices", period)
        told = {"HOURMETER": service.url, "KEY": client.key, "OPERATOR": operator.key, "INVOICE": invoice["id"]}

        run = Shell("credit-notes.md", tmp_path, told).answers
        (preview,), (made,) = run("preview"), run("make")
        assert (preview["id"], preview["number"], preview["total"]) == (None, None, "5.00")
        assert (made["number"], made["total"], made["to_invoice"]) == ("CN-000001", "5.00", "5.00")
        assert run("make") == [made]
        (shown,) = run("invoice")
        assert (shown["total"], shown["to_pay"], shown["settled"][0]["amount"]) == ("15.00", "10.00", "5.00")
        listed, one, own = run("read")
        assert ([each["id"] for each in listed["items"]], one) == ([made["id"]], made)
        assert [(each["member"], each["amount"]) for each in own["items"]] == [("ann", "5.00")]
        assert (tmp_path / "note.pdf").read_bytes().startswith(b"%PDF-")
        assert "CN-000001" in (tmp_path / "note.csv").read_text("utf-8")
        (refused,) = run("refused")
        assert (refused["code"], refused["reason"], refused["left"]) == ("credit_refused", "too_much", "10.00")
        rest, paid = run("rest")
        assert (rest["number"], rest["total"]) == ("CN-000002", "10.00")
        assert paid == {"status": "paid", "closed_note": "credited by CN-000002", "to_pay": "0.00"}


def test_the_page_knows_every_reason() -> None:
    """What is refused is in the table, and nothing else."""
    files = Path(meter.credit_notes.__file__).parent.glob("*.py")
    said = {word for file in files for word in re.findall(r"\breason=\"(\w+)\"", file.read_text("utf-8"))}
    table = PAGE.partition("## What is refused")[2]
    assert said == set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) - {"reason"}
