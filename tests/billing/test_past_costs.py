"""What usage cost so far, as a forecast of money is made of it: one snapshot, whatever is sent meanwhile."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from api.analytics_given import Subject
from api.forecast_work import past_costs
from meter import list_costs
from meter.model import Event
from meter.windows import HOUR
from tests.billing.house import NOW, House

PRICE = Decimal(15)  # of a million input tokens on credits/payg


async def test_an_event_counts_everywhere_or_nowhere(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before each part is read another event comes in: none of them is in hours, days or the period so far."""

    async def use() -> None:
        at = NOW - timedelta(days=1) + len(sent) * HOUR
        sent.append(Event(time=at, meter="tokens.input", quantity=Decimal(1_000_000)))
        await house.sent(sent[-1])

    async def read(*args: Any) -> list_costs.Costs:
        await use()
        return await unpatched(*args)

    sent: list[Event] = []
    unpatched = list_costs.read
    monkeypatch.setattr(list_costs, "read", read)
    await use()
    async with house.pool.connection() as conn:
        past, _ = await past_costs(conn, house.team, Subject("cost", (), (), ZoneInfo("UTC")), NOW)
    assert len(sent) == 4
    assert past.known == PRICE
    assert [window.quantity for window in past.hours] == [PRICE]
    assert [window.quantity for window in past.days] == [PRICE]
