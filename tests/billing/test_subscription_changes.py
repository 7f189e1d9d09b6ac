"""Changes of a subscription as they are billed: what is beside a plan, fees not used, and who may decide what."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from meter.database import Pool
from meter.errors import Busy, DecisionRefused
from meter.ingest import Ingest
from meter.subscriptions.changes import Unused
from meter.subscriptions.wishes import (
    AddonWish,
    CancelWish,
    CouponWish,
    PlanWish,
    QuantityWish,
    ResumeWish,
    Wish,
)
from tests.billing.conftest import PAST_DAYS
from tests.billing.house import NOW
from tests.billing.tariff import Desk, at, billed_as, make_desk


async def opened(pool: Pool, plan: str, since: str) -> Desk:
    """Answer a desk whose team is on a plan, in UTC."""
    return await make_desk(pool, Ingest(pool, PAST_DAYS), "UTC", plan, since)


async def test_seats_and_an_add_on(pool: Pool) -> None:
    """Three of five seats are paid from the 16th on, the add-on from the 21st on; a plan without either ends both."""
    desk = await opened(pool, "tariff/large", "2026-06-01T00:00Z")
    await desk.gets(QuantityWish("seats", 5), at("2026-06-16T00:00Z"))
    asked = await desk.gets(AddonWish("backup", 1), at("2026-06-21T00:00Z"))
    june, july = asked.money.effects
    # 62.00 + 3 x 6.00 x 15 / 30 + 3.00 x 10 / 30; the month after in full: 62.00 + 18.00 + 3.00
    await billed_as(desk, june.after, "72.00")
    assert july.after is not None
    assert july.after.document.total == Decimal("83.00")
    await desk.gets(PlanWish("tariff/small", when="period_end"), at("2026-07-10T00:00Z"))
    await billed_as(desk, july.after, "83.00")
    (august,) = await desk.periods("2026-08-01T00:00Z", "2026-08-02T00:00Z")
    await billed_as(desk, await desk.priced(august), "31.00")


async def test_what_is_added_before_a_plan_without_it_goes_with_the_old_one(pool: Pool) -> None:
    """The later plan was decided first, and could not be billed with it."""
    desk = await opened(pool, "tariff/large", "2026-06-01T00:00Z")
    await desk.gets(PlanWish("tariff/small", when="period_end"), at("2026-06-10T00:00Z"))
    asked = await desk.gets(AddonWish("backup", 2), at("2026-06-16T00:00Z"))
    june, july = asked.money.effects
    # 62.00 + 2 x 3.00 x 15 / 30
    await billed_as(desk, june.after, "65.00")
    await billed_as(desk, july.after, "31.00")


async def test_what_becomes_of_a_fee_that_is_not_used(pool: Pool) -> None:
    """Credited it is half; kept it is whole; paid back it is whole too, and half of it is to be paid back."""
    desk = await opened(pool, "tariff/large", "2026-06-01T00:00Z")
    now = at("2026-06-16T00:00Z")
    becomes: tuple[tuple[Unused, str, str | None], ...] = (
        ("credit", "31.00", None),
        ("none", "62.00", None),
        ("refund", "62.00", "31.00"),
    )
    for unused, total, refund in becomes:
        money = (await desk.asks(CancelWish("now", unused), now)).money
        assert money.after == Decimal(total)
        assert money.refund == (None if refund is None else Decimal(refund))
    asked = await desk.gets(CancelWish("now", "refund"), now)
    june, july = asked.money.effects
    assert july.after is None
    await billed_as(desk, june.after, "62.00")
    assert (await desk.periods("2026-06-17T00:00Z", "2026-08-01T00:00Z")) == ()


async def test_a_cancellation_months_ahead(pool: Pool) -> None:
    """The running period, the next, and the one that is cut short."""
    desk = await opened(pool, "tariff/large", "2026-06-01T00:00Z")
    wish = CancelWish(at("2026-08-10T00:00Z"), "refund")
    money = (await desk.asks(wish, at("2026-06-16T00:00Z"))).money
    assert [(each.period.first_day.month, each.difference) for each in money.effects] == [
        (6, 0),
        (7, 0),
        (8, 0),  # the fee stays on the invoice
        (9, Decimal("-62.00")),
    ]
    # 62.00 x 22 / 31
    assert money.refund == Decimal("44.00")


async def test_a_preview_stores_nothing(pool: Pool) -> None:
    """What was asked is not decided, and the next one starts from the same."""
    desk = await opened(pool, "tariff/small", "2026-04-01T00:00Z")
    now = at("2026-04-11T00:00Z")
    first, second = await desk.asks(PlanWish("tariff/large"), now), await desk.asks(PlanWish("tariff/large"), now)
    assert (first.outcome, first.money.after) == (second.outcome, second.money.after)
    assert len(second.known.facts.changes) == 1


async def test_what_was_decided_meanwhile_is_not_overlooked(pool: Pool) -> None:
    """Money shown is money charged: a change prepared before another one is asked for again."""
    desk = await opened(pool, "tariff/small", "2026-04-01T00:00Z")
    now = at("2026-04-11T00:00Z")
    slow = await desk.asks(PlanWish("tariff/large"), now)
    await desk.gets(PlanWish("tariff/large"), now)
    with pytest.raises(Busy):
        await desk.keeps(slow, now)


REFUSED = (
    ("coupon", CouponWish("tariff/quarter")),
    ("money back", PlanWish("tariff/large", unused="refund")),
    ("money back", CancelWish("now", "refund")),
    ("a new period", PlanWish("tariff/large", restart=True)),
)


async def test_what_only_the_operator_decides(pool: Pool) -> None:
    """A team does not discount itself, pay itself back, begin a period, go back in time or undo what others decided."""
    desk = await opened(pool, "tariff/small", "2026-04-01T00:00Z")
    now = at("2026-04-11T00:00Z")
    for what, wish in REFUSED:
        assert await reason(desk, wish, now) == "operator_only", what
        await desk.asks(wish, now)
    past = PlanWish("tariff/large", when=at("2026-04-10T00:00Z"))
    assert await reason(desk, past, now) == "in_the_past"
    assert await reason(desk, PlanWish("tariff/old"), now) == "retired"
    assert await reason(desk, AddonWish("backup", 1), now) == "not_offered"
    assert await reason(desk, QuantityWish("seats", 1), now) == "not_offered"
    await desk.gets(CancelWish(), now)
    assert await reason(desk, ResumeWish(), now) == "operator_only"
    assert await reason(desk, PlanWish("tariff/large", when=at("2026-05-10T00:00Z")), now) == "operator_only"
    await desk.gets(ResumeWish(), now)
    await desk.gets(CancelWish(), now, "team")
    await desk.gets(ResumeWish(), now, "team")


async def test_a_team_leaves_its_trial(pool: Pool) -> None:
    """The end of a trial gives way to a plan that is chosen, and to nothing else."""
    desk = await opened(pool, "tariff/trial", "2026-04-01T00:00Z")
    now = at("2026-04-05T00:00Z")
    asked = await desk.gets(PlanWish("tariff/large"), now, "team")
    assert len(asked.outcome.withdrawn) == 1
    # 62.00 x 26 / 30
    await billed_as(desk, asked.money.effects[0].after, "53.73")


async def test_nothing_before_what_is_billed_changes(pool: Pool) -> None:
    """For the operator neither."""
    desk = await opened(pool, "tariff/small", "2026-04-01T00:00Z")
    (april,) = await desk.periods("2026-04-02T00:00Z", "2026-04-03T00:00Z")
    back = PlanWish("tariff/large", when=at("2026-04-16T00:00Z"))
    assert (await desk.asks(back, NOW)).money.effects[0].period == april
    await desk.invoiced(april)
    assert await reason(desk, back, NOW, "operator") == "already_billed"


async def reason(desk: Desk, wish: Wish, now: datetime, kind: str = "team") -> str:
    """Answer why a wish is refused."""
    with pytest.raises(DecisionRefused) as caught:
        await desk.asks(wish, now, kind)
    assert caught.value.detail
    return str(caught.value.members["reason"])
