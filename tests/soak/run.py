"""Clients, faults, and the reckoning at the end: the same for ten minutes and for one."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event
from typing import NamedTuple

from meter.migrate import Engine
from tests.served import Client, make_team
from tests.soak import otlp, verify
from tests.soak.clients import Events, Files, Samples, Sender
from tests.soak.faults import Trouble, schedule
from tests.soak.house import House, built

PACE_S = 0.05
MOST_MEMORY = 400_000_000
LAST_BODIES_S = 180


class Plan(NamedTuple):
    """How long clients send, how often something goes wrong, and by which dice."""

    engine: Engine
    seconds: float
    every_s: float
    seed: int


def run(plan: Plan, directory: Path) -> str:
    """Sends under faults, then reckons; answers what happened in one line. Raises AssertionError."""
    with built(plan.engine, directory, plan.seed) as house:
        team = make_team(house.service.url)
        team.http.put("/v1/mapping", json=otlp.MAPPING).raise_for_status()
        clients = _clients(house, team, directory)
        faults = _send_under_faults(plan, house, clients)
        waited = verify.wait_for_roll_up(house)
        verify.check(house, team, verify.sent(clients))
        assert [said for client in clients for said in client.tally.surprises] == []
        assert house.ended + house.failures() == []
        assert house.memory.peak_bytes < MOST_MEMORY
        return _line(plan, house, clients, faults) + f", rolled up after {waited:.1f} s"


def _clients(house: House, team: Client, directory: Path) -> list[Sender]:
    to = house.proxy.url, team.key, PACE_S
    return [
        Events("events", *to),
        Samples("samples", *to),
        otlp.Otlp("otlp", *to),
        Files("files", *to, directory / "spool"),
    ]


def _send_under_faults(plan: Plan, house: House, clients: Sequence[Sender]) -> Counter[str]:
    """Lets all clients send until time is up and everything is acknowledged; how often each fault was."""
    stop, broken = Event(), Event()
    with ThreadPoolExecutor(len(clients)) as threads:
        futures = [threads.submit(client.work, stop) for client in clients]
        for future in futures:
            future.add_done_callback(lambda _: broken.set())
        try:
            faults = _break(plan, house, clients, broken)
        finally:
            stop.set()
        _end(futures)
    return faults


def _break(plan: Plan, house: House, clients: Sequence[Sender], broken: Event) -> Counter[str]:
    """One fault after another, until time is up or a client has failed."""
    dice = random.Random(plan.seed)  # noqa: S311 - no secret
    faults: Counter[str] = Counter()
    deadline = time.monotonic() + plan.seconds
    for fault in schedule(dice, house):
        next_at = time.monotonic() + plan.every_s
        if next_at > deadline or broken.is_set():
            break
        fault(Trouble(house, clients, dice, plan.every_s / 2, broken))
        faults[fault.__name__] += 1
        broken.wait(max(0.0, next_at - time.monotonic()))
        house.look(fault.__name__)
    return faults


def _end(futures: Sequence[Future[None]]) -> None:
    done, left = wait(futures, LAST_BODIES_S, FIRST_EXCEPTION)
    for future in done:
        future.result()
    assert not left, "a client does not come to an end"


def _line(plan: Plan, house: House, clients: Sequence[Sender], faults: Counter[str]) -> str:
    total: Counter[str] = sum((client.tally.counts for client in clients), Counter())
    longest = max(client.tally.longest_s for client in clients)
    said = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(faults.items()))
    cuts = ", ".join(f"{count} {name}" for name, count in sorted(house.proxy.cuts.items()))
    no_disk = "" if house.disk else ", and no disk was filled, for none may be mounted here"
    return (
        f"soak {plan.engine}, seed {plan.seed}: {faults.total()} faults ({said}{no_disk}); {total['records']} records"
        f" counted in {total['requests']} requests, {total['retries']} retries ({cuts}), {total['duplicates']}"
        f" duplicates ({total['stored unheard']} whose answer was lost), {total['rejected']} rejected;"
        f" a body took {longest:.1f} s at most, the service {house.memory.peak_bytes / 1e6:.0f} MB"
    )
