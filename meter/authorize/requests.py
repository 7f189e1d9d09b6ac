"""What is asked of the desk, what is set apart for it, and what becomes of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from meter.authorize.verdicts import Decision, Held
from meter.limits.path import Use
from meter.model import Caller, Event, Team


class Ask(NamedTuple):
    """May a call go on that uses about so much? `estimate` is as an event; it lasts that long at most."""

    team: Team
    caller: Caller
    estimate: Event
    lasts: timedelta
    at: datetime


class Settle(NamedTuple):
    """What a call used, in place of what was set apart for it; the event's id, time and labels may be left out."""

    team: Team
    caller: Caller
    reservation: UUID
    event: Event
    at: datetime


class Release(NamedTuple):
    """A call that did not happen, or (`expired`) whose time is over."""

    team_id: int | None
    reservation: UUID
    at: datetime
    expired: bool = False


Request = Ask | Settle | Release


class Reservation(NamedTuple):
    """What was set apart, as it is stored."""

    id: int
    public_id: UUID
    team_id: int
    key_id: int
    member_id: int
    service_id: int
    member: str | None
    service: str | None
    at: datetime
    expires_at: datetime
    held: Held
    state: str
    event_hash: bytes | None
    answer: bytes | None


class Made(NamedTuple):
    """A reservation to be."""

    public_id: UUID
    team_id: int
    use: Use
    expires_at: datetime
    held: Held


class Closed(NamedTuple):
    """What became of a reservation; a settled one keeps its event's hash and its answer."""

    id: int
    state: str
    event_hash: bytes | None = None
    answer: bytes | None = None


class Asked(NamedTuple):
    """What became of an ask: the reservation's id and end where it may go on."""

    decision: Decision
    reservation: UUID | None
    expires_at: datetime | None


class Settled(NamedTuple):
    """What became of a settle: the answer, as it was given first and is kept."""

    answer: bytes


class Released(NamedTuple):
    """What became of a release: the state the reservation is in."""

    state: str


Answer = Asked | Settled | Released
