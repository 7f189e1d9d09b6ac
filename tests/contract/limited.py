"""Limits in contract tests: budgets set, counters made and followed, and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from psycopg.pq import TransactionStatus

from meter import aggregate, usage
from meter.ingest import load_meters
from meter.limits import acts, follow, store
from meter.limits.budget import Budget
from meter.limits.path import CounterKey, Limit, Use, limits
from meter.limits.quota import Quota
from meter.limits.window import UNTIL
from meter.limits.wish import Wish
from meter.rating.periods import Period
from meter.usage import Query
from tests.contract.place import NOW, Place, ask

UTC_ZONE = ZoneInfo("UTC")


def wish(name: str = "a budget", amount: int = 1_000, **more: Any) -> Wish:
    """Answer a budget of input tokens a month that nobody has set yet."""
    usual: dict[str, Any] = {"measure": "units", "window": "month", "meters": ("tokens.input",)}
    return Wish(name=name, amount=Decimal(amount), **(usual | more))


async def put(place: Place, wanted: Wish) -> Budget:
    """Set a budget."""
    async with place.pool.connection() as conn, conn.transaction():
        return (await acts.create(conn, place.team, wanted, place.team.created_at)).budget


async def path(
    place: Place, use: Use, quotas: Sequence[Quota] = (), billing: Period | None = None
) -> tuple[Limit, ...]:
    """Answer the limits on the way of a use."""
    async with place.pool.connection() as conn:
        budgets = await store.budgets(conn, place.team.id)
    return limits(budgets, quotas, use, ZoneInfo(place.team.timezone), billing)


def use(at: datetime = NOW, member_id: int = 0, **quantities: int) -> Use:
    """Answer a use of meters: `tokens_input=5`."""
    named = {name.replace("_", "."): Decimal(many) for name, many in quantities.items()}
    return Use(member_id, 0, 0, at, named or {"tokens.input": Decimal(0)})


async def ensured(place: Place, found: Sequence[Limit], now: datetime = NOW) -> dict[CounterKey, int]:
    """Answer the ids of the counters of limits, made if need be."""
    async with place.pool.connection() as conn:
        return await store.ensure(conn, place.team, found, now)


async def rolled_up(place: Place) -> None:
    """Roll everything up."""
    async with place.pool.connection() as conn:
        assert await aggregate.refresh(conn)


async def followed(place: Place, now: datetime = NOW) -> None:
    """Roll up and follow, as the worker does."""
    await rolled_up(place)
    async with place.pool.connection() as conn:
        assert conn.info.transaction_status == TransactionStatus.IDLE
        await follow.turn(conn, now)


async def said(place: Place) -> dict[tuple[str, str, datetime], tuple[object, object]]:
    """Answer what counters say: settled and ingested, by name, member and beginning."""
    async with place.pool.connection() as conn:
        rows = await ask(conn, "list_limit_counters", {"team_id": place.team.id})
    assert all(row[6] for row in rows), rows
    return {(row[0], row[1] or row[2], row[3]): (row[4], row[5]) for row in rows}


async def used(place: Place) -> dict[str, Decimal]:
    """Answer how far each budget's counters are used, of each member or meter that is told apart: `name member`."""
    found: dict[str, Decimal] = {}
    for (name, whose, _), both in (await said(place)).items():
        label = f"{name} {whose}".strip()
        found[label] = found.get(label, Decimal(0)) + sum(map(Decimal, map(str, both)))
    return found


async def settle(place: Place, counted: Mapping[CounterKey, int], quantity: int, **more: Any) -> None:
    """Write an event and what is settled with it in one commit; `settled` of each counter, the quantity by default."""
    asked = {"team_id": place.team.id, "time": NOW, "meter": "tokens.input", "member": None, "settled": quantity}
    asked |= {"quantity": Decimal(quantity), "ids": list(counted.values())} | more
    async with place.pool.connection() as conn:
        await ask(conn, "settle_used", asked)


async def in_views(place: Place, start: datetime, end: datetime, meter: str = "tokens.input") -> Decimal:
    """Answer what everybody sees of a window, in the meter's unit."""
    async with place.pool.connection() as conn:
        found = await usage.read(conn, place.team, Query(meters=(meter,), start=start, end=end, zone=UTC_ZONE))
    return sum((item.quantity or Decimal(0) for item in found.readings[0].items), Decimal(0))


async def differing(place: Place, now: datetime = NOW) -> int:
    """Answer how many counters say something else than they should."""
    async with place.pool.connection() as conn:
        return len((await follow.compare(conn, place.team, now)).wrong)


async def meters_of(place: Place) -> Mapping[str, Any]:
    """Answer the meters of the team."""
    async with place.pool.connection() as conn:
        return await load_meters(conn, place.team.id)


def heads(found: Sequence[Limit]) -> list[CounterKey]:
    """Answer the keys of rows that hold what came without asking."""
    return [limit.head or limit.key for limit in found if limit.ends_at <= UNTIL]
