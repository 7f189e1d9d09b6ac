"""Trends over HTTP: what the pure function answers for the same rows, and what can't be asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from api.analytics_job import numbers
from tests.api.site import Site, problem

START = datetime(2026, 10, 1, tzinfo=UTC)
SPAN = {"from": "2026-10-08T00:00:00Z", "to": "2026-10-15T00:00:00Z", "window": "day"}


@pytest.fixture
async def key(site: Site) -> str:
    """Answer the key of a team with two weeks of hourly events of two services, growing by 1 % a day."""
    made = await site.make_key(await site.make_team(timezone="Europe/Berlin"), "ingest", "read")
    events = [
        {
            "id": f"{service}-{hour}",
            "time": (START + timedelta(hours=hour)).isoformat(),
            "meter": "tokens.input",
            "quantity": str(size * (100 + hour // 24)),
            "service": service,
        }
        for hour in range(24 * 15)
        for service, size in (("api", 1), ("etl", 3))
    ]
    receipt = await site.post("/v1/events", events, made)
    assert receipt["accepted"] == len(events)
    return made


async def test_a_trend_per_group_adds_up(site: Site, key: str) -> None:
    """Totals per service are exact, groups come by size, days are the team's own."""
    async with site.client(key) as client:
        answer = (
            await client.get("/v1/analytics/trends", params=SPAN | {"meter": "tokens.input", "group_by": "service"})
        ).json()
        whole = (await client.get("/v1/analytics/trends", params=SPAN | {"meter": "tokens.input", "tz": "UTC"})).json()
    assert (answer["meter"], answer["unit"], answer["tz"]) == ("tokens.input", "token", "Europe/Berlin")
    assert answer["from"] == "2026-10-07T22:00:00Z"
    assert [group["group"] for group in answer["groups"]] == ["etl", "api"]
    assert (whole["windows"], whole["complete_windows"], whole["as_of"] is not None) == (7, 7, True)
    (group,) = whole["groups"]
    expected = sum(24 * 4 * (100 + day) for day in range(7, 14))
    assert group["total"] == str(expected)
    assert [point["quantity"] for point in group["points"]] == [str(24 * 4 * (100 + day)) for day in range(7, 14)]
    assert group["change"]["base"] == str(sum(24 * 4 * (100 + day) for day in range(7)))
    assert Decimal(group["slope"]["per_window"]) == 96


async def test_no_data_is_no_trend(site: Site) -> None:
    """A team without events gets windows without quantities, not zeros."""
    key = await site.make_key(await site.make_team(), "read")
    async with site.client(key) as client:
        answer = (await client.get("/v1/analytics/trends", params=SPAN | {"meter": "cpu"})).json()
    assert answer["as_of"] is None
    (group,) = answer["groups"]
    assert (group["total"], group["windows_with_data"]) == (None, 0)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"meter": "nope"}, "unknown_meter"),
        ({"meter": ""}, "unknown_meter"),
        ({"group_by": "colour"}, "invalid_parameter"),
        ({"window": "decade"}, "invalid_parameter"),
        ({"tz": "Mars/Base"}, "invalid_parameter"),
        ({"from": "yesterday"}, "invalid_parameter"),
        ({"from": "2026-10-15T00:00:00"}, "invalid_parameter"),
        ({"from": SPAN["to"]}, "invalid_parameter"),
        ({"from": "0001-01-01", "to": "9999-01-01"}, "invalid_parameter"),
        ({"from": "1950-01-01", "window": "15m"}, "invalid_parameter"),
        ({"from": ""}, "invalid_parameter"),
    ],
)
async def test_what_cant_be_asked(site: Site, changed: dict[str, str], code: str) -> None:
    """Each refusal comes before anything is computed."""
    key = await site.make_key(await site.make_team(), "read")
    async with site.client(key) as client:
        answer = await client.get("/v1/analytics/trends", params={"meter": "cpu"} | SPAN | changed)
    assert problem(answer) == code


async def test_what_is_missing_is_named(site: Site) -> None:
    """`meter`, `from` and `to` are needed."""
    key = await site.make_key(await site.make_team(), "read")
    async with site.client(key) as client:
        for name in ("meter", "from", "to"):
            asked = {each: value for each, value in ({"meter": "cpu"} | SPAN).items() if each != name}
            answer = await client.get("/v1/analytics/trends", params=asked)
            assert problem(answer) == "invalid_parameter"
            assert f"'{name}'" in answer.json()["detail"]


def test_quantities_stay_exact_as_long_as_they_fit() -> None:
    """Twelve decimals below 10^25 in all; floats where a sum would not fit into 38 digits."""
    third = Decimal(1) / 3
    exact = numbers([Decimal("999999999999.000000000001"), None, third])
    assert exact.dtype == pl.Decimal(38, 12)
    assert exact.to_list() == [Decimal("999999999999.000000000001"), None, Decimal("0.333333333333")]
    assert numbers([Decimal("9e24"), Decimal("9e24")]).dtype == pl.Float64
    assert numbers([]).dtype == pl.Decimal(38, 12)
