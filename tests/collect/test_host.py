"""The host collector: two readings of the machine to usage, in the shapes the service takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Event, Thread

import msgspec
import pytest

from api.ingest import events, samples
from meter.collect import SOURCES, host
from meter.collect.client import Client
from meter.collect.host import Reading, between
from meter.collect.source import Labels
from meter.model import Event as Fact
from tests.collect.service import fake_service
from tests.collect.test_client import wait_until

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
LABELS = Labels("web-1", "ops", 30.0)
BEFORE = Reading(AT, 100.0, 1, 4, 0.0, 8 * 2**30, 50.0, 3 * 2**30, 1_000, 2_000)
AFTER = BEFORE._replace(
    at=AT + timedelta(seconds=30), monotonic_s=130.0, cpu_percent=12.5, sent_bytes=1_000 + 2**30, received_bytes=2_000
)


def test_levels_and_deltas() -> None:
    """Cores and memory and how busy they are, the disk as a level, what was sent; nothing received is no event."""
    usage = between(BEFORE, AFTER, LABELS, "box")
    cpu, memory = usage.samples
    assert (cpu["cpu_cores"], cpu["cpu_usage_percent"], cpu["duration_seconds"]) == (4, Decimal("12.500"), Decimal(30))
    assert (memory["memory_mb"], memory["memory_usage_percent"]) == (Decimal(8192), Decimal(50))
    disk, sent = usage.events
    assert (disk["meter"], disk["quantity"], disk["duration_seconds"]) == ("storage", Decimal(3), Decimal(30))
    assert (sent["meter"], sent["quantity"]) == ("network", Decimal(1))
    assert sent["dimensions"] == {"host": "box", "direction": "out"}


def test_the_service_takes_the_shapes() -> None:
    """Both decoders read every record, and none is refused."""
    usage = between(BEFORE, AFTER._replace(received_bytes=3_000), LABELS, "box")
    encode = msgspec.json.Encoder(decimal_format="string").encode
    found = [
        *samples.decode(encode(usage.samples), "application/json", 10),
        *events.decode(encode(usage.events), "application/json", 10),
    ]
    assert len(found) == 5
    assert all(isinstance(fact, Fact) for fact in found), found


def test_a_restarted_machine_counts_from_zero_again() -> None:
    """What it had counted before is no traffic of now."""
    after = AFTER._replace(boot=2, sent_bytes=10, received_bytes=10)
    assert [event["meter"] for event in between(BEFORE, after, LABELS, "box").events] == ["storage"]


def test_a_clock_that_is_set_makes_no_usage() -> None:
    """An hour's jump of the wall clock: the sample is still thirty seconds long."""
    usage = between(BEFORE, AFTER._replace(at=AT + timedelta(hours=1)), LABELS, "box")
    assert {sample["duration_seconds"] for sample in usage.samples} == {Decimal(30)}


def test_no_time_no_usage() -> None:
    """Two readings at once say nothing."""
    assert between(BEFORE, BEFORE, LABELS, "box") == ([], [])


def test_this_machine_is_read_and_sent(tmp_path: Path) -> None:
    """The real psutil, the real client: usage of the machine the tests run on arrives."""
    stop = Event()
    with fake_service() as service:
        client = Client(service.url, "hm_key", tmp_path)

        def arrived() -> bool:
            return {path for path, _ in service.bodies} == {"/v1/events", "/v1/usage/collect"}

        labels = LABELS._replace(every_s=0.05)
        before = host.read()
        assert before.cores > 0
        assert before.memory_bytes > 2**20
        thread = Thread(target=host.run, args=(client, labels, stop))
        thread.start()
        wait_until(arrived)
        stop.set()
        thread.join()
        client.close(20)


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_has_help(source: object) -> None:
    """A name for the command line, and a line that says what it reads."""
    assert isinstance(source, type(host.SOURCE))
    assert source.name.isidentifier()
    assert source.help
