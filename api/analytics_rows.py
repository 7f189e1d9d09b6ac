"""The rows that analytics is computed of: a meter's usage, or what usage cost, by window and group, in one snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from api.state import Shell
from meter import list_costs
from meter.coverage.share import Counts, together
from meter.database import Connection
from meter.errors import InvalidParameter
from meter.labels import Filter
from meter.list_costs import METER, Costs, Unpriced
from meter.model import Team
from meter.rating.totals import ADDITIVE
from meter.snapshot import snapshot
from meter.spans import Span
from meter.usage import EARLIEST, LATEST, MAX_METERS, Query, Usage
from meter.usage import read as read_usage
from meter.windows import Window, bounds, count_at_most

Measure = Literal["quantity", "cost"]

MAX_WINDOWS = 40_000  # a year of quarters
MAX_ITEMS = 200_000


class Question(NamedTuple):
    """One meter's quantity, or what meters cost (none named: all), in [start, end); told apart by one label or none.

    Without a `window` it is one number for all of the time. What is told apart by `meter` is a cost.
    """

    measure: Measure
    meters: tuple[str, ...]
    start: datetime
    end: datetime
    window: Window | None
    zone: ZoneInfo
    group_by: str | None = None
    filters: tuple[Filter, ...] = ()


class Columns(NamedTuple):
    """Rows as columns: the window's start, the quantity or amount, the group; `grouped`: whether there are groups."""

    starts: list[datetime]
    numbers: list[Decimal | None]
    groups: list[str | None]
    grouped: bool


class Rows(NamedTuple):
    """The rows of each span asked for, and what all answers tell of them.

    `unit` is that of quantities, `currency` that of amounts. `coverage` is that of the first span, as far as it is
    shown; None where nobody knows how much data there should be. `unpriced`: what is in no amount.
    """

    meters: tuple[str, ...]
    unit: str | None
    currency: str | None
    as_of: datetime | None
    coverage: Counts | None
    unpriced: tuple[Unpriced, ...]
    additive: bool
    columns: tuple[Columns, ...]


class _Part(NamedTuple):
    """What is read of one span."""

    rows: Rows
    columns: Columns


async def read(
    shell: Shell, team: Team, question: Question, spans: Sequence[Span], shown_from: datetime | None = None
) -> Rows:
    """The rows of each span, read in one snapshot; what of the first lies before `shown_from` is only compared with.

    Empty spans have no rows. The first is none of these.

    Raises:
        InvalidParameter: more windows and groups than can be computed at once, labels or meters that don't fit.
        UnknownMeter: the team has none of that name.
        RawDataGone: a span begins within a quarter of an hour whose raw events are dropped.
    """
    async with shell.readers.connection() as conn, snapshot(conn):
        return await read_in(conn, team, question, spans, shell.clock(), shown_from)


async def read_in(
    conn: Connection,
    team: Team,
    question: Question,
    spans: Sequence[Span],
    now: datetime,
    shown_from: datetime | None = None,
) -> Rows:
    """As `read`, in the snapshot that the connection has."""
    check_meters(question)
    shown = shown_from or spans[0].start
    parts = [
        await _part(conn, team, question, span, max(shown, span.start), now)
        if span.start < span.end
        else _none(question)
        for span in spans
    ]
    columns = tuple(each.columns for each in parts)
    items = sum(len(each.starts) for each in columns)
    if items > MAX_ITEMS:
        raise InvalidParameter(f"{items} items, {MAX_ITEMS} at most: ask for less time or longer windows")
    unpriced = dict.fromkeys(each for part in parts for each in part.rows.unpriced)
    return parts[0].rows._replace(columns=columns, unpriced=tuple(unpriced))


def check(question: Question) -> None:
    """Refuses ranges that are empty, outside the calendar, or cut too fine. Raises InvalidParameter."""
    if not EARLIEST < question.start < question.end < LATEST:
        raise InvalidParameter(f"`from` must lie before `to`, both between {EARLIEST.year} and {LATEST.year}")
    if count_at_most(question.start, question.end, question.window) > MAX_WINDOWS:
        raise InvalidParameter(f"more than {MAX_WINDOWS} windows; ask for a shorter range or longer windows")


def check_meters(question: Question) -> None:
    """Refuses quantities that have no unit in common. Raises InvalidParameter."""
    if question.measure == "cost":
        if len(question.meters) > MAX_METERS or len(set(question.meters)) != len(question.meters):
            raise InvalidParameter(f"meter: name {MAX_METERS} at most, each once; none stands for all")
    elif not question.meters:
        raise InvalidParameter("'meter' is missing: name the one whose quantity is meant, or ask for measure=cost")
    elif len(question.meters) > 1:
        raise InvalidParameter("meter: quantities of several meters have no unit in common; ask for measure=cost")
    elif question.group_by == METER:
        raise InvalidParameter("quantities of several meters can't be added up; by meter ask for measure=cost")


async def _part(
    conn: Connection, team: Team, question: Question, span: Span, shown_from: datetime, now: datetime
) -> _Part:
    if question.measure == "cost":
        query = list_costs.Query(
            start=span.start,
            end=span.end,
            zone=question.zone,
            now=now,
            shown_from=shown_from,
            window=question.window,
            by=question.group_by,
            meters=question.meters,
            filters=question.filters,
        )
        return _of_costs(await list_costs.read(conn, team, query), team, question)
    return _of_usage(await read_usage(conn, team, _query(question, span), now), question, shown_from)


def _query(question: Question, span: Span) -> Query:
    return Query(
        meters=question.meters,
        start=span.start,
        end=span.end,
        zone=question.zone,
        window=question.window,
        filters=question.filters,
        group_by=() if question.group_by is None else (question.group_by,),
    )


def _of_costs(found: Costs, team: Team, question: Question) -> _Part:
    columns = Columns(
        [item.start for item in found.items],
        [item.amount for item in found.items],
        [item.name for item in found.items],
        question.group_by is not None,
    )
    told = (question.meters or found.meters, None, team.currency, found.as_of, found.coverage, found.unpriced)
    return _Part(Rows(*told, additive=True, columns=()), columns)


def _of_usage(usage: Usage, question: Question, shown_from: datetime) -> _Part:
    (reading,) = usage.readings
    columns = Columns(
        [item.start for item in reading.items],
        [item.quantity for item in reading.items],
        [item.group[0] if item.group else None for item in reading.items],
        question.group_by is not None,
    )
    coverage = None
    if reading.cover is not None:
        shown = len(bounds(shown_from, usage.query.end, question.window, question.zone)) - 1
        coverage = together(reading.cover.ranges[-shown:])
    told = ((reading.meter.slug,), reading.unit, None, usage.as_of, coverage, ())
    return _Part(Rows(*told, additive=reading.aggregation in ADDITIVE, columns=()), columns)


def _none(question: Question) -> _Part:
    rows = Rows((), None, None, None, None, (), additive=True, columns=())
    return _Part(rows, Columns([], [], [], question.group_by is not None))
