"""GET /v1/analytics/compare and /peaks, and trends of money: spans against spans, months, and when it was high."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.api.analytics_site import COST, INPUT, SPAN, added, event, fortnight, get, team_of, told
from tests.api.site import Site, problem

PRICE = Decimal("0.000015")  # an input token on credits/payg
HOURLY = INPUT | {"window": "hour"}


@pytest.fixture(name="key")
async def fixture_key(site: Site) -> str:
    """Answer a key of a team with two weeks of usage."""
    return (await team_of(site, fortnight()))[1]


async def test_a_week_against_the_one_before(site: Site, key: str) -> None:
    """Windows in pairs, per group, of quantities and just so of what they cost."""
    asked = SPAN | INPUT | {"group_by": "member"}
    answer = await told(site, key, "compare", **asked)
    assert (answer["against"], answer["window"], answer["windows"], answer["compared"]) == ("previous", "day", 7, 7)
    assert (answer["base_from"], answer["base_to"]) == ("2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z")
    ada, eve = answer["groups"]
    assert (ada["group"], ada["change"]["absolute"], eve["change"]["base"]) == ("ada", str(168 * 168), None)
    assert added(ada["pairs"], "quantity") == Decimal(ada["change"]["current"])
    assert len(ada["rhythm"]) == 7
    cost = await told(site, key, "compare", **asked, **COST)
    assert (cost["currency"], cost["unit"], cost["groups"][0]["group"]) == ("USD", None, "ada")
    assert Decimal(cost["groups"][0]["change"]["absolute"]) == 168 * 168 * PRICE
    assert [pair["base"] is None for pair in cost["groups"][1]["pairs"]] == [True] * 7


async def test_against_a_year_ago(site: Site) -> None:
    """The same dates of the year before; what is between the two is not read."""
    now = datetime(2026, 11, 10, 12, tzinfo=UTC)
    events = [event(1, now, quantity=5), event(2, now.replace(year=2025), quantity=3)]
    _, key = await team_of(site, [*events, event(3, now - timedelta(days=100), quantity=1000)])
    answer = await told(site, key, "compare", **SPAN, **HOURLY, against="year")
    assert (answer["base_from"], answer["base_to"]) == ("2025-11-09T00:00:00Z", "2025-11-16T00:00:00Z")
    (group,) = answer["groups"]
    assert (group["change"]["current"], group["change"]["base"]) == ("5", "3")
    long = SPAN | {"from": "2025-06-01"}
    answer = await told(site, key, "compare", **long, **INPUT, against="year", window="month")
    (group,) = answer["groups"]
    assert (group["change"]["current"], group["change"]["base"]) == ("1003", None)
    assert [pair["base"] for pair in group["pairs"] if pair["base"]] == ["3"]


async def test_month_over_month(site: Site, key: str) -> None:
    """The months that are over and this one, which has a quantity and no difference."""
    now = datetime.now(UTC)
    answer = await told(site, key, "compare", **INPUT, months=13)
    assert (answer["months"], answer["window"], len(answer["groups"])) == (13, "month", 1)
    months = {month["from"][:7]: month for month in answer["groups"][0]["months"]}
    assert len(months) == 14
    assert months["2026-11"]["change"]["current"] == str(sum(1000 + hour for hour in range(336)) + 3 * 168)
    running = answer["groups"][0]["months"][-1]
    assert (running["from"][:7], running["complete"], running["change"]["absolute"]) == (f"{now:%Y-%m}", False, None)


async def test_when_it_was_high(site: Site) -> None:
    """Runs above a threshold that is given, or above most; of money as of units; how even it is."""
    start = datetime(2026, 11, 9, tzinfo=UTC)
    sizes = [1, 1, 9, 8, 1, 1, 7, 1]
    events = [event(hour, start + timedelta(hours=hour), quantity=size) for hour, size in enumerate(sizes)]
    _, key = await team_of(site, events)
    asked: dict[str, Any] = {"from": "2026-11-09", "to": "2026-11-09T08:00:00Z"}
    answer = await told(site, key, "peaks", **asked, **INPUT, threshold="6.5")
    assert (answer["window"], answer["windows"], answer["percentile"]) == ("hour", 8, None)
    (group,) = answer["groups"]
    assert [(peak["windows"], peak["total"], peak["above"]) for peak in group["peaks"]] == [
        (2, "17", "4"),
        (1, "7", "0.5"),
    ]
    assert (group["highest"]["quantity"], group["quietest"]["from"]) == ("9", "2026-11-09T00:00:00Z")
    assert Decimal(group["load_factor"]) == statistic(sum(sizes), 8 * 9)
    cost = await told(site, key, "peaks", **asked, **COST, top=1)
    (group,) = cost["groups"]
    assert (cost["percentile"], len(group["peaks"]), group["peaks"][0]["highest"]["quantity"]) == (95, 1, "0.000135")
    none = await told(site, key, "peaks", **asked, meter="network")
    assert none["groups"][0]["peaks"] == []


def statistic(part: int, whole: int) -> Decimal:
    """Answer a fraction as statistics leave."""
    return Decimal(f"{part / whole:.12g}")


async def test_a_trend_of_money(site: Site, key: str) -> None:
    """Days add up to the total; small amounts are written out; what has no price is named."""
    answer = await told(site, key, "trends", **SPAN, **COST, group_by="meter")
    assert [group["group"] for group in answer["groups"]] == ["tokens.input", "tokens.output"]
    group = answer["groups"][0]
    assert Decimal(group["total"]) == added(group["points"], "quantity")
    assert Decimal(group["total"]) == PRICE * (sum(1000 + hour for hour in range(168, 336)) + 3 * 168)
    assert answer["unpriced"] == [{"meter": "network", "reason": "unpriced"}]
    eve = await told(site, key, "trends", **SPAN, **COST, **INPUT, member="eve", window="hour")
    assert {point["quantity"] for point in eve["groups"][0]["points"]} == {"0.000045"}
    assert eve["groups"][0]["peak"]["quantity"] == "0.000045"
    hours = await told(site, key, "trends", **SPAN, **COST, window="hour")
    days = await told(site, key, "trends", **SPAN, **COST, window="day")
    assert hours["groups"][0]["total"] == days["groups"][0]["total"]


async def test_a_plan_that_changes_within_a_window(site: Site) -> None:
    """An event costs what the plan of its own time says."""
    at = datetime.now(UTC) - timedelta(minutes=30)
    team, key = await team_of(site, [event(1, at, quantity=1000), event(2, at, meter="requests", quantity=5)])
    now = datetime.now(UTC)
    async with site.client() as client:
        answer = await client.put(f"/v1/teams/{team}/subscription", json={"plan": "calls/pro"})
        assert answer.is_success, answer.text
    await site.post("/v1/events", [event(3, datetime.now(UTC), meter="requests", quantity=7)], key)
    span = {"from": (at - timedelta(days=1)).isoformat(), "to": (now + timedelta(days=1)).isoformat()}
    answer_ = await told(site, key, "breakdown", **span, **COST, by="meter")
    async with site.client(key) as client:
        report = (await client.get("/v1/usage/members", params=span)).json()
    assert answer_["change"]["current"] == report["total"]["cost"]["amount"]


@pytest.mark.parametrize(
    ("path", "changed", "said"),
    [
        ("compare", {}, "months"),
        ("compare", {"from": "2026-11-01"}, "months"),
        ("compare", {"months": 3, "from": "2026-11-01"}, "leave those out"),
        ("compare", {"months": 3, "against": "year"}, "leave those out"),
        ("compare", {"months": 0}, "months"),
        ("compare", {"months": 3, "group_by": "colour"}, "colour"),
        ("compare", SPAN | {"window": "decade"}, "there are 15m, hour, day, week"),
        ("compare", {"from": "1950-01-01", "to": "2026-01-01", "window": "15m"}, "windows"),
        ("peaks", SPAN | {"threshold": "high"}, "'high' is no number; write one like 250"),
        ("peaks", SPAN | {"top": 0}, "top"),
        ("peaks", SPAN | {"tz": "Mars/Base"}, "Mars"),
        ("trends", SPAN | {"measure": "money"}, "measure: Invalid enum value 'money'; there are quantity, cost"),
        ("trends", SPAN | {"format": "xml"}, "format: "),
    ],
)
async def test_what_cant_be_asked(site: Site, key: str, path: str, changed: dict[str, Any], said: str) -> None:
    """Each refusal says what to change."""
    answer = await get(site, key, path, **(INPUT | changed))
    assert problem(answer) == "invalid_parameter"
    assert said in answer.json()["detail"]


async def test_a_member_sees_own_usage_only(site: Site, key: str) -> None:
    """In each question, in units and in money; another member's is refused."""
    for path, asked in (("compare", {"months": 2}), ("peaks", SPAN), ("trends", SPAN), ("compare", SPAN)):
        for measure in ("quantity", "cost"):
            whole = INPUT | asked | {"measure": measure, "group_by": "member"}
            answer = await told(site, key, path, "eve", **whole)
            assert [group["group"] for group in answer["groups"]] == ["eve"], path
            assert problem(await get(site, key, path, "eve", **whole, member="ada")) == "forbidden"
