"""What counts in a budget, and what was used of it by hour or by day up to now? Read for forecasts, ahead of time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from meter.coverage import read as coverages
from meter.coverage.read import Asked, Rule
from meter.coverage.share import Counts, Cover
from meter.database import Connection
from meter.limits import follow
from meter.limits.budget import Budget
from meter.limits.follow import Alike, Counted
from meter.limits.measure import Group, Prices, Series, Usage, concerns, group
from meter.limits.window import SINCE, oldest, slot, window
from meter.model import Team
from meter.past import REACH, BudgetPast, Step, Window
from meter.rating.periods import Period
from meter.spans import Span
from meter.subscriptions import store as subscriptions
from meter.subscriptions import timeline
from meter.windows import DAY, bounds, floor
from sql import statement

MOST: Final = 20
"""Counters of one budget that are forecast, the most used first: each takes some 50 ms of computing."""

BY_HOUR: Final = 35 * DAY
"""As far ahead as hours are forecast; what ends later is forecast by days."""

FARTHEST: Final = 366 * DAY
"""As far as is looked ahead where a window never ends."""

NOBODY: Final = -1
"""Whose usage is that moves prices, and counts in no counter that is forecast."""


class Found(NamedTuple):
    """The past, when the team's data had last changed, and how much of what was expected came."""

    past: BudgetPast
    as_of: datetime | None
    coverage: Counts | None


class Frame(NamedTuple):
    """The window that runs at `now`, as `BudgetPast` has it, by the clock of a zone."""

    now: datetime
    zone: ZoneInfo
    step: Step
    start: datetime
    begun: datetime
    until: datetime | None
    to: datetime


async def read_past(conn: Connection, team: Team, budget: Budget, now: datetime) -> Found:
    """What counts in a budget that may have a date, in one snapshot. `conn` is in autocommit mode."""
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        log = await subscriptions.read(conn, team.id)
        frame = _frame(budget, now, ZoneInfo(team.timezone), timeline.period_at(log.standing, team.timezone, now))
        found = await _groups(conn, budget, frame)
        groups = found[:MOST]
        span = [(frame.start, frame.to)] if budget.measure == "money" else []
        prices = (await follow.read_terms(conn, team, {}, span, now)).prices
        counted = await follow.read_series(conn, team, _alike(budget, groups, prices))
        used = await follow.read_usage(conn, team, _edges(budget, frame, prices), counted)
        starts = bounds(floor(now - REACH[frame.step], frame.step, frame.zone), *_ends(frame), frame.zone)
        history = await follow.read_usage(conn, team, starts, counted)
        cover = await _cover(conn, team, counted, starts, prices, now)
        row = await (await conn.execute(statement("get_watermark"), {"team_id": team.id})).fetchone()
    windows = [_windows(history, place, cover) for place in range(len(counted.series))]
    past = BudgetPast(
        now=now,
        tz=team.timezone,
        step=frame.step,
        budget=budget,
        groups=groups,
        start=frame.start,
        begun=frame.begun,
        until=frame.until,
        to=frame.to,
        prices=prices,
        used=used,
        windows=windows,
        more=len(found) > MOST,
    )
    return Found(past, row[0] if row else None, None if cover is None else cover.whole)


def _ends(frame: Frame) -> tuple[datetime, Step]:
    return floor(frame.now, frame.step, frame.zone), frame.step


def _frame(budget: Budget, now: datetime, zone: ZoneInfo, billing: Period | None) -> Frame:
    begun = floor(now, "hour", zone)
    if budget.seconds is not None:
        start, until, to = oldest(budget.seconds, begun), None, begun + timedelta(seconds=budget.seconds)
    else:
        start, end = window(budget, now, zone, billing)
        begun, until, to = max(begun, start), end, min(end, now + FARTHEST)
    return Frame(now, zone, "hour" if to - begun <= BY_HOUR else "day", start, begun, until, to)


async def _groups(conn: Connection, budget: Budget, frame: Frame) -> list[Group]:
    """Whose counters are forecast: the most used of the window that runs, as they are shown; and whose is the next."""
    if not budget.each:
        return [(0, 0, 0, "")]
    asked = {
        "team_id": budget.team_id,
        "budgets": [budget.id],
        "starts": [SINCE if budget.rolling else frame.start],
        "since": [frame.start],
        "head": SINCE,
        "most": MOST + 1,
        "only_member": None,
    }
    rows = await (await conn.execute(statement("list_standings_of_budgets"), asked)).fetchall()
    return [(member, service, key, meter) for _, member, service, key, meter, *_ in rows]


def _alike(budget: Budget, groups: Iterable[Group], prices: Prices) -> Alike:
    """Series that a budget's counters do not tell apart are one: each one is forecast by itself.

    Of units only those whose meters expect to be reported as often: else nobody could tell which of them is silent.
    Of money, usage that is not the budget's counts as well: it moves the prices on.
    """
    wanted = frozenset(groups)
    money = budget.measure == "money"
    priced = {meter for each in prices.priced for price in each.plan.prices for meter, _ in price.counts}

    def alike(series: Series) -> Series | None:
        if money and not (series.billable and series.meter in priced):
            return None
        mine = concerns(budget, series)
        one, whose = series._replace(id=0), group(budget, series)
        if not (mine and whose in wanted):
            return one._replace(member_id=NOBODY, service_id=NOBODY, key_id=NOBODY) if money else None
        scope = (budget.member_id, budget.service_id, budget.key_id)
        ids = [named or told or 0 for named, told in zip(scope, whose[:3], strict=True)]
        one = one._replace(member_id=ids[0], service_id=ids[1], key_id=ids[2])
        if money:
            return one
        like = (slug for slug in budget.meters if _expects(prices, slug) == _expects(prices, series.meter))
        return one._replace(meter=whose[3] or next(like), billable=True)

    return alike


def _expects(prices: Prices, meter: str) -> int | None:
    """How often a meter says that it is reported."""
    return prices.meters[meter].expected_every_seconds


def _edges(budget: Budget, frame: Frame, prices: Prices) -> list[datetime]:
    """Where what was used is cut: where the window may begin, and where its money is."""
    edges = {frame.start, frame.begun} | {e for e in prices.asked(frame.start, frame.begun) if e <= frame.begun}
    if budget.seconds is not None:
        at = frame.start
        while at < frame.begun:
            edges.add(at)
            at = slot(budget.seconds, at).end
    return sorted(edges)


async def _cover(
    conn: Connection, team: Team, counted: Counted, starts: Sequence[datetime], prices: Prices, now: datetime
) -> Cover | None:
    """How much of what was expected came, by window and place."""
    meters = (prices.meters[series.meter] for series in counted.series)
    rules = {place: Rule(each.expected_every_seconds, each.time_weighted) for place, each in enumerate(meters)}
    spans = [Span(*pair) for pair in pairwise(starts)]
    if not spans:
        return None
    return await coverages.read(conn, Asked(team.id, counted.places, rules, spans, Span(starts[0], starts[-1])), now)


def _windows(history: Usage, place: int, cover: Cover | None) -> list[Window]:
    """The windows of a series, in order."""
    counts = {} if cover is None else cover.items
    mine = history.quantities[place]
    return [
        Window(start, mine.get(number), *counts.get((number, place), Counts(0, 0)))
        for number, start in enumerate(history.bounds[:-1])
    ]
