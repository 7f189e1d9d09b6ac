"""Keys and sessions of a database from before keys had several secrets: they go on as they were."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import as_file
from pathlib import Path
from shutil import copytree

from meter import keys, sessions
from meter.database import connect
from meter.migrate import Engine, migrate
from sql import ROOT
from tests.test_migrate import numbered, without_replaceables

KEY = "hm_abcdefgh_" + "s" * 43
TOKEN = "a cookie of before"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BEFORE = """
    with made as (
        insert into team (public_id, name, timezone, currency)
        values ('01a1f8f7-f84e-7382-8f6e-a7db294548c7', 'Acme', 'UTC', 'USD') returning id
    ), owner as (
        insert into member (team_id, user_id, role) select id, 'ada', 'owner' from made
    ), key as (
        insert into api_key (public_id, team_id, name, prefix, secret_hash, scopes, kind, last_used_at)
        select gen_random_uuid(), id, 'old', 'hm_abcdefgh', %(key)s, array['read'], 'standard', %(now)s from made
        returning id
    )
    insert into session (token_hash, key_id, expires_at)
    select %(token)s, id, %(now)s::timestamptz + interval '1 hour' from key
"""


async def test_old_keys_and_sessions_still_open(engine: Engine, empty_database: str, tmp_path: Path) -> None:
    """The same secret, prefix, last use, member's role and cookie after the migration."""
    with as_file(ROOT) as source:
        before = Path(copytree(source, tmp_path / "before"))
    without_replaceables(before, engine)
    for file in numbered(before, engine):
        if file.name >= "0007":
            file.unlink()
    async with await connect(empty_database, autocommit=True) as conn:
        await migrate(conn, engine, root=before)
        given = {"key": keys.hash_of(KEY), "token": keys.hash_of(TOKEN), "now": NOW}
        await conn.execute(BEFORE, given)
        await migrate(conn, engine)
        caller = await keys.find_one(conn, KEY, NOW, "ada")
        person = await sessions.find(conn, TOKEN, NOW)
        assert caller is not None
        assert person is not None
        assert caller.team is not None
        (listed,) = await keys.list_keys(conn, caller.team.id, None, 10, NOW)
    assert (caller.role, caller.key_prefix, caller.scopes) == ("owner", "hm_abcdefgh", frozenset({"read"}))
    assert person.key_id == caller.key_id
    assert (listed.prefix, listed.last_used_at, len(listed.secrets)) == ("hm_abcdefgh", NOW, 1)
