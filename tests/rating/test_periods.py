"""Billing periods in any zone, with any anchor."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo, available_timezones

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.rating.periods import Period, month_period, previous_month

ZONES = [
    *(
        "UTC",
        "Europe/Paris",
        "America/New_York",
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Apia",
    ),
    *("America/Sao_Paulo", "Africa/Cairo", "America/Havana", "Asia/Beirut", "America/Nuuk", "Pacific/Chatham"),
]
TICK = timedelta(microseconds=1)
instants = st.datetimes(datetime(1990, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive by hypothesis' contract


def at(text: str) -> datetime:
    """An instant from its ISO text."""
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("instant", "zone", "anchor", "start", "end"),
    [
        ("2026-03-15T00:00Z", "UTC", 1, "2026-03-01T00:00Z", "2026-04-01T00:00Z"),
        ("2026-03-01T00:00Z", "UTC", 1, "2026-03-01T00:00Z", "2026-04-01T00:00Z"),
        ("2026-02-28T23:59:59.999999Z", "UTC", 1, "2026-02-01T00:00Z", "2026-03-01T00:00Z"),
        ("2026-03-15T00:00Z", "Europe/Paris", 1, "2026-02-28T23:00Z", "2026-03-31T22:00Z"),
        ("2026-10-31T23:30Z", "Europe/Paris", 1, "2026-10-31T23:00Z", "2026-11-30T23:00Z"),
        ("2026-03-15T12:00Z", "Asia/Kolkata", 1, "2026-02-28T18:30Z", "2026-03-31T18:30Z"),
        ("2026-01-10T00:00Z", "UTC", 31, "2025-12-31T00:00Z", "2026-01-31T00:00Z"),
        ("2026-02-10T00:00Z", "UTC", 31, "2026-01-31T00:00Z", "2026-02-28T00:00Z"),
        ("2026-03-01T00:00Z", "UTC", 31, "2026-02-28T00:00Z", "2026-03-31T00:00Z"),
        ("2024-03-01T00:00Z", "UTC", 30, "2024-02-29T00:00Z", "2024-03-30T00:00Z"),
        ("2026-12-31T00:00Z", "UTC", 15, "2026-12-15T00:00Z", "2027-01-15T00:00Z"),
        # Midnight of 1 November 2026 happens twice in Havana: the day starts at the first.
        ("2026-11-05T00:00Z", "America/Havana", 1, "2026-11-01T04:00Z", "2026-12-01T05:00Z"),
        # In St John's clocks went back from 00:01 to 23:01: the month had begun, and the hour repeated is November's.
        ("2009-11-01T03:00Z", "America/St_Johns", 1, "2009-11-01T02:30Z", "2009-12-01T03:30Z"),
        # 30 December 2011 does not exist in Apia: the period starts when the 31st does.
        ("2012-01-05T00:00Z", "Pacific/Apia", 30, "2011-12-30T10:00Z", "2012-01-29T10:00Z"),
    ],
)
def test_month_period(instant: str, zone: str, anchor: int, start: str, end: str) -> None:
    """Edges are local midnights of the anchor, clamped to the month, through clock changes."""
    assert month_period(at(instant), zone, anchor) == Period(at(start), at(end), zone, anchor)


def test_an_anchor_of_31_does_not_drift() -> None:
    """Following periods one by one for four years returns to the 31st after every short month."""
    period = month_period(at("2026-01-31T00:00Z"), "Europe/Paris", 31)
    for _ in range(48):
        following = month_period(period.end, "Europe/Paris", 31)
        assert following.start == period.end
        assert following.first_day.day == 31 or (following.first_day + timedelta(days=1)).day == 1
        period = following
    assert period.first_day == date(2030, 1, 31)


@pytest.mark.parametrize(
    ("now", "start"),
    [
        ("2026-03-01T00:00Z", "2026-01-31T23:00Z"),
        ("2026-02-28T22:59:59Z", "2025-12-31T23:00Z"),
        ("2026-02-28T23:00Z", "2026-01-31T23:00Z"),
    ],
)
def test_previous_month_is_the_last_one_that_is_over(now: str, start: str) -> None:
    """At the local turn of the month, and not before, the month that ended is billed."""
    assert previous_month(at(now), "Europe/Paris").start == at(start)


def test_days_and_seconds_for_documents() -> None:
    """The last day is inclusive and local; seconds are elapsed ones."""
    march = month_period(at("2026-03-15T00:00Z"), "Europe/Paris")
    assert (march.first_day, march.last_day) == (date(2026, 3, 1), date(2026, 3, 31))
    assert march.seconds == 31 * 86400 - 3600
    assert month_period(at("2026-10-15T00:00Z"), "Europe/Paris").seconds == 31 * 86400 + 3600
    assert Period(at("2026-01-01T00:00Z"), at("2026-01-01T00:00:00.5Z"), "UTC").seconds == Decimal("0.5")


def test_an_instant_is_in_exactly_one_period() -> None:
    """The start is in, the end is out."""
    march = month_period(at("2026-03-15T00:00Z"), "UTC")
    assert march.start in march
    assert march.end - TICK in march
    assert march.end not in march


@pytest.mark.parametrize(
    ("start", "end", "zone", "anchor", "message"),
    [
        ("2026-01-01T00:00", "2026-02-01T00:00Z", "UTC", 1, "is not UTC"),
        ("2026-01-01T00:00Z", "2026-02-01T00:00+01:00", "UTC", 1, "is not UTC"),
        ("2026-02-01T00:00Z", "2026-02-01T00:00Z", "UTC", 1, "not after its start"),
        ("2026-01-01T00:00Z", "2026-02-01T00:00Z", "Mars/Olympus", 1, "is not a time zone"),
        ("2026-01-01T00:00Z", "2026-02-01T00:00Z", "../etc/passwd", 1, "is not a time zone"),
        ("2026-01-01T00:00Z", "2026-02-01T00:00Z", "", 1, "is not a time zone"),
        ("2026-01-01T00:00Z", "2026-02-01T00:00Z", "UTC", 0, "anchor day 0"),
        ("2026-01-01T00:00Z", "2026-02-01T00:00Z", "UTC", 32, "anchor day 32"),
    ],
)
def test_periods_that_could_not_be_billed_are_refused(
    start: str, end: str, zone: str, anchor: int, message: str
) -> None:
    """Naive or foreign edges, empty ranges, unknown zones and anchors are errors."""
    with pytest.raises(ValueError, match=message):
        Period(at(start), at(end), zone, anchor)


def test_naive_instants_are_refused() -> None:
    """A time without a zone is never guessed."""
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - the very thing under test
    for ask in (month_period, previous_month):
        with pytest.raises(ValueError, match="has no time zone"):
            ask(naive, "UTC")
    with pytest.raises(ValueError, match="has no time zone"):
        assert naive in month_period(at("2026-01-01T00:00Z"), "UTC")
    with pytest.raises(ValueError, match="anchor day 40"):
        month_period(at("2026-01-01T00:00Z"), "UTC", 40)


@given(instants, st.sampled_from(ZONES), st.integers(1, 31))
def test_periods_tile_time(instant: datetime, zone: str, anchor: int) -> None:
    """Every instant is in its period, and neighbours meet without gap or overlap."""
    period = month_period(instant, zone, anchor)
    assert instant in period
    assert month_period(period.start, zone, anchor) == period
    assert month_period(period.end - TICK, zone, anchor) == period
    assert month_period(period.end, zone, anchor).start == period.end
    assert previous_month(instant, zone, anchor).end == period.start


@pytest.mark.parametrize("zone", sorted(available_timezones()))
def test_every_zone_starts_its_months_with_the_first_instant_of_the_day(zone: str) -> None:
    """In each zone of the database, one microsecond before a month's start is another local day (2000 to 2030)."""
    local = ZoneInfo(zone)
    period = month_period(at("2000-01-15T00:00Z"), zone)
    while period.start.year < 2030:
        assert (period.start - TICK).astimezone(local).date() < period.start.astimezone(local).date()
        period = month_period(period.end, zone)


def test_a_period_survives_json() -> None:
    """Periods are stored with invoices and read back equal."""
    period = month_period(at("2026-03-15T00:00Z"), "Europe/Paris", 31)
    assert msgspec.json.decode(msgspec.json.encode(period), type=Period) == period
