"""Logs of decisions as they are written in these tests, and how timelines are read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from meter.rating.periods import Period
from meter.subscriptions.changes import Change, Decision, Outcome, with_outcome
from meter.subscriptions.timeline import Stretch, period_at
from meter.subscriptions.wish import Facts

TICK = timedelta(microseconds=1)
PARIS = "Europe/Paris"


def at(text: str) -> datetime:
    """An instant from its ISO text; UTC where it says nothing."""
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def log(*entries: tuple[str, Decision]) -> tuple[Change, ...]:
    """Decisions kept in this order, each with the instant from which it holds."""
    return tuple(Change(id_, at(when), said, at(when), "us") for id_, (when, said) in enumerate(entries, 1))


def withdrawn(changes: Iterable[Change], *ids: int) -> tuple[Change, ...]:
    """The log with these withdrawn."""
    return tuple(msgspec.structs.replace(c, withdrawn_at=c.at) if c.id in ids else c for c in changes)


def after(facts: Facts, outcome: Outcome) -> Facts:
    """What is known once the outcome is kept."""
    return msgspec.structs.replace(facts, changes=with_outcome(facts.changes, outcome, facts.now, "us"))


def on(facts: Facts, now: str) -> Facts:
    """The same at another time."""
    return msgspec.structs.replace(facts, now=at(now))


def told(stretches: Iterable[Stretch]) -> list[tuple[str | None, str | None, str]]:
    """Stretches as start, end and plan."""
    return [(short(s.start), short(s.end), s.plan) for s in stretches]


def short(instant: datetime | None) -> str | None:
    """An instant as one reads it: without seconds that are zero."""
    return None if instant is None else instant.isoformat().removesuffix("+00:00").removesuffix(":00")


def period_told(changes: Iterable[Change], zone: str, instant: str) -> tuple[str | None, str | None] | None:
    """The edges of the period that holds an instant."""
    found = period_at(changes, zone, at(instant))
    return None if found is None else edges_of(found)


def edges_of(period: Period) -> tuple[str | None, str | None]:
    """A period's edges."""
    return short(period.start), short(period.end)
