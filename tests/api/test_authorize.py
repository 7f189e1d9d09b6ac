"""/v1/authorize, /v1/settle, /v1/release: what is answered to whom, what stops a call, and what can't be asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.api.site import OPERATOR_KEY, Site, problem

CALL: dict[str, Any] = {"quantities": {"tokens.input": 6_548, "tokens.output": 108}}
COST = Decimal("0.10308")
MOST = 100


class Desk:
    """A team and a key of a product that asks before it calls."""

    def __init__(self, site: Site, team: str, key: str) -> None:
        """Sits at a site."""
        self.site, self.team, self.key = site, team, key

    async def send(self, what: str, body: object, **more: Any) -> httpx.Response:
        """Answer what /v1/{what} answers to the key, or to another."""
        async with self.site.client(more.pop("key", self.key), **more.pop("headers", {})) as client:
            sent = {"content": body} if isinstance(body, bytes) else {"json": body}
            return await client.post(f"/v1/{what}", **sent, **more)

    async def good(self, what: str, body: object, **more: Any) -> Any:
        """Answer what must be answered with 200."""
        answer = await self.send(what, body, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def ask(self, quantity: int = 1, **more: Any) -> Any:
        """Answer a call that may go on, under the key or another one."""
        return await self.good("authorize", {"meter": "requests", "quantity": quantity} | more)

    async def settle(self, asked: Any, event: dict[str, Any], **more: Any) -> Any:
        """Answer what a call came to."""
        return await self.good("settle", {"reservation": asked["reservation"], "event": event}, **more)

    async def budget(self, **more: Any) -> str:
        """Set a budget, of calls a day if nothing else is said; answer its id."""
        body = {"name": "calls a day", "measure": "calls", "amount": 2, "window": "day"} | more
        made: str = (await self.site.post("/v1/budgets", body, self.key))["id"]
        return made

    async def credits(self, amount: str) -> None:
        """Buy credits, as the operator books it."""
        async with self.site.client() as client:
            body = {"kind": "credit_purchase", "paid": amount}
            answer = await client.post("/v1/admin/credits", json=body, params={"team": self.team})
        assert answer.status_code == 201, answer.text

    async def see(self, path: str, **params: Any) -> Any:
        """Answer what the key sees."""
        async with self.site.client(self.key) as client:
            answer = await client.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()


async def desk_of(site: Site, plan: str | None = "credits/payg") -> Desk:
    """Answer the desk of a new team."""
    team = await site.make_team(plan=plan, timezone="Europe/Paris")
    return Desk(site, team, await site.make_key(team, "ingest", "read", "admin"))


@pytest.fixture(name="desk")
async def fixture_desk(site: Site) -> Desk:
    """Answer a desk of a team that pays by invoice."""
    return await desk_of(site)


async def test_asked_settled_and_seen(desk: Desk) -> None:
    """The answer has the reservation and every limit; what was used is in the limit and in usage."""
    budget = await desk.budget(measure="units", meters=["tokens.input"], amount=10_000, name="tokens a day")
    before = datetime.now(UTC)
    asked = await desk.good("authorize", CALL | {"member": "ann", "service": "chat"})
    after = datetime.now(UTC)
    ends = datetime.fromisoformat(asked.pop("expires_at"))
    assert before + timedelta(seconds=300) <= ends <= after + timedelta(seconds=300)
    (limit,) = asked.pop("limits")
    window = limit.pop("from"), limit.pop("resets_at")
    assert window[0] <= before.isoformat() < window[1]
    assert window[1].endswith(("22:00:00Z", "23:00:00Z"))  # midnight in Paris
    assert limit == {
        "source": "budget",
        "id": budget,
        "name": "tokens a day",
        "measure": "units",
        "unit": "token",
        "window": "day",
        "limit": "10000",
        "used": "0",
        "reserved": "0",
        "remaining": "10000",
        "asked": "6548",
        "kind": "hard",
        "exceeded": False,
        "fails": "closed",
    }
    reservation = str(UUID(asked.pop("reservation")))
    assert asked == {"allowed": True, "reason": None, "billing": None, "warnings": [], "checked": True}
    answer = await desk.settle({"reservation": reservation}, {"quantities": {"tokens.input": 6_000}})
    assert (answer["reservation"], answer["billing"], answer["warnings"]) == (reservation, None, [])
    usage = answer["usage"]
    assert before <= datetime.fromisoformat(usage.pop("time")) <= after
    assert usage == {
        "id": reservation,
        "member": "ann",
        "service": "chat",
        "quantities": {"tokens.input": "6000"},
        "duplicate": False,
    }
    (limit,) = answer["limits"]
    assert (limit["used"], limit["reserved"], limit["remaining"], limit["asked"]) == ("6000", "0", "4000", "6000")
    (event,) = (await desk.see("/v1/usage/events", **{"from": "now-1h", "to": "now"}))["items"]
    assert (event["member"], event["service"], event["quantity"]) == ("ann", "chat", "6000")


async def test_a_limit_in_units_or_calls_is_a_429(desk: Desk) -> None:
    """With how each limit stands, until when to wait, and nothing reserved; a warning beside it stays one."""
    await desk.budget(name="few", window="rolling", seconds=60)
    await desk.budget(name="said only", amount=1, kind="soft")
    first = await desk.ask()
    assert [each["remaining"] for each in first["limits"]] == ["2", "1"]
    second = await desk.ask()
    assert second["allowed"]
    assert [text for text in second["warnings"] if "'said only' allows 1 calls a day" in text] == second["warnings"]
    answer = await desk.send("authorize", {})
    assert (answer.status_code, problem(answer)) == (429, "limit_reached")
    told = answer.json()
    assert "'few' allows 2 calls in any 60 seconds: 0 used, 2 reserved, 1 asked for" in told["detail"]
    assert (told["allowed"], told["reservation"], told["expires_at"], told["billing"]) == (False, None, None, None)
    assert [(each["name"], each["kind"], each["exceeded"]) for each in told["limits"]] == [
        ("few", "hard", True),
        ("said only", "soft", True),
    ]
    assert 58 <= int(answer.headers["retry-after"]) <= 62
    assert (await desk.good("release", {"reservation": first["reservation"]}))["state"] == "released"
    assert (await desk.ask())["allowed"]


async def test_what_never_begins_anew_has_no_retry_after(desk: Desk) -> None:
    """Nobody is told to wait for nothing."""
    await desk.budget(window="ever", amount=1)
    await desk.ask()
    answer = await desk.send("authorize", {})
    assert problem(answer) == "limit_reached"
    assert "retry-after" not in answer.headers
    assert (answer.json()["limits"][0]["from"], answer.json()["limits"][0]["resets_at"]) == (None, None)


async def test_a_limit_in_money_is_a_402(desk: Desk) -> None:
    """Also beside one in units; where both say no, units are told, as waiting helps there."""
    await desk.budget(name="a tenth a day", measure="money", amount="0.10")
    answer = await desk.send("authorize", CALL)
    assert (answer.status_code, problem(answer)) == (402, "budget_spent")
    (limit,) = [each for each in answer.json()["limits"] if each["source"] == "budget"]
    assert (limit["unit"], limit["measure"], Decimal(limit["asked"])) == ("USD", "money", COST)
    await desk.budget(measure="units", meters=["tokens.output"], amount=100, name="output")
    assert problem(await desk.send("authorize", CALL)) == "limit_reached"
    small = await desk.good("authorize", {"quantities": {"tokens.input": 6_548}})
    settled = await desk.settle(small, {"quantities": {"tokens.input": 6_548}})
    (limit,) = [each for each in settled["limits"] if each["name"] == "a tenth a day"]
    assert (limit["used"], limit["remaining"]) == ("0.09822", "0.00178")


async def test_paid_before(site: Site) -> None:
    """402 without an account; then a call of SPEC's size takes 0.10308, and at zero or below nothing goes on."""
    desk = await desk_of(site, "credits/prepaid")
    answer = await desk.send("authorize", CALL)
    assert (answer.status_code, problem(answer)) == (402, "credits_exhausted")
    assert (answer.json()["billing"], "no account yet" in answer.json()["detail"]) == (None, True)
    await desk.credits("0.20")
    asked = await desk.good("authorize", CALL)
    assert [asked["billing"][name] for name in ("balance", "reserved", "available")] == ["0.2", "0", "0.2"]
    short = await desk.send("authorize", CALL)
    assert (short.status_code, problem(short)) == (402, "credits_exhausted")
    assert "retry-after" not in short.headers
    assert (short.json()["billing"]["balance"], short.json()["billing"]["unit"]) == ("0.2", "USD")
    assert "the balance is 0.2 USD, 0.10308 of it reserved" in short.json()["detail"]
    settled = await desk.settle(asked, CALL)
    assert settled["billing"] == {
        "unit": "USD",
        "balance": "0.09692",
        "reserved": "0",
        "available": "0.09692",
        "total_spent": "0.10308",
        "charged": "0.10308",
    }
    account = await desk.see("/v1/billing/account")
    assert [Decimal(account[name]) for name in ("balance", "reserved")] == [Decimal("0.09692"), 0]
    assert account["total_spent"] == "0.10308"
    more = await desk.good("authorize", {"quantities": {"tokens.output": 100}})
    over = await desk.settle(more, {"quantities": {"tokens.output": 10_000}})  # it happened: booked in full
    assert (over["billing"]["charged"], over["billing"]["balance"]) == ("0.45", "-0.35308")
    assert problem(await desk.send("authorize", {})) == "credits_exhausted"
    spent = [each["amount"] for each in (await desk.see("/v1/billing/transactions", kind="usage_deduction"))["items"]]
    assert sum(map(Decimal, spent)) == -COST - Decimal("0.45")
    await desk.credits("1")
    assert (await desk.good("authorize", {}))["billing"]["balance"] == "0.64692"


async def test_what_a_plan_includes_blocks(site: Site) -> None:
    """The thousand calls of the free plan, not the next; and where the plan bills beyond, it goes on."""
    desk = await desk_of(site, "calls/free")
    assert problem(await desk.send("authorize", {"meter": "requests", "quantity": 1_001})) == "limit_reached"
    asked = await desk.ask(1_000)
    (limit,) = asked["limits"]
    assert (limit["source"], limit["id"], limit["name"]) == ("quota", "calls/free/requests", "API calls")
    assert (limit["window"], limit["limit"], limit["kind"]) == ("billing", "1000", "hard")
    await desk.settle(asked, {"meter": "requests", "quantity": 1_000})
    answer = await desk.send("authorize", {"meter": "requests", "quantity": 1})
    assert (answer.status_code, problem(answer)) == (429, "limit_reached")
    (limit,) = answer.json()["limits"]
    assert (limit["used"], limit["remaining"], limit["exceeded"]) == ("1000", "0", True)
    until = datetime.fromisoformat(limit["resets_at"]) - datetime.now(UTC)
    assert int(answer.headers["retry-after"]) == pytest.approx(until.total_seconds(), abs=5)
    pro = await desk_of(site, "calls/pro")
    assert (await pro.ask(60_000))["allowed"]


async def test_internal_keys_are_never_stopped(site: Site) -> None:
    """Nor charged, nor counted; what they used is stored all the same."""
    desk = await desk_of(site, "credits/prepaid")
    await desk.budget(amount=0)
    internal = await site.make_key(desk.team, "ingest", kind="internal")
    assert problem(await desk.send("authorize", CALL)) == "limit_reached"
    asked = await desk.good("authorize", CALL, key=internal)
    assert (asked["allowed"], asked["limits"], asked["billing"]) == (True, [], None)
    settled = await desk.settle(asked, CALL, key=internal)
    assert (settled["billing"], settled["limits"], settled["warnings"]) == (None, [], [])
    assert len((await desk.see("/v1/usage/events", **{"from": "now-1h", "to": "now"}))["items"]) == 2


async def test_members(desk: Desk) -> None:
    """One that nobody knew is registered; the body's counts before the header's, as with events."""
    await desk.budget(each=["member"], amount=1, name="one each")
    as_ann = {"X-User-ID": "ann"}
    first = await desk.good("authorize", {}, headers=as_ann)
    assert problem(await desk.send("authorize", {}, headers=as_ann)) == "limit_reached"
    assert problem(await desk.send("authorize", {"member": "ann"})) == "limit_reached"
    await desk.good("authorize", {"member": "bob"}, headers=as_ann)
    found = (await desk.see(f"/v1/teams/{desk.team}/members"))["items"]
    assert {each["user_id"] for each in found} == {"ada", "ann", "bob"}
    settled = await desk.settle(first, {"meter": "requests", "quantity": 1})  # whoever settles, it was ann's
    assert settled["usage"]["member"] == "ann"
    other = await desk.good("authorize", {"member": "cleo", "service": "chat"})
    for label in ({"member": "bob"}, {"service": "web"}):
        body = {"reservation": other["reservation"], "event": {"meter": "requests", "quantity": 1} | label}
        assert problem(await desk.send("settle", body)) == "events_refused"


async def test_whose_reservation_it_is(desk: Desk, site: Site) -> None:
    """Another team finds none; another key of the team neither, to settle; and reading keys may not ask."""
    asked = await desk.ask()
    body = {"reservation": asked["reservation"]}
    event = {"event": {"meter": "requests", "quantity": 1}}
    stranger = await site.make_key(await site.make_team("Others"), "ingest")
    colleague = await site.make_key(desk.team, "ingest")
    for key in (stranger, colleague):
        answer = await desk.send("settle", body | event, key=key)
        assert (answer.status_code, problem(answer)) == (404, "not_found")
    assert problem(await desk.send("release", body, key=stranger)) == "not_found"
    assert problem(await desk.send("release", {"reservation": str(uuid4())})) == "not_found"
    reader = await site.make_key(desk.team, "read")
    for what, sent in (("authorize", {}), ("settle", body | event), ("release", body)):
        answer = await desk.send(what, sent, key=reader)
        assert (answer.status_code, problem(answer)) == (403, "forbidden")
        assert problem(await desk.send(what, sent, key="hm_nobody_" + "0" * 43)) == "unauthorized"
    assert (await desk.settle(asked, event["event"]))["usage"]["quantities"] == {"requests": "1"}


async def test_the_operator_names_the_team(desk: Desk) -> None:
    """As everywhere."""
    assert problem(await desk.send("authorize", {}, key=OPERATOR_KEY)) == "invalid_parameter"
    asked = await desk.good("authorize", {}, key=OPERATOR_KEY, params={"team": desk.team})
    assert asked["allowed"]


WRONG: dict[str, tuple[str, object, str, str]] = {
    "no body": ("authorize", b"", "invalid_body", ""),
    "no JSON": ("authorize", b"{", "invalid_body", "no JSON"),
    "text": ("authorize", "requests", "invalid_body", "Expected"),
    "another field": ("authorize", {"metre": "requests"}, "invalid_body", "metre"),
    "an id is the event's": ("authorize", {"id": "1"}, "invalid_body", "id"),
    "text for a number": ("authorize", {"meter": "requests", "quantity": "much"}, "invalid_body", "quantity"),
    "for no time": ("authorize", {"expires_in_seconds": 0}, "invalid_body", "expires_in_seconds"),
    "for more than a day": ("authorize", {"expires_in_seconds": 86_401}, "invalid_body", "expires_in_seconds"),
    "for half a second": ("authorize", {"expires_in_seconds": 0.5}, "invalid_body", "expires_in_seconds"),
    "nobody": ("authorize", {"member": ""}, "invalid_body", "member"),
    "a NUL": ("authorize", {"service": "a\0b"}, "invalid_body", "service"),
    "too long a name": ("authorize", {"member": "m" * 201}, "invalid_body", "member"),
    "no meter": ("authorize", {"quantity": 1}, "events_refused", "meter"),
    "an unknown meter": ("authorize", {"meter": "nothing", "quantity": 1}, "events_refused", "nothing"),
    "less than nothing": ("authorize", {"meter": "tokens.input", "quantity": -1}, "events_refused", ""),
    "no event": ("settle", {"reservation": str(UUID(int=1))}, "invalid_body", "event"),
    "no reservation": ("settle", {"event": {"meter": "requests"}}, "invalid_body", "reservation"),
    "no UUID": ("release", {"reservation": "1"}, "invalid_body", "reservation"),
    "one of several": ("release", [{"reservation": "1"}], "invalid_body", "[0].reservation"),
}


async def test_what_can_not_be_read(desk: Desk) -> None:
    """Each is refused with what to change."""
    for name, (what, body, code, said) in WRONG.items():
        answer = await desk.send(what, body)
        assert (name, answer.status_code, problem(answer)) == (name, 400, code)
        assert said in answer.json()["detail"], name


async def test_how_long_it_may_be_reserved(desk: Desk) -> None:
    """From a second to a day."""
    for lasts in (1, 86_400):
        before = datetime.now(UTC)
        asked = await desk.ask(expires_in_seconds=lasts)
        held = datetime.fromisoformat(asked["expires_at"]) - timedelta(seconds=lasts)
        assert before <= held <= datetime.now(UTC)


async def test_sent_again(desk: Desk) -> None:
    """The same settle has the same answer, another one is a conflict; so is a settle after a release and back."""
    await desk.budget(amount=10)
    asked = await desk.ask()
    event = {"meter": "requests", "quantity": 1}
    first = await desk.settle(asked, event)
    assert await desk.settle(asked, event) == first
    body = {"reservation": asked["reservation"]}
    other = await desk.send("settle", body | {"event": event | {"quantity": 2}})
    assert (other.status_code, problem(other)) == (409, "reservation_closed")
    assert problem(await desk.send("release", body)) == "reservation_closed"
    again = await desk.ask()
    body = {"reservation": again["reservation"]}
    assert [await desk.good("release", body) for _ in range(2)] == [body | {"state": "released"}] * 2
    assert problem(await desk.send("settle", body | {"event": event})) == "reservation_closed"
    third = await desk.ask()
    (limit,) = third["limits"]
    assert (limit["used"], limit["reserved"]) == ("1", "0")


async def test_an_event_that_can_not_be_stored_leaves_it_open(desk: Desk) -> None:
    """Told as a receipt tells it; and what was pushed before is not counted again."""
    asked = await desk.ask()
    body = {"reservation": asked["reservation"], "event": {"meter": "nothing", "quantity": 1}}
    answer = await desk.send("settle", body)
    assert problem(answer) == "events_refused"
    assert [(each["index"], each["code"]) for each in answer.json()["rejected"]] == [(0, "unknown_meter")]
    event = {"id": uuid4().hex, "time": datetime.now(UTC).isoformat(), "meter": "requests", "quantity": 1}
    await desk.site.post("/v1/events", event, desk.key)
    assert (await desk.settle(asked, event))["usage"]["duplicate"] is True


async def test_several_at_once(desk: Desk) -> None:
    """Each by itself and in its place, with the status it would have had; 200 for all."""
    await desk.budget(amount=2)
    asked = (await desk.good("authorize", [{}, {"meter": "nothing", "quantity": 1}, {}, {}]))["items"]
    assert [each["status"] for each in asked] == [200, 400, 200, 429]
    assert (asked[1]["answer"], asked[1]["problem"]["code"]) == (None, "events_refused")
    assert "nothing" in asked[1]["problem"]["detail"]
    assert [each["problem"] for each in (asked[0], asked[3])] == [None, None]
    denied = asked[3]["answer"]
    assert (denied["allowed"], denied["reason"]["code"], denied["reservation"]) == (False, "limit_reached", None)
    one, other = (asked[place]["answer"]["reservation"] for place in (0, 2))
    event = {"meter": "requests", "quantity": 1}
    bodies = [{"reservation": each, "event": event} for each in (one, str(uuid4()))]
    settled = (await desk.good("settle", bodies))["items"]
    assert [each["status"] for each in settled] == [200, 404]
    assert (settled[0]["answer"]["usage"]["id"], settled[1]["problem"]["code"]) == (one, "not_found")
    released = (await desk.good("release", [{"reservation": each} for each in (other, one, other)]))["items"]
    assert [each["status"] for each in released] == [200, 409, 200]
    assert released[2]["answer"] == {"reservation": other, "state": "released"}
    assert await desk.good("authorize", []) == {"items": []}


async def test_how_many_at_once(desk: Desk) -> None:
    """A hundred."""
    gone = {"reservation": str(uuid4())}
    bodies: dict[str, Any] = {"authorize": {}, "settle": gone | {"event": {"meter": "requests"}}, "release": gone}
    for what, body in bodies.items():
        assert len((await desk.good(what, [body] * MOST))["items"]) == MOST
        answer = await desk.send(what, [body] * (MOST + 1))
        assert (answer.status_code, problem(answer)) == (413, "batch_too_large")


async def test_a_change_holds_for_the_next_call(desk: Desk) -> None:
    """A budget that is raised, lowered or ended, whatever was remembered of it."""
    budget = await desk.budget(amount=1)
    await desk.ask()
    assert problem(await desk.send("authorize", {})) == "limit_reached"
    async with desk.site.client(desk.key) as client:
        assert (await client.patch(f"/v1/budgets/{budget}", json={"amount": 2})).status_code == 200
        await desk.ask()
        assert problem(await desk.send("authorize", {})) == "limit_reached"
        assert (await client.delete(f"/v1/budgets/{budget}")).status_code == 204
    assert (await desk.ask())["limits"] == []
