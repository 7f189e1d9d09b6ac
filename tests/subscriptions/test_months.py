"""How a subscription's time is cut into billing periods: by hand, in zones that make it hard."""

from __future__ import annotations

from calendar import monthrange
from itertools import pairwise

import pytest

from meter.subscriptions.changes import Cancel, ChangePlan, Decision, Start
from meter.subscriptions.timeline import full_period, period_at, periods, previous_period
from tests.subscriptions.cast import PARIS, at, edges_of, log, period_told


def test_no_plan_has_no_period() -> None:
    """Neither now nor before."""
    assert period_at((), "UTC", at("2026-03-01")) is None
    assert full_period((), "UTC", at("2026-03-01")) is None
    assert previous_period((), "UTC", at("2026-03-01")) is None
    assert periods((), "UTC", at("2026-03-01"), at("2027-03-01")) == ()


@pytest.mark.parametrize(
    ("zone", "anchor", "instant", "period"),
    [
        # A calendar's first period begins at the anchor's midnight before the start, and goes on backwards.
        ("UTC", 1, "2026-03-17T15:00", ("2026-03-01T00:00", "2026-04-01T00:00")),
        ("UTC", 1, "2026-03-02T00:00", ("2026-03-01T00:00", "2026-04-01T00:00")),
        ("UTC", 1, "2025-12-31T23:00", ("2025-12-01T00:00", "2026-01-01T00:00")),
        ("UTC", 31, "2026-03-17T15:00", ("2026-02-28T00:00", "2026-03-31T00:00")),
        ("UTC", 31, "2026-04-17T15:00", ("2026-03-31T00:00", "2026-04-30T00:00")),
        (PARIS, 29, "2026-03-29T12:00", ("2026-03-28T23:00", "2026-04-28T22:00")),
        (PARIS, 1, "2026-10-31T22:59", ("2026-09-30T22:00", "2026-10-31T23:00")),
        ("Asia/Kathmandu", 1, "2026-03-31T18:14", ("2026-02-28T18:15", "2026-03-31T18:15")),
        ("Australia/Lord_Howe", 5, "2026-04-05T00:00", ("2026-04-04T13:00", "2026-05-04T13:30")),
        # Clocks in São Paulo jumped from midnight to one on 4 November 2018: the day began at one.
        ("America/Sao_Paulo", 4, "2018-11-04T03:00", ("2018-11-04T03:00", "2018-12-04T02:00")),
        # There was no 30 December 2011 in Apia: the period begins with the 31st.
        ("Pacific/Apia", 30, "2011-12-30T10:00", ("2011-12-30T10:00", "2012-01-29T10:00")),
    ],
)
def test_calendar(zone: str, anchor: int, instant: str, period: tuple[str, str]) -> None:
    """From the anchor's local midnight to the next, whenever it was started."""
    assert period_told(log(("2026-03-17T15:00", Start("calls/free", anchor))), zone, instant) == period


@pytest.mark.parametrize(
    ("zone", "start", "instant", "period"),
    [
        ("UTC", "2026-03-17T15:00", "2026-03-17T15:00", ("2026-03-17T15:00", "2026-04-17T00:00")),
        ("UTC", "2026-03-17T15:00", "2026-04-17T00:00", ("2026-04-17T00:00", "2026-05-17T00:00")),
        ("UTC", "2026-03-17T00:00", "2026-03-20T00:00", ("2026-03-17T00:00", "2026-04-17T00:00")),
        # The 31st falls on the last day of shorter months, and comes back.
        ("UTC", "2026-01-31T10:00", "2026-01-31T10:00", ("2026-01-31T10:00", "2026-02-28T00:00")),
        ("UTC", "2026-01-31T10:00", "2026-02-28T00:00", ("2026-02-28T00:00", "2026-03-31T00:00")),
        ("UTC", "2026-01-31T10:00", "2026-04-30T00:00", ("2026-04-30T00:00", "2026-05-31T00:00")),
        ("UTC", "2028-01-30T10:00", "2028-03-01T00:00", ("2028-02-29T00:00", "2028-03-30T00:00")),
        # Before the start the same days go on backwards; the last of them ends at the start.
        ("UTC", "2026-03-17T15:00", "2026-03-17T14:59", ("2026-03-17T00:00", "2026-03-17T15:00")),
        ("UTC", "2026-03-17T15:00", "2026-02-20T00:00", ("2026-02-17T00:00", "2026-03-17T00:00")),
        ("UTC", "2026-03-17T00:00", "2026-03-16T00:00", ("2026-02-17T00:00", "2026-03-17T00:00")),
        # The anchor is the local day: 23:30 UTC on the 28th is the 29th in Paris, an hour before clocks change.
        (PARIS, "2026-03-28T23:30", "2026-03-29T12:00", ("2026-03-28T23:30", "2026-04-28T22:00")),
        ("America/New_York", "2026-03-01T02:00", "2026-03-05T00:00", ("2026-03-01T02:00", "2026-03-28T04:00")),
        ("Asia/Kathmandu", "2026-03-31T18:14", "2026-04-02T00:00", ("2026-03-31T18:14", "2026-04-29T18:15")),
        ("Pacific/Apia", "2011-11-30T10:30", "2011-12-15T00:00", ("2011-11-30T10:30", "2011-12-30T10:00")),
        ("Pacific/Apia", "2011-12-29T11:00", "2011-12-31T00:00", ("2011-12-29T11:00", "2012-01-28T10:00")),
        # In St John's the clock went back from 00:01 on the 1st to 23:01 on the 31st, and that day came again.
        ("America/St_Johns", "2009-11-01T02:40", "2009-11-02T00:00", ("2009-11-01T02:40", "2009-11-30T03:30")),
    ],
)
def test_anniversary(zone: str, start: str, instant: str, period: tuple[str, str]) -> None:
    """A period begins at the very start, the others at midnights of its local day."""
    assert period_told(log((start, Start("calls/free", 1, restart=True))), zone, instant) == period


def many(zone: str, *entries: tuple[str, Decision]) -> list[tuple[str | None, str | None]]:
    """The periods from 2026-03-01 to June."""
    return [edges_of(p) for p in periods(log(*entries), zone, at("2026-03-01"), at("2026-06-01"))]


def test_a_cancellation_ends_the_running_period() -> None:
    """A new start begins one at its instant, until the calendar's next edge."""
    assert many(
        "UTC",
        ("2026-02-10", Start("calls/free")),
        ("2026-03-20T12:00", Cancel()),
        ("2026-04-10T09:00", Start("calls/pro", 15)),
    ) == [
        ("2026-03-01T00:00", "2026-03-20T12:00"),
        ("2026-04-10T09:00", "2026-04-15T00:00"),
        ("2026-04-15T00:00", "2026-05-15T00:00"),
        ("2026-05-15T00:00", "2026-06-15T00:00"),
    ]


def test_a_cancellation_at_an_edge_leaves_no_empty_period() -> None:
    """Nor does a start at one."""
    assert many(
        PARIS,
        ("2026-02-10", Start("calls/free")),
        ("2026-03-31T22:00", Cancel()),
        ("2026-04-30T22:00", Start("calls/pro")),
    ) == [
        ("2026-02-28T23:00", "2026-03-31T22:00"),
        ("2026-04-30T22:00", "2026-05-31T22:00"),
        ("2026-05-31T22:00", "2026-06-30T22:00"),
    ]


def test_another_plan_begins_no_period_unless_asked_to() -> None:
    """With `restart` its local day is the anchor from then on."""
    start = ("2026-02-10", Start("calls/free"))
    assert many("UTC", start, ("2026-03-20T12:00", ChangePlan("calls/pro"))) == many("UTC", start)
    assert many("UTC", start, ("2026-03-31T12:00", ChangePlan("calls/pro", restart=True))) == [
        ("2026-03-01T00:00", "2026-03-31T12:00"),
        ("2026-03-31T12:00", "2026-04-30T00:00"),
        ("2026-04-30T00:00", "2026-05-31T00:00"),
        ("2026-05-31T00:00", "2026-06-30T00:00"),
    ]


def test_a_cancellation_and_a_start_at_once_cut() -> None:
    """The old subscription is over, though no time is without one."""
    both: list[tuple[str, Decision]] = [("2026-03-20", Cancel()), ("2026-03-20", Start("calls/pro"))]
    assert many("UTC", ("2026-02-10", Start("calls/free")), *both)[:2] == [
        ("2026-03-01T00:00", "2026-03-20T00:00"),
        ("2026-03-20T00:00", "2026-04-01T00:00"),
    ]


@pytest.mark.parametrize(
    ("now", "period"),
    [
        ("2026-03-01T00:00", ("2026-02-01T00:00", "2026-03-01T00:00")),
        ("2026-02-28T23:59", ("2026-01-01T00:00", "2026-02-01T00:00")),
        ("2026-03-20T11:59", ("2026-02-01T00:00", "2026-03-01T00:00")),
        ("2026-03-20T12:00", ("2026-03-01T00:00", "2026-03-20T12:00")),
        ("2026-04-10T10:00", ("2026-03-01T00:00", "2026-03-20T12:00")),
        ("2026-05-10T08:59", ("2026-03-01T00:00", "2026-03-20T12:00")),
        ("2026-05-31T23:00", ("2026-03-01T00:00", "2026-03-20T12:00")),
        ("2026-06-10T00:00", ("2026-05-10T09:00", "2026-06-10T00:00")),
        ("2025-01-01T00:00", ("2024-12-01T00:00", "2025-01-01T00:00")),
    ],
)
def test_the_last_that_is_over(now: str, period: tuple[str, str]) -> None:
    """However long ago."""
    changes = log(
        ("2026-02-10", Start("calls/free")),
        ("2026-03-20T12:00", Cancel()),
        ("2026-05-10T09:00", Start("calls/pro", restart=True)),
    )
    found = previous_period(changes, "UTC", at(now))
    assert found is not None
    assert edges_of(found) == period


@pytest.mark.parametrize(
    ("instant", "month"),
    [
        ("2026-03-05", ("2026-03-01T00:00", "2026-04-01T00:00")),  # cut by the cancellation
        ("2026-04-12", ("2026-03-15T00:00", "2026-04-15T00:00")),  # began late
        ("2026-05-20", ("2026-05-15T00:00", "2026-06-15T00:00")),  # cut by the restart
        ("2026-05-25T08:00", ("2026-05-25T08:00", "2026-06-25T00:00")),  # began on time, at its own start
        ("2026-06-25", ("2026-06-25T00:00", "2026-07-25T00:00")),
    ],
)
def test_the_month_that_a_period_is_a_part_of(instant: str, month: tuple[str, str]) -> None:
    """What half a month's fee is half of."""
    changes = log(
        ("2026-02-10", Start("calls/free")),
        ("2026-03-20T12:00", Cancel()),
        ("2026-04-10T09:00", Start("calls/pro", 15)),
        ("2026-05-25T08:00", ChangePlan("calls/max", restart=True)),
    )
    found = full_period(changes, "UTC", at(instant))
    assert found is not None
    assert edges_of(found) == month


@pytest.mark.parametrize("anchor", [29, 30, 31])
@pytest.mark.parametrize("zone", ["UTC", PARIS, "Pacific/Auckland", "America/Havana"])
def test_late_anchors_do_not_drift(zone: str, anchor: int) -> None:
    """For four years each period begins on the anchor's day, or on the last of its month."""
    changes = log(("2026-01-05", Start("calls/free", anchor)))
    found = periods(changes, zone, at("2026-01-05"), at("2030-01-05"))
    assert len(found) == 49
    assert all(a.end == b.start for a, b in pairwise(found))
    for period in found:
        assert period.first_day.day == min(anchor, monthrange(period.first_day.year, period.first_day.month)[1])
