"""A service killed in the middle of its work loses nothing it acknowledged and counts nothing twice."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from tests.served import Service, make_team

pytestmark = pytest.mark.slow
BATCHES = 200
PER_BATCH = 50
KILL_AFTER = (40, 90, 140)
START = datetime(2026, 11, 2, 9, tzinfo=UTC)


def batch(number: int) -> list[dict[str, object]]:
    """One batch of a client that numbers its events."""
    at = (START + timedelta(seconds=number)).isoformat()
    return [
        {"id": f"{number}-{n}", "time": at, "meter": "requests", "quantity": 1, "service": f"s{n % 3}"}
        for n in range(PER_BATCH)
    ]


def test_every_acknowledged_event_is_there_once_after_kills(service: Service) -> None:
    """200 batches from a retrying client while the service is killed three times: each event counts exactly once."""
    client = make_team(service.url)
    acknowledged: list[int] = []
    kills = iter(KILL_AFTER)
    next_kill = next(kills)

    def restart() -> None:
        service.kill()
        service.start()

    restarting: threading.Thread | None = None
    for number in range(BATCHES):
        if number == next_kill:
            restarting = threading.Thread(target=restart)
            restarting.start()  # the client goes on sending into the kill
            next_kill = next(kills, BATCHES)
        receipt = client.push(batch(number))
        assert receipt["accepted"] + receipt["duplicates"] == PER_BATCH
        acknowledged.append(number)
        if restarting is not None and number % 10 == 0:
            restarting.join()
    if restarting is not None:
        restarting.join()

    items = client.usage(
        meter="requests", from_=START.isoformat(), to=(START + timedelta(hours=1)).isoformat(), tz="UTC"
    )
    assert [(item["quantity"], item["events"]) for item in items] == [(str(BATCHES * PER_BATCH), BATCHES * PER_BATCH)]
    replayed = [client.push(batch(number)) for number in acknowledged]
    assert all(receipt["duplicates"] == PER_BATCH for receipt in replayed)
