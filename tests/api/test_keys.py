"""Keys that live: rotated with an overlap, ended on a day, renamed, and never the operator's last one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meter.database import connect
from meter.keys import kept_key, make, prefix_of
from tests.api.site import OPERATOR_KEY, Site, problem, served, settings_for

EVENT = {"meter": "requests", "quantity": 1, "time": "2026-11-01T12:00:00Z"}


async def make_key(site: Site, team: str, **fields: object) -> Any:
    """Make a key of all scopes and answer it as the API does."""
    return await site.post(
        f"/v1/teams/{team}/keys", {"name": "k", "scopes": ["ingest", "read", "admin"], **fields}, OPERATOR_KEY
    )


async def works(site: Site, key: str, team: str) -> bool:
    """Tell whether a key opens its team now."""
    async with site.client(key) as client:
        answer = await client.get(f"/v1/teams/{team}")
    assert answer.status_code in {200, 401}
    return answer.is_success


async def test_both_secrets_open_a_rotated_key_until_the_overlap_ends(site: Site) -> None:
    """Then the new one alone, under the same id: usage by key goes on."""
    team = await site.make_team()
    old = await make_key(site, team, label="ci")
    path = f"/v1/teams/{team}/keys/{old['id']}"
    new = await site.post(f"{path}/rotate", {"overlap_seconds": 3600}, old["key"])
    assert new["id"] == old["id"]
    assert new["key"].startswith("hm_ci_")
    assert new["key"] != old["key"]
    assert [secret["prefix"] for secret in new["secrets"]] == [old["prefix"], new["prefix"]]
    for number, key in enumerate((old["key"], new["key"])):
        assert (await site.post("/v1/events", EVENT | {"id": str(number)}, key))["accepted"] == 1
    async with site.client(new["key"]) as client:
        asked = {"meter": "requests", "from": "2026-11-01", "to": "2026-11-02", "group_by": "key"}
        (usage,) = (await client.get("/v1/usage", params=asked)).json()["items"]
    assert (usage["key"], usage["quantity"]) == (old["id"], "2")
    site.clock.ahead = timedelta(seconds=3590)
    assert await works(site, old["key"], team)
    site.clock.ahead = timedelta(seconds=3605)
    assert not await works(site, old["key"], team)
    assert await works(site, new["key"], team)


async def test_a_rotation_without_overlap_ends_the_old_secret_and_its_sessions(site: Site) -> None:
    """What leaked opens nothing from then on; rotating a revoked key is refused."""
    team = await site.make_team()
    old = await make_key(site, team)
    path = f"/v1/teams/{team}/keys/{old['id']}"
    async with site.client(None) as browser:
        await browser.post("/signin", data={"key": old["key"], "after": "/dashboard"})
        assert (await browser.get("/dashboard")).status_code == 200
        new = await site.post(f"{path}/rotate", {"overlap_seconds": 0})
        assert (await browser.get("/dashboard")).status_code == 303
    assert not await works(site, old["key"], team)
    async with site.client(new["key"]) as client:
        assert (await client.delete(path)).status_code == 204
    assert not await works(site, new["key"], team)
    async with site.client() as operator:
        assert problem(await operator.post(f"{path}/rotate")) == "key_ended"


async def test_a_retried_rotation_makes_no_third_secret(site: Site) -> None:
    """It answers the same prefix, and the secret never again."""
    team = await site.make_team()
    made = await make_key(site, team)
    async with site.client(**{"Idempotency-Key": made["id"]}) as client:
        first = (await client.post(f"/v1/teams/{team}/keys/{made['id']}/rotate")).json()
        retry = (await client.post(f"/v1/teams/{team}/keys/{made['id']}/rotate")).json()
    assert retry == first | {"key": None}
    async with site.client() as client:
        listed = (await client.get(f"/v1/teams/{team}/keys/{made['id']}")).json()
    assert len(listed["secrets"]) == 2


async def test_a_key_ends_on_its_day(site: Site) -> None:
    """Given as a time or in days; not both, not in the past, not without a zone."""
    team = await site.make_team()
    until = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    made = [await make_key(site, team, expires_at=until), await make_key(site, team, expires_in_days=2)]
    site.clock.ahead = timedelta(days=2, seconds=-60)
    assert [await works(site, key["key"], team) for key in made] == [True, True]
    site.clock.ahead = timedelta(days=2, seconds=60)
    assert [await works(site, key["key"], team) for key in made] == [False, False]
    async with site.client() as client:
        for wrong in ({"expires_at": until, "expires_in_days": 2}, {"expires_at": "2020-01-01T00:00:00Z"}):
            body = {"name": "k", "scopes": ["read"], **wrong}
            assert problem(await client.post(f"/v1/teams/{team}/keys", json=body)) == "invalid_body"
        for when in ("2099-01-01T00:00:00", "9999-12-31T23:59:59-01:00"):  # the other is of the year 10000 in UTC
            body = {"name": "k", "scopes": ["read"], "expires_at": when}
            assert problem(await client.post(f"/v1/teams/{team}/keys", json=body)) == "invalid_body"
        assert (await client.get(f"/v1/teams/{team}/keys")).status_code == 200


@pytest.mark.parametrize("label", [None, "a", "prod", "hourmete", "x" * 16])
def test_what_is_shown_of_a_key_tells_it_from_others(label: str | None) -> None:
    """With a label too; an import is not gone on with under another key. Of anything else nothing is shown."""
    (prefix, key), (_, other) = make(label), make(label)
    assert prefix_of(key) == prefix
    assert prefix_of(key) != prefix_of(other)
    assert prefix_of("hm_made_by_hand") == prefix_of(f"{key} ") == "hm_"


def test_a_key_file_may_hold_a_key_with_a_label(tmp_path: Path) -> None:
    """The operator may rotate the first key to one that says where it is used."""
    _, key = make("prod")
    (tmp_path / "operator.key").write_text(key)
    assert kept_key(tmp_path / "operator.key") == key


async def test_last_use_is_told_by_secret(site: Site) -> None:
    """So one sees who still comes with the old one."""
    team = await site.make_team()
    made = await make_key(site, team)
    path = f"/v1/teams/{team}/keys/{made['id']}"
    await site.post(f"{path}/rotate", {})
    assert await works(site, made["key"], team)
    async with site.client() as client:
        old, new = (await client.get(path)).json()["secrets"]
    assert old["last_used_at"] is not None
    assert new["last_used_at"] is None
    assert old["expires_at"] is not None


async def test_an_edit_of_another_version_is_refused(site: Site) -> None:
    """If-Match says which version is meant; without it the edit is made."""
    team = await site.make_team()
    made = await make_key(site, team)
    path = f"/v1/teams/{team}/keys/{made['id']}"
    async with site.client() as client:
        tag = (await client.get(path)).headers["etag"]
        first = await client.patch(path, json={"name": "first"}, headers={"If-Match": tag})
        second = await client.patch(path, json={"name": "second"}, headers={"If-Match": tag})
        gone = await client.delete(path, headers={"If-Match": tag})
        wrong = await client.patch(path, json={"name": "wrong"}, headers={"If-Match": "3"})
        third = await client.patch(path, json={"name": "third"})
    assert (first.status_code, first.json()["name"], first.headers["etag"]) == (200, "first", '"2"')
    assert (second.status_code, problem(second), second.json()["version"]) == (412, "changed_meanwhile", 2)
    assert (problem(gone), problem(wrong)) == ("changed_meanwhile", "invalid_parameter")
    assert (third.json()["name"], third.headers["etag"]) == ("third", '"3"')


@pytest.mark.parametrize("member", ["ada", "amy", None])
async def test_an_admin_gets_no_secret_that_acts_as_an_owner(site: Site, member: str | None) -> None:
    """An owner, and a key alone, make and rotate keys with the scope admin; an admin makes all others."""
    team = await site.make_team()
    made = await make_key(site, team)
    async with await connect(site.database, autocommit=True) as conn:
        await conn.execute(
            "insert into member (team_id, user_id, role) select id, 'amy', 'admin' from team where public_id = %s",
            [team],
        )
    async with site.client(made["key"], **({"X-User-ID": member} if member else {})) as client:
        path = f"/v1/teams/{team}/keys"
        plain = await client.post(path, json={"name": "k", "scopes": ["ingest", "read"]})
        power = await client.post(path, json={"name": "k", "scopes": ["admin"]})
        turned = await client.post(f"{path}/{made['id']}/rotate")
    assert plain.status_code == 201
    assert {power.status_code, turned.status_code} == ({403} if member == "amy" else {201})


async def test_only_the_operator_rotates_an_internal_key(site: Site) -> None:
    """Its usage is never billed, so its secret is not the team's to make."""
    team = await site.make_team()
    admin = await make_key(site, team)
    internal = await make_key(site, team, kind="internal")
    async with site.client(admin["key"]) as client:
        path = f"/v1/teams/{team}/keys/{internal['id']}/rotate"
        assert problem(await client.post(path)) == "forbidden"
    assert (await site.post(path, {}))["kind"] == "internal"


async def test_the_operators_last_key_stays(database: str, tmp_path: Path) -> None:
    """Another one can be made, used, rotated; the first may go then, and a key that will expire does not count."""
    async with served(settings_for(database, tmp_path)) as site, site.client() as operator:
        (first,) = (await operator.get("/v1/operator/keys")).json()["items"]
        path = "/v1/operator/keys"
        assert problem(await operator.delete(f"{path}/{first['id']}")) == "last_operator_key"
        await site.post(path, {"name": "for a week", "expires_in_days": 7})
        assert problem(await operator.delete(f"{path}/{first['id']}")) == "last_operator_key"
        second = await site.post(path, {"name": "second", "label": "ops"})
        turned = await site.post(f"{path}/{second['id']}/rotate", {"overlap_seconds": 0}, second["key"])
        assert (await operator.delete(f"{path}/{first['id']}")).status_code == 204
        assert (await operator.get("/v1/teams")).status_code == 401
        async with site.client(turned["key"]) as another:
            listed = (await another.get(path)).json()["items"]
            log = (await another.get("/v1/audit", params={"action": "key.create"})).json()["items"]
            assert problem(await another.delete(f"{path}/{second['id']}")) == "last_operator_key"
    assert [key["name"] for key in listed if key["revoked_at"]] == ["operator"]
    assert [(entry["actor"], entry["after"]["name"]) for entry in log] == [
        ("operator", "second"),
        ("operator", "for a week"),
        ("system", "operator"),
    ]


async def test_what_happens_to_keys_is_written_down(site: Site) -> None:
    """Who, what, before and after, and never a secret; the team's log holds nothing of others."""
    team = await site.make_team()
    made = await make_key(site, team)
    path = f"/v1/teams/{team}/keys"
    async with site.client(made["key"], **{"X-User-ID": "ada", "X-Request-Id": "look-me-up"}) as client:
        await client.patch(f"{path}/{made['id']}", json={"name": "renamed"})
        turned = (await client.post(f"{path}/{made['id']}/rotate", json={"overlap_seconds": 60})).json()
        other = (await client.post(path, json={"name": "other", "scopes": ["read"]})).json()
        await client.delete(f"{path}/{other['id']}")
        await client.delete(f"{path}/{other['id']}")
        log = await client.get(f"/v1/teams/{team}/audit")
        renamed = (await client.get(f"/v1/teams/{team}/audit", params={"action": "key.edit"})).json()["items"]
    async with site.client() as operator:
        everything = await operator.get("/v1/audit", params={"limit": 1000})
    actions = [entry["action"] for entry in log.json()["items"] if entry["action"].startswith("key.")]
    assert actions == ["key.revoke", "key.create", "key.rotate", "key.edit", "key.create"]
    (entry,) = renamed
    assert (entry["actor"], entry["key"], entry["member"], entry["request_id"]) == (
        "key",
        made["id"],
        "ada",
        "look-me-up",
    )
    assert (entry["before"]["name"], entry["after"]["name"]) == ("k", "renamed")
    assert (entry["before"]["version"], entry["after"]["version"]) == (1, 2)
    assert entry["subject"] == f"key:{made['id']}"
    for secret in (made["key"], turned["key"], other["key"]):
        assert secret.split("_")[-1] not in log.text + everything.text
    assert {entry["team"] for entry in log.json()["items"]} == {team}


async def test_the_audit_log_comes_page_by_page_and_never_changes(site: Site) -> None:
    """Following `next` shows each entry once; the database refuses to alter one."""
    team = await site.make_team()
    for _ in range(5):
        await make_key(site, team)
    seen, asked = [], {"limit": "2"}
    async with site.client() as client:
        while True:
            page = (await client.get(f"/v1/teams/{team}/audit", params=asked)).json()
            seen += [entry["id"] for entry in page["items"]]
            if page["next"] is None:
                break
            asked["cursor"] = page["next"]
        everything = (await client.get(f"/v1/teams/{team}/audit")).json()["items"]
    assert seen == [entry["id"] for entry in everything]
    assert len(set(seen)) == len(seen) >= 5
    async with await connect(site.database, autocommit=True) as conn:
        for change in ("update audit_entry set member = 'me'", "delete from audit_entry", "truncate audit_entry"):
            with pytest.raises(Exception, match="written once"):
                await conn.execute(change)
