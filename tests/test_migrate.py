"""Migrating: fresh equals step by step, nothing half done, nothing unknown accepted."""

from __future__ import annotations

import asyncio
import os
from importlib.resources import as_file
from pathlib import Path
from shutil import copytree

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from meter import migrate as migrations
from meter.database import Connection, connect
from meter.migrate import Engine, MigrationError, check_current, migrate, split
from sql import ROOT

STRUCTURE = (Path(__file__).parent / "structure.sql").read_text("utf-8")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Answer a copy of the sql folder that a test may change."""
    with as_file(ROOT) as source:
        return Path(copytree(source, tmp_path / "sql"))


async def structure(conn: Connection) -> list[tuple[str, str]]:
    """Answer everything the catalogue knows about our two schemas, as (kind and name, definition)."""
    rows = await (await conn.execute(STRUCTURE.encode())).fetchall()
    return [(str(name), str(definition)) for name, definition in rows]


def numbered(tree: Path, engine: Engine) -> list[Path]:
    """List the numbered files of one engine in the order they are applied."""
    found = [path for folder in ("schema", engine) for path in (tree / folder).glob("[0-9]*.sql")]
    return sorted(found, key=lambda path: path.name)


def replaceables(tree: Path, engine: Engine) -> list[Path]:
    """List the views and procedures of an engine."""
    found = [path for folder in ("schema", engine) for path in (tree / folder).glob("procedure_*.sql")]
    return [*(tree / "read").glob("*.sql"), *found]


def without_replaceables(tree: Path, engine: Engine) -> None:
    """Take views and procedures out of a tree: they need the newest tables."""
    for path in replaceables(tree, engine):
        path.unlink()


async def test_fresh_equals_step_by_step(
    engine: Engine, empty_database: str, any_conn: Connection, tree: Path, tmp_path: Path
) -> None:
    """A database that saw every version one after the other has the structure of one made today."""
    async with await connect(empty_database, autocommit=True) as conn:
        files = numbered(tree, engine)
        for step in range(1, len(files) + 1):
            partial = Path(copytree(tree, tmp_path / f"step{step}"))
            without_replaceables(partial, engine)
            for late in numbered(partial, engine)[step:]:
                late.unlink()
            assert len(await migrate(conn, engine, root=partial)) == 1
        assert await migrate(conn, root=tree) == []
        assert await structure(conn) == await structure(any_conn)


async def test_second_migrate_changes_nothing(any_conn: Connection) -> None:
    """Everything is applied once; views and procedures made anew are the same."""
    before = await structure(any_conn)
    assert await migrate(any_conn) == []
    assert await structure(any_conn) == before


async def test_two_at_once(engine: Engine, empty_database: str) -> None:
    """One does the work, the other waits and finds it done."""

    async def one() -> list[str]:
        async with await connect(empty_database) as conn:
            return await migrate(conn, engine)

    first, second = await asyncio.gather(one(), one())
    assert min(len(first), len(second)) == 0
    assert first or second


async def test_engine_is_chosen_by_the_server(engine: Engine, empty_database: str) -> None:
    """Asked for nothing, TimescaleDB is taken where it may be used, and remembered."""
    async with await connect(empty_database) as conn:
        await migrate(conn)
        assert await check_current(conn) == engine


async def test_engine_never_changes(engine: Engine, any_conn: Connection) -> None:
    """A database of one engine is refused as another."""
    other: Engine = "postgres" if engine == "timescale" else "timescale"
    with pytest.raises(MigrationError, match=f"made for the engine {engine}; it can't become {other}"):
        await migrate(any_conn, other)


async def test_timescale_on_demand_says_why_not(conn: Connection, tree: Path) -> None:
    """Asking for TimescaleDB where there is none is an error, not another engine."""
    await conn.execute("drop schema meter cascade; drop schema meter_read cascade")
    with pytest.raises(MigrationError, match=r"TimescaleDB can't be used on this server: .*timescaledb"):
        await migrate(conn, "timescale", root=tree)


async def test_newer_database_is_refused(any_conn: Connection, engine: Engine) -> None:
    """A number we do not know stops migrate and the services."""
    await any_conn.execute(
        "insert into migration (number, name, engine, sha256) values (9000, 'schema/9000_future.sql', %s, '')",
        (engine,),
    )
    for ask in (migrate, check_current):
        with pytest.raises(MigrationError, match=r"made by a newer Hourmeter: it has schema/9000_future\.sql"):
            await ask(any_conn)


async def test_changed_file_is_refused(conn: Connection, tree: Path) -> None:
    """A file that was applied and then edited stops migrate and the services."""
    first = numbered(tree, "postgres")[0]
    first.write_text(first.read_text() + "\n-- an afterthought\n")
    with pytest.raises(MigrationError, match=f"{first.name} was applied to this database in another form"):
        await migrate(conn, root=tree)
    with pytest.raises(MigrationError, match="never changes"):
        await check_current(conn, root=tree)


async def test_file_below_the_newest_is_refused(conn: Connection, tree: Path) -> None:
    """A number that was skipped stays skipped."""
    await conn.execute("update migration set number = 9999, name = 'schema/9999_late.sql' where number = 1")
    (tree / "schema" / "9999_late.sql").write_text((tree / "schema" / "0001_teams.sql").read_text())
    with pytest.raises(MigrationError, match=r"comes before schema/9999_late\.sql, which is applied already"):
        await migrate(conn, root=tree)


async def test_two_files_of_one_number_are_refused(conn: Connection, tree: Path) -> None:
    """Two branches that took the same number have to be sorted out first."""
    (tree / "schema" / "0001_other.sql").write_text("select 1;")
    with pytest.raises(MigrationError, match="the same number"):
        await migrate(conn, root=tree)


FAILING = """-- Ends badly.

create table left_behind (id integer);

create table more (
    id integer,
    name text nonsense
);
"""


async def test_failure_names_file_line_and_statement(any_conn: Connection, tree: Path) -> None:
    """The message is enough to find the place, and the file left nothing."""
    (tree / "schema" / "9000_failing.sql").write_text(FAILING)
    before = await structure(any_conn)
    with pytest.raises(MigrationError) as caught:
        await migrate(any_conn, root=tree)
    said = str(caught.value)
    assert said.startswith("sql/schema/9000_failing.sql, line 7: syntax error")
    assert said.endswith("create table more (\n    id integer,\n    name text nonsense\n);")
    assert await structure(any_conn) == before
    assert await migrate(any_conn) == []


async def test_failure_without_a_position(conn: Connection, tree: Path) -> None:
    """The server points at no character for some errors: then the statement's first line is named."""
    (tree / "schema" / "9000_failing.sql").write_text("select 1;\n\n-- again\ncreate table team (id integer);\n")
    with pytest.raises(MigrationError, match=r"9000_failing\.sql, line 4: relation \"team\" already exists"):
        await migrate(conn, root=tree)


async def test_failing_view_keeps_the_old_ones(any_conn: Connection, tree: Path) -> None:
    """Views are replaced together or not at all."""
    (tree / "read" / "99_failing.sql").write_text("create view broken as select missing from team;")
    before = await structure(any_conn)
    with pytest.raises(MigrationError, match=r"read/99_failing\.sql, line 1: column \"missing\" does not exist"):
        await migrate(any_conn, root=tree)
    assert await structure(any_conn) == before


async def test_old_procedures_go(conn: Connection, tree: Path) -> None:
    """A procedure that is no longer in the tree is no longer in the database."""
    extra = tree / "postgres" / "procedure_extra.sql"
    extra.write_text("create or replace procedure extra() language sql as 'select 1';")
    before = await structure(conn)
    await migrate(conn, root=tree)
    assert await structure(conn) != before
    extra.unlink()
    await migrate(conn, root=tree)
    assert await structure(conn) == before


async def test_owner_of_the_database_is_enough(engine: Engine, empty_database: str) -> None:
    """No superuser is needed: the role that owns the database migrates it, takes usage and rolls it up."""
    role = f"hourmeter_test_owner_{os.getpid()}_{engine}"
    name = conninfo_to_dict(empty_database)["dbname"]
    async with await connect(empty_database, autocommit=True) as admin:
        await admin.execute(SQL("create role {} login password 'test'").format(Identifier(role)))
        try:
            await admin.execute(SQL("alter database {} owner to {}").format(Identifier(str(name)), Identifier(role)))
            async with await connect(make_conninfo(empty_database, user=role, password="test")) as conn:
                await migrate(conn)
                assert await check_current(conn) == engine
                await conn.commit()
                await conn.set_autocommit(True)
                await conn.execute("call prepare_until(now(), now())")
                await conn.execute("insert into touched (team_id, bucket) values (1, date_bin('15m', now(), 'epoch'))")
                await conn.execute("call refresh(10)")
        finally:
            await admin.execute(SQL("reassign owned by {} to current_user").format(Identifier(role)))
            await admin.execute(SQL("drop owned by {}").format(Identifier(role)))
            await admin.execute(SQL("alter database {} owner to current_user").format(Identifier(str(name))))
            await admin.execute(SQL("drop role {}").format(Identifier(role)))


async def test_services_need_a_current_database(conn: Connection, tree: Path) -> None:
    """check_current answers the engine, and says what to run when a file or a view is behind."""
    assert await check_current(conn) == "postgres"
    (tree / "read" / "99_more.sql").write_text("create view more as select 1 as one;")
    with pytest.raises(MigrationError, match=r"not up to date \(views and procedures\). Run `meter migrate`"):
        await check_current(conn, root=tree)
    (tree / "schema" / "9000_more.sql").write_text("create table more (id integer);")
    with pytest.raises(MigrationError, match=r"not up to date \(schema/9000_more.sql\)"):
        await check_current(conn, root=tree)


async def test_empty_database_is_not_current(empty_database: str) -> None:
    """A database nobody migrated names the command."""
    async with await connect(empty_database) as conn:
        with pytest.raises(MigrationError, match=r"empty\. Run `meter migrate`"):
            await check_current(conn)


async def test_nothing_of_ours_is_outside_our_schemas(any_conn: Connection) -> None:
    """The schema `public` stays as it was, the extension apart."""
    rows = await any_conn.execute(
        "select c.relname from pg_class c where c.relnamespace = 'public'::regnamespace and not exists"
        " (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')"
    )
    assert await rows.fetchall() == []


async def test_server_is_what_was_promised(any_conn: Connection, engine: Engine) -> None:
    """Each CI job says in METER_TEST_EXPECT which servers it tests; this fails when it tests others."""
    found = f"{engine}:{any_conn.info.server_version // 10000}"
    assert found in os.environ.get("METER_TEST_EXPECT", found).split(",")
    assert any_conn.info.server_version >= migrations._OLDEST_POSTGRES


def test_old_servers_are_refused(monkeypatch: pytest.MonkeyPatch, database: str) -> None:
    """Below PostgreSQL 15 the message says so before anything is made."""
    monkeypatch.setattr(migrations, "_OLDEST_POSTGRES", 990000)

    async def attempt() -> None:
        async with await connect(database, autocommit=True) as conn:
            await conn.execute("drop schema meter cascade")
            await migrate(conn)

    with pytest.raises(MigrationError, match="is needed; this server is"):
        asyncio.run(attempt())


def test_split_sees_through_quotes() -> None:
    """Semicolons in comments, strings, names and bodies end nothing; a statement's line is its first word's."""
    text = (
        "-- one; two\nselect ';', \"a;b\" from t; /* ; */\n\n-- next\n"
        "do $$ begin perform 1; end $$;\ndo $x$ select '$$;' $x$;\nselect 1\n"
    )
    assert [(part.line, part.text) for part in split(text)] == [
        (2, "select ';', \"a;b\" from t;"),
        (5, "do $$ begin perform 1; end $$;"),
        (6, "do $x$ select '$$;' $x$;"),
        (7, "select 1"),
    ]
    assert list(split("-- nothing;\n")) == []


async def test_every_file_splits_as_the_server_reads_it(engine: Engine, any_conn: Connection, tree: Path) -> None:
    """Each part of each file is exactly one statement to the server as well."""
    for path in [*numbered(tree, engine), *replaceables(tree, engine)]:
        parts = list(split(path.read_text("utf-8")))
        assert parts, path
        for part in parts:
            said = any_conn.pgconn.prepare(b"", part.text.encode()).error_message
            assert b"multiple commands" not in said, path
            assert b"syntax error" not in said, path
