"""Instants and zones as people write them in a query."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from meter.errors import InvalidParameter
from meter.windows import ORIGIN, utc


def zone_of(name: str) -> ZoneInfo:
    """The IANA zone of that name. Raises InvalidParameter for none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidParameter(f"tz: {name[:64]!r} is no IANA zone; write one like Europe/Paris") from error


def instant_of(name: str, text: str, zone: ZoneInfo) -> datetime:
    """The UTC instant of an RFC 3339 time with a zone, or of a date's midnight in `zone`.

    Raises InvalidParameter for anything else, a time without a zone above all: nobody could tell which was meant.
    """
    try:
        if len(text) == len("2026-11-20"):
            return utc(datetime.combine(date.fromisoformat(text), time()), zone)
        # a plus sign that was not escaped arrives as a space; subtracting refuses an instant without a zone
        return ORIGIN + (datetime.fromisoformat(text.replace(" ", "+")) - ORIGIN)
    except (TypeError, ValueError, OverflowError) as error:
        wanted = "2026-11-20T09:00:00Z or a date like 2026-11-20"
        raise InvalidParameter(f"{name}: {text[:64]!r} can't be read as an instant; write {wanted}") from error
