"""Members and teams as they are edited: roles, owners, versions, what stays, and the log of it."""

from __future__ import annotations

from typing import Any

from tests.api.site import Site, problem

ASKED = {"meter": "requests", "from": "2026-11-01", "to": "2026-11-02", "group_by": "member"}
OCTOBER = {"from": "2026-10-01", "to": "2026-11-01"}


async def add(site: Site, team: str, user_id: str, role: str = "member", **fields: object) -> Any:
    """Add a member with the operator's key."""
    return await site.post(f"/v1/teams/{team}/members", {"user_id": user_id, "role": role, **fields})


async def user_ids(site: Site, team: str, **asked: str) -> list[str]:
    """List a team's members."""
    async with site.client() as client:
        items = (await client.get(f"/v1/teams/{team}/members", params=asked)).json()["items"]
    return [item["user_id"] for item in items]


async def test_members_are_added_changed_and_removed(site: Site) -> None:
    """Each of it shows; a removed one is refused, comes back under the same id, and usage stays theirs."""
    team = await site.make_team()
    key = await site.make_key(team, "ingest", "read", "admin")
    bob = await add(site, team, "bob", email="bob@example.org")
    path = f"/v1/teams/{team}/members/{bob['id']}"
    async with site.client(key, **{"X-User-ID": "bob"}) as as_bob, site.client(key) as client:
        event = {"meter": "requests", "quantity": 3, "time": "2026-11-01T12:00:00Z", "id": "1"}
        await as_bob.post("/v1/events", json=event)
        assert problem(await as_bob.get(f"/v1/teams/{team}/members")) == "forbidden"
        promoted = await client.patch(path, json={"role": "admin", "email": None})
        assert (promoted.json()["role"], promoted.json()["email"]) == ("admin", None)
        assert (await as_bob.get(f"/v1/teams/{team}/members")).status_code == 200
        twice = await client.post(f"/v1/teams/{team}/members", json={"user_id": "bob"})
        assert (await client.delete(path)).status_code == 204
        assert problem(await as_bob.get("/v1/usage", params=ASKED)) == "unknown_member"
        assert (await as_bob.post("/v1/events", json=event | {"id": "2"})).json()["accepted"] == 1
        assert problem(await client.get(path)) == "not_found"
        (usage,) = (await client.get("/v1/usage", params=ASKED)).json()["items"]
        assert (usage["member"], usage["quantity"]) == ("bob", "6")
        assert await user_ids(site, team) == ["ada"]
        assert await user_ids(site, team, removed="true") == ["bob"]
        back = (await client.post(f"/v1/teams/{team}/members", json={"user_id": "bob"})).json()
    assert problem(twice) == "already_member"
    assert (back["id"], back["role"], back["removed_at"]) == (bob["id"], "member", None)
    assert await user_ids(site, team) == ["ada", "bob"]
    assert await user_ids(site, team, role="owner") == ["ada"]


async def test_the_last_owner_stays(site: Site) -> None:
    """Neither removed nor demoted, by nobody; with a second one the first may go."""
    team = await site.make_team()
    async with site.client() as operator:
        path = f"/v1/teams/{team}/members"
        (ada,) = (await operator.get(path)).json()["items"]
        assert problem(await operator.delete(f"{path}/{ada['id']}")) == "last_owner"
        assert problem(await operator.patch(f"{path}/{ada['id']}", json={"role": "admin"})) == "last_owner"
        await add(site, team, "zoe", "owner")
        assert (await operator.patch(f"{path}/{ada['id']}", json={"role": "admin"})).status_code == 200
        (zoe,) = (await operator.get(path, params={"user_id": "zoe"})).json()["items"]
        assert problem(await operator.delete(f"{path}/{zoe['id']}")) == "last_owner"


async def test_an_admin_leaves_owners_alone(site: Site) -> None:
    """An admin makes, changes and removes admins and members, and no owners."""
    team = await site.make_team()
    await add(site, team, "amy", "admin")
    zoe = await add(site, team, "zoe", "owner")
    bob = await add(site, team, "bob")
    path = f"/v1/teams/{team}/members"
    async with site.client(await site.make_key(team, "admin"), **{"X-User-ID": "amy"}) as amy:
        for refused in (
            await amy.post(path, json={"user_id": "eve", "role": "owner"}),
            await amy.patch(f"{path}/{bob['id']}", json={"role": "owner"}),
            await amy.patch(f"{path}/{zoe['id']}", json={"email": "amy@example.org"}),
            await amy.delete(f"{path}/{zoe['id']}"),
        ):
            assert problem(refused) == "forbidden"
        assert (await amy.patch(f"{path}/{bob['id']}", json={"role": "admin"})).status_code == 200
        assert (await amy.delete(f"{path}/{bob['id']}")).status_code == 204


async def test_edits_of_another_version_are_refused(site: Site) -> None:
    """For members and teams alike: 412 with the version there is; nothing is changed."""
    team = await site.make_team()
    bob = await add(site, team, "bob")
    async with site.client() as client:
        for path, body in (
            (f"/v1/teams/{team}/members/{bob['id']}", {"role": "admin"}),
            (f"/v1/teams/{team}", {"name": "Renamed"}),
        ):
            tag = (await client.get(path)).headers["etag"]
            edited = await client.patch(path, json=body, headers={"If-Match": tag})
            late = await client.patch(path, json=body, headers={"If-Match": tag})
            gone = await client.delete(path, headers={"If-Match": tag})
            assert (edited.status_code, edited.headers["etag"]) == (200, '"2"')
            assert (problem(late), late.json()["version"]) == ("changed_meanwhile", 2)
            assert problem(gone) == "changed_meanwhile"
            assert (await client.get(path)).json() == edited.json()


async def test_a_team_of_one_is_a_team(site: Site) -> None:
    """One person, owner of their own team: uses, looks, renames and is billed."""
    team = await site.make_team("Ada alone", plan="credits/payg")
    key = await site.make_key(team, "ingest", "read", "admin")
    async with site.client(key, **{"X-User-ID": "ada"}) as ada:
        event = {"meter": "requests", "quantity": 3, "time": "2026-10-01T12:00:00Z", "id": "1"}
        assert (await ada.post("/v1/events", json=event)).json()["accepted"] == 1
        renamed = await ada.patch(f"/v1/teams/{team}", json={"name": "Ada", "billing_email": "ada@example.org"})
        invoice = await ada.post(f"/v1/teams/{team}/invoices", json=OCTOBER)
    assert (renamed.json()["name"], renamed.json()["billing_email"]) == ("Ada", "ada@example.org")
    assert invoice.status_code == 201
    assert [row["member"] for row in invoice.json()["members"]] == ["ada"]


async def test_the_zone_stays_once_billed(site: Site) -> None:
    """Before the first invoice it changes; an unknown one never does."""
    team = await site.make_team(plan="credits/payg")
    path = f"/v1/teams/{team}"
    async with site.client() as client:
        assert (await client.patch(path, json={"timezone": "Asia/Kathmandu"})).json()["timezone"] == "Asia/Kathmandu"
        assert problem(await client.patch(path, json={"timezone": "Mars/Olympus"})) == "invalid_body"
        assert (await client.post(f"{path}/invoices", json=OCTOBER)).status_code == 201
        assert problem(await client.patch(path, json={"timezone": "UTC"})) == "team_has_invoices"
        kept = await client.patch(path, json={"timezone": "Asia/Kathmandu", "name": "Same zone"})
    assert (kept.status_code, kept.json()["name"]) == (200, "Same zone")


async def test_a_deleted_team_is_kept_and_closed(site: Site) -> None:
    """Keys and sessions end, nothing of it changes, no plan goes on; the operator sees it and bills what was used."""
    team = await site.make_team("Gone", plan="credits/payg")
    path = f"/v1/teams/{team}"
    key = await site.make_key(team, "ingest", "read", "admin")
    event = {"meter": "requests", "quantity": 3, "time": "2026-10-05T12:00:00Z", "id": "1"}
    await site.post("/v1/events", event, key)
    async with site.client(key, **{"X-User-ID": "ada"}) as ada, site.client() as operator:
        assert (await ada.delete(path)).status_code == 204
        assert problem(await ada.get(path)) == "unauthorized"
        assert (await operator.get(path)).json()["deleted_at"] is not None
        for refused in (
            await operator.patch(path, json={"name": "x"}),
            await operator.delete(path),
            await operator.post(f"{path}/keys", json={"name": "k", "scopes": ["read"]}),
            await operator.post(f"{path}/members", json={"user_id": "eve"}),
            await operator.post(f"{path}/invitations", json={"email": "e@example.org"}),
            await operator.put(f"{path}/subscription", json={"plan": "credits/payg"}),
        ):
            assert problem(refused) == "team_deleted"
        plan = (await operator.get("/v1/billing/subscription", params={"team": team})).json()
        assert (plan["status"], plan["plan"]) == ("cancelled", "credits/payg")
        alive = await operator.get("/v1/teams", params={"limit": 1000})
        deleted = await operator.get("/v1/teams", params={"limit": 1000, "deleted": True})
        invoice = await operator.post(f"{path}/invoices", json=OCTOBER)
    assert team not in {each["id"] for each in alive.json()["items"]}
    assert team in {each["id"] for each in deleted.json()["items"]}
    assert invoice.status_code == 201


async def test_everything_that_happens_to_a_team_is_written_down(site: Site) -> None:
    """From its making to its end, newest first, with what was and what is."""
    team = await site.make_team(plan="credits/payg")
    path = f"/v1/teams/{team}"
    key = await site.make_key(team, "read", "admin")
    async with site.client(key, **{"X-User-ID": "ada"}) as ada, site.client() as operator:
        await ada.patch(path, json={"name": "Renamed"})
        bob = (await ada.post(f"{path}/members", json={"user_id": "bob"})).json()
        await ada.patch(f"{path}/members/{bob['id']}", json={"role": "admin"})
        await ada.delete(f"{path}/members/{bob['id']}")
        sent = (await ada.post(f"{path}/invitations", json={"email": "e@example.org"})).json()
        again = (await ada.post(f"{path}/invitations/{sent['id']}/resend")).json()
        await operator.post("/v1/invitations/accept", json={"token": again["token"], "user_id": "eve"})
        await operator.put(f"{path}/subscription", json={"plan": "credits/trial"})
        await operator.put(f"{path}/subscription", json={"plan": "credits/trial"})
        await ada.post(f"{path}/invoices", json=OCTOBER)
        await ada.post(f"{path}/invoices", json=OCTOBER)
        await ada.post("/signin", data={"key": key, "after": "/dashboard"})
        await ada.delete(path)
        log = (await operator.get(f"{path}/audit")).json()["items"]
    said = {entry["action"]: entry for entry in log}
    assert [entry["action"] for entry in log] == [
        "team.delete",
        "session.begin",
        "invoice.create",
        "subscription.change",
        "invitation.accept",
        "invitation.resend",
        "invitation.create",
        "member.remove",
        "member.edit",
        "member.add",
        "team.edit",
        "key.create",
        "team.create",
    ]
    assert (said["team.edit"]["before"]["name"], said["team.edit"]["after"]["name"]) == ("Acme", "Renamed")
    assert (said["member.edit"]["before"]["role"], said["member.edit"]["after"]["role"]) == ("member", "admin")
    assert (said["member.add"]["before"], said["member.remove"]["after"]) == (None, None)
    assert (said["team.create"]["actor"], said["team.edit"]["actor"], said["team.edit"]["member"]) == (
        "operator",
        "key",
        "ada",
    )
    assert (said["invitation.accept"]["actor"], said["invitation.accept"]["member"]) == ("invitation", "eve")
    decided = said["subscription.change"]["after"]["decided"]
    assert [each["decision"]["plan"] for each in decided] == ["credits/trial", "credits/starter"]  # the trial ends
    assert said["team.create"]["after"]["owner"]["user_id"] == "ada"


async def test_names_and_addresses_are_one_line(site: Site) -> None:
    """A line end as the last character is one too: it would end a header of a mail."""
    team = await site.make_team()
    member: dict[str, object] = {"user_id": "eve", "email": "eve@example.org"}
    wrong: list[tuple[str, dict[str, object]]] = [
        ("/v1/teams", {"name": "Acme\n", "owner": member}),
        (f"/v1/teams/{team}/members", member | {"user_id": "eve\n"}),
        (f"/v1/teams/{team}/members", member | {"email": "eve@example.org\n"}),
        (f"/v1/teams/{team}/invitations", {"email": "eve@example.org\n"}),
        (f"/v1/teams/{team}/keys", {"name": "k\n", "scopes": ["read"]}),
        (f"/v1/teams/{team}/keys", {"name": "k", "scopes": ["read"], "label": "ci\n"}),
        (f"/v1/meters?team={team}", {"slug": "x", "unit": "y\n", "aggregation": "sum"}),
        (f"/v1/meters?team={team}", {"slug": "x", "unit": "y", "title": "X\n", "aggregation": "sum"}),
    ]
    async with site.client() as client:
        for path, body in wrong:
            assert problem(await client.post(path, json=body)) == "invalid_body", body
