"""GET /v1/analytics/global: the largest across teams and what all come to, on each engine; for the operator alone."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

from meter import everybody
from tests.api.analytics_site import COST, INPUT, added, event, get, team_of, told
from tests.api.site import OPERATOR_KEY, Site, problem, served, settings_for

AT = datetime(2026, 11, 10, 7, 20, tzinfo=UTC)
SPAN = {"from": "2026-11-10", "to": "2026-11-12"}
BOOK = """
name = "euro"
title = "Euro"
currency = "EUR"
[plans.base]
title = "Base"
prices.output = { title = "Output", meter = "tokens.output", unit = "token", unit_amount = "0.5" }
"""


class World(NamedTuple):
    """A site with three teams that used something and one that did not."""

    site: Site
    big: str
    small: str
    key: str


@pytest.fixture(name="world")
async def fixture_world(any_database: str, tmp_path: Path) -> AsyncIterator[World]:
    """Answer a world on each engine."""
    async with served(settings_for(any_database, tmp_path)) as site:
        big, key = await team_of(
            site,
            [
                event(1, AT, quantity=500, member="ada", service="api"),
                event(2, AT + timedelta(days=1), quantity=250, member="bob"),
                event(3, AT, quantity=100, member="bob", service="etl"),
                event(4, AT, quantity=1, meter="network"),
                event(5, AT - timedelta(days=3), quantity=9999, member="ada"),
            ],
            name="Big",
        )
        small, _ = await team_of(site, [event(1, AT, quantity=300, member="ada", service="api")], name="Small")
        await site.post("/v1/prices/versions", {"book": BOOK, "from": "2026-01-01"})
        euro = {"name": "Euro", "plan": "euro/base", "currency": "EUR"}
        await team_of(site, [event(1, AT, quantity=40, meter="tokens.output"), event(2, AT)], **euro)
        await site.make_team("Idle")
        yield World(site, big, small, key)


async def ask(world: World, **asked: Any) -> Any:
    """Ask as the operator."""
    return await told(world.site, OPERATOR_KEY, "global", **asked)


async def test_quantities_of_everybody(world: World) -> None:
    """Teams, members and services by what they used of a meter; the total is of all, shown or not."""
    answer = await ask(world, **SPAN, **INPUT, top=2)
    assert [(item["team"], item["team_name"], item["quantity"]) for item in answer["items"]] == [
        (world.big, "Big", "850"),
        (world.small, "Small", "300"),
    ]
    assert answer["totals"] == [{"currency": None, "quantity": "1151", "groups": 3}]
    assert (answer["unit"], answer["teams"], answer["teams_left_out"]) == ("token", 3, 0)
    members = await ask(world, **SPAN, **INPUT, by="member", top=2)
    assert [(item["team_name"], item["group"], item["quantity"]) for item in members["items"]] == [
        ("Big", "ada", "500"),
        ("Big", "bob", "350"),
    ]
    assert members["totals"] == [{"currency": None, "quantity": "1151", "groups": 4}]
    services = await ask(world, **SPAN, **INPUT, by="service")
    assert [(item["team_name"], item["group"]) for item in services["items"]] == [
        ("Big", "api"),
        ("Small", "api"),
        ("Big", None),
        ("Big", "etl"),
        ("Euro", None),
    ]
    assert added(services["items"], "quantity") == 1151
    assert added(services["items"], "share").quantize(Decimal("1e-9")) == 1
    none = await ask(world, **INPUT, **{"from": "2026-01-01", "to": "2026-01-02"})
    assert (none["items"], none["totals"], none["teams"]) == (
        [],
        [{"currency": None, "quantity": None, "groups": 0}],
        0,
    )


async def test_any_quarter_of_an_hour(world: World) -> None:
    """Days, hours and quarters of a range are all its own, in a zone off the hour too; nothing finer."""
    exact = await ask(world, **INPUT, **{"from": "2026-11-10T07:15:00Z", "to": "2026-11-11T07:30:00Z"})
    assert exact["totals"][0]["quantity"] == "1151"
    less = await ask(world, **INPUT, **{"from": "2026-11-10T07:30:00Z", "to": "2026-11-11T07:15:00Z"})
    assert less["totals"][0]["quantity"] is None
    kathmandu = await ask(world, **INPUT, **SPAN, tz="Asia/Kathmandu")
    assert kathmandu["totals"][0]["quantity"] == "1151"
    answer = await get(world.site, OPERATOR_KEY, "global", **INPUT, **{"from": "2026-11-10T07:20:00Z", "to": "now"})
    assert problem(answer) == "invalid_parameter"


async def test_levels_per_month_are_divided_by_their_own_months(world: World) -> None:
    """A gigabyte held over the turn of a month: the same as the team's own usage."""
    turn = datetime(2026, 11, 1, tzinfo=UTC)
    held = event(1, turn + timedelta(hours=1), meter="storage", quantity=31, duration_seconds=7200, member="ann")
    team, key = await team_of(world.site, [held], name="Disk")
    span = {"from": "2026-10-31", "to": "2026-11-02"}
    answer = await ask(world, **span, meter="storage", by="member")
    async with world.site.client(key) as client:
        usage = (await client.get("/v1/usage", params=span | {"meter": "storage"})).json()
    assert [(item["team"], item["group"]) for item in answer["items"]] == [(team, "ann")]
    assert answer["items"][0]["quantity"] == usage["items"][0]["quantity"]


async def test_costs_of_everybody(world: World) -> None:
    """By currency, at each team's own prices; what has none is named, and of which teams it is, counted."""
    answer = await ask(world, **SPAN, **COST)
    assert [(item["team_name"], item["currency"], item["quantity"]) for item in answer["items"]] == [
        ("Euro", "EUR", "20"),
        ("Big", "USD", "0.01275"),
        ("Small", "USD", "0.0045"),
    ]
    assert answer["totals"] == [
        {"currency": "EUR", "quantity": "20", "groups": 1},
        {"currency": "USD", "quantity": "0.01725", "groups": 2},
    ]
    assert (answer["teams"], answer["teams_left_out"]) == (3, 0)
    reasons = {(each["meter"], each["reason"]) for each in answer["unpriced"]}
    assert reasons == {("network", "unpriced"), ("tokens.input", "unpriced")}
    members = await ask(world, **SPAN, **COST, by="member", top=1)
    assert [(item["team_name"], item["group"]) for item in members["items"]] == [("Euro", None), ("Big", "ada")]
    assert [total["groups"] for total in members["totals"]] == [1, 3]
    async with world.site.client() as client:
        report = (await client.get("/v1/usage/members", params=SPAN | {"team": world.big, "tz": "UTC"})).json()
    assert report["total"]["cost"]["amount"] == answer["items"][1]["quantity"]
    meters = await ask(world, **SPAN, **COST, by="meter")
    assert [(item["team"], item["group"], item["quantity"]) for item in meters["items"]] == [
        (None, "tokens.output", "20"),
        (None, "tokens.input", "0.01725"),
    ]


async def test_no_more_teams_are_priced_than_can_be(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those with the most events are; how many are left out is told."""
    monkeypatch.setattr(everybody, "MAX_TEAMS", 1)
    answer = await ask(world, **SPAN, **COST)
    assert [item["team_name"] for item in answer["items"]] == ["Big"]
    assert (answer["teams"], answer["teams_left_out"]) == (3, 2)


async def test_forms_and_tags(world: World) -> None:
    """Parquet says what JSON says; what is known is not sent again."""
    asked = SPAN | INPUT | {"by": "member"}
    first = await get(world.site, OPERATOR_KEY, "global", **asked)
    table = pl.read_parquet(
        io.BytesIO((await get(world.site, OPERATOR_KEY, "global", **asked, format="parquet")).content)
    )
    items = first.json()["items"]
    assert table.get_column("quantity").to_list() == [Decimal(item["quantity"]) for item in items]
    assert table.get_column("team").to_list() == [item["team"] for item in items]
    async with world.site.client(**{"If-None-Match": first.headers["etag"]}) as client:
        assert (await client.get("/v1/analytics/global", params=asked)).status_code == 304


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"meter": "nope"}, "unknown_meter"),
        ({"meter": "nope", "measure": "cost"}, "unknown_meter"),
        ({"meter": "response_time"}, "invalid_parameter"),
        ({"meter": "tokens.input,requests"}, "invalid_parameter"),
        ({"by": "meter"}, "invalid_parameter"),
        ({"by": "key"}, "invalid_parameter"),
        ({"to": SPAN["from"]}, "invalid_parameter"),
        ({"measure": "cost", "to": SPAN["from"]}, "invalid_parameter"),
        ({"member": "ada"}, "invalid_parameter"),
        ({"top": 0}, "invalid_parameter"),
    ],
)
async def test_what_cant_be_asked(site: Site, changed: dict[str, Any], code: str) -> None:
    """Each refusal comes before anything is added up."""
    assert problem(await get(site, OPERATOR_KEY, "global", **(SPAN | INPUT | changed))) == code


async def test_it_is_the_operators_alone(site: Site) -> None:
    """No key of a team may ask, nor the operator's own for a member."""
    team = await site.make_team()
    key = await site.make_key(team, "read", "admin", "ingest")
    assert problem(await get(site, key, "global", **SPAN, **INPUT)) == "forbidden"
    assert problem(await get(site, OPERATOR_KEY, "global", "ada", **SPAN, **INPUT)) == "forbidden"
