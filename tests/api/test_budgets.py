"""/v1/budgets: set, shown with how far they are used, changed, ended; by whom, once, and what can't be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.api.site import OPERATOR_KEY, Site, problem

PATH = "/v1/budgets"
TOKENS: dict[str, Any] = {
    "name": "tokens of a month",
    "measure": "units",
    "amount": 1_000,
    "window": "month",
    "meters": ["tokens.input"],
}


class Desk:
    """A team and a key of it that may do everything."""

    def __init__(self, site: Site, team: str, key: str) -> None:
        """Sits at a site."""
        self.site, self.team, self.key = site, team, key

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Answer a request with the key."""
        async with self.site.client(more.pop("key", self.key), **more.pop("headers", {})) as client:
            return await client.request(method, path, **more)

    async def put(self, **more: Any) -> Any:
        """Answer a budget that must be set."""
        answer = await self.ask("POST", PATH, json=TOKENS | more)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def look(self, made: Any, **more: Any) -> Any:
        """Answer a budget as it is now."""
        answer = await self.ask("GET", f"{PATH}/{made['id']}", **more)
        assert answer.status_code == 200, answer.text
        assert answer.headers["etag"] == f'"{answer.json()["version"]}"'
        return answer.json()

    async def use(self, quantity: int, member: str | None = None, **more: Any) -> None:
        """Push usage."""
        event = {"id": uuid4().hex, "meter": "tokens.input", "quantity": quantity, "member": member} | more
        assert (await self.site.post("/v1/events", event, self.key))["accepted"] == 1

    async def audited(self) -> list[tuple[str, Any, Any]]:
        """Answer what was done about budgets."""
        found = (await self.ask("GET", f"/v1/teams/{self.team}/audit")).json()["items"]
        return [(e["action"], e["before"], e["after"]) for e in found if e["action"].startswith("budget.")]


@pytest.fixture(name="desk")
async def fixture_desk(site: Site) -> Desk:
    """Answer a desk whose team pays 0.015 per 1,000 tokens."""
    team = await site.make_team(plan="credits/payg", timezone="Europe/Paris")
    return Desk(site, team, await site.make_key(team, "ingest", "read", "admin"))


async def test_a_budget_counts_what_was_used_before_it(desk: Desk) -> None:
    """Set in mid-window it knows the usage there is, and shows what is left, in percent and until when."""
    await desk.use(250, "ann")
    made = await desk.put()
    assert made["counters"] == []
    shown = await desk.look(made)
    (counter,) = shown.pop("counters")
    assert shown == {
        **TOKENS,
        "amount": "1000",
        "unit": "token",
        "id": made["id"],
        "seconds": None,
        "member": None,
        "service": None,
        "key": None,
        "each": [],
        "kind": "hard",
        "fails": "closed",
        "version": 1,
        "created_at": made["created_at"],
        "ended_at": None,
        "more_counters": False,
    }
    assert (counter["used"], counter["reserved"], counter["remaining"]) == ("250", "0", "750")
    assert (counter["percent"], counter["member"]) == ("25", None)
    assert datetime.fromisoformat(counter["from"]) <= datetime.now(UTC) < datetime.fromisoformat(counter["resets_at"])
    assert counter["resets_at"].endswith(("22:00:00Z", "23:00:00Z"))  # midnight in Paris


@pytest.mark.parametrize(
    ("more", "unit", "used"),
    [
        ({"measure": "money", "meters": [], "window": "billing"}, "USD", "0.015"),
        ({"measure": "calls", "meters": [], "window": "day"}, "call", "0"),
        ({"window": "rolling", "seconds": 3_600}, "token", "1000"),
        ({"window": "ever"}, "token", "1000"),
    ],
)
async def test_each_measure_in_its_unit(desk: Desk, more: dict[str, Any], unit: str, used: str) -> None:
    """Units, money by the plan's prices, calls that were asked for; in calendar, billing and sliding windows."""
    await desk.use(1_000)
    shown = await desk.look(await desk.put(**more))
    assert (shown["unit"], shown["counters"][0]["used"]) == (unit, used)
    assert (shown["counters"][0]["resets_at"] is None) == (more["window"] == "ever")


async def test_lists_are_paged_and_leave_out_what_ended(desk: Desk) -> None:
    """Newest first; ended ones only where they are asked for."""
    made = [await desk.put(name=f"b{number}") for number in range(3)]
    assert (await desk.ask("DELETE", f"{PATH}/{made[1]['id']}")).status_code == 204
    first = (await desk.ask("GET", PATH, params={"limit": 1})).json()
    rest = (await desk.ask("GET", PATH, params={"cursor": first["next"]})).json()
    assert [each["name"] for each in first["items"] + rest["items"]] == ["b2", "b0"]
    assert rest["next"] is None
    everything = (await desk.ask("GET", PATH, params={"ended": "true"})).json()["items"]
    assert [(each["name"], each["ended_at"] is None) for each in everything] == [
        ("b2", True),
        ("b1", False),
        ("b0", True),
    ]


async def test_a_change_is_of_a_version_and_told(desk: Desk) -> None:
    """What was not named stays; the same again changes nothing; who edits another version is told so."""
    made = await desk.put()
    path = f"{PATH}/{made['id']}"
    changed = await desk.ask("PATCH", path, json={"amount": "2000.5", "kind": "soft"}, headers={"If-Match": '"1"'})
    assert changed.status_code == 200, changed.text
    assert changed.headers["etag"] == '"2"'
    shown = changed.json()
    assert (shown["amount"], shown["kind"], shown["fails"], shown["name"]) == (
        "2000.5",
        "soft",
        "closed",
        TOKENS["name"],
    )
    assert (await desk.ask("PATCH", path, json={"kind": "soft"})).headers["etag"] == '"2"'
    stale = await desk.ask("PATCH", path, json={"fails": "open"}, headers={"If-Match": '"1"'})
    assert (stale.status_code, problem(stale)) == (412, "changed_meanwhile")
    assert (await desk.ask("DELETE", path, headers={"If-Match": '"2"'})).status_code == 204
    assert problem(await desk.ask("PATCH", path, json={"fails": "open"})) == "not_found"
    assert (await desk.look(made))["ended_at"] is not None
    told = await desk.audited()
    assert [action for action, *_ in told] == ["budget.end", "budget.change", "budget.create"]
    assert (told[1][1]["amount"], told[1][2]["amount"]) == ("1000", "2000.5")


async def test_set_once_however_often_it_is_sent(desk: Desk) -> None:
    """A retry with the same Idempotency-Key gets the first answer; with another body it is refused."""
    headers = {"Idempotency-Key": "a budget"}
    one, other = [await desk.ask("POST", PATH, json=TOKENS, headers=headers) for _ in range(2)]
    assert one.content == other.content
    assert other.headers["idempotency-replayed"] == "true"
    assert len((await desk.ask("GET", PATH)).json()["items"]) == 1
    assert problem(await desk.ask("POST", PATH, json=TOKENS | {"amount": 1}, headers=headers)) == "idempotency_conflict"


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "negative": ({"amount": -1}, "amount: 0 or more"),
    "too fine": ({"amount": "0.000000000000000000001"}, "amount: "),
    "no such meter": ({"meters": ["nonsense"]}, "meters: there is no nonsense"),
    "units of what": ({"meters": []}, "meters: name those"),
    "several units": ({"meters": ["tokens.input", "requests"]}, "different units"),
    "not additive": ({"meters": ["response_time"]}, "can't be added up"),
    "per month": ({"meters": ["storage"]}, "months are not equally long"),
    "twice": ({"meters": ["tokens.input", "tokens.input"]}, "each once"),
    "a window too many": ({"seconds": 60}, "seconds: "),
    "a window of no length": ({"window": "rolling"}, "seconds: "),
    "nobody": ({"member": "nobody"}, "member: there is no 'nobody'"),
    "no service": ({"service": "nothing"}, "service: there is no 'nothing'"),
    "no key": ({"key": "00000000-0000-0000-0000-000000000000"}, "key: there is no"),
    "calls by meter": ({"measure": "calls", "each": ["meter"]}, "each: a call may use several"),
    "each of one": ({"member": "ada", "each": ["member"]}, "each: this budget is for one member"),
}


@pytest.mark.parametrize(("more", "said"), WRONG.values(), ids=WRONG)
async def test_what_can_not_be(desk: Desk, more: dict[str, Any], said: str) -> None:
    """Each is refused with what to change, and nothing is stored."""
    answer = await desk.ask("POST", PATH, json=TOKENS | more)
    assert (answer.status_code, problem(answer)) == (400, "invalid_budget")
    assert said in answer.json()["detail"]
    assert (await desk.ask("GET", PATH)).json()["items"] == []


@pytest.mark.parametrize(
    "more",
    [
        {"window": "fortnight"},
        {"measure": "euros"},
        {"amount": "NaN"},
        {"limit": 5},
        {"seconds": 0},
        {"each": ["team"]},
    ],
)
async def test_what_is_no_budget_at_all(desk: Desk, more: dict[str, Any]) -> None:
    """What can't be read says so."""
    answer = await desk.ask("POST", PATH, json=TOKENS | more)
    assert answer.status_code == 400
    assert problem(answer) in {"invalid_body", "invalid_budget"}


async def test_members_see_what_is_their_own(desk: Desk) -> None:
    """Budgets of all and their own, and of how far they are used what is their own; and they set none."""
    await desk.use(30, "ann")
    await desk.use(50, "bob")
    own = await desk.put(name="each", each=["member"])
    anns = await desk.put(name="ann's", member="ann")
    bobs = await desk.put(name="bob's", member="bob")
    as_ann = {"X-User-ID": "ann"}
    found = (await desk.ask("GET", PATH, headers=as_ann)).json()["items"]
    assert [each["name"] for each in found] == ["ann's", "each"]
    assert (await desk.look(anns, headers=as_ann))["counters"][0]["used"] == "30"
    assert problem(await desk.ask("GET", f"{PATH}/{bobs['id']}", headers=as_ann)) == "not_found"
    refused = await desk.ask("PATCH", f"{PATH}/{own['id']}", json={"amount": 1}, headers=as_ann)
    assert (refused.status_code, problem(refused)) == (403, "forbidden")


async def test_a_team_does_not_see_another_ones(desk: Desk, site: Site) -> None:
    """The operator names the team; another team's key finds nothing."""
    made = await desk.put()
    stranger = await site.make_key(await site.make_team("Others"), "read", "admin")
    assert problem(await desk.ask("GET", f"{PATH}/{made['id']}", key=stranger)) == "not_found"
    found = await desk.ask("GET", PATH, key=OPERATOR_KEY, params={"team": desk.team})
    assert [each["id"] for each in found.json()["items"]] == [made["id"]]
    raised = await desk.ask(
        "PATCH", f"{PATH}/{made['id']}", key=OPERATOR_KEY, params={"team": desk.team}, json={"amount": 7}
    )
    assert raised.json()["amount"] == "7"


async def test_a_window_turns(desk: Desk, later: Callable[[timedelta], None]) -> None:
    """Tomorrow nothing of today is used, and the day's counter begins anew."""
    made = await desk.put(window="day")
    await desk.use(250)
    assert (await desk.look(made))["counters"][0]["used"] == "250"
    later(timedelta(days=1))
    assert (await desk.look(made))["counters"][0]["used"] == "0"


@pytest.fixture(name="later")
def fixture_later(site: Site) -> Callable[[timedelta], None]:
    """Answer what moves the site's clock ahead, for this test."""

    def move(by: timedelta) -> None:
        site.clock.ahead = by

    return move
