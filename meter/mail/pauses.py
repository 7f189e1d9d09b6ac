"""When is mail tried again, and when is it given up? Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360))
GIVE_UP_AFTER = timedelta(days=4)


def next_attempt(attempts: int, queued_at: datetime, now: datetime) -> datetime | None:
    """When to try again after so many attempts, the pauses growing to six hours; None after four days."""
    if now - queued_at >= GIVE_UP_AFTER:
        return None
    return now + PAUSES[min(attempts, len(PAUSES)) - 1]
