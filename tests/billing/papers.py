"""Teams with papers: a seller who says all of itself, a customer too, and a month that has something to print."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.served import Client, Service, make_team, serving

YEAR = datetime.now(UTC).year - 1
OCTOBER = {"from": f"{YEAR}-10-01", "to": f"{YEAR}-11-01"}
SEPTEMBER = {"from": f"{YEAR}-09-01", "to": f"{YEAR}-10-01"}
LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 40" width="120" height="40">'
    '<rect width="40" height="40" rx="8" fill="#0b7285"/><circle cx="20" cy="20" r="9" fill="#fff"/>'
    '<text x="50" y="27" font-size="20" fill="#16202a">North</text></svg>'
)
SELLER = {
    "METER_SELLER_NAME": "North Metering GmbH",
    "METER_SELLER_ADDRESS": "Lindenstraße 7; 10969 Berlin; Germany",
    "METER_SELLER_TAX_IDS": "VAT DE000000000",
    "METER_SELLER_EMAIL": "billing@north.example",
    "METER_SELLER_PAYMENT": "Transfer to DE00 0000 0000 0000 0000 00; Within seven days",
    "METER_INVOICE_NOTES": "Registered in Berlin, HRB 0000",
}
PROFILE: dict[str, Any] = {
    "name": "Müller & Söhne KG",
    "address": ["Hauptstraße 1", "80331 München"],
    "country": "DE",
    "tax_ids": ["USt-IdNr. DE111111111"],
    "locale": "de-DE",
    "reference": "PO 4711",
}


@contextmanager
def selling(database: str, directory: Path) -> Iterator[Service]:
    """A running service of that seller."""
    logo = directory / "logo.svg"
    logo.write_text(LOGO, "utf-8")
    with serving(database, directory, **SELLER, METER_SELLER_LOGO=str(logo)) as running:
        yield running


def used(month: int, day: int, meter: str, quantity: int | str, member: str | None = None) -> dict[str, Any]:
    """One event of last year."""
    time = f"{YEAR}-{month:02}-{day:02}T10:00:00Z"
    return {"id": f"{time} {meter} {member}", "time": time, "meter": meter, "quantity": quantity, "member": member}


def month_of(month: int, factor: int) -> list[dict[str, Any]]:
    """A month of calls: alice each day, bob each third, nobody once."""
    alice = [used(month, day, "requests", factor * 1000 * day, "alice") for day in range(1, 29)]
    bob = [used(month, day, "requests", factor * 500, "bob") for day in range(3, 28, 3)]
    return [*alice, *bob, used(month, 5, "requests", 7)]


def billed(client: Client, months: dict[str, str]) -> dict[str, Any]:
    """The invoice of a period."""
    made: dict[str, Any] = client.post(f"/v1/teams/{client.team}/invoices", months)
    return made


def team(service: Service, plan: str = "calls/pro", timezone: str = "UTC") -> Client:
    """A team on a plan."""
    return make_team(service.url, plan=plan, timezone=timezone)


def text_of(pdf: bytes) -> str:
    """The text of a PDF with single spaces, as poppler reads it."""
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler-utils) is not installed")
    done = subprocess.run(["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True)
    return " ".join(done.stdout.decode().split())


def rows_of(text: str) -> list[dict[str, str]]:
    """The rows of a CSV."""
    return list(csv.DictReader(io.StringIO(text)))
