"""Previews against sums worked out by hand, and the invoices made later against the previews, on both engines.

Fees go by time: a fee of a month times what was served of it, rounded to the cent.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from decimal import Decimal

import pytest

from meter import database as databases
from meter.database import Pool
from meter.errors import PricesInUse
from meter.ingest import Ingest
from meter.subscriptions.wishes import CouponWish, PlanWish
from tests.billing.conftest import CONNECTIONS, PAST_DAYS
from tests.billing.tariff import DEARER, PARIS, Desk, at, billed_as, make_desk, told

Open = Callable[..., Coroutine[None, None, Desk]]


@pytest.fixture(name="opened")
async def fixture_opened(any_database: str) -> AsyncIterator[Open]:
    """Answer how to make a desk in a database of its own, on each engine."""
    async with databases.pool(any_database, CONNECTIONS) as pool:
        yield lambda *how: _make(pool, *how)


async def _make(pool: Pool, zone: str, plan: str | None, since: str) -> Desk:
    return await make_desk(pool, Ingest(pool, PAST_DAYS), zone, plan, since)


async def test_a_price_change_half_an_hour_before_the_clocks_change(opened: Open) -> None:
    """At 01:30 in Paris on the day whose 02:00 is 03:00, for what the tariff costs and what is free by then."""
    desk = await opened(PARIS, "tariff/small", "2026-03-01T00:00+01:00")
    change = at("2026-03-29T01:30+01:00")
    await desk.calls("2026-03-29T01:29:59.999999+01:00", 80)
    await desk.calls("2026-03-29T01:30:00+01:00", 40)
    (march,) = await desk.periods("2026-03-10T00:00Z", "2026-03-11T00:00Z")
    # 31.00 + (120 - 100) x 0.10
    assert (await desk.priced(march)).document.total == Decimal("33.00")
    await desk.applies(DEARER, change)
    # March has 31 days less an hour: 2,674,800 s. 28 days and 1.5 h until 01:30 on the 29th: 2,424,600 s; then 250,200.
    preview = await desk.priced(march)
    assert told([each.line for each in preview.document.lines]) == [
        ("tariff/small", "base_fee", "28.10"),  # 31.00 x 2,424,600 / 2,674,800 = 28.1003
        ("tariff/small", "base_fee", "5.80"),  # 62.00 x 250,200 / 2,674,800 = 5.7995
        ("tariff/small", "calls", "0.00"),  # 80 of 100 free ones
        ("tariff/small", "calls", "4.00"),  # 40, of which 20 are free: 20 x 0.20
    ]
    await billed_as(desk, preview, "37.90")
    with pytest.raises(PricesInUse):
        await desk.applies(DEARER.replace('"62.00"', '"93.00"'), change)


async def test_an_upgrade_in_mid_month(opened: Open) -> None:
    """Each plan is paid for its time, and free calls are not given twice."""
    desk = await opened("UTC", "tariff/small", "2026-04-01T00:00Z")
    await desk.calls("2026-04-05T12:00Z", 300)
    await desk.calls("2026-04-20T12:00Z", 900)
    asked = await desk.gets(PlanWish("tariff/large"), at("2026-04-11T06:00Z"))
    april, may = asked.money.effects
    assert april.before is not None
    # 31.00 + (1,200 - 100) x 0.10
    assert april.before.document.total == Decimal("141.00")
    assert april.after is not None
    assert told([each.line for each in april.after.document.lines]) == [
        ("tariff/small", "base_fee", "10.59"),  # 31.00 x 10.25 / 30 = 10.5917
        ("tariff/large", "base_fee", "40.82"),  # 62.00 x 19.75 / 30 = 40.8167
        ("tariff/small", "calls", "20.00"),  # (300 - 100) x 0.10
        ("tariff/large", "calls", "10.00"),  # the 301st to the 1,200th, 1,000 free: 200 x 0.05
    ]
    assert may.before is not None
    assert may.after is not None
    assert (may.before.document.total, may.after.document.total) == (Decimal("31.00"), Decimal("62.00"))
    # 141.00 + 31.00, and 81.41 + 62.00
    assert (asked.money.before, asked.money.after, asked.money.refund) == (Decimal("172.00"), Decimal("143.41"), None)
    await billed_as(desk, april.after, "81.41")
    await billed_as(desk, may.after, "62.00")


async def test_a_coupon_in_mid_month(opened: Open) -> None:
    """Its first period is the one it was given in, whole; then one more, and none after."""
    desk = await opened("UTC", "tariff/large", "2026-05-01T00:00Z")
    await desk.calls("2026-05-03T12:00Z", 1_040)
    asked = await desk.gets(CouponWish("tariff/quarter"), at("2026-05-20T15:30Z"))
    may, june = asked.money.effects
    # 62.00 + 40 x 0.05 = 64.00, and a quarter off
    assert may.difference == Decimal("-16.00")
    assert june.difference == Decimal("-15.50")
    await billed_as(desk, may.after, "48.00")
    await billed_as(desk, june.after, "46.50")
    (july,) = await desk.periods("2026-07-01T00:00Z", "2026-07-02T00:00Z")
    await billed_as(desk, await desk.priced(july), "62.00")


async def test_a_trial_that_ends_on_a_31st(opened: Open) -> None:
    """By calendar months: two weeks later at the same time of day the plan after it is paid, free calls are used up."""
    desk = await opened(PARIS, None, "2026-08-17T10:00+02:00")
    await desk.calls("2026-08-20T12:00Z", 150)
    await desk.calls("2026-08-31T12:00Z", 20)
    asked = await desk.gets(PlanWish("tariff/trial"), at("2026-08-17T10:00+02:00"))
    assert [each.at for each in asked.outcome.decided][1:] == [at("2026-08-31T10:00+02:00")]
    august, september = asked.money.effects
    assert august.before is None
    assert august.after is not None
    assert told([each.line for each in august.after.document.lines]) == [
        ("tariff/small", "base_fee", "0.58"),  # from 10:00 to midnight: 31.00 x 14 h / 744 h = 0.5833
        ("tariff/trial", "calls", "10.00"),  # (150 - 100) x 0.20
        ("tariff/small", "calls", "2.00"),  # 20 x 0.10
    ]
    await billed_as(desk, august.after, "12.58")
    await billed_as(desk, september.after, "31.00")


async def test_a_trial_that_ends_on_a_31st_begins_a_period_by_anniversary(opened: Open) -> None:
    """From then on periods begin on the last day of months that have no 31st, and on the 31st of those that have."""
    desk = await opened(PARIS, None, "2026-08-17T10:00+02:00")
    asked = await desk.gets(PlanWish("tariff/trial", restart=True), at("2026-08-17T10:00+02:00"))
    first, second = asked.money.effects
    assert first.after is not None
    assert second.after is not None
    assert (first.period.start, first.period.end) == (at("2026-08-17T10:00+02:00"), at("2026-08-31T10:00+02:00"))
    assert (second.period.start, second.period.end) == (at("2026-08-31T10:00+02:00"), at("2026-09-30T00:00+02:00"))
    await billed_as(desk, first.after, "0.00")
    await billed_as(desk, second.after, "31.00")
    (third,) = await desk.periods("2026-10-15T00:00Z", "2026-10-16T00:00Z")
    assert (third.start, third.end) == (at("2026-09-30T00:00+02:00"), at("2026-10-31T00:00+01:00"))
    await billed_as(desk, await desk.priced(third), "31.00")


async def test_back_and_forth_in_a_day(opened: Open) -> None:
    """Six hours of the large plan: its fee is for six hours, and no free call is given anew."""
    desk = await opened("UTC", "tariff/small", "2026-06-01T00:00Z")
    for when, quantity in (("2026-06-05T12:00Z", 90), ("2026-06-10T10:00Z", 100), ("2026-06-10T20:00Z", 50)):
        await desk.calls(when, quantity)
    await desk.gets(PlanWish("tariff/large"), at("2026-06-10T09:00Z"))
    asked = await desk.gets(PlanWish("tariff/small"), at("2026-06-10T15:00Z"))
    june = asked.money.effects[0]
    assert june.after is not None
    # 225 h of 720 h on small, 6 h on large, 489 h on small
    assert told([each.line for each in june.after.document.lines]) == [
        ("tariff/small", "base_fee", "9.69"),  # 31.00 x 225 / 720 = 9.6875
        ("tariff/large", "base_fee", "0.52"),  # 62.00 x 6 / 720 = 0.5167
        ("tariff/small", "base_fee", "21.05"),  # 31.00 x 489 / 720 = 21.0542
        ("tariff/small", "calls", "0.00"),  # 90 of 100 free ones
        ("tariff/large", "calls", "0.00"),  # the 91st to the 190th of 1,000 free ones
        ("tariff/small", "calls", "5.00"),  # the 191st to the 240th, 100 free: 50 x 0.10
    ]
    await billed_as(desk, june.after, "36.26")
