"""Forecasts: the one that the worker made where it is what was asked for, else made now, apart from the event loop."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import msgspec

from analytics import forecasts
from analytics.forecasts import SHOWN, Ahead, Forecasts
from api.analytics_given import Subject
from api.analytics_rows import Measure, check_meters, read_in
from api.analytics_rows import Question as Rows
from api.analytics_rows import Rows as Told
from api.state import Shell
from meter import past_limits, results
from meter.database import Connection
from meter.ingest import load_meters
from meter.list_costs import Unpriced
from meter.model import Team
from meter.past import REACH, Left, Past, Step, Window
from meter.past_read import Asked, read_past
from meter.results import Result
from meter.snapshot import snapshot
from meter.spans import Span
from meter.subscriptions.current import running_period
from meter.windows import floor

LATELY = timedelta(hours=2)
"""For how long a forecast is as good as one that is made now: the worker makes it anew within the hour."""


class Question(NamedTuple):
    """What is to be forecast and how far; `fresh` is made now whatever there is."""

    subject: Subject
    ahead: Ahead
    fresh: bool


class Answer(NamedTuple):
    """The forecasts, what they are of, and from what and when they were made; `run` is the worker's, None: made now."""

    meters: tuple[str, ...]
    unit: str | None
    currency: str | None
    as_of: datetime | None
    coverage: Decimal | None
    made_at: datetime
    run: UUID | None
    unpriced: tuple[Unpriced, ...]
    forecasts: Forecasts


async def found(shell: Shell, team: Team, question: Question) -> Answer:
    """The forecast of a meter's usage, or of what usage costs at list price.

    Raises:
        InvalidParameter: several meters whose quantities have no unit in common, or a meter that does not add up.
        UnknownMeter: the team has none of that name.
        RawDataGone: as `meter.usage.read`.
    """
    subject = question.subject
    check_meters(_rows(subject.measure, subject, shell.clock(), shell.clock(), "hour"))
    if subject.measure == "cost":
        return await _of_costs(shell, team, question)
    return await _stored(shell, team, question) or await _made(shell, team, question)


async def _stored(shell: Shell, team: Team, question: Question) -> Answer | None:
    """What the worker made, if it is of just that and not of long ago."""
    subject, ahead = question.subject, question.ahead
    if question.fresh or subject.filters or subject.zone.key != team.timezone:
        return None
    if ahead.hours > SHOWN["hour"] or ahead.days > SHOWN["day"]:
        return None
    (meter,) = subject.meters
    async with shell.readers.connection() as conn:
        there = await results.get(conn, team.id, forecasts.NAME, meter)
        if there is None or there.as_of is None or shell.clock() - there.made_at > LATELY:
            return None  # one that was made before there was any data says nothing
        known = await load_meters(conn, team.id)
    return _answer(there, meter, known[meter].unit)


def _answer(there: Result, meter: str, unit: str) -> Answer:
    found = msgspec.convert(there.body, Forecasts, strict=False)
    return Answer((meter,), unit, None, there.as_of, there.coverage, there.made_at, there.run, (), found)


async def _made(shell: Shell, team: Team, question: Question) -> Answer:
    subject, now = question.subject, shell.clock()
    (meter,) = subject.meters
    async with shell.readers.connection() as conn:
        read = await read_past(conn, team, Asked(meter, subject.zone, subject.filters), now)
    made = await shell.cpu.run(forecasts.forecasts, read.past, question.ahead)
    coverage = None if read.coverage is None else read.coverage.share
    return Answer((meter,), read.unit, None, read.as_of, coverage, now, None, (), made)


async def _of_costs(shell: Shell, team: Team, question: Question) -> Answer:
    """What usage costs at list price, hour by hour, is a series like any other."""
    now = shell.clock()
    async with shell.readers.connection() as conn:
        past, hours = await past_costs(conn, team, question.subject, now)
    made = await shell.cpu.run(forecasts.forecasts, past, question.ahead)
    coverage = None if hours.coverage is None else hours.coverage.share
    return Answer(hours.meters, None, hours.currency, hours.as_of, coverage, now, None, hours.unpriced, made)


async def past_costs(conn: Connection, team: Team, subject: Subject, now: datetime) -> tuple[Past, Told]:
    """What usage cost so far, all of it in one snapshot: an event counts everywhere or nowhere. And what hours tell."""
    begun, day = floor(now, "hour", subject.zone), floor(now, "day", subject.zone)
    since = {step: floor(now - REACH[step], step, subject.zone) for step in REACH}

    async def costs(start: datetime, end: datetime, window: Step | None) -> Told:
        return await read_in(conn, team, _rows("cost", subject, start, end, window), [Span(start, end)], now)

    async with snapshot(conn):
        period = await running_period(conn, team, now)
        balance = None if subject.meters or subject.filters else await past_limits.balance(conn, team, now)
        hours = await costs(since["hour"], begun, "hour")
        days = await costs(since["day"], day, "day")
        known = _sum(await costs(period.start, begun, None))
        limits = []
        if balance is not None:  # what the hour that runs took is put back: it is forecast as a whole
            left = balance + _sum(await costs(begun, now, None))
            limits = [Left("balance", "account", balance, left, period.end)]
    return Past(now, subject.zone.key, _windows(hours), _windows(days), period.end, known, limits), hours


def _rows(measure: Measure, subject: Subject, start: datetime, end: datetime, window: Step | None) -> Rows:
    return Rows(measure, subject.meters, start, end, window, subject.zone, None, subject.filters)


def _sum(told: Told) -> Decimal:
    return sum((each or Decimal(0) for each in told.columns[0].numbers), Decimal(0))


def _windows(told: Told) -> list[Window]:
    columns = told.columns[0]
    return [Window(start, number, 0, 0) for start, number in zip(columns.starts, columns.numbers, strict=True)]
