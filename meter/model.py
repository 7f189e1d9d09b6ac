"""The words of the field as values: events in, receipts out, and who is who. Frozen, typed, JSON-ready."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import msgspec


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """One usage fact as any protocol hands it in; either `meter` and `quantity`, or `quantities` of several meters.

    For a time-weighted meter with `duration_seconds`, the quantity is the level held over [time - duration, time);
    without, it is already in the meter's unit (core-hours …).
    """

    id: str | None = None
    time: datetime | None = None
    meter: str | None = None
    quantity: int | Decimal | None = None  # whole numbers as they are: a Decimal takes longer to make and to find
    quantities: dict[str, Decimal] | None = None
    member: str | None = None
    service: str | None = None
    dimensions: dict[str, str] | None = None
    attributes: dict[str, object] | None = None
    source: str | None = None
    duration_seconds: Decimal | None = None


class Rejection(msgspec.Struct, frozen=True):
    """Why one event was not taken: its index in the body, a stable code, and what to change."""

    index: int
    code: str
    detail: str


class Receipt(msgspec.Struct, frozen=True):
    """What became of a body, counted in events; written only after the commit."""

    accepted: int
    duplicates: int
    rejected: list[Rejection]


class Meter(msgspec.Struct, frozen=True):
    """What is measured. A stored quantity divided by `divisor` is in `unit`; `per_month`: also by the month's seconds.

    A level held over time is stored as level x `level_scale` x seconds. A unique count counts the values of `unique_of`
    (`member`, or `attributes.<name>`). `billable_statuses` None: whatever the status. `own`: the team's, not of the
    catalogue. `version` grows with each change. `expected_every_seconds`: how often each series is expected to report.
    """

    id: int
    slug: str
    title: str
    unit: str
    aggregation: str
    level_scale: Decimal
    divisor: Decimal
    per_month: bool
    billable: bool
    dimensions: frozenset[str]
    unique_of: str | None = None
    percentile: Decimal | None = None
    per: str | None = None
    gap_rule: str | None = None
    gap_seconds: int | None = None
    billable_statuses: tuple[str, ...] | None = None
    version: int = 1
    archived_at: datetime | None = None
    own: bool = False
    expected_every_seconds: int | None = None

    @property
    def time_weighted(self) -> bool:
        """Whether its samples are levels held over time."""
        return self.aggregation == "time_weighted"

    @property
    def counts_events(self) -> bool:
        """Whether an event counts as itself, so that it needs no quantity."""
        return self.aggregation in {"count", "unique"}


class Team(msgspec.Struct, frozen=True):
    """The tenant: who pays, in which zone its days begin, in which currency it is billed."""

    id: int
    public_id: UUID
    name: str
    timezone: str
    currency: str
    billing_email: str | None
    created_at: datetime
    version: int = 1
    deleted_at: datetime | None = None


class Caller(msgspec.Struct, frozen=True):
    """Who is asking: a key, its team (None: the operator) and what it may do.

    `member` is from X-User-ID and `role` what they are in the team, None for nobody there. Where `only_member` is set
    the answer is about that member's usage alone.
    """

    key_id: int
    key_public_id: UUID
    team: Team | None
    scopes: frozenset[str]
    internal: bool
    member: str | None = None
    role: str | None = None
    only_member: str | None = None
    key_prefix: str = ""

    @property
    def is_operator(self) -> bool:
        """Whether this is the operator's own key."""
        return self.team is None


class SeriesKey(NamedTuple):
    """A series within one team and key, as an event names it; dimensions sorted by name.

    `failed`: the attributes hold a status that the meter does not bill. A status among the dimensions needs no mark.
    """

    meter: str
    member: str | None
    service: str | None
    dimensions: tuple[tuple[str, str], ...]
    failed: bool = False


class Refusal(NamedTuple):
    """Why a series can't be: a code of meter/event_codes.py and what to change."""

    code: str
    detail: str
