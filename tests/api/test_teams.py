"""Teams, their keys and services, and the catalogue of meters, as the API shows them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import pytest

from api.paging import cursor_of
from meter.database import connect
from tests.api.site import Site, problem

OWNER = {"user_id": "ada", "email": "ada@example.org"}


async def test_a_team_is_made_with_its_owner(site: Site) -> None:
    """What was given is answered and stored, the owner is a member with that role, defaults are UTC and USD."""
    given = {"name": "Zoë & Co", "timezone": "Asia/Kathmandu", "currency": "NPR", "billing_email": "pay@example.org"}
    made = await site.post("/v1/teams", given | {"owner": OWNER})
    assert made.items() >= given.items()
    assert UUID(made["id"]).version == 7
    assert datetime.fromisoformat(made["created_at"]).tzinfo
    async with site.client() as client:
        assert (await client.get(f"/v1/teams/{made['id']}")).json() == made
    async with await connect(site.database) as conn:
        asked = "select user_id, email, role from member join team on team.id = team_id where team.public_id = %s"
        assert await (await conn.execute(asked, [made["id"]])).fetchall() == [("ada", "ada@example.org", "owner")]
    plain = await site.post("/v1/teams", {"name": "Plain", "owner": OWNER})
    assert (plain["timezone"], plain["currency"], plain["billing_email"]) == ("UTC", "USD", None)


async def test_teams_come_page_by_page(site: Site) -> None:
    """Following `next` shows every team once, oldest first, and ends with null."""
    made = [await site.make_team(f"Page {at}") for at in range(5)]
    seen: list[str] = []
    asked: dict[str, str | int] = {"limit": 2}
    async with site.client() as client:
        while True:
            page = (await client.get("/v1/teams", params=asked)).json()
            assert len(page["items"]) <= 2
            seen += [team["id"] for team in page["items"]]
            if page["next"] is None:
                break
            asked["cursor"] = page["next"]
    assert len(seen) == len(set(seen))
    assert [team for team in seen if team in made] == made


async def test_keys_are_listed_without_secrets(site: Site) -> None:
    """The list has what tells keys apart, revoked ones too; revoking again changes nothing."""
    team = await site.make_team()
    made = await site.post(f"/v1/teams/{team}/keys", {"name": "ci", "scopes": ["read", "ingest", "read"]})
    assert made["scopes"] == ["ingest", "read"]
    assert made["kind"] == "standard"
    async with site.client() as client:
        for _ in range(2):
            assert (await client.delete(f"/v1/teams/{team}/keys/{made['id']}")).status_code == 204
        (listed,) = (await client.get(f"/v1/teams/{team}/keys")).json()["items"]
    assert listed["revoked_at"] is not None
    assert listed == {k: v for k, v in made.items() if k != "key"} | {
        "last_used_at": None,
        "revoked_at": listed["revoked_at"],
        "version": 2,
        "secrets": [],
    }


async def test_an_admin_key_manages_the_keys_of_its_team(site: Site) -> None:
    """It makes, lists and revokes them, itself included, but none whose usage would never be billed."""
    team = await site.make_team()
    async with site.client(await site.make_key(team, "admin")) as admin:
        made = await admin.post(f"/v1/teams/{team}/keys", json={"name": "k", "scopes": ["ingest"]})
        internal = await admin.post(
            f"/v1/teams/{team}/keys", json={"name": "k", "scopes": ["ingest"], "kind": "internal"}
        )
        listed = (await admin.get(f"/v1/teams/{team}/keys")).json()["items"]
        revoked = [(await admin.delete(f"/v1/teams/{team}/keys/{key['id']}")).status_code for key in listed]
    assert (made.status_code, problem(internal)) == (201, "forbidden")
    assert revoked == [204, 401], "its own key was the older one"


async def test_keys_of_another_team_cant_be_revoked(site: Site) -> None:
    """A key id under the wrong team is a 404, for the operator too, and the key lives on."""
    one, other = await site.make_team(), await site.make_team()
    made = await site.post(f"/v1/teams/{one}/keys", {"name": "k", "scopes": ["read"]})
    async with site.client() as client, site.client(made["key"]) as holder:
        assert problem(await client.delete(f"/v1/teams/{other}/keys/{made['id']}")) == "not_found"
        assert (await holder.get(f"/v1/teams/{one}")).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"scopes": ["read"]},
        {"name": "k", "scopes": []},
        {"name": "k", "scopes": ["all"]},
        {"name": "k", "scopes": "read"},
    ],
)
async def test_keys_that_cant_be(site: Site, body: dict[str, object]) -> None:
    """A key has a name and one to three known scopes."""
    async with site.client() as client:
        assert problem(await client.post(f"/v1/teams/{await site.make_team()}/keys", json=body)) == "invalid_body"


async def test_services_appear_with_their_first_event(site: Site) -> None:
    """Services are listed by name, page by page."""
    team = await site.make_team()
    async with site.client(await site.make_key(team, "ingest", "read")) as client:
        for name in ("web", "api", "etl"):
            event = {"meter": "requests", "quantity": 1, "service": name, "id": name, "time": "2026-11-01T00:00:00Z"}
            assert (await client.post("/v1/events", json=event)).json()["accepted"] == 1
        first = (await client.get(f"/v1/teams/{team}/services", params={"limit": 2})).json()
        rest = (await client.get(f"/v1/teams/{team}/services", params={"cursor": first["next"]})).json()
    assert [service["slug"] for service in first["items"] + rest["items"]] == ["api", "etl", "web"]
    assert rest["next"] is None


async def test_the_catalogue_says_what_can_be_measured(site: Site) -> None:
    """Units, aggregation and dimensions of every meter, also for the operator without a team."""
    team = await site.make_team()
    async with site.client() as operator, site.client(await site.make_key(team, "ingest")) as client:
        catalogue = (await operator.get("/v1/meters")).json()
        assert (await client.get("/v1/meters")).json() == catalogue
        assert (await operator.get("/v1/meters", params={"team": team})).json() == catalogue
        page = (await client.get("/v1/meters", params={"limit": 3})).json()
        rest = (await client.get("/v1/meters", params={"cursor": page["next"]})).json()
    meters = {meter["slug"]: meter for meter in catalogue["items"]}
    assert (meters["cpu"]["unit"], meters["cpu"]["aggregation"]) == ("core-hour", "time_weighted")
    assert "model" in meters["tokens.input"]["dimensions"]
    assert page["items"] + rest["items"] == catalogue["items"]


async def test_a_page_position_can_hold_no_trap(site: Site) -> None:
    """A cursor with a NUL, which the database can't compare with, is refused as one that we did not make."""
    team = await site.make_team()
    async with site.client() as client:
        trap = await client.get(f"/v1/teams/{team}/services", params={"cursor": cursor_of("\0")})
        real = await client.get(f"/v1/teams/{team}/services", params={"cursor": cursor_of("\\u0000")})
    assert (problem(trap), real.status_code) == ("invalid_parameter", 200)


async def test_a_nul_anywhere_in_a_query_is_refused(site: Site) -> None:
    """The database knows no NUL in text, so no parameter may bring one."""
    team = await site.make_team()
    async with site.client() as client:
        answer = await client.get(f"/v1/usage?team={team}&meter=cpu&from=2026-01-01&to=2026-02-01&service=a%00b")
    assert problem(answer) == "invalid_parameter"
