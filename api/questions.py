"""Instants and zones as people write them in a query."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from meter.errors import InvalidParameter
from meter.windows import ORIGIN, utc

RELATIVE = re.compile(r"now(?:-(\d{1,6})([mhdw]))?")
UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def zone_of(name: str, parameter: str = "tz") -> ZoneInfo:
    """The IANA zone of that name. Raises InvalidParameter for none, which names the parameter it stood in."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidParameter(f"{parameter}: {name[:64]!r} is no IANA zone; write one like Europe/Paris") from error


def instant_of(name: str, text: str, zone: ZoneInfo, now: datetime | None = None) -> datetime:
    """The UTC instant of an RFC 3339 time with a zone, or of a date's midnight in `zone`; also "now" and "now-7d".

    Relative ones (m, h, d, w: minutes to weeks of elapsed time) are read where `now` is given. Raises InvalidParameter
    for anything else, a time without a zone above all: nobody could tell which was meant.
    """
    relative = RELATIVE.fullmatch(text) if now is not None else None
    try:
        if now is not None and relative:
            return now - int(relative[1] or 0) * UNITS[relative[2] or "m"]
        if len(text) == len("2026-11-20"):
            return utc(datetime.combine(date.fromisoformat(text), time()), zone)
        # a plus sign that was not escaped arrives as a space; subtracting refuses an instant without a zone
        return ORIGIN + (datetime.fromisoformat(text.replace(" ", "+")) - ORIGIN)
    except (TypeError, ValueError, OverflowError) as error:
        wanted = "2026-11-20T09:00:00Z or a date like 2026-11-20" + (", or now-7d" if now else "")
        raise InvalidParameter(f"{name}: {text[:64]!r} can't be read as an instant; write {wanted}") from error


def range_of(from_: str | None, to: str | None, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime] | None:
    """Both ends of a range as `instant_of` reads them, None where neither is given. Raises InvalidParameter for one."""
    if from_ is None and to is None:
        return None
    if from_ is None or to is None:
        raise InvalidParameter("give `from` and `to`, or neither")
    return instant_of("from", from_, zone, now), instant_of("to", to, zone, now)


def listed(names: list[str] | None) -> tuple[str, ...]:
    """Names as they are asked for: a parameter repeated, or with commas."""
    return tuple(name.strip() for each in names or () for name in each.split(","))
