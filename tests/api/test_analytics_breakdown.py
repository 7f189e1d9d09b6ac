"""GET /v1/analytics/breakdown: parts that add up, in units and in money, and whose they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.api.analytics_site import COST, INPUT, SPAN, added, event, fortnight, get, team_of, told
from tests.api.site import Site, problem, served, settings_for

BOUGHT = datetime(2026, 11, 10, 7, 20, tzinfo=UTC)
# Thirds of core-hours, and a level per month: amounts that do not end within twelve decimals.
HELD: list[dict[str, object]] = [
    event(1, BOUGHT, meter="cpu", quantity="0.7", duration_seconds=1234, member="ada", service="web"),
    event(2, BOUGHT, meter="cpu", quantity="1.1", duration_seconds=777, member="bob", service="web"),
    event(3, BOUGHT, meter="cpu", quantity="3", duration_seconds=901, member="eve"),
    event(4, BOUGHT, meter="storage", quantity="17", duration_seconds=5000, member="bob", service="disk"),
    event(5, BOUGHT, meter="storage", quantity="23", duration_seconds=4001, member="eve", service="disk"),
    event(6, BOUGHT, meter="requests", quantity=12_345, member="ada", service="web"),
]


@pytest.fixture(name="either")
async def fixture_either(any_database: str, tmp_path: Path) -> AsyncIterator[Site]:
    """Answer a site on each engine."""
    async with served(settings_for(any_database, tmp_path)) as site:
        yield site


@pytest.fixture(name="key")
async def fixture_key(site: Site) -> str:
    """Answer a key of a team with two weeks of usage."""
    return (await team_of(site, fortnight()))[1]


async def test_parts_and_contributions_add_up(site: Site, key: str) -> None:
    """To the total, and to its change: with those beyond the top, those who came, and usage of nobody."""
    asked = SPAN | INPUT | {"by": "member", "against": "previous"}
    answer = await told(site, key, "breakdown", **asked)
    assert (answer["meter"], answer["unit"], answer["currency"], answer["window"]) == (
        "tokens.input",
        "token",
        None,
        None,
    )
    assert (answer["from"], answer["base_from"], answer["complete"]) == (
        "2026-11-09T00:00:00Z",
        "2026-11-02T00:00:00Z",
        True,
    )
    assert [item["group"] for item in answer["items"]] == ["ada", "eve"]
    change = {name: Decimal(value) for name, value in answer["change"].items()}
    assert change["current"] == sum(1000 + hour for hour in range(168, 336)) + 3 * 168
    assert change["base"] == sum(1000 + hour for hour in range(168))
    assert added(answer["items"], "quantity") == change["current"]
    assert added(answer["items"], "contribution") == change["absolute"] == 168 * 168 + 3 * 168
    assert [(item["new"], item["gone"]) for item in answer["items"]] == [(False, False), (True, False)]
    cut = await told(site, key, "breakdown", **asked, top=1)
    assert (cut["other"]["groups"], cut["other"]["contribution"]) == (1, str(3 * 168))
    assert added([*cut["items"], cut["other"]], "contribution") == change["absolute"]
    assert answer["as_of"]
    assert answer["computed_at"]


@pytest.mark.parametrize("by", ["member", "service"])
@pytest.mark.parametrize("plan", ["credits/payg", "cloud/payg"])
async def test_costs_are_those_of_the_report(either: Site, by: str, plan: str) -> None:
    """To the last digit those of /v1/usage/members and /services: of a week, with amounts that don't end."""
    _, key = await team_of(either, [*fortnight(), *(each | {"id": f"h{each['id']}"} for each in HELD)], plan=plan)
    answer = await told(either, key, "breakdown", **SPAN, **COST, by=by)
    async with either.client(key) as client:
        report = (await client.get(f"/v1/usage/{by}s", params=SPAN)).json()
    priced = {row[by]: row["cost"]["amount"] for row in report["items"] if row["cost"]["amount"] is not None}
    assert {item["group"]: item["quantity"] for item in answer["items"]} == priced
    assert len(priced) > 1
    assert answer["change"]["current"] == report["total"]["cost"]["amount"]
    assert (answer["currency"], answer["unit"], answer["meter"]) == ("USD", None, None)
    reasons = {(used["meter"], used["cost"]["reason"]) for used in report["total"]["usage"] if used["cost"]["reason"]}
    assert {(each["meter"], each["reason"]) for each in answer["unpriced"]} == reasons != set()


async def test_the_dearest_users(site: Site, key: str) -> None:
    """`order=cost` is in money, dearest first; by meter what each costs; a dimension, a key and nothing at all."""
    answer = await told(site, key, "breakdown", **SPAN, by="member", order="cost", top=1)
    assert (answer["measure"], answer["order"], answer["items"][0]["group"]) == ("cost", "quantity", "ada")
    assert answer["other"]["groups"] == 2
    meters = await told(site, key, "breakdown", **SPAN, **COST, by="meter")
    assert [item["group"] for item in meters["items"]] == ["tokens.input", "tokens.output"]
    assert meters["change"]["current"] == answer["change"]["current"]
    assert meters["unpriced"] == [{"meter": "network", "reason": "unpriced"}]
    for by in ("model", "key"):
        one = await told(site, key, "breakdown", **SPAN, **COST, by=by)
        (item,) = one["items"]
        assert item["quantity"] == answer["change"]["current"]
        assert (item["group"] is None) is (by == "model")
    empty = await told(site, key, "breakdown", **COST, **{"from": "2026-01-01", "to": "2026-01-02"})
    assert (empty["items"], empty["change"]["current"]) == ([], None)


async def test_filters_and_several_meters(site: Site, key: str) -> None:
    """Those of /v1/usage; what is filtered out is in no part."""
    bob = await told(site, key, "breakdown", **SPAN, **COST, by="service", member="bob")
    assert bob["meters"] == ["network", "tokens.output"]
    both = await told(site, key, "breakdown", **SPAN, **COST, by="member", meter="tokens.input,tokens.output")
    assert both["meters"] == ["tokens.input", "tokens.output"]
    assert both["unpriced"] == []
    small = await told(site, key, "breakdown", **SPAN, **INPUT, by="member", **{"member.not": "ada"})
    assert [item["group"] for item in small["items"]] == ["eve"]


async def test_nobody_sees_what_is_not_theirs(site: Site, key: str) -> None:
    """A member sees own usage, and what that costs; another team's usage is in nobody's answer."""
    team, other = await team_of(site, [event(1, BOUGHT, quantity=5, member="mallory")])
    mine = await told(site, other, "breakdown", **SPAN, **INPUT, by="member")
    assert [(item["group"], item["quantity"]) for item in mine["items"]] == [("mallory", "5")]
    bob = await told(site, key, "breakdown", "bob", **SPAN, **COST, by="member")
    assert [item["group"] for item in bob["items"]] == ["bob"]
    assert problem(await get(site, key, "breakdown", "bob", **SPAN, **COST, member="ada")) == "forbidden"
    assert problem(await get(site, key, "breakdown", **SPAN, **COST, team=team)) == "not_found"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"meter": None}, "measure=cost"),
        ({"meter": "tokens.input,tokens.output"}, "measure=cost"),
        ({"meter": "response_time"}, "can't be added up"),
        ({"by": "meter"}, "measure=cost"),
        ({"by": "colour"}, "colour"),
        ({"measure": "cost", "by": "colour"}, "colour"),
        ({"measure": "cost", "colour": "red"}, "colour"),
        ({"order": "change"}, "against"),
        ({"order": "size"}, "order"),
        ({"top": 0}, "top"),
        ({"against": "year", "from": "2028-02-29", "to": "2028-03-01"}, "no such day"),
        ({"from": SPAN["to"]}, "before"),
    ],
)
async def test_what_cant_be_asked(site: Site, key: str, changed: dict[str, Any], said: str) -> None:
    """Each refusal says what to change."""
    asked = {name: each for name, each in (SPAN | INPUT | changed).items() if each is not None}
    answer = await get(site, key, "breakdown", **asked)
    assert problem(answer) == "invalid_parameter"
    assert said in answer.json()["detail"]


async def test_unknown_meters(site: Site, key: str) -> None:
    """Are told in both measures."""
    for measure in ("quantity", "cost"):
        answer = await get(site, key, "breakdown", **SPAN, meter="nope", measure=measure)
        assert problem(answer) == "unknown_meter"
