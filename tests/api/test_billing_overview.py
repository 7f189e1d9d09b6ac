"""/v1/billing at a glance over HTTP: current, history, summary, and the operator's view of billing runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from meter.database import connect
from meter.invoicing import report
from meter.invoicing.run import Skipped
from meter.rating.periods import month_period, previous_month
from meter.teams import get
from tests.api.site import OPERATOR_KEY, Site, problem

ZONE = "Asia/Kathmandu"


@pytest.fixture(name="team")
async def fixture_team(site: Site) -> str:
    """Answer a team in Kathmandu that used a million tokens last month and two in this."""
    team = await site.make_team(timezone=ZONE)
    key = await site.make_key(team, "ingest")
    now = site.clock()
    times = (previous_month(now, ZONE).start, month_period(now, ZONE).start)
    events = [
        {"id": f"{n}", "time": at.isoformat(), "meter": "tokens.input", "quantity": n * 1_000_000, "member": "bob"}
        for n, at in enumerate(times, 1)
    ]
    assert (await site.post("/v1/events", events, key))["accepted"] == 2
    return team


async def see(site: Site, team: str, what: str, member: str | None = None, **params: Any) -> Any:
    """Answer what a key of the team that reads is answered."""
    key = await site.make_key(team, "read")
    async with site.client(key, **({} if member is None else {"X-User-ID": member})) as client:
        answer = await client.get(f"/v1/billing/{what}", params=params)
    return answer.json() if answer.is_success else problem(answer)


async def test_the_running_period(site: Site, team: str) -> None:
    """Costs as the usage summary has them, days left, and the account once there is one."""
    found = await see(site, team, "current")
    key = await site.make_key(team, "read")
    async with site.client(key) as client:
        summary = (await client.get("/v1/usage/summary")).json()
    assert (found["cost"], found["period"]) == (summary["cost"], summary["period"])
    assert (found["cost"]["total"], found["no_cost"], found["account"]) == ("30.00", None, None)
    last = datetime.fromisoformat(found["period"]["to"]) - timedelta(microseconds=1)
    assert 0 <= found["days_left"] - (last - site.clock()) / timedelta(days=1) <= 1
    async with site.client(OPERATOR_KEY) as client:
        booked = {"kind": "credit_grant", "amount": "20"}
        assert (await client.post("/v1/admin/credits", json=booked, params={"team": team})).status_code == 201
    account = (await see(site, team, "current"))["account"]
    assert (account["unit"], account["balance"]) == ("USD", "20")


async def test_the_last_day_is_one_day_left(site: Site, team: str) -> None:
    """Up to its last second."""
    end = month_period(site.clock(), ZONE).end
    site.clock.ahead = end - timedelta(seconds=30) - site.clock()
    assert (await see(site, team, "current"))["days_left"] == 1


async def test_a_forecast_that_can_not_be_priced_leaves_the_rest(site: Site, team: str) -> None:
    """Null with the reason, while what is owed by now is told as before; without any forecast there is no reason."""
    before = await see(site, team, "current")
    assert (before["forecast"], before["no_forecast"]) == (None, None)
    total = dict.fromkeys(("mean", "low80", "high80", "low95", "high95"), f"1{'0' * 40}")
    body = {"total": total | {"to": before["period"]["to"]}}
    async with await connect(site.database, autocommit=True) as conn:
        await conn.execute(
            "insert into result (team_id, job, subject, due_at, made_at, run, body)"
            " select id, 'forecast', 'tokens.input', %(now)s, %(now)s, gen_random_uuid(), %(body)s from team"
            " where public_id = %(team)s"
            " on conflict (team_id, job, subject) do update"
            " set due_at = excluded.due_at, made_at = excluded.made_at, run = excluded.run, body = excluded.body",
            {"now": site.clock(), "body": Jsonb(body), "team": team},
        )
    after = await see(site, team, "current")
    assert (after["cost"]["total"], after["forecast"]) == ("30.00", None)
    assert after["no_forecast"]["code"] == "not_rateable"
    assert after["no_forecast"]["detail"].startswith("what is expected can't be priced: ")


async def test_history_and_summary(site: Site, team: str) -> None:
    """An invoice from open to overdue to paid: in its month, and in what is to pay."""
    now = site.clock()
    made = await site.post(f"/v1/teams/{team}/invoices", {})
    history = await see(site, team, "history", months=3)
    assert (history["zone"], history["next"]) == (ZONE, None)
    assert [month["sums"][0]["total"] for month in history["items"]] == ["0.00", "15.00", "0.00"]
    (_, month, _) = history["items"]
    last = previous_month(now, ZONE)
    assert month["month"] == f"{last.first_day:%Y-%m}"
    assert datetime.fromisoformat(month["from"]) == last.start
    assert month["invoices"] == {"draft": 0, "open": 1, "paid": 0, "void": 0, "uncollectible": 0}
    assert month["sums"][0] == {
        "currency": "USD",
        "net": "15.00",
        "tax": "0.00",
        "total": "15.00",
        "paid": "0.00",
        "credited": "0.00",
        "outstanding": "15.00",
        "uncollectible": "0.00",
    }
    assert len((await see(site, team, "history"))["items"]) == 6
    summary = await see(site, team, "summary")
    assert summary["balances"] == [
        {
            "currency": "USD",
            "open_invoices": 1,
            "outstanding": "15.00",
            "overdue_invoices": 0,
            "overdue": "0.00",
            "paid": "0.00",
        }
    ]
    assert summary["last_invoice"]["number"] == made["number"]
    coming = summary["next_invoice"]
    assert (coming["total"], coming["currency"], coming["draft"], coming["no_cost"]) == ("30.00", "USD", None, None)
    assert datetime.fromisoformat(coming["made_at"]) == last_end(now) + timedelta(hours=1)
    site.clock.ahead = timedelta(days=8)
    assert (await see(site, team, "summary"))["balances"][0]["overdue"] == "15.00"
    await site.post(f"/v1/invoices/{made['id']}/paid", {"note": "by transfer"})
    paid = await see(site, team, "summary")
    assert (paid["balances"][0]["outstanding"], paid["balances"][0]["overdue"]) == ("0.00", "0.00")


def last_end(now: datetime) -> datetime:
    """Answer when the running month ends."""
    return month_period(now, ZONE).end


async def test_money_is_not_for_members(site: Site, team: str) -> None:
    """Neither of the three; an owner sees them."""
    for what in ("current", "history", "summary"):
        assert await see(site, team, what, "bob") == "forbidden"
        assert isinstance(await see(site, team, what, "ada"), dict)


@pytest.mark.parametrize("months", ["0", "61", "-1", "six"])
async def test_months_have_bounds(site: Site, team: str, months: str) -> None:
    """What is out of them is refused."""
    assert await see(site, team, "history", months=months) == "invalid_parameter"


async def test_runs(site: Site) -> None:
    """Pages of runs, the last first, and of what came of each team; not for teams."""
    team_id = await site.make_team("Runs")
    async with await connect(site.database, autocommit=True) as conn:
        team = await get(conn, UUID(team_id))
        assert team is not None
        for n in range(3):
            asked = report.Asked("command", f"bill {n}", site.clock().date().replace(day=1))
            told = await report.begin(conn, asked, site.clock())
            await told.add([Skipped(team, f"reason {k}") for k in range(n)], site.clock())
            if n != 2:
                await told.end(site.clock())
    async with site.client(OPERATOR_KEY) as client:
        first = (await client.get("/v1/billing/runs", params={"limit": 2})).json()
        second = (await client.get("/v1/billing/runs", params={"limit": 2, "cursor": first["next"]})).json()
        ran = first["items"] + second["items"]
        assert [each["said"] for each in ran[:3]] == ["bill 2", "bill 1", "bill 0"]
        broken_off, one, none = ran[:3]
        assert (broken_off["ended_at"], broken_off["came"]["skipped"]) == (None, 0)  # as it was not kept yet
        assert (one["came"]["skipped"], one["month"], one["revenue"]) == (1, f"{site.clock():%Y-%m}", [])
        assert none["ended_at"] is not None
        path = f"/v1/billing/runs/{one['id']}"
        assert (await client.get(path)).json() == one
        results = (await client.get(f"{path}/results")).json()
        assert [(each["team"], each["name"], each["came"], each["why"]) for each in results["items"]] == [
            (team_id, "Runs", "skipped", "reason 0")
        ]
        assert (await client.get(f"{path}/results", params={"came": "failed"})).json() == {"items": [], "next": None}
        assert problem(await client.get(f"{path}/results", params={"came": "lost"})) == "invalid_parameter"
        assert problem(await client.get(f"/v1/billing/runs/{team_id}")) == "not_found"
    key = await site.make_key(team_id, "read", "admin")
    async with site.client(key) as client:
        assert problem(await client.get("/v1/billing/runs")) == "forbidden"
