"""Recorded usage, pushed twice and in disorder, is counted once and adds up exactly."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.pipeline.traces import TRACES, Sums
from tests.served import Client, Service, make_team

pytestmark = pytest.mark.slow
BASE_UNITS = {"cpu": 3600}


def in_parallel(client: Client, path: str, events: Sequence[object], parts: int = 4, batch: int = 500) -> list[Any]:
    """Push events in shuffled batches from several threads at once; answer the receipts."""
    shuffled = list(events)
    random.Random(7).shuffle(shuffled)  # noqa: S311 - disorder, not a secret
    batches = [shuffled[at : at + batch] for at in range(0, len(shuffled), batch)]
    with ThreadPoolExecutor(parts) as pool:
        return list(pool.map(lambda each: client.twin().push(each, path), batches))


def hours(client: Client, meter: str, sums: Sums) -> dict[tuple[str, str, datetime], Decimal]:
    """What the API says of a meter by service and hour, in the base unit."""
    starts = sorted(hour for _, _, hour in sums)
    asked = {"meter": meter, "from_": starts[0].isoformat(), "to": (starts[-1] + timedelta(hours=1)).isoformat()}
    items = client.usage(**asked, window="hour", tz="UTC", group_by="service")
    scale = BASE_UNITS.get(meter, 1)
    return {
        (meter, item["service"], datetime.fromisoformat(item["from"])): Decimal(item["quantity"]) * scale
        for item in items
    }


@pytest.mark.parametrize("name", TRACES)
def test_a_trace_pushed_twice_and_shuffled_adds_up_exactly(service: Service, name: str) -> None:
    """Every event counts once, and each meter, service and hour equals a sum made apart."""
    trace = TRACES[name]()
    client = make_team(service.url)

    first = in_parallel(client, trace.path, trace.events)
    again = in_parallel(client, trace.path, list(reversed(trace.events)), batch=777)

    assert sum(receipt["accepted"] for receipt in first) == len(trace.events)
    assert sum(receipt["duplicates"] for receipt in again) == len(trace.events)
    assert not any(receipt["rejected"] for receipt in first + again)
    found: Sums = {}
    for meter in {meter for meter, _, _ in trace.sums}:
        found |= hours(client, meter, trace.sums)
    shown = Decimal("1e-8")  # an hour's quotient has twelve decimals; times 3,600 it is good to eight
    assert {key: value.quantize(shown) for key, value in found.items()} == {
        key: value.quantize(shown) for key, value in trace.sums.items()
    }
