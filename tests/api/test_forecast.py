"""Forecasts over HTTP: what is known and what is expected, the worker's or made now, of usage or of what it costs."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from analytics import run
from api.analytics_view import EXPONENT
from meter import aggregate, results
from meter.database import connect
from tests.api.site import Site, problem

HOUR = timedelta(hours=1)
PATH = "/v1/analytics/forecast"
ASKED = {"meter": "tokens.input"}


@pytest.fixture(name="team")
async def fixture_team(site: Site) -> str:
    """Answer a team with the same day again and again for more than two weeks, of two services."""
    team = await site.make_team(timezone="Europe/Berlin", plan="credits/payg")
    key = await site.make_key(team, "ingest")
    until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    events = [
        {
            "id": f"{service}-{number}",
            "time": (until - number * HOUR + HOUR / 4).isoformat(),
            "meter": "tokens.input",
            "quantity": str(size * (1_000 if 8 <= (until - number * HOUR).hour < 16 else 100)),
            "service": service,
            "member": "ann" if service == "api" else "bob",
        }
        for number in range(1, 24 * 16 + 1)
        for service, size in (("api", 1), ("etl", 3))
    ]
    receipt = await site.post("/v1/events", events, key)
    assert receipt["accepted"] == len(events)
    await rolled_up(site)
    return team


async def rolled_up(site: Site) -> None:
    """Roll up what was sent, as the worker would: tests that share the site wait while much of it is not."""
    async with await connect(site.database, autocommit=True) as conn:
        while (await (await conn.execute("select from touched limit 1")).fetchone()) is not None:
            await aggregate.refresh(conn)


async def ask(site: Site, team: str, **asked: str) -> Any:
    """Answer the forecast."""
    async with site.client() as client:
        answer = await client.get(PATH, params={"team": team} | ASKED | asked)
    assert answer.is_success, answer.text
    return answer.json()


async def works(site: Site, team: str) -> run.Made:
    """Let the worker's job take a turn; what other teams of this site wait for has time."""
    now = datetime.now(UTC)
    async with await connect(site.database, autocommit=True) as conn:
        await results.enrol_metered(conn, "forecast", now)
        await conn.execute(
            "update result set due_at = %s where team_id <> (select id from team where public_id = %s)",
            (now + HOUR, team),
        )
        return await run.forecasts_turn(conn, now)


async def test_the_rhythm_goes_on(site: Site, team: str) -> None:
    """Hours and days ahead with bands around them; the period is what is known and what is expected."""
    answer = await ask(site, team)
    assert (answer["meter"], answer["unit"], answer["tz"], answer["run"]) == (
        "tokens.input",
        "token",
        "Europe/Berlin",
        None,
    )
    assert len(answer["points"]) == 72
    for point in answer["points"]:
        at = datetime.fromisoformat(point["from"])
        low, mean, high = (Decimal(point[name]) for name in ("low95", "mean", "high95"))
        assert low <= Decimal(point["low80"]) <= mean <= Decimal(point["high80"]) <= high
        assert mean == pytest.approx(Decimal(4_000 if 8 <= at.hour < 16 else 400), abs=1)
    assert sum(Decimal(each["weight"]) for each in answer["models"]) == pytest.approx(1)
    whole = answer["total"]
    assert Decimal(whole["mean"]) == Decimal(whole["known"]) + Decimal(whole["expected"])
    async with site.client() as client:
        start = datetime.fromisoformat(whole["to"]).astimezone(UTC) - timedelta(days=1)
        asked = {"team": team, "meter": "tokens.input", "from": f"{start:%Y-%m}-01", "to": answer["from"]}
        used = (await client.get("/v1/usage", params=asked)).json()["items"]
    assert Decimal(whole["known"]) == sum(Decimal(each["quantity"]) for each in used)
    days = await ask(site, team, window="day")
    assert len(days["points"]) == 35


async def test_the_workers_is_taken_where_it_is_what_was_asked(site: Site, team: str) -> None:
    """It says which run made it; one that is filtered, further ahead or asked for fresh is made now."""
    made = await works(site, team)
    assert made.made == 1
    kept = await ask(site, team)
    now = await ask(site, team, fresh="true")
    assert (kept["run"], now["run"]) == (str(made.run), None)
    shared = [each["from"] for each in kept["points"] if each in now["points"]]
    assert len(shared) >= 70  # an hour may have begun meanwhile
    for other in ({"tz": "UTC"}, {"ahead": "100"}, {"service": "api"}):
        assert (await ask(site, team, **other))["run"] is None
    assert len((await ask(site, team, ahead="100"))["points"]) == 100
    assert len((await ask(site, team, ahead="5"))["points"]) == 5


async def test_the_summary_tells_it_beside_the_projection(site: Site, team: str) -> None:
    """As the worker found it, of the period that runs: of no other, and not to a member, who sees own usage only."""
    assert await standing(site, team) == {"tokens.input": None}
    made = await works(site, team)
    whole = (await ask(site, team))["total"]
    assert made.made == 1
    (forecast,) = (await standing(site, team)).values()
    assert forecast["made_at"]
    assert {edge: Decimal(forecast[edge]) for edge in ("low80", "mean", "high95")} == {
        edge: Decimal(whole[edge]) for edge in ("low80", "mean", "high95")
    }
    yesterday = {"from": "now-1d", "to": "now"}
    assert await standing(site, team, **yesterday) == {"tokens.input": None}
    rest = {"from": "now-1d", "to": whole["to"]}  # of the period that runs the last part
    assert await standing(site, team, **rest) == {"tokens.input": None}
    async with site.client(await site.make_key(team, "read"), **{"X-User-ID": "ann"}) as client:
        own = (await client.get("/v1/usage/summary")).json()["meters"]
    assert [each["forecast"] for each in own] == [None]
    site.clock.ahead += timedelta(hours=26)
    assert (await standing(site, team)).get("tokens.input") is None  # too long ago


async def standing(site: Site, team: str, **asked: str) -> dict[str, Any]:
    """Answer the forecast of each meter in the summary."""
    async with site.client() as client:
        answer = await client.get("/v1/usage/summary", params={"team": team} | asked)
    assert answer.is_success, answer.text
    return {each["meter"]: each["forecast"] for each in answer.json()["meters"]}


async def test_what_was_made_before_there_was_data_is_made_again(site: Site, team: str) -> None:
    """History may come after the worker's first turn: who asks then is not told for an hour that there is none."""
    made = await works(site, team)
    assert (await ask(site, team))["run"] == str(made.run)
    async with await connect(site.database, autocommit=True) as conn:
        await conn.execute("update result set as_of = null where run = %s", (made.run,))
    answer = await ask(site, team)
    assert (answer["run"], len(answer["points"])) == (None, 72)


async def test_a_part_is_forecast_by_itself(site: Site, team: str) -> None:
    """A quarter of the usage is one service's; a member sees the own."""
    whole, part = await ask(site, team), await ask(site, team, service="api")
    for one, other in zip(whole["points"], part["points"], strict=True):
        assert Decimal(one["mean"]) == pytest.approx(4 * Decimal(other["mean"]), abs=1)
    assert part["limits"] == []
    key = await site.make_key(team, "read")
    async with site.client(key, **{"X-User-ID": "ann"}) as client:
        own = (await client.get(PATH, params=ASKED)).json()
    assert own["points"] == part["points"]


async def test_costs_are_forecast_at_list_price(site: Site, team: str) -> None:
    """In the team's currency; what is known is what usage costs so far."""
    answer = await ask(site, team, measure="cost")
    assert (answer["unit"], answer["currency"], answer["unpriced"]) == (None, "USD", [])
    whole = answer["total"]
    async with site.client() as client:
        start = datetime.fromisoformat(whole["to"]).astimezone(UTC) - timedelta(days=1)
        asked = {"team": team, "meter": "tokens.input", "from": f"{start:%Y-%m}-01", "to": answer["from"]}
        parts = (await client.get("/v1/analytics/breakdown", params=asked | {"measure": "cost"})).json()
    assert Decimal(whole["known"]) == Decimal(parts["change"]["current"])
    quantity = (await ask(site, team))["total"]
    assert Decimal(whole["mean"]) * Decimal(quantity["expected"]) == pytest.approx(
        Decimal(quantity["mean"]) * Decimal(whole["expected"]), rel=Decimal("0.001")
    )


async def of_all(site: Site, team: str) -> Any:
    """Answer the forecast of what all usage of a team costs."""
    async with site.client() as client:
        answer = await client.get(PATH, params={"team": team, "measure": "cost"})
    assert answer.is_success, answer.text
    return answer.json()


async def test_a_balance_has_a_date(site: Site, team: str) -> None:
    """On a plan that is paid as it is used: what is in the account lasts as long as it lasts."""
    assert (await of_all(site, team))["limits"] == []  # it pays by invoice
    prepaid = await site.make_team(plan="credits/prepaid")
    until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    events = [
        {"id": f"e{number}", "time": (until - number * HOUR).isoformat(), "meter": "tokens.input", "quantity": 100_000}
        for number in range(1, 24 * 10)
    ]
    await site.post("/v1/events", events, await site.make_key(prepaid, "ingest"))
    await rolled_up(site)
    hourly = Decimal((await of_all(site, prepaid))["points"][1]["mean"])
    assert hourly > 0
    async with site.client() as client:
        bought = {"kind": "credit_purchase", "paid": str(30 * hourly)}
        booked = await client.post("/v1/admin/credits", params={"team": prepaid}, json=bought)
    assert booked.is_success, booked.text
    answer = await of_all(site, prepaid)
    (limit,) = answer["limits"]
    assert (limit["kind"], limit["name"], Decimal(limit["amount"])) == ("balance", "account", 30 * hourly)
    at = datetime.fromisoformat(limit["exhaustion"]["expected"])
    assert at - datetime.fromisoformat(answer["from"]) == 30 * HOUR


async def test_rows_say_what_json_says(site: Site, team: str) -> None:
    """CSV and Parquet have the points; the second answer is not sent again."""
    await works(site, team)
    answer = await ask(site, team)
    async with site.client() as client:
        asked = {"team": team} | ASKED
        csv = (await client.get(PATH, params=asked | {"format": "csv"})).text
        parquet = (await client.get(PATH, params=asked | {"format": "parquet"})).content
        first = await client.get(PATH, params=asked)
        again = await client.get(PATH, params=asked, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    rows = pl.read_parquet(io.BytesIO(parquet))
    assert rows.columns == ["from", "to", "mean", "low80", "high80", "low95", "high95"]
    assert [Decimal(each["mean"]) for each in answer["points"]] == rows.get_column("mean").to_list()
    assert csv.splitlines()[0] == ",".join(rows.columns)
    assert len(csv.splitlines()) == 1 + len(answer["points"])
    assert EXPONENT.search(first.content) is None


async def test_nothing_known_is_nothing_forecast(site: Site) -> None:
    """A team without usage has no points, and a reason."""
    answer = await ask(site, await site.make_team())
    assert (answer["points"], answer["reason"], answer["as_of"]) == ([], "no_data", None)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"meter": "nope"}, "unknown_meter"),
        ({"meter": ["cpu", "requests"]}, "invalid_parameter"),
        ({"ahead": "745"}, "invalid_parameter"),
        ({"ahead": "0"}, "invalid_parameter"),
        ({"window": "month"}, "invalid_parameter"),
        ({"colour": "red"}, "invalid_parameter"),
        ({"tz": "Mars/Base"}, "invalid_parameter"),
    ],
)
async def test_what_can_not_be_asked(site: Site, changed: dict[str, str | list[str]], code: str) -> None:
    """A problem that says what to change."""
    team = await site.make_team()
    async with site.client() as client:
        answer = await client.get(PATH, params={"team": team, **ASKED, **changed})
    assert problem(answer) == code, answer.text
