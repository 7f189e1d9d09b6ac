"""What the service says was used, and waiting for it to say so."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

from tests.served import Client

Found = TypeVar("Found")
POLL_S = 0.25
ROUNDING = Fraction(10, 10**12)  # quantities are kept and shown with 12 decimals, and a sum is of several


def eventually(ask: Callable[[], Found], within_s: float = 60) -> Found:
    """Ask until the answer is something true, and answer it; the last answer stands in the failure."""
    deadline = time.monotonic() + within_s
    while True:
        found = ask()
        if found:
            return found
        assert time.monotonic() < deadline, f"{found!r} after {within_s} s"
        time.sleep(POLL_S)


def lately() -> dict[str, str]:
    """Answer a range around now in which the tests and their collectors ran."""
    now = datetime.now(UTC)
    return {
        "from_": (now - timedelta(days=1)).isoformat(),
        "to": (now + timedelta(days=1)).isoformat(),
        "tz": "UTC",
    }


def total(client: Client, meter: str, **question: Any) -> Decimal:
    """Answer how much of a meter was used lately; nothing is zero."""
    items = client.usage(meter=meter, **(lately() | question))
    return sum((Decimal(item["quantity"]) for item in items), Decimal(0))


def is_near(quantity: Decimal, expected: Fraction) -> bool:
    """Whether a quantity is what it should be, but for the decimals that it is shown with."""
    return abs(Fraction(quantity) - expected) <= ROUNDING


def by(client: Client, meter: str, label: str, **question: Any) -> dict[str, Decimal]:
    """Answer how much of a meter was used lately, by the values of a label."""
    items = client.usage(meter=meter, group_by=label, **(lately() | question))
    return {
        str((item.get("dimensions") or {}).get(label, item.get(label))): Decimal(item["quantity"]) for item in items
    }


def everything(client: Client, **question: Any) -> dict[str, tuple[str, int]]:
    """Answer the quantity and the number of events of every meter."""
    found: dict[str, tuple[str, int]] = {}
    for meter in client.get("/v1/meters", limit=1000)["items"]:
        items = client.usage(meter=meter["slug"], **(lately() | question))
        found[meter["slug"]] = (str([item["quantity"] for item in items]), sum(item["events"] for item in items))
    return found


def points(client: Client, meter: str, **labels: str) -> list[dict[str, Any]]:
    """Answer every point that counts to a meter, newest first within its series."""
    found: list[dict[str, Any]] = []
    for series in client.get("/v1/usage/series", meter=meter, limit=1000)["items"]:
        if labels.items() <= series["dimensions"].items():
            path = f"/v1/series/{series['id']}/points"
            more: dict[str, str] = {}
            while True:
                answer = client.get(path, limit=1000, **more)
                found += answer["items"]
                if answer["next"] is None:
                    break
                more = {"cursor": answer["next"]}
    return found
