"""Calls that ask first, in contract tests: budgets, a desk, and what counters say afterwards."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from meter.authorize.answers import SettleAnswer
from meter.authorize.desk import Desk
from meter.authorize.requests import Ask, Asked, Settle
from meter.model import Caller, Event
from tests.contract.place import NOW, PAST_DAYS, Place, ask

LASTS = timedelta(minutes=5)
_answer = msgspec.json.Decoder(SettleAnswer).decode


async def make_budget(place: Place, amount: int | str, **more: Any) -> int:
    """Make a budget of requests a month, and answer its id."""
    usual: dict[str, Any] = {
        "name": "a budget",
        "measure": "units",
        "span": "month",
        "seconds": None,
        "meters": ["requests"],
        "member_id": None,
        "service_id": None,
        "key_id": None,
        "each": [],
        "hard": True,
        "opens": False,
    }
    row = usual | {"team_id": place.team.id, "amount": Decimal(amount), "now": NOW} | more
    async with place.pool.connection() as conn:
        ((made,),) = await ask(conn, "make_budget", row)
    number: int = made
    return number


def desk_of(place: Place) -> Desk:
    """Answer a desk of its own, as each process has one."""
    return Desk(place.pool, place.ingest, PAST_DAYS)


async def authorize(
    desk: Desk,
    place: Place,
    quantity: int,
    at: datetime = NOW,
    meter: str = "requests",
    caller: Caller | None = None,
    **more: Any,
) -> Asked:
    """Ask whether a call of so much, by default of so many requests, may go on."""
    estimate = Event(meter=meter, quantity=Decimal(quantity), **more)
    return await desk.ask(Ask(place.team, caller or place.caller, estimate, LASTS, at))


async def settle(
    desk: Desk,
    place: Place,
    reservation: UUID | None,
    quantity: int | None = None,
    at: datetime = NOW,
    meter: str = "requests",
    caller: Caller | None = None,
    **more: Any,
) -> SettleAnswer:
    """Say what a call has used: by default so many requests."""
    assert reservation is not None
    used: dict[str, Any] = {} if quantity is None else {"meter": meter, "quantity": Decimal(quantity)}
    event = Event(**used, **more)
    return _answer((await desk.settle(Settle(place.team, caller or place.caller, reservation, event, at))).answer)


async def counters(place: Place) -> list[tuple[Any, ...]]:
    """Answer budget, price, settled, reserved and ingested of each counter that is not empty."""
    async with place.pool.connection() as conn:
        return await ask(conn, "list_counters", {"team_id": place.team.id})
