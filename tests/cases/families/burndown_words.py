"""Times, recurrences and grants as a case writes them in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from meter.ledger.recurring import Every
from tests.cases.case import NotUnderstoodError, number_of
from tests.cases.families.burndown_story import Grant

T0: Final = datetime(2026, 1, 1, tzinfo=UTC)
LONG_AFTER: Final = datetime(2200, 1, 1, tzinfo=UTC)
SPANS: Final[Mapping[str, timedelta]] = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
MONTHS: Final = {"mo": 1, "month": 1, "y": 12}
EVERY: Final[Mapping[str, Every]] = {
    **dict.fromkeys(("h", "hour", "hourly"), "hour"),
    **dict.fromkeys(("d", "day", "daily"), "day"),
    **dict.fromkeys(("w", "week", "weekly"), "week"),
    **dict.fromkeys(("mo", "m", "month", "monthly"), "month"),
    **dict.fromkeys(("y", "year", "yearly", "annual", "annually"), "year"),
}


def instant(text: str) -> datetime:
    """A time counted from t0, as "t0-1d" or "t0+1d30m", or a time of its own."""
    if not text.startswith("t0"):
        return _of_its_own(text)
    at, rest = T0, text[2:].replace(" ", "")
    parts = re.findall(r"([+-]?)(\d+)([a-z]+)", rest)
    if "".join(map("".join, parts)) != rest or (parts and not parts[0][0]):
        raise NotUnderstoodError(f"{text!r} is no time from t0")
    sign = ""
    for own, number, unit in parts:
        sign = own or sign
        many_of = int(sign + number)
        if unit in SPANS:
            at += many_of * SPANS[unit]
        elif unit in MONTHS:
            year, month = divmod(at.year * 12 + at.month - 1 + many_of * MONTHS[unit], 12)
            at = at.replace(year=year, month=month + 1)
        else:
            raise NotUnderstoodError(f"{text!r}: nobody knows the unit {unit!r}")
    return at


def _of_its_own(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise NotUnderstoodError(f"{text!r} is no time") from error
    if at.utcoffset() is None:
        raise NotUnderstoodError(f"{text!r} has no time zone")
    return at.astimezone(UTC)


def recurrence(text: str) -> tuple[Every, int]:
    """How often, from a word ("daily"), a length ("24h", "1 day") or one of ISO 8601 ("P1D", "PT1H")."""
    said = text.lower().strip().removeprefix("every").strip()
    if iso := re.fullmatch(r"p(t?)(\d+)([hdwmy])", said):
        hours, number, unit = iso.groups()
        if bool(hours) == (unit == "h"):
            return EVERY[unit], int(number)
    elif length := re.fullmatch(r"(\d*)\s*([a-z]+?)", said):
        number, unit = length.groups()
        known = EVERY.get(unit) or EVERY.get(unit.removesuffix("s"))
        if known is not None:
            return known, int(number or "1")
    raise NotUnderstoodError(f"{text!r} is no recurrence")


def many(text: str) -> list[Grant]:
    """Grants in words, as "1000 grants of 100 each, expiring one after the other": so many alike, but for their expiry.

    The one that expires first is neither the first nor the last of them.
    """
    counted = re.search(r"(\d[\d,_]*)\s+(?:\w+\s+)?grants", text)
    amount = re.search(r"(?:of|with|amount|grants,) (\d+(?:\.\d+)?)", text)
    if counted is None or amount is None or "expir" not in text:
        raise NotUnderstoodError(f"price_definition.grants: {text!r} is no number of grants that expire")
    number, each = int(re.sub(r"\D", "", counted[1])), number_of(amount[1], "price_definition.grants")
    if number < 1:
        raise NotUnderstoodError("price_definition.grants: there are none")
    return [
        Grant(f"g{place}", each, 1, T0, LONG_AFTER + timedelta(hours=(place - number // 2) % number))
        for place in range(number)
    ]
