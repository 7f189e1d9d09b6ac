"""When budgets are used up, over HTTP: beside how far they are used, made ahead, of nobody but who may see it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from analytics import run
from meter import aggregate
from meter.database import connect
from meter.limits import expected, follow, foreseen
from tests.api.site import Site

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HOURS = 24 * 20
PATH = "/v1/budgets"


class Desk:
    """A team that used as much in every hour of three weeks, and its key."""

    def __init__(self, site: Site, team: str, key: str, begun: datetime) -> None:
        """Sits at a site; the hour that runs began at `begun`."""
        self.site, self.team, self.key, self.begun = site, team, key, begun

    async def put(self, **more: Any) -> Any:
        """Set a budget of tokens that never begins anew."""
        usual = {"name": "tokens", "measure": "units", "meters": ["tokens.input"], "amount": 1, "window": "ever"}
        return await self.site.post(PATH, usual | more, self.key)

    async def get(self, made: Any, user: str | None = None) -> Any:
        """Answer a budget as it is shown."""
        headers = {} if user is None else {"X-User-ID": user}
        async with self.site.client(self.key, **headers) as client:
            answer = await client.get(f"{PATH}/{made['id']}")
            listed = (await client.get(PATH)).json()["items"]
        assert answer.is_success, answer.text
        shown = answer.json()
        (other,) = (each for each in listed if each["id"] == shown["id"])
        assert [each["forecast"] for each in other["counters"]] == [each["forecast"] for each in shown["counters"]]
        return shown

    async def change(self, made: Any, **more: Any) -> Any:
        """Change a budget."""
        async with self.site.client(self.key) as client:
            return (await client.patch(f"{PATH}/{made['id']}", json=more)).json()

    async def works(self) -> None:
        """Let the worker take turns until all of this team's budgets are done; those of other tests have time."""
        now = datetime.now(UTC)
        async with await connect(self.site.database, autocommit=True) as conn:
            while (await (await conn.execute("select from touched limit 1")).fetchone()) is not None:
                await aggregate.refresh(conn)
            await follow.turn(conn, now)
            await foreseen.enrol(conn, expected.JOB, now)
            await conn.execute(
                "update result set due_at = %s where team_id <> (select id from team where public_id = %s)",
                (now + HOUR, self.team),
            )
            while (await run.budgets_turn(conn, now)).left:
                pass


@pytest.fixture(name="desk")
async def fixture_desk(site: Site) -> Desk:
    """Answer a desk whose ann used 100 tokens an hour and whose bob used 200, at 0.015 for a thousand."""
    team = await site.make_team(plan="credits/payg", timezone="UTC")
    key = await site.make_key(team, "ingest", "read", "admin")
    begun = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    events = [
        {
            "id": f"{member} {number}",
            "time": (begun - number * HOUR + HOUR / 4).isoformat(),
            "meter": "tokens.input",
            "quantity": quantity,
            "member": member,
        }
        for number in range(1, HOURS + 1)
        for member, quantity in (("ann", 100), ("bob", 200))
    ]
    assert (await site.post("/v1/events", events, key))["accepted"] == len(events)
    return Desk(site, team, key, begun)


def at(told: Any, name: str = "expected") -> datetime:
    """Answer a date that must be there."""
    assert told[name] is not None, told
    return datetime.fromisoformat(told[name])


async def test_a_budget_says_when_it_is_used_up(desk: Desk) -> None:
    """Null before the worker knows; then the date that constant use has, and whether it is reached in the window."""
    week = {"window": "rolling", "seconds": 30 * 86_400}
    near = await desk.put(amount=300 * (HOURS + 30), **week)
    paid = await desk.put(amount=str(Decimal(300 * (HOURS + 48) * 15) / 10**6), measure="money", meters=[], **week)
    calls = await desk.put(measure="calls", meters=[], window="month")
    assert (await desk.get(near))["counters"][0]["forecast"] is None
    await desk.works()
    (counter,) = (await desk.get(near))["counters"]
    told = counter["forecast"]
    assert (counter["used"], told["probability"], told["reason"]) == (str(300 * HOURS), "1", None)
    assert abs(at(told) - (desk.begun + 30 * HOUR)) <= HOUR / 60
    assert at(told, "earliest80") <= at(told) <= at(told, "latest80")
    assert at(told, "as_of") <= at(told, "made_at") <= datetime.now(UTC)
    assert at(told, "to") == desk.begun + 30 * DAY
    (of_money,) = (await desk.get(paid))["counters"]
    assert abs(at(of_money["forecast"]) - (desk.begun + 48 * HOUR)) <= HOUR / 60
    (of_calls,) = (await desk.get(calls))["counters"]
    assert (of_calls["forecast"]["expected"], of_calls["forecast"]["reason"]) == (None, "asked_only")


async def test_another_amount_is_another_question(desk: Desk) -> None:
    """What was found out of the old amount is not shown; what is used up says so at once."""
    made = await desk.put(amount=300 * (HOURS + 24 * 30))
    await desk.works()
    before = (await desk.get(made))["counters"][0]["forecast"]
    assert abs(at(before) - (desk.begun + 30 * DAY)) < DAY
    changed = await desk.change(made, amount=300 * (HOURS + 24 * 60))
    assert changed["counters"][0]["forecast"] is None
    await desk.works()
    after = (await desk.get(made))["counters"][0]["forecast"]
    assert abs(at(after) - (desk.begun + 60 * DAY)) < DAY
    await desk.site.post(
        "/v1/events", {"id": "all at once", "meter": "tokens.input", "quantity": 300 * 24 * 60}, desk.key
    )
    async with await connect(desk.site.database, autocommit=True) as conn:
        while (await (await conn.execute("select from touched limit 1")).fetchone()) is not None:
            await aggregate.refresh(conn)
        await follow.turn(conn, datetime.now(UTC))
    (counter,) = (await desk.get(made))["counters"]
    now = counter["forecast"]
    assert (counter["remaining"], now["reason"], now["probability"], now["expected"]) == ("0", "used_up", "1", None)


async def test_a_member_sees_the_own_date(desk: Desk) -> None:
    """Of what is counted apart only the own counter, of what is for another member nothing."""
    each = await desk.put(amount=100 * (HOURS + 24 * 30), each=["member"])
    bobs = await desk.put(amount=200 * (HOURS + 24), member="bob")
    await desk.works()
    all_of_them = {each["member"]: each["forecast"] for each in (await desk.get(each))["counters"]}
    assert abs(at(all_of_them["ann"]) - (desk.begun + 30 * DAY)) < DAY
    assert abs(at(all_of_them["bob"]) - (desk.begun + (HOURS + 24 * 30) / 2 * HOUR - HOURS * HOUR)) < DAY
    own = (await desk.get(each, "ann"))["counters"]
    assert [(counter["member"], counter["forecast"]) for counter in own] == [("ann", all_of_them["ann"])]
    async with desk.site.client(desk.key, **{"X-User-ID": "ann"}) as client:
        hidden = await client.get(f"{PATH}/{bobs['id']}")
        listed = (await client.get(PATH)).json()["items"]
    assert hidden.status_code == 404
    assert [every["id"] for every in listed] == [each["id"]]
