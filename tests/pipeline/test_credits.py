"""The page about credits: each of its blocks runs as it stands there, and does what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import meter.ledger
from tests.pipeline.pages import Shell, acme
from tests.served import serving

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "credits.md").read_text("utf-8")


def test_the_page(database: str, tmp_path: Path) -> None:
    """Opened, bought, granted, looked at, refunded, taken, given back; an invoice is paid, plain usage is charged."""
    with serving(database, tmp_path) as service:
        run = Shell("credits.md", tmp_path, acme(service.url)).answers
        (account,) = run("account")
        assert (account["unit"], account["credit_price"], account["version"]) == ("credits", "0.01", 1)
        assert [each["transaction"]["balance_after"] for each in run("credits")] == ["10000", "10250"]
        assert [each["again"] for each in run("credits")] == [True, False]  # and the grant's answer is the first one
        shown, listed, stats = run("look")
        assert (shown["balance"], shown["available"], len(shown["grants"])) == ("10250", "10250", 2)
        assert [each["kind"] for each in listed["items"]] == ["credit_grant", "credit_purchase"]
        assert stats["booked"] == {"credit_grant": "250", "credit_purchase": "10000"}
        given, monthly, stopped = run("monthly")
        assert (given["transaction"]["balance_after"], monthly["recurrence"]["keep_most"]) == ("11250", "500")
        assert monthly["recurrence"]["next_at"].endswith("-01T00:00:00Z")
        assert (stopped["recurrence"]["next_at"], stopped["remaining"]) == (None, "1000")
        back = [each["transaction"] for each in run("back")]
        kinds = ["refund", "expiry", "credit_adjustment", "reversal"]
        assert [each["kind"] for each in back] == kinds
        assert back[0]["metadata"]["money"] == "25.00"
        assert [each["balance_after"] for each in back] == ["8750", "8500", "8380", "8500"]
        *_, charged = run("plain")
        assert (charged["amount"], charged["balance_after"], charged["meter"]) == ("-15", "8485", "tokens.input")
        paid = [{"kind": "credits", "amount": "5.15", "description": "Paid from credits"}]
        (seen,) = run("expected")
        assert seen["expected"] == {"promotional": "9.85", "total": "5.15", "settled": paid, "to_pay": "0.00"}
        assert (seen["subtotal"], seen["total"]) == ("15.00", "5.15")
        billed, *booked = run("invoice")
        assert [(each["title"], each["amount"], each["booked"]) for each in billed["promotions"]] == [
            ("monthly", "9.85", "9.85")
        ]
        assert [billed[name] for name in ("subtotal", "total", "settled", "to_pay")] == ["15.00", "5.15", paid, "0.00"]
        assert (billed["status"], billed["closed_note"]) == ("paid", "paid from credits")
        assert [(each["amount"], each["balance_after"]) for each in booked] == [("-515", "6985"), ("-985", "7500")]


def test_the_page_knows_every_reason() -> None:
    """What is refused is in the table, and nothing else."""
    files = [*Path(meter.ledger.__file__).parent.glob("*.py")]
    raised = {found for path in files for found in re.findall(r'reason="(\w+)"', path.read_text("utf-8"))}
    assert set(re.findall(r"^\| `(\w+)` \| ", PAGE.partition("| `reason` |")[2], re.MULTILINE)) == raised
