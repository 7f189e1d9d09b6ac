"""Who has fallen silent, and since when? Facts for lists and alarms; pure, `now` is passed in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

State = Literal["reporting", "silent", "gone"]
MISSED = 3
LEAST_SILENCE = timedelta(minutes=5)
"""A series is silent when nothing came for MISSED times as long as usual, and for this at least."""


class Report(NamedTuple):
    """How a series reports: every so many seconds as its meter says (`declared`) or as was learned, None: not known.

    `until` is when it ended or was gone, None where it is there; `last_seen` None where there is no data of it.
    """

    series: UUID
    meter: str
    every_seconds: int | None
    declared: bool
    last_seen: datetime | None
    until: datetime | None
    ended: bool


class Silence(NamedTuple):
    """A series that should have reported and did not, `since` its last data."""

    series: UUID
    meter: str
    since: datetime
    every_seconds: int


def patience(every_seconds: int) -> timedelta:
    """How long nothing may come before a series counts as silent."""
    return max(LEAST_SILENCE, timedelta(seconds=MISSED * every_seconds))


def state_of(report: Report, now: datetime) -> State | None:
    """Where a series stands; None where nobody knows when it should report."""
    if report.every_seconds is None or report.last_seen is None:
        return None
    if report.until is not None:
        return "gone"
    return "silent" if now - report.last_seen > patience(report.every_seconds) else "reporting"


def next_expected(report: Report) -> datetime | None:
    """When the next data is due, or was; None where none is expected."""
    if report.every_seconds is None or report.last_seen is None or report.until is not None:
        return None
    return report.last_seen + timedelta(seconds=report.every_seconds)


def facts(now: datetime, reports: Iterable[Report]) -> list[Silence]:
    """Which series are silent, longest first."""
    found = [
        Silence(each.series, each.meter, each.last_seen, each.every_seconds)
        for each in reports
        if each.last_seen is not None and each.every_seconds is not None and state_of(each, now) == "silent"
    ]
    return sorted(found, key=lambda silence: (silence.since, silence.series))
