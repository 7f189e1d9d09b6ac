"""The machine this runs on: its cores and memory with how busy they are, its disk, and what goes over its network."""

from __future__ import annotations

import logging
import socket
import time
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from threading import Event
from typing import NamedTuple

import psutil

from meter.collect.client import Client, Record
from meter.collect.source import Labels, sampled
from meter.collect.spool import SpoolError

_log = logging.getLogger(__name__)

MEBIBYTE = Decimal(2**20)
GIBIBYTE = Decimal(2**30)
_STORED = Decimal("1e-12")
_SHOWN = Decimal("0.001")


class Reading(NamedTuple):
    """The machine at one moment; the percentages are over the time since the reading before.

    `boot` tells one count of network bytes from the next: they begin anew when the machine does.
    """

    at: datetime
    monotonic_s: float
    boot: int
    cores: int
    cpu_percent: float
    memory_bytes: int
    memory_percent: float
    disk_used_bytes: int
    sent_bytes: int
    received_bytes: int


class Usage(NamedTuple):
    """What two readings say about the time between them: samples of levels, and events."""

    samples: list[Record]
    events: list[Record]


def read() -> Reading:
    """Reads the machine now."""
    memory, network = psutil.virtual_memory(), psutil.net_io_counters()
    return Reading(
        at=datetime.now(UTC),
        monotonic_s=time.monotonic(),
        boot=int(psutil.boot_time()),
        cores=psutil.cpu_count() or 1,
        cpu_percent=psutil.cpu_percent(),
        memory_bytes=memory.total,
        memory_percent=memory.percent,
        disk_used_bytes=psutil.disk_usage("/").used,
        sent_bytes=network.bytes_sent,
        received_bytes=network.bytes_recv,
    )


def between(before: Reading, after: Reading, labels: Labels, host: str) -> Usage:
    """Usage over the time between two readings, in the service's own shapes; nothing when no time passed.

    The length comes from the monotonic clock, so a wall clock that is set meanwhile makes no hours and loses none.
    """
    seconds = Decimal(repr(after.monotonic_s - before.monotonic_s)).quantize(_SHOWN, ROUND_HALF_UP)
    if seconds <= 0:
        return Usage([], [])
    return Usage(_samples(after, labels, seconds), _events(before, after, labels, host, seconds))


def _samples(after: Reading, labels: Labels, seconds: Decimal) -> list[Record]:
    common = {
        "user_id": labels.member,
        "service_id": labels.service,
        "timestamp": after.at.isoformat(),
        "duration_seconds": seconds,
    }
    cpu = {"cpu_cores": after.cores, "cpu_usage_percent": _percent(after.cpu_percent)}
    megabytes = _rounded(after.memory_bytes / MEBIBYTE, _SHOWN)
    memory = {"memory_mb": megabytes, "memory_usage_percent": _percent(after.memory_percent)}
    return [{**common, **cpu}, {**common, **memory}]


def _events(before: Reading, after: Reading, labels: Labels, host: str, seconds: Decimal) -> list[Record]:
    common = {"time": after.at.isoformat(), "member": labels.member, "service": labels.service}
    disk: Record = {
        **common,
        "id": f"{host}/{labels.service}/storage/{after.at.isoformat()}",
        "meter": "storage",
        "quantity": _rounded(after.disk_used_bytes / GIBIBYTE, _STORED),
        "duration_seconds": seconds,
        "dimensions": {"host": host},
    }
    moved = {"out": after.sent_bytes - before.sent_bytes, "in": after.received_bytes - before.received_bytes}
    network: list[Record] = [
        {
            **common,
            "id": f"{host}/{labels.service}/network/{direction}/{after.at.isoformat()}",
            "meter": "network",
            "quantity": _rounded(count / GIBIBYTE, _STORED),
            "dimensions": {"host": host, "direction": direction},
        }
        for direction, count in moved.items()
        if before.boot == after.boot and count > 0
    ]
    return [disk, *network]


def _percent(value: float) -> Decimal:
    return _rounded(Decimal(repr(value)), _SHOWN)


def _rounded(value: Decimal, to: Decimal) -> Decimal:
    return value.quantize(to, ROUND_HALF_UP)


def run(client: Client, labels: Labels, stop: Event) -> None:
    """Reads the machine every `labels.every_s` seconds and hands the usage to `client`, until `stop` is set."""
    host = socket.gethostname()
    before = read()
    full = False
    while not stop.wait(labels.every_s):
        after = read()
        usage = between(before, after, labels, host)
        try:
            client.sample(usage.samples)
            client.record(usage.events)
            full = False
        except (SpoolError, OSError) as error:
            if not full:
                _log.error("usage of this machine is lost until there is room again: %s", error)
            full = True
        before = after


SOURCE = sampled("host", "CPU, memory, disk and network of this machine", run)
