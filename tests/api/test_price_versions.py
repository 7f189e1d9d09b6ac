"""Versions of prices over HTTP: applied, tried, listed, refused; and usage without a price, each team's own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx

from meter.database import connect
from meter.prices import unpriced
from tests.api.site import OPERATOR_KEY, Site, problem

PATH = "/v1/prices/versions"
BOOK = """
name = "{name}"
title = "Shop"
currency = "USD"
[plans.base]
title = "Base"
prices.input = {{ title = "Input", meter = "tokens.input", unit = "token", unit_amount = "{amount}" }}
"""
NETWORK = 'prices.network = { title = "Network", meter = "network", unit = "GB", unit_amount = "0.10" }\n'


async def ask(site: Site, method: str, path: str, key: str = OPERATOR_KEY, **more: Any) -> httpx.Response:
    """Answer a request with a key, the operator's by default."""
    async with site.client(key, **more.pop("headers", {})) as client:
        return await client.request(method, path, **more)


def named() -> str:
    """Answer the name of a book that no other test has."""
    return f"shop-{uuid4().hex[:8]}"


async def test_applied_tried_and_listed(site: Site) -> None:
    """A dry run stores nothing; applied it holds from its instant; again nothing changes; a retry hears the same."""
    name = named()
    first = {"book": BOOK.format(name=name, amount="0.01"), "from": "2026-10-01"}
    dry = await ask(site, "POST", PATH, json=first | {"dry_run": True})
    assert (dry.status_code, dry.json()["changed"], dry.json()["in_place_of"]) == (200, True, None)
    assert (await ask(site, "GET", PATH, params={"book": name})).json() == {"items": [], "next": None}
    headers = {"Idempotency-Key": name}
    made = await ask(site, "POST", PATH, json=first, headers=headers)
    again = await ask(site, "POST", PATH, json=first)
    retried = await ask(site, "POST", PATH, json=first, headers=headers)
    assert (made.status_code, made.json()["from"], made.json()["changed"]) == (201, "2026-10-01T00:00:00Z", True)
    assert (again.json()["changed"], retried.json()) == (False, made.json())
    second = {"book": BOOK.format(name=name, amount="0.02"), "from": "2999-01-01T00:00:00+01:00"}
    later = (await ask(site, "POST", PATH, json=second)).json()
    assert later["differences"] == [{"path": "plans.base.prices.input.unit_amount", "old": "0.01", "new": "0.02"}]
    assert later["reaches"] == [{"kind": "plan", "name": f"{name}/base", "how": "changed", "teams": 0}]
    page = (await ask(site, "GET", PATH, params={"book": name, "limit": 1})).json()
    rest = (await ask(site, "GET", PATH, params={"book": name, "limit": 1, "cursor": page["next"]})).json()
    shown = [*page["items"], *rest["items"]]
    assert [(each["version"], each["state"], each["until"]) for each in shown] == [
        (later["version"], "to_come", None),
        (made.json()["version"], "in_force", "2998-12-31T23:00:00Z"),
    ]
    assert {each["applied_by"] for each in shown} == {"operator"}
    noted = (await ask(site, "GET", "/v1/audit", params={"action": "prices.apply"})).json()["items"]
    mine = [each for each in noted if each["subject"] == f"price_book:{name}"]
    assert [each["after"]["version"] for each in mine] == [each["version"] for each in shown]


async def test_what_is_refused(site: Site) -> None:
    """Mistakes with their lines, all of them; who is not the operator; a team's plan that would go; what was billed."""
    name = named()
    wrong = BOOK.format(name=name, amount="x").replace('title = "Base"', 'titel = "Base"')
    answer = await ask(site, "POST", PATH, json={"book": wrong})
    assert problem(answer) == "invalid_body"
    assert [(each["line"], each["field"]) for each in answer.json()["mistakes"]] == [(5, "title"), (7, "unit_amount")]
    book = {"book": BOOK.format(name=name, amount="0.01"), "from": "2026-10-01"}
    team = await site.make_team()
    key = await site.make_key(team, "ingest", "read", "admin")
    for method in ("GET", "POST"):
        assert (
            problem(await ask(site, method, PATH, key, **({"json": book} if method == "POST" else {}))) == "forbidden"
        )
    await ask(site, "POST", PATH, json=book)
    other = await site.make_team(plan=f"{name}/base")
    gone = {"book": BOOK.format(name=name, amount="0.01").replace("plans.base", "plans.other")}
    for more in ({}, {"dry_run": True}):
        assert problem(await ask(site, "POST", PATH, json=gone | more)) == "plan_in_use"
    billed = await ask(site, "POST", f"/v1/teams/{other}/invoices", json={"from": "2026-10-01", "to": "2026-10-02"})
    assert billed.status_code == 201, billed.text
    dearer = {"book": BOOK.format(name=name, amount="0.02"), "from": "2026-10-01"}
    assert problem(await ask(site, "POST", PATH, json=dearer)) == "prices_in_use"
    assert (await ask(site, "POST", PATH, json=dearer | {"from": "2026-10-02"})).status_code == 201


async def test_unpriced_usage_is_each_teams_own(site: Site) -> None:
    """At once for a team; for the operator all of them as the worker found them; gone once there is a price."""
    name = named()
    text = BOOK.format(name=name, amount="0.01")
    await ask(site, "POST", PATH, json={"book": text, "from": "2026-01-01"})
    team, other = [await site.make_team(name=each, plan=f"{name}/base") for each in ("Mine", "Theirs")]
    key, others = [await site.make_key(each, "ingest", "read") for each in (team, other)]
    now = datetime.now(UTC)
    event = {"id": "n", "time": now.isoformat(), "meter": "network", "quantity": 30}
    assert (await site.post("/v1/events", [event], key))["accepted"] == 1
    path = "/v1/prices/unpriced"
    (found,) = (await ask(site, "GET", path, key)).json()["items"]
    assert (found["team"], found["name"], found["plan"], found["meter"], found["quantity"]) == (
        team, "Mine", f"{name}/base", "network", "30",
    )  # fmt: skip
    assert (await ask(site, "GET", path, others)).json()["items"] == []
    assert problem(await ask(site, "GET", path, others, params={"team": team})) == "not_found"
    assert (await ask(site, "GET", path, params={"team": team})).json()["items"] == [found]
    async with await connect(site.database, autocommit=True) as conn:
        await unpriced.turn(conn, now)
    everything = (await ask(site, "GET", path)).json()
    assert found in everything["items"]
    assert everything["as_of"] == now.isoformat().replace("+00:00", "Z")
    metrics = (await ask(site, "GET", "/metrics")).text
    assert 'hourmeter_check_holds{check="usage_has_prices"} 0.0' in metrics
    checks = (await ask(site, "GET", "/v1/operator/doctor")).json()["items"]
    assert [each["holds"] for each in checks if each["name"] == "usage_has_prices"] == [False]
    await ask(site, "POST", PATH, json={"book": text + NETWORK, "from": "2026-01-01"})
    assert (await ask(site, "GET", path, key)).json()["items"] == []
