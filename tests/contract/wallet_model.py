"""A wallet as a plain dictionary: what the ledger is held against."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from meter.ledger.wallet import Burn
from tests.contract.place import NOW

HOUR = timedelta(hours=1)
OWED = "owed"
Parts = dict[str, Decimal]
"""Amounts by where they lie: the number of a lot as text, or `owed:` and a meter."""


class Again(NamedTuple):
    """How a grant comes again: so much each so many hours, and between so much and so much of the rest is kept."""

    amount: Decimal
    hours: int
    least: Decimal
    most: Decimal | None


class ModelLot(NamedTuple):
    """A grant as it was given."""

    public_id: UUID
    bought: UUID
    priority: int
    starts: datetime
    ends: datetime | None
    meters: frozenset[str]
    again: Again | None = None


@dataclass
class Model:
    """What lies where (owed below zero), what is reserved of it, and every booking with its instant."""

    floor: Decimal
    now: datetime = NOW
    lots: list[ModelLot] = field(default_factory=list)
    there: Parts = field(default_factory=dict)
    held: list[tuple[tuple[Burn, ...], Parts, str]] = field(default_factory=list)
    booked: list[tuple[UUID | None, datetime, Parts, str]] = field(default_factory=list)
    reversed: set[int] = field(default_factory=set)
    ended: dict[int, datetime] = field(default_factory=dict)
    due: dict[int, datetime] = field(default_factory=dict)
    stopped: dict[int, datetime] = field(default_factory=dict)

    def balance(self) -> Decimal:
        """Answer all there is, less what is owed."""
        return sum(self.there.values(), Decimal(0))

    def reserved(self, place: str) -> Decimal:
        """Answer what all reservations have of a lot."""
        return sum((parts.get(place, Decimal(0)) for _, parts, _ in self.held), Decimal(0))

    def free(self, number: int) -> Decimal:
        """Answer what nobody has reserved of a lot."""
        return self.there[str(number)] - self.reserved(str(number))

    def ends(self, number: int) -> datetime | None:
        """Answer when a lot ends, or was voided."""
        ends = [each for each in (self.lots[number].ends, self.ended.get(number)) if each]
        return min(ends) if ends else None

    def usable(self, meter: str | None, at: datetime) -> list[int]:
        """List the lots that may be used, the first first."""
        never = datetime.max.replace(tzinfo=NOW.tzinfo)
        order = sorted(
            (lot.priority, self.ends(n) or never, lot.starts, n)
            for n, lot in enumerate(self.lots)
            if meter is None or not lot.meters or meter in lot.meters
        )
        return [n for _, ends, starts, n in order if starts <= at < ends]

    def parts(self, meter: str | None, amount: Decimal, kept: Parts | None = None, at: datetime | None = None) -> Parts:
        """Say of where an amount is taken, as amounts to add; `kept` is what a reservation has of lots that ended."""
        found: Parts = {}
        order = self.usable(meter, at or self.now)
        never = datetime.max.replace(tzinfo=NOW.tzinfo)
        late = [int(place) for place in kept or {} if place.isdecimal() and int(place) not in order]
        key = lambda n: (self.lots[n].priority, self.ends(n) or never, self.lots[n].starts, n)  # noqa: E731
        for n in sorted([*order, *late], key=key):
            if meter is not None and self.lots[n].meters and meter not in self.lots[n].meters:
                continue
            most = self.free(n) if n in order else min(self.free(n), (kept or {})[str(n)])
            part = min(most, amount)
            if part > 0:
                found[str(n)] = -part
                amount -= part
        if amount:
            found[f"{OWED}:{meter or ''}"] = -amount
        return found

    def debts(self) -> list[str]:
        """List what is owed, by meter."""
        return sorted(place for place, amount in self.there.items() if place.startswith(OWED) and amount < 0)

    def pay(self, at: datetime | None = None, until: datetime | None = None) -> Parts:
        """Pay what is owed (or was, until an instant) of lots that are free; answer what moved."""
        moved: Parts = {}
        for place in self.debts():
            debt = -self.there[place] + min(Decimal(0), self.since(place, until) if until else Decimal(0))
            paid = {} if debt <= 0 else self.parts(place.removeprefix(f"{OWED}:"), debt, at=at)
            paid = {lot: amount for lot, amount in paid.items() if not lot.startswith(OWED)}
            if paid:
                paid[place] = -sum(paid.values(), Decimal(0))
                self.add(paid)
                moved = plus(moved, paid)
        return moved

    def since(self, place: str, at: datetime) -> Decimal:
        """Answer what was booked of a place from an instant on."""
        return sum((parts.get(place, Decimal(0)) for _, each, parts, _ in self.booked if each >= at), Decimal(0))

    def following(self, number: int, at: datetime) -> datetime | None:
        """Answer when a lot comes again after one of its instants."""
        again = self.lots[number].again
        ends = [each for each in (self.ends(number), self.stopped.get(number)) if each]
        then = at + (again.hours if again else 0) * HOUR
        return then if again and (not ends or then < min(ends)) else None

    def forget(self, number: int, before: datetime | None = None) -> None:
        """Let a lot come no more; what was due before an instant still does."""
        if before is None or self.due.get(number, before) >= before:
            self.due.pop(number, None)
        self.stopped.setdefault(number, before or self.now)

    def add(self, parts: Parts) -> None:
        """Move amounts."""
        self.there = {place: amount for place, amount in plus(self.there, parts).items() if amount or place.isdecimal()}

    def book(self, public_id: UUID | None, at: datetime, parts: Parts, kind: str) -> None:
        """Remember a booking."""
        self.booked.append((public_id, at, parts, kind))


def plus(one: Parts, other: Parts) -> Parts:
    """Add up amounts place by place."""
    return {place: one.get(place, Decimal(0)) + other.get(place, Decimal(0)) for place in {**one, **other}}
