"""What goes wrong, and in which order: each fault breaks something, and has it mended when it returns."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from threading import Event
from typing import NamedTuple

from tests.soak.clients import Sender
from tests.soak.house import PATIENCE_S, QUERIES, House

HOUR = timedelta(hours=1)
BETWEEN_CUTS_S = 0.3
TERMINATE = QUERIES / "terminate.sql"


class Trouble(NamedTuple):
    """What a fault may use: the house, its clients, dice, how long it may last, and whether all is over."""

    house: House
    clients: Sequence[Sender]
    dice: random.Random
    lasts_s: float
    over: Event


def service_killed(trouble: Trouble) -> None:
    """The service is killed and started again."""
    trouble.house.service.kill()
    trouble.house.service.start()


def worker_killed(trouble: Trouble) -> None:
    """The worker is killed and started again."""
    trouble.house.worker.kill()
    trouble.house.worker.start()


def database_killed(trouble: Trouble) -> None:
    """The database server is killed, its first process or all of them, and started again a little later."""
    trouble.house.server.kill(whole=trouble.dice.random() < 0.5)
    trouble.over.wait(trouble.dice.uniform(0, trouble.lasts_s / 2))
    trouble.house.server.start()


def power_cut(trouble: Trouble) -> None:
    """All of it is killed, and started again."""
    house = trouble.house
    kills: list[Callable[[], None]] = [house.service.kill, house.worker.kill, partial(house.server.kill, whole=True)]
    trouble.dice.shuffle(kills)
    for kill in kills:
        kill()
    house.server.start()
    house.worker.start()
    house.service.start()


def connections_cut(trouble: Trouble) -> None:
    """All sessions of the product are ended, again and again."""
    for _ in range(max(1, int(trouble.lasts_s / BETWEEN_CUTS_S))):
        trouble.house.ask(TERMINATE)
        trouble.over.wait(BETWEEN_CUTS_S)


def network_broken(trouble: Trouble) -> None:
    """Requests break off half-way, answers after the commit: some at least, however long clients wait for others."""
    proxy = trouble.house.proxy
    before, deadline = proxy.cuts.total(), time.monotonic() + PATIENCE_S
    proxy.broken.set()
    trouble.over.wait(trouble.lasts_s)
    while proxy.cuts.total() == before and time.monotonic() < deadline and not trouble.over.is_set():
        time.sleep(0.05)
    proxy.broken.clear()


def disk_full(trouble: Trouble) -> None:
    """The disk of the database is full for a while; a server that gave up is started again."""
    disk = trouble.house.disk
    assert disk is not None
    disk.fill()
    trouble.over.wait(trouble.lasts_s)
    disk.free()
    trouble.house.server.start()


def clock_late(trouble: Trouble) -> None:
    """A client's clock is an hour late."""
    _clock_off(trouble, -HOUR)


def clock_ahead(trouble: Trouble) -> None:
    """A client's clock is an hour ahead: what it sends is rejected meanwhile."""
    _clock_off(trouble, HOUR)


def _clock_off(trouble: Trouble, off: timedelta) -> None:
    clock = trouble.dice.choice(trouble.clients).clock
    clock.off = off
    trouble.over.wait(trouble.lasts_s)
    clock.off = timedelta(0)


Fault = Callable[[Trouble], None]
FAULTS: tuple[Fault, ...] = (
    service_killed,
    network_broken,
    database_killed,
    clock_ahead,
    worker_killed,
    connections_cut,
    disk_full,
    clock_late,
    power_cut,
)


def schedule(dice: random.Random, house: House) -> Iterator[Fault]:
    """Faults without end: all there can be in an order of chance, then all again in another."""
    possible = [fault for fault in FAULTS if fault is not disk_full or house.disk is not None]
    while True:
        yield from dice.sample(possible, len(possible))
