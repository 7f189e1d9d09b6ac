"""Calls that are paid as they happen: the account says no in time, and what they cost is booked with their event."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from meter.audit import Actor
from meter.authorize import sweep
from meter.authorize.answers import reason
from meter.ledger import accounts, acts
from meter.ledger.acts import Deposit, Said
from meter.model import Caller
from meter.subscriptions import decisions
from tests.contract.limiting import authorize, counters, desk_of, make_budget, settle
from tests.contract.place import NOW, Place, ask, differences

FREE = {"floor": Decimal(0)}
TOKENS = "tokens.input"


async def subscribed(place: Place, plan: str) -> None:
    """Give the team a plan."""
    async with place.pool.connection() as conn, conn.transaction():
        await decisions.begin(conn, place.team, plan, plan, NOW)


async def bought(place: Place, amount: str, key: Caller | None = None, **terms: Any) -> None:
    """Open the team's account, or that of a key, and buy something."""
    async with place.pool.connection() as conn, conn.transaction():
        wanted = accounts.Terms("USD", **(FREE | terms))
        actor = Actor("system", NOW)
        account = await accounts.put(conn, place.team, key.key_id if key else None, wanted, actor)
        await acts.put_in(conn, place.team, account, Deposit("credit_purchase", Decimal(amount)), Said(), actor)


async def standing(place: Place) -> list[tuple[Decimal, Decimal, Mapping[str, str]]]:
    """Answer balance, reserved and owed of every account."""
    async with place.pool.connection() as conn:
        return await ask(conn, "list_wallets")


async def test_a_prepaid_call_is_reserved_and_charged(place: Place) -> None:
    """6,548 tokens in and 108 out cost 0.10308 (S3.2); what is booked is what they used, not what was reserved."""
    await subscribed(place, "credits/prepaid")
    await bought(place, "1.00")
    desk = desk_of(place)
    asked = await authorize(desk, place, 10_000, meter=TOKENS)
    assert asked.decision.allowed
    assert await standing(place) == [(Decimal("1.00"), Decimal("0.15"), {})]
    used = {"tokens.input": Decimal(6_548), "tokens.output": Decimal(108)}
    answer = await settle(desk, place, asked.reservation, quantities=used)
    assert answer.billing is not None
    assert (answer.billing.charged, answer.billing.balance, answer.billing.total_spent) == (
        "0.10308",
        "0.89692",
        "0.10308",
    )
    assert await standing(place) == [(Decimal("0.89692"), Decimal(0), {})]
    async with place.pool.connection() as conn:
        assert await differences(conn) == []


async def test_credits_that_are_used_up_stop_the_next_call(place: Place) -> None:
    """Of calls at once no more are let through than there is for; one that used more is booked, and stops the next."""
    await subscribed(place, "credits/prepaid")
    await bought(place, "0.50")
    desks = desk_of(place), desk_of(place)
    asked = await asyncio.gather(*(authorize(desks[n % 2], place, 10_000, meter=TOKENS) for n in range(6)))
    let_through = [each for each in asked if each.decision.allowed]
    assert len(let_through) == 3
    denied = next(each.decision for each in asked if not each.decision.allowed)
    assert reason(denied, "USD").code == "credits_exhausted"
    for each in let_through[:2]:
        await settle(desks[0], place, each.reservation, 10_000, meter=TOKENS)
    await settle(desks[0], place, let_through[2].reservation, 20_000, meter=TOKENS)
    assert await standing(place) == [(Decimal("-0.10"), Decimal(0), {TOKENS: "0.10"})]
    assert not (await authorize(desks[0], place, 1, meter=TOKENS)).decision.allowed
    assert not (await authorize(desks[0], place, 0, meter=TOKENS)).decision.allowed


async def test_an_expired_reservation_gives_credits_back(place: Place) -> None:
    """To whoever asks next."""
    await subscribed(place, "credits/prepaid")
    await bought(place, "0.15")
    desk = desk_of(place)
    assert (await authorize(desk, place, 10_000, meter=TOKENS)).decision.allowed
    assert not (await authorize(desk, place, 10_000, meter=TOKENS)).decision.allowed
    async with place.pool.connection() as conn:
        assert await sweep.turn(conn, NOW + timedelta(hours=1)) == 1
    assert (await authorize(desk, place, 10_000, meter=TOKENS)).decision.allowed


async def test_without_an_account_nothing_is_paid_before(place: Place) -> None:
    """Nobody knows of any credits, so there are none; and what the plan has no price for is not let through blindly."""
    await subscribed(place, "credits/prepaid")
    desk = desk_of(place)
    assert not (await authorize(desk, place, 1, meter=TOKENS)).decision.allowed
    await bought(place, "1.00")
    assert (await authorize(desk, place, 1, meter=TOKENS)).decision.allowed
    unpriced = await authorize(desk, place, 1, meter="storage")
    assert (unpriced.decision.allowed, unpriced.decision.unpriced) == (False, ("storage",))


async def test_internal_keys_are_never_stopped_or_charged(place: Place) -> None:
    """Whatever there is: their usage is recorded, and counts in no limit."""
    await subscribed(place, "credits/prepaid")
    await make_budget(place, 0, meters=[TOKENS])
    desk = desk_of(place)
    inside = msgspec.structs.replace(place.caller, internal=True)
    asked = await authorize(desk, place, 10_000, meter=TOKENS, caller=inside)
    assert asked.decision.allowed
    answer = await settle(desk, place, asked.reservation, 10_000, meter=TOKENS, caller=inside)
    assert (answer.billing, answer.limits) == (None, [])
    assert await counters(place) == []
    async with place.pool.connection() as conn:
        assert [row[3] for row in await ask(conn, "list_daily")] == [Decimal(10_000)]


async def test_a_key_with_an_account_pays_by_itself(place: Place) -> None:
    """What it has stops it, and nobody else."""
    await subscribed(place, "credits/prepaid")
    await bought(place, "1.00")
    await bought(place, "0.02", place.caller)
    desk = desk_of(place)
    assert (await authorize(desk, place, 1_000, meter=TOKENS)).decision.allowed
    assert not (await authorize(desk, place, 1_000, meter=TOKENS)).decision.allowed
    async with place.pool.connection() as conn:
        key_id, public_id = (await ask(conn, "make_key", {"team_id": place.team.id}))[0]
    other = msgspec.structs.replace(place.caller, key_id=key_id, key_public_id=public_id)
    assert (await authorize(desk, place, 1_000, meter=TOKENS, caller=other)).decision.allowed


async def test_a_quota_of_the_plan_blocks_where_the_plan_says_so(place: Place) -> None:
    """Free includes 1,000 calls and blocks, Pro bills what is beyond (S1.2)."""
    await subscribed(place, "calls/free")
    desk = desk_of(place)
    assert (await authorize(desk, place, 1_000)).decision.allowed
    denied = await authorize(desk, place, 1)
    assert not denied.decision.allowed
    assert reason(denied.decision, "USD").code == "limit_reached"


@pytest.mark.parametrize("hard", [True, False])
async def test_a_budget_in_money_counts_what_is_added_to_the_bill(place: Place, *, hard: bool) -> None:
    """1,000 calls are included, each beyond costs 0.01: a budget of 0.05 lets 1,005 through."""
    await subscribed(place, "calls/pro")
    await make_budget(place, "0.05", measure="money", meters=[], span="month", hard=hard)
    desk = desk_of(place)
    first = await authorize(desk, place, 50_000)
    assert first.decision.allowed
    await settle(desk, place, first.reservation, 50_000)
    assert (await authorize(desk, place, 5)).decision.allowed
    sixth = await authorize(desk, place, 1)
    assert sixth.decision.allowed is not hard
    assert sixth.decision.looked[-1].verdict.exceeded
