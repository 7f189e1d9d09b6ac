"""Who is asking: keys, members, the team a question is about. What each may do is in test_matrix.py."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from api.auth import bearer, member_of
from meter.errors import InvalidParameter, Unauthorized
from tests.api.site import OPERATOR_KEY, Site, problem


async def test_a_teams_own_id_may_be_named(site: Site) -> None:
    """A team key may say whose it is; it changes nothing."""
    team = await site.make_team()
    async with site.client(await site.make_key(team, "read")) as client:
        assert (await client.get("/v1/meters", params={"team": team})).status_code == 200


async def test_the_operator_names_a_team(site: Site) -> None:
    """The operator's key belongs to no team, so a question about one needs `team`."""
    team = await site.make_team()
    asked = {"meter": "cpu", "from": "2026-01-01", "to": "2026-02-01"}
    async with site.client() as client:
        missing = await client.get("/v1/usage", params=asked)
        malformed = await client.get("/v1/usage", params=asked | {"team": "acme"})
        named = await client.get("/v1/usage", params=asked | {"team": team})
    assert (problem(missing), problem(malformed), named.status_code) == ("invalid_parameter", "invalid_parameter", 200)


async def test_a_revoked_key_opens_nothing_at_once(site: Site) -> None:
    """The request after the revocation is refused, and the refusal is the one that unknown keys get."""
    team = await site.make_team()
    made = await site.post(f"/v1/teams/{team}/keys", {"name": "k", "scopes": ["read"]})
    async with site.client(made["key"]) as client, site.client() as operator:
        before = await client.get(f"/v1/teams/{team}")
        revoked = await operator.delete(f"/v1/teams/{team}/keys/{made['id']}")
        after = await client.get(f"/v1/teams/{team}")
        unknown = await client.get(f"/v1/teams/{team}", headers={"Authorization": "Bearer hm_unknown"})
    assert (before.status_code, revoked.status_code, after.status_code) == (200, 204, 401)
    assert after.json()["detail"] == unknown.json()["detail"]


async def test_last_use_is_noted_once_a_minute(site: Site) -> None:
    """The list shows when a key was last used, to the minute."""
    team = await site.make_team()
    key = await site.make_key(team, "read", "admin")

    async def last_used(ahead: timedelta) -> datetime:
        site.clock.ahead = ahead
        async with site.client(key) as client:
            shown = (await client.get(f"/v1/teams/{team}/keys")).json()["items"][0]["last_used_at"]
        return datetime.fromisoformat(shown)

    first = await last_used(timedelta())
    assert datetime.now(UTC) - first < timedelta(seconds=30)
    assert await last_used(timedelta(seconds=20)) == first
    assert await last_used(timedelta(seconds=90)) > first


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic hm_x", "hm_x", "Bearer x", "Bearer hm_" + "a" * 300]
)
def test_what_is_no_bearer_key(header: str) -> None:
    """Whatever is not `Bearer hm_…` is refused without asking the database."""
    with pytest.raises(Unauthorized):
        bearer(header)


def test_the_scheme_may_be_written_as_one_likes() -> None:
    """Schemes are case-insensitive (RFC 9110, 11.1)."""
    assert bearer("bearer hm_x") == bearer("BEARER  hm_x") == "hm_x"


@pytest.mark.parametrize("member", ["", "a" * 201, "a\tb", "a\x00b", "\xff\xfe", "a\x7f"])
def test_what_is_no_member(member: str) -> None:
    """A member has 1 to 200 characters, none of them control characters, in UTF-8."""
    with pytest.raises(InvalidParameter):
        member_of(member)


def test_members_are_utf8() -> None:
    """A header's bytes are read as UTF-8, whatever the server took them for."""
    assert member_of("Zoë 字".encode().decode("latin-1")) == "Zoë 字"
    assert member_of(None) is None


async def test_a_bad_member_is_told(site: Site) -> None:
    """X-User-ID is checked on every route with a key."""
    async with site.client(OPERATOR_KEY, **{"X-User-ID": "a" * 201}) as client:
        assert problem(await client.get("/v1/teams")) == "invalid_parameter"
