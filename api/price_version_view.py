"""Versions of price books as they are asked for and shown: in force from when, what they change, what has no price."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from api.calculation_given import Instant
from meter.prices.apply import Applied
from meter.prices.effect import Effect, How, Kind, Reach
from meter.prices.history import Entry, State
from meter.rating.book_diff import Difference


class NewVersion(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """A book, to be in force from an instant on, now unless `from` says another; a date is its midnight in UTC.

    `attached` are the files that the book takes prices from. With `dry_run` nothing is stored.
    """

    book: Annotated[str, Meta(min_length=1, description="The whole book, as TOML text.")]
    attached: dict[str, str] = {}
    from_: Instant | None = None
    dry_run: bool = False


class DifferenceView(msgspec.Struct, frozen=True):
    """A field at a dotted path, and what it says before and after; null where it is not written."""

    path: str
    old: str | None
    new: str | None


class ReachView(msgspec.Struct, frozen=True):
    """What becomes another one, and how many teams have it then or are to have it later."""

    kind: Kind
    name: str
    how: How
    teams: int


class AppliedView(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A version of a book: in force from `from` on, until another one takes over at `until` (null: none does).

    `changed`: it was not in force before, and is now, or would be. `in_place_of` is the version that was, null for a
    new book.
    """

    book: str
    version: str
    in_place_of: str | None
    from_: datetime
    until: datetime | None
    changed: bool
    differences: list[DifferenceView]
    reaches: list[ReachView]


class VersionView(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A version on the schedule: it holds in [from, until). `replaced`: another was applied from there later."""

    book: str
    version: str
    state: State
    from_: datetime
    until: datetime | None
    applied_at: datetime
    applied_by: str


class UnpricedUsageView(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Usage in a billing period that a team's plan has no price for; `name` is the team's."""

    team: UUID
    name: str
    plan: str
    meter: str
    quantity: str
    from_: datetime
    to: datetime


class UnpricedUsage(msgspec.Struct, frozen=True):
    """Everything there is, as it was at `as_of`: null, and nothing, before a worker has looked. One page holds all."""

    items: list[UnpricedUsageView]
    as_of: datetime | None
    next: None = None


def version_view(entry: Entry, now: datetime) -> VersionView:
    """An entry of the schedule as it is at an instant."""
    return VersionView(
        book=entry.book,
        version=entry.version,
        state=entry.state(now),
        from_=entry.since,
        until=entry.until,
        applied_at=entry.applied_at,
        applied_by=entry.applied_by,
    )


def applied_view(effect: Effect, applied: Applied | None) -> AppliedView:
    """What a book changes, and since when it holds where it was applied."""
    return AppliedView(
        book=effect.book,
        version=effect.version,
        in_place_of=effect.old_version,
        from_=effect.since if applied is None else applied.since,
        until=effect.until,
        changed=effect.changes if applied is None else applied.changed,
        differences=[_difference(each) for each in effect.differences],
        reaches=[_reach(each) for each in effect.reaches],
    )


def _difference(each: Difference) -> DifferenceView:
    return DifferenceView(each.path, each.old, each.new)


def _reach(each: Reach) -> ReachView:
    return ReachView(each.kind, each.name, each.how, each.teams)


def unpriced_view(row: dict[str, object]) -> UnpricedUsageView:
    """A finding as it is kept."""
    return msgspec.convert(row, UnpricedUsageView)
