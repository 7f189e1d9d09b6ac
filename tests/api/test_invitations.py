"""Invitations: the token joins one person once, until it expires, is revoked or is sent anew."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from dashboards.csp import CSP
from meter.database import connect
from tests.api.site import Site, problem
from tests.api.test_limits import until_waiting

EVENT = {"meter": "requests", "quantity": 1, "time": "2026-11-01T12:00:00Z", "id": "1"}


async def invite(site: Site, team: str, role: str = "member", **fields: object) -> Any:
    """Invite eve."""
    return await site.post(f"/v1/teams/{team}/invitations", {"email": "eve@example.org", "role": role, **fields})


async def accept(site: Site, token: str, user_id: str = "eve") -> httpx.Response:
    """Accept an invitation, without any key."""
    async with site.client(None) as client:
        return await client.post("/v1/invitations/accept", json={"token": token, "user_id": user_id})


async def member(site: Site, team: str, user_id: str) -> Any:
    """Answer a member as the API does, None for none."""
    async with site.client() as client:
        listed = (await client.get(f"/v1/teams/{team}/members", params={"user_id": user_id})).json()["items"]
    return listed[0] if listed else None


async def test_an_invitation_makes_a_member(site: Site) -> None:
    """With the role and the address it was sent to; the list says who accepted, and shows no token."""
    team = await site.make_team("Zoë & Co")
    sent = await invite(site, team, "admin")
    joined = await accept(site, sent["token"])
    assert joined.status_code == 200
    assert (joined.json()["team"], joined.json()["team_name"]) == (team, "Zoë & Co")
    eve = await member(site, team, "eve")
    assert joined.json()["member"] == eve
    assert (eve["role"], eve["email"]) == ("admin", "eve@example.org")
    async with site.client() as client:
        listing = await client.get(f"/v1/teams/{team}/invitations")
    (listed,) = listing.json()["items"]
    assert (listed["status"], listed["accepted_by"]) == ("accepted", "eve")
    assert sent["token"] not in listing.text
    async with await connect(site.database) as conn:
        stored = await (await conn.execute("select i::text from invitation i")).fetchall()
        logged = await (await conn.execute("select a::text from audit_entry a")).fetchall()
    assert sent["token"] not in str(stored + logged)


async def test_every_dead_token_gets_the_same_answer(site: Site) -> None:
    """Unknown, expired, revoked, accepted, replaced, or of a deleted team: nobody learns which."""
    team, gone = await site.make_team(), await site.make_team()
    sent = {name: await invite(site, team, expires_in_days=1) for name in ("revoked", "used", "replaced", "expired")}
    of_gone = await invite(site, gone)
    async with site.client() as client:
        path = f"/v1/teams/{team}/invitations"
        for _ in range(2):
            assert (await client.delete(f"{path}/{sent['revoked']['id']}")).status_code == 204
        again = (await client.post(f"{path}/{sent['replaced']['id']}/resend", json={"expires_in_days": 3})).json()
        assert (await client.delete(f"/v1/teams/{gone}")).status_code == 204
    assert (await accept(site, sent["used"]["token"])).status_code == 200
    site.clock.ahead = timedelta(days=1, seconds=60)
    answers = [await accept(site, each["token"]) for each in (*sent.values(), of_gone, {"token": "x" * 43})]
    said = []
    for answer in answers:
        assert problem(answer) == "invalid_invitation"
        said.append({name: value for name, value in answer.json().items() if name != "request_id"})
    assert all(each == said[0] for each in said)
    assert (await accept(site, again["token"], "max")).status_code == 200, "the new token is good for three days"


async def test_one_token_joins_one_person_however_many_try(site: Site) -> None:
    """Ten at once: one is in."""
    team = await site.make_team()
    token = (await invite(site, team))["token"]
    answers = await asyncio.gather(*(accept(site, token, f"user-{number}") for number in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] + [404] * 9
    async with site.client() as client:
        assert len((await client.get(f"/v1/teams/{team}/members")).json()["items"]) == 2


async def test_whom_usage_made_known_is_promoted_and_nobody_is_demoted(site: Site) -> None:
    """A member by ingest becomes what the invitation says; an owner who accepts stays an owner."""
    team = await site.make_team()
    async with site.client(await site.make_key(team, "ingest"), **{"X-User-ID": "eve"}) as client:
        await client.post("/v1/events", json=EVENT)
    known = await member(site, team, "eve")
    assert (known["role"], known["email"]) == ("member", None)
    assert (await accept(site, (await invite(site, team, "admin"))["token"])).status_code == 200
    promoted = await member(site, team, "eve")
    assert (promoted["id"], promoted["role"], promoted["email"]) == (known["id"], "admin", "eve@example.org")
    kept = await accept(site, (await invite(site, team))["token"], "ada")
    assert (kept.json()["member"]["role"], kept.json()["member"]["email"]) == ("owner", "ada@example.org")


async def test_an_ended_invitation_is_not_sent_again(site: Site) -> None:
    """Accepted or revoked it is told; one that expired begins anew."""
    team = await site.make_team()
    path = f"/v1/teams/{team}/invitations"
    used, revoked, expired = [await invite(site, team, expires_in_days=1) for _ in range(3)]
    await accept(site, used["token"])
    async with site.client() as client:
        await client.delete(f"{path}/{revoked['id']}")
        assert problem(await client.delete(f"{path}/{used['id']}")) == "invitation_ended"
        for each in (used, revoked):
            assert problem(await client.post(f"{path}/{each['id']}/resend")) == "invitation_ended"
        assert problem(await client.post(f"{path}/{uuid4()}/resend")) == "not_found"
        site.clock.ahead = timedelta(days=2)
        listed = {each["id"]: each["status"] for each in (await client.get(path)).json()["items"]}
        again = await client.post(f"{path}/{expired['id']}/resend")
    assert listed == {used["id"]: "accepted", revoked["id"]: "revoked", expired["id"]: "expired"}
    assert again.json()["status"] == "open"
    assert (await accept(site, again.json()["token"], "max")).status_code == 200


async def test_a_retried_invitation_keeps_no_token(site: Site) -> None:
    """It is one invitation; the retry gets everything but token and link, and no table holds the token."""
    team = await site.make_team()
    body = {"email": "eve@example.org"}
    async with site.client(**{"Idempotency-Key": team}) as client:
        first = (await client.post(f"/v1/teams/{team}/invitations", json=body)).json()
        retry = (await client.post(f"/v1/teams/{team}/invitations", json=body)).json()
    assert retry == first | {"token": None, "link": None}
    async with await connect(site.database) as conn:
        kept = await (await conn.execute("select convert_from(body, 'utf8') from idempotent_answer")).fetchall()
    assert first["token"] not in str(kept)


@pytest.mark.parametrize(
    ("user", "role", "status"), [("amy", "owner", 403), ("amy", "admin", 201), ("ada", "owner", 201)]
)
async def test_only_owners_invite_owners(site: Site, user: str, role: str, status: int) -> None:
    """An admin invites admins and members."""
    team = await site.make_team()
    await site.post(f"/v1/teams/{team}/members", {"user_id": "amy", "role": "admin"})
    async with site.client(await site.make_key(team, "admin"), **{"X-User-ID": user}) as client:
        answer = await client.post(f"/v1/teams/{team}/invitations", json={"email": "e@example.org", "role": role})
    assert answer.status_code == status


async def test_the_link_opens_a_page_where_one_joins(site: Site) -> None:
    """Which team is shown, the user id asked for, and joining works once; under the policy of all pages."""
    team = await site.make_team("Zoë <b>& Co</b>")
    sent = await invite(site, team, "admin")
    async with site.client(None) as browser:
        page = await browser.get(sent["link"])
        foreign = await browser.post(
            "/join", data={"token": sent["token"], "user_id": "eve"}, headers={"Origin": "https://evil.example"}
        )
        empty = await browser.post("/join", data={"token": sent["token"], "user_id": "  "})
        joined = await browser.post("/join", data={"token": sent["token"], "user_id": "eve"})
        again = await browser.post("/join", data={"token": sent["token"], "user_id": "max"})
        dead = await browser.get(sent["link"])
    assert sent["link"].startswith(f"{site.url}/join?token=")
    assert page.status_code == 200
    assert page.headers["content-security-policy"] == CSP
    assert "Join Zoë &lt;b&gt;&amp; Co&lt;/b&gt;" in page.text
    assert f'value="{sent["token"]}"' in page.text
    assert problem(foreign) == "forbidden"
    assert (empty.status_code, "1 to 200 characters" in empty.text) == (400, True)
    assert (joined.status_code, 'id="joined"' in joined.text) == (200, True)
    assert [each.status_code for each in (again, dead)] == [404, 404]
    assert again.text == dead.text
    assert (await member(site, team, "eve"))["role"] == "admin"
    assert await member(site, team, "max") is None


async def test_who_joins_while_usage_makes_them_known_joins(site: Site) -> None:
    """The event's commit comes between looking and writing: the invitation's role counts all the same."""
    team = await site.make_team()
    sent = await invite(site, team, "admin")
    made = "insert into member (team_id, user_id, role) select id, 'eve', 'member' from team where public_id = %s"
    async with await connect(site.database) as conn:
        await conn.execute(made, [team])
        joining = asyncio.create_task(accept(site, sent["token"]))
        await until_waiting(site.database, 1)
        await conn.commit()
        joined = await joining
    assert joined.status_code == 200, joined.text
    assert joined.json()["member"]["role"] == "admin"
    assert (await member(site, team, "eve"))["email"] == "eve@example.org"
