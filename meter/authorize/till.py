"""Counters and wallets as they stand while a batch is decided: what it does to them, its next request sees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from meter.ledger.store import Entry
from meter.ledger.wallet import Wallet
from meter.limits.budget import Budget
from meter.limits.path import CounterKey, Limit
from meter.limits.verdict import Slot, Standing
from meter.limits.window import oldest
from meter.rating.money import exact

ZERO = Decimal(0)


class Counted(NamedTuple):
    """A counter as it was read, in a transaction that holds it."""

    id: int
    team_id: int
    key: CounterKey
    settled: Decimal
    reserved: Decimal
    ingested: Decimal


@dataclass(slots=True)
class Tally:
    """A counter in this batch: as it was read, and what the batch adds to it."""

    read: Counted
    settled: Decimal = ZERO
    reserved: Decimal = ZERO
    charged: Decimal = ZERO

    @property
    @exact()
    def used(self) -> Decimal:
        """What was used so far, asked for before or not."""
        return self.read.settled + self.settled + self.read.ingested

    @property
    @exact()
    def held(self) -> Decimal:
        """What is reserved."""
        return self.read.reserved + self.reserved

    @property
    def changed(self) -> bool:
        """Whether the batch adds anything."""
        return bool(self.settled or self.reserved or self.charged)

    @exact()
    def add(self, settled: Decimal = ZERO, reserved: Decimal = ZERO, charged: Decimal = ZERO) -> None:
        """Adds to it."""
        self.settled += settled
        self.reserved += reserved
        self.charged += charged


@dataclass(slots=True)
class Till:
    """All that a batch may touch, counters by team and key.

    `wallets` are changed in place, `entries` say what the ledger is to book for it.
    """

    tallies: dict[tuple[int, CounterKey], Tally]
    wallets: dict[int, Wallet]
    by_id: dict[int, Tally] = field(init=False)
    before: Mapping[int, Wallet] = field(init=False)
    entries: list[Entry] = field(default_factory=list)
    _slots: dict[tuple[object, ...], list[Tally]] = field(init=False)

    def __post_init__(self) -> None:
        """Finds counters by id and by window, too."""
        self.by_id = {tally.read.id: tally for tally in self.tallies.values()}
        self.before = dict(self.wallets)
        self._slots = {}
        for (team_id, key), tally in sorted(self.tallies.items(), key=lambda each: each[0][1].starts_at):
            self._slots.setdefault(_headless(team_id, key), []).append(tally)

    def tally(self, team_id: int, key: CounterKey) -> Tally:
        """The counter of a team."""
        return self.tallies[team_id, key]

    def standing(self, team_id: int, limit: Limit) -> Standing:
        """How a limit stands now."""
        if limit.head is None or not isinstance(limit.budget, Budget) or limit.budget.seconds is None:
            tally = self.tally(team_id, limit.key)
            return Standing(limit, tally.used, tally.held)
        head = self.tally(team_id, limit.head)
        since = oldest(limit.budget.seconds, limit.key.starts_at)
        slots = [each for each in self._slots[_headless(team_id, limit.head)] if each is not head]
        inside = [each for each in slots if each.read.key.starts_at >= since]
        return _rolling(limit, head, inside)

    def changed(self) -> Iterator[Tally]:
        """The counters that the batch adds to, by id."""
        return (tally for _, tally in sorted(self.by_id.items()) if tally.changed)


@exact()
def _rolling(limit: Limit, head: Tally, slots: Iterable[Tally]) -> Standing:
    inside = tuple(slots)
    return Standing(
        limit,
        head.read.ingested + sum((each.used for each in inside), ZERO),
        sum((each.held for each in inside), ZERO),
        tuple(Slot(each.read.key.starts_at, each.used + each.held) for each in inside),
    )


def _headless(team_id: int, key: CounterKey) -> tuple[object, ...]:
    return team_id, *key[:6]
