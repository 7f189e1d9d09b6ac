"""Lago's Python client, as it is: single events and batches, sent again and into a kill, count once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from threading import Thread

import httpx
import pytest
from lago_python_client.client import Client as Lago
from lago_python_client.exceptions import LagoApiError
from lago_python_client.models import BatchEvent, Event

from tests.collectors.figures import by, eventually, everything, total
from tests.collectors.page import block, put_mapping, run
from tests.served import Client, Service, make_team, serving

pytestmark = pytest.mark.slow
BATCHES = 40
PER_BATCH = 25
KILLED_AT = (10, 25)


def mapped_team(url: str, directory: Path) -> Client:
    """Answer a new team with the rules for events of the page."""
    client = make_team(url)
    put_mapping(client, directory, block("events-toml", client))
    return client


def event(number: int) -> Event:
    """Answer an event that stands for `number` calls of one of three subscriptions."""
    return Event(
        transaction_id=f"tx-{number}",
        external_subscription_id=f"sub-{number % 3}",
        code="api_calls",
        timestamp=f"{int(datetime.now(UTC).timestamp())}.25",
        precise_total_amount_cents=None,
        properties={"count": number, "user": f"user-{number % 2}"},
    )


def test_the_page(database: str, tmp_path: Path) -> None:
    """What the page shows is counted by the rule it shows, under the subscription as service."""
    with serving(database, tmp_path) as service:
        client = mapped_team(service.url, tmp_path)
        (tmp_path / "first.py").write_text(block("lago", client), "utf-8")
        run(f"export HOURMETER={client.url} KEY={client.key}\nexec {sys.executable} first.py", tmp_path)
        assert by(client, "requests", "service") == {"sub-9": Decimal(3)}


def test_each_event_counts_once(database: str, tmp_path: Path) -> None:
    """One by one and as a batch, all of them twice: by subscription and by user what they add up to."""
    single, many = [event(n) for n in range(1, 7)], BatchEvent(events=[event(n) for n in range(7, 31)])
    with serving(database, tmp_path) as service:
        client = mapped_team(service.url, tmp_path)
        lago = Lago(api_key=client.key, api_url=service.url)
        for each in single:
            answer = lago.events.create(each)
            assert answer is not None
            assert (answer.transaction_id, answer.code) == (each.transaction_id, "api_calls")
        lago.events.batch_create(many)
        assert total(client, "requests") == 30 * 31 / 2
        assert by(client, "requests", "service") == {f"sub-{n}": Decimal(sum(range(n or 3, 31, 3))) for n in range(3)}
        assert by(client, "requests", "member") == {f"user-{n}": Decimal(sum(range(n, 31, 2))) for n in range(2)}
        before = everything(client)
        for each in single:
            lago.events.create(each)
        lago.events.batch_create(many)
        assert everything(client) == before


def test_an_event_that_counts_nothing_is_told(database: str, tmp_path: Path) -> None:
    """A code that no rule and no meter knows is the client's error 422, and the others of its batch are counted."""
    unknown = event(100)
    unknown.code = "nobody.knows"
    with serving(database, tmp_path) as service:
        client = mapped_team(service.url, tmp_path)
        lago = Lago(api_key=client.key, api_url=service.url)
        with pytest.raises(LagoApiError) as told:
            lago.events.batch_create(BatchEvent(events=[event(1), unknown, event(2)]))
        assert told.value.status_code == 422
        assert "no_rule" in str(told.value.response)
        assert total(client, "requests") == 3


def until_taken(send: Callable[[], object]) -> bool:
    """Call again until it is answered: the client itself repeats nothing but a 429. Whether once was not enough."""
    failed = False

    def attempt() -> bool:
        nonlocal failed
        try:
            send()
        except httpx.TransportError:
            failed = True
            return False
        return True

    eventually(attempt)
    return failed


def restart(service: Service) -> None:
    """Kill the service, and start it again."""
    service.kill()
    service.start()


def test_a_kill_in_the_middle(database: str, tmp_path: Path) -> None:
    """Batches while the service is killed twice: what was not answered is sent again, and each event counts once."""
    batches = [BatchEvent(events=[event(n * PER_BATCH + k) for k in range(PER_BATCH)]) for n in range(BATCHES)]
    with serving(database, tmp_path) as service:
        client = mapped_team(service.url, tmp_path)
        lago = Lago(api_key=client.key, api_url=service.url)
        failed = []
        restarting = [Thread(target=restart, args=[service]) for _ in KILLED_AT]
        for number, batch in enumerate(batches):
            if number in KILLED_AT:
                restarting[KILLED_AT.index(number)].start()  # the client goes on sending into the kill
            failed.append(until_taken(partial(lago.events.batch_create, batch)))
        for thread in restarting:
            thread.join()
        assert any(failed)
        assert total(client, "requests") == sum(range(BATCHES * PER_BATCH))
