"""Weeks from Monday to Monday (UTC): what is dropped and archived at once, on every engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

WEEK = timedelta(days=7)
MONDAY = datetime(2000, 1, 3, tzinfo=UTC)


def week_of(instant: datetime) -> datetime:
    """When the week of an instant began."""
    return instant - (instant - MONDAY) % WEEK


def between(since: datetime, until: datetime) -> list[datetime]:
    """The beginnings of the weeks that an instant and those after it lie in, as long as they end by `until`."""
    first = week_of(since)
    return [first + WEEK * n for n in range(max(0, (until - first) // WEEK))]
