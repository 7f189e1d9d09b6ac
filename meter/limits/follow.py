"""Keeps what came to counters without asking: all usage of their windows, less what was settled through them.

Read in one snapshot, in which what was settled and the events it was settled with are both there or both not; so
nothing is counted twice, and corrections and late events are followed as all other usage is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from meter.database import Connection
from meter.ingest import load_meters
from meter.levels import sums
from meter.limits import kept, measure
from meter.limits.budget import FOLLOWED_FROM, Budget
from meter.limits.measure import Charged, Group, Prices, Series, Usage
from meter.limits.path import NOTHING, CounterKey, Use, limits
from meter.limits.prices import plans
from meter.limits.quota import Quota, quotas
from meter.limits.window import SINCE, UNTIL, oldest
from meter.model import Team
from meter.prices import store as price_store
from meter.rating.money import exact
from meter.subscriptions import store as subscriptions
from meter.subscriptions import timeline
from meter.windows import DAY, HOUR, ORIGIN, QUARTER
from sql import statement

Window = tuple[datetime, datetime]
Also = Callable[[Connection, Mapping[int, Sequence[datetime]], datetime], Awaitable[None]]
"""What else is done for teams whose usage changed, by id, in which quarters; before the log forgets them."""

Alike = Callable[[Series], Series | None]
"""What a series counts as: itself, one that others are as well, or nothing."""

SLICE = 2_000
SLICES = 50
KEPT, SLOTS_KEPT = 7 * DAY, HOUR
"""How long a counter is kept when its window is over, a slot when it has slid out: calls may still be settled."""

REACH = 400 * DAY
"""How long before its team was made the money of a window that never begins anew may begin."""


class Counter(NamedTuple):
    """A counter as it stood in the snapshot."""

    id: int
    key: CounterKey
    ends_at: datetime
    settled: Decimal
    ingested: Decimal

    @property
    @exact()
    def said(self) -> Decimal:
        """How far it said its limit is used."""
        return self.settled + self.ingested


class Counted(NamedTuple):
    """Series that count, and the place among them of each series of the database, by its id."""

    series: Sequence[Series]
    places: Mapping[int, int]


class Terms(NamedTuple):
    """What decides what usage counts: the budgets that hold by id, each price's quota by its name, prices of money."""

    budgets: Mapping[int, Budget]
    quotas: Mapping[str, Quota]
    prices: Prices


class Touched(NamedTuple):
    """Which counters of a team may have to say something else: some of them, or those of usage between two instants."""

    ids: Sequence[int] = ()
    since: datetime | None = None
    until: datetime | None = None


class Read(NamedTuple):
    """What came to counters without asking, by id, and what they said before."""

    counters: Sequence[Counter]
    ingested: Mapping[int, Decimal]

    @property
    def wrong(self) -> list[Counter]:
        """Those that said something else."""
        return [each for each in self.counters if each.ingested != self.ingested[each.id]]


async def counters(conn: Connection, team: Team, ids: Sequence[int], now: datetime) -> None:
    """Follows the usage of a team into some counters. `conn` must be in autocommit mode."""
    await _follow(conn, team, Touched(ids), now)


async def rebuild(conn: Connection, team: Team, now: datetime) -> Read:
    """Works out anew what came to all counters of a team, and keeps that."""
    return await _follow(conn, team, Touched((), SINCE, UNTIL), now)


async def compare(conn: Connection, team: Team, now: datetime) -> Read:
    """What all counters of a team should say; changes nothing."""
    return await _read(conn, team, Touched((), SINCE, UNTIL), now)


async def teams(conn: Connection) -> list[Team]:
    """Every team that has counters."""
    return [Team(*row) for row in await (await conn.execute(statement("list_teams_with_counters"))).fetchall()]


async def turn(conn: Connection, now: datetime, also: Also | None = None) -> int:
    """Follows what was rolled up since the last time, and what slid out of windows; how many quarters that were.

    `conn` must be in autocommit mode. Rows of the log go once what they name is kept, and `also` is done.
    """
    followed, noted = 0, SLICE
    for _ in range(SLICES):
        rows = await (await conn.execute(statement("note_limits"), {"most": SLICE})).fetchall()
        noted = len(rows)
        touched = _touched(rows)
        await _teams(conn, touched, now)
        if also is not None:
            await also(conn, touched, now)
        await conn.execute(statement("forget_follow_ups"), {"ids": [number for number, _, _ in rows]})
        followed += noted
        if noted < SLICE:
            break
    await conn.execute(
        statement("forget_counters"), {"now": now, "kept": KEPT, "slots_kept": SLOTS_KEPT, "most": SLICE}
    )
    if noted < SLICE:
        await conn.execute(statement("record_limits"), {"now": now})
    return followed


async def lag(conn: Connection, now: datetime) -> timedelta | None:
    """How long usage that came without asking has not been in the counters; None where no worker has followed."""
    row = await (await conn.execute(statement("get_limits_until"))).fetchone()
    return None if row is None or row[0] is None else max(now - row[0], timedelta())


def _touched(rows: Sequence[tuple[int, int, datetime]]) -> dict[int, list[datetime]]:
    """The quarters that were rolled up again, by team."""
    found: defaultdict[int, list[datetime]] = defaultdict(list)
    for _, team_id, bucket in rows:
        found[team_id].append(bucket)
    return dict(found)


async def _teams(conn: Connection, touched: Mapping[int, Sequence[datetime]], now: datetime) -> None:
    """Follows each team whose usage changed, or of which a sliding window holds some."""
    asked = {"teams": list(touched), "head": SINCE}
    found = await (await conn.execute(statement("list_limited_teams"), asked)).fetchall()
    for row in found:
        team = Team(*row)
        buckets = touched.get(team.id, [])
        if buckets:
            await _meet(conn, team, buckets, now)
        span = Touched((), min(buckets), max(buckets) + QUARTER) if buckets else Touched()
        await _follow(conn, team, span, now)


async def _meet(conn: Connection, team: Team, buckets: Sequence[datetime], now: datetime) -> None:
    """Makes the counters of budgets that usage met which nobody asked about before, for the windows that run now."""
    budgets = [each for each in await kept.budgets(conn, team.id) if each.follows]
    if not budgets:
        return
    asked = {"team_id": team.id, "buckets": list(buckets)}
    rows = await (await conn.execute(statement("list_users"), asked)).fetchall()
    zone = ZoneInfo(team.timezone)
    billing = timeline.period_at((await subscriptions.read(conn, team.id)).standing, team.timezone, now)
    met = (Use(member, service, key, now, {meter: NOTHING}) for member, service, key, meter in rows)
    found = {limit.head or limit.key: limit for use in met for limit in limits(budgets, (), use, zone, billing)}
    await make(
        conn, team.id, {key: (UNTIL if limit.head else limit.ends_at, True) for key, limit in found.items()}, now
    )


async def make(
    conn: Connection, team_id: int, wanted: Mapping[CounterKey, tuple[datetime, bool]], now: datetime
) -> None:
    """Makes counters that are not there: until when each goes, and whether usage has to be followed into it first."""
    if not wanted:
        return
    ends, follows = map(list, zip(*wanted.values(), strict=True))
    await conn.execute(
        statement("make_counters"), columns(team_id, list(wanted)) | {"ends_at": ends, "follows": follows, "now": now}
    )


def columns(team_id: int, keys: Sequence[CounterKey]) -> dict[str, Any]:
    """Counters' keys as statements take them."""
    named = zip(CounterKey._fields, map(list, zip(*keys, strict=True)), strict=True)
    return {"team_id": team_id, **dict(named)}


async def _follow(conn: Connection, team: Team, touched: Touched, now: datetime) -> Read:
    async with alone(conn, team):
        found = await _read(conn, team, touched, now)
        if found.counters:
            values = {"ids": list(found.ingested), "ingested": list(found.ingested.values()), "now": now}
            await conn.execute(statement("keep_ingested"), values)
    return found


@asynccontextmanager
async def alone(conn: Connection, team: Team) -> AsyncIterator[None]:
    """Lets nobody else follow the team: what was read earlier must not be written later."""
    await conn.execute(statement("lock_limits"), {"team_id": team.id})
    try:
        yield
    finally:
        if not conn.broken:
            await conn.execute(statement("unlock_limits"), {"team_id": team.id})


async def _read(conn: Connection, team: Team, touched: Touched, now: datetime) -> Read:
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        asked = {
            "team_id": team.id,
            "ids": list(touched.ids),
            "since": touched.since,
            "until": touched.until,
            "head": SINCE,
            "least_seconds": FOLLOWED_FROM,
        }
        rows = await (await conn.execute(statement("read_counters"), asked)).fetchall()
        found = [Counter(row[0], CounterKey(*row[1:8]), *row[8:]) for row in rows]
        return Read(found, await _measured(conn, team, found, now) if found else {})


async def _measured(conn: Connection, team: Team, found: Sequence[Counter], now: datetime) -> dict[int, Decimal]:
    budgets = {each.id: each for each in await kept.budgets(conn, team.id)}
    windows = {each.id: _window(each, budgets, now) for each in found}
    priced = [each for each in found if each.key.price or budgets[each.key.budget_id].measure == "money"]
    terms = await read_terms(conn, team, budgets, [windows[each.id] for each in priced], now)
    edges = {edge for window in windows.values() for edge in window}
    edges = edges.union(*(terms.prices.asked(*windows[each.id]) for each in priced if not each.key.price))
    usage = await read_usage(conn, team, sorted(edges))
    return _told(found, windows, terms, usage, await _slots(conn, team))


def _window(counter: Counter, budgets: Mapping[int, Budget], now: datetime) -> Window:
    """The time that a counter counts, as far as there can be usage of it."""
    budget = budgets.get(counter.key.budget_id)
    start, end = counter.key.starts_at, min(counter.ends_at, quarter(now + HOUR))
    if budget is not None and budget.seconds is not None:
        start = oldest(budget.seconds, now)
    return start, max(start, end)


def quarter(at: datetime) -> datetime:
    """When the quarter of an hour began that holds an instant."""
    return at - (at - ORIGIN) % QUARTER


async def read_terms(
    conn: Connection, team: Team, budgets: Mapping[int, Budget], windows: Sequence[Window], now: datetime
) -> Terms:
    """What decides what usage counts; plans and prices where there are windows that need them."""
    zone = ZoneInfo(team.timezone)
    meters = await load_meters(conn, team.id)
    if not windows:
        return Terms(budgets, {}, Prices((), (), meters, zone))
    changes = (await subscriptions.read(conn, team.id)).standing
    books = await price_store.read(conn)
    start = max(min(start for start, _ in windows), team.created_at - REACH)
    end = max(now, *(end for _, end in windows))
    priced = tuple(plans(team, changes, books, start, end))
    known = {quota.price: quota for each in priced for quota in quotas(each.plan, meters)}
    return Terms(budgets, known, Prices(priced, timeline.periods(changes, team.timezone, start, end), meters, zone))


async def read_usage(conn: Connection, team: Team, edges: Sequence[datetime], counted: Counted | None = None) -> Usage:
    """Usage of series that count (None named: of all that do), cut at some instants.

    Where raw events are gone, at the quarters around them.
    """
    series, places = await read_series(conn, team) if counted is None else counted
    quantities: list[dict[int, Decimal]] = [{} for _ in series]
    ((floor,),) = await (await conn.execute(statement("get_floor"))).fetchall()
    last = {edge if floor is None or edge >= floor else quarter(edge): slot for slot, edge in enumerate(edges)}
    slots = list(last.values())
    for part in await sums(conn, team.id, places, list(last)) if len(last) > 1 else ():
        many = Decimal(part.events) if series[part.group].aggregation == "count" else part.total
        mine = quantities[part.group]
        mine[slots[part.slot]] = mine.get(slots[part.slot], NOTHING) + many
    return Usage(edges, series, quantities)


async def read_series(conn: Connection, team: Team, alike: Alike = lambda series: series) -> Counted:
    """The series of a team that count; those that count as the same, without their ids, are one."""
    rows = await (await conn.execute(statement("list_counted_series"), {"team_id": team.id})).fetchall()
    found: dict[Series, int] = {}
    places: dict[int, int] = {}
    for number, *rest in rows:
        as_what = alike(Series(number, *rest))
        if as_what is not None:
            places[number] = found.setdefault(as_what, len(found))
    return Counted(list(found), places)


async def _slots(conn: Connection, team: Team) -> dict[CounterKey, Decimal]:
    """What was settled in the slots of sliding windows."""
    asked = {"team_id": team.id, "head": SINCE, "least_seconds": FOLLOWED_FROM}
    rows = await (await conn.execute(statement("list_slots"), asked)).fetchall()
    return {CounterKey(*key): settled for *key, settled in rows}


@exact()
def _told(
    found: Sequence[Counter],
    windows: Mapping[int, Window],
    terms: Terms,
    usage: Usage,
    slots: Mapping[CounterKey, Decimal],
) -> dict[int, Decimal]:
    """What came to each counter without asking. Of a sliding window never less than nothing: sliding gives back."""
    told: dict[int, Decimal] = {}
    known: dict[tuple[int, Window], Mapping[Group, Decimal]] = {}
    charges: dict[Window, tuple[Charged, ...]] = {}
    for counter in found:
        window, key = windows[counter.id], counter.key
        if key.price:
            quota = terms.quotas.get(key.price)
            told[counter.id] = (
                counter.ingested if quota is None else measure.quota(quota, *window, usage) - counter.settled
            )
            continue
        budget = terms.budgets[key.budget_id]
        if (budget.id, window) not in known:
            if budget.measure == "money":
                if window not in charges:
                    charges[window] = measure.charged(*window, terms.prices, usage)
                known[budget.id, window] = measure.money(budget, charges[window], usage)
            else:
                known[budget.id, window] = measure.units(budget, *window, usage)
        all_of_it = known[budget.id, window].get(measure.group_of(key), NOTHING)
        if budget.rolling:
            settled = sum(
                (many for slot, many in slots.items() if slot[:6] == key[:6] and slot.starts_at >= window[0]), NOTHING
            )
            told[counter.id] = max(all_of_it - settled, NOTHING)
        else:
            told[counter.id] = all_of_it - counter.settled
    return told
