"""Is all that was sent counted, once, in the right hours, and does everything add up?"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from psycopg import IsolationLevel

from tests.contract import place
from tests.served import Client
from tests.soak.clients import Sender
from tests.soak.house import PATIENCE_S, QUERIES, House
from tests.soak.oracle import Cell, Sums

CONTRACT = QUERIES.parent / "contract"
HOUR = timedelta(hours=1)
SHOWN = 10**12  # the API answers with twelve decimals
UNITS = {"cpu": 3600, "cpu.used": 3600, "memory": 1024 * 3600}  # base units in one unit


def sent(clients: Iterable[Sender]) -> Sums:
    """What all clients together have sent."""
    sums: Sums = {}
    for client in clients:
        assert sums.keys().isdisjoint(client.book.sums())
        sums |= client.book.sums()
    return sums


def wait_for_roll_up(house: House) -> float:
    """Waits until nothing waits to be rolled up, and answers how many seconds that took."""
    began = time.monotonic()
    while house.ask(CONTRACT / "count_waiting.sql") != [(0,)]:
        assert time.monotonic() - began < PATIENCE_S, "the worker does not roll up"
        time.sleep(0.1)
    return time.monotonic() - began


def check(house: House, client: Client, sums: Sums) -> None:
    """Sent = counted in the views and in the API's answers, buckets = raw, and the doctor is content."""
    counted = {Cell(*key): Fraction(total) for *key, total in house.ask(QUERIES / "sum_hours.sql") if total}
    assert differing(sums, counted) == {}, "sent and counted"
    assert differing(_shown(sums), _answered(client, sums)) == {}, "sent and answered"
    with house.connect() as conn:
        conn.isolation_level = IsolationLevel.REPEATABLE_READ
        conn.read_only = True
        with conn.transaction():
            assert conn.execute(place.query("differences")).fetchall() == [], "buckets and raw"
    command = [sys.executable, "-m", "meter", "doctor"]
    doctor = subprocess.run(command, env=house.service._environ, capture_output=True, text=True, check=False)
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr


def differing(left: Sums, right: Sums) -> dict[Cell, tuple[Fraction | None, Fraction | None]]:
    """The sums that are not the same: what there should be, what there is."""
    cells = sorted(left.keys() | right.keys())
    return {cell: (left.get(cell), right.get(cell)) for cell in cells if left.get(cell) != right.get(cell)}


def _shown(sums: Sums) -> Sums:
    """Sums as they should be answered, in units and rounded half up."""
    found = {cell: amount / UNITS.get(cell.meter, 1) for cell, amount in sums.items()}
    return {cell: Fraction((2 * amount * SHOWN + 1) // 2, SHOWN) for cell, amount in found.items()}


def _answered(client: Client, sums: Sums) -> Sums:
    hours = [cell.hour for cell in sums]
    asked = {"from_": min(hours).isoformat(), "to": (max(hours) + HOUR).isoformat(), "window": "hour", "tz": "UTC"}
    found: Sums = {}
    for meter in sorted({cell.meter for cell in sums}):
        for item in client.usage(meter=meter, group_by="service", **asked):
            found[_cell(meter, item)] = Fraction(item["quantity"])
    return {cell: amount for cell, amount in found.items() if amount}


def _cell(meter: str, item: dict[str, Any]) -> Cell:
    return Cell(meter, item["service"], datetime.fromisoformat(item["from"]))
