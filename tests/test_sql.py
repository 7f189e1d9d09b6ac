"""The sql folder: every file says what it answers, the server can read it, and readers see the same on every engine."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from psycopg import pq

import sql
from meter.database import Connection
from meter.migrate import ENGINES, split

ROOT = Path(sql.__file__).resolve().parents[1]
GOLDEN = Path(__file__).parent / "golden" / "read_contract.txt"
STATEMENTS = sorted((ROOT / "sql" / "statement").glob("*.sql"))
CHECKS = sorted((ROOT / "sql" / "check").glob("*.sql"))
EVERYTHING = sorted((ROOT / "sql").rglob("*.sql"))
PROVIDED_BY_ENGINES = ("drop_before", "drop_points_before", "pack_before", "prepare_until", "refresh")
PARAMETER = re.compile(r"%\((\w+)\)s|%%")
INSTANTS = {"now", "before", "since", "until", "floor", "at"}
TIMESTAMPTZ = 1184
UNTYPED = b"could not determine data type"  # psycopg sends the type along with the value


def name_of(path: Path) -> str:
    """Name a file in messages."""
    return str(path.relative_to(ROOT))


def strings_in_python() -> Iterator[str]:
    """Walk over every string literal of the program."""
    for folder in ("api", "analytics", "dashboards", "meter"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


@pytest.mark.parametrize("path", EVERYTHING, ids=name_of)
def test_file_says_what_it_answers(path: Path) -> None:
    """A sentence on top, a line end at the bottom."""
    text = path.read_text("utf-8")
    assert re.match(r"-- \S.*[^\s-].*\n", text), "begin with a comment that says what it answers"
    assert text.endswith("\n")
    assert "\t" not in text
    assert "\r" not in text


@pytest.mark.parametrize("path", [*STATEMENTS, *CHECKS], ids=name_of)
def test_one_statement_per_file(path: Path) -> None:
    """One file, one statement."""
    assert len(list(split(path.read_text("utf-8")))) == 1


@pytest.mark.parametrize("path", STATEMENTS, ids=name_of)
def test_statement_is_named_verb_noun(path: Path) -> None:
    """`find_series`, not `series` or `SeriesQuery`."""
    assert re.fullmatch(r"[a-z]+(_[a-z0-9]+)+", path.stem)


def test_every_statement_is_used() -> None:
    """A statement nobody names in Python is dead."""
    used = set(strings_in_python())
    assert [path.stem for path in STATEMENTS if path.stem not in used] == []


def test_engines_are_twins() -> None:
    """Both folders hold the same numbered files, and both provide the procedures the rest calls."""
    folders = {engine: {path.name for path in (ROOT / "sql" / engine).glob("*.sql")} for engine in ENGINES}
    numbered = [{name for name in names if name[0].isdigit()} for names in folders.values()]
    assert numbered[0] == numbered[1] != set()
    for engine, names in folders.items():
        assert {f"procedure_{name}.sql" for name in PROVIDED_BY_ENGINES} <= names, engine


def test_numbers_have_no_gaps() -> None:
    """The sequence over schema and engine is 1, 2, 3, …: the next file's number is obvious."""
    for engine in ENGINES:
        names = [path.name for folder in ("schema", engine) for path in (ROOT / "sql" / folder).glob("[0-9]*.sql")]
        assert sorted(int(name[:4]) for name in names) == list(range(1, len(names) + 1))


def refusal(conn: Connection, text: str) -> str | None:
    """Answer why the server can't prepare a statement, None when it can.

    Parameters are spelled and typed as psycopg does it for a datetime; others are left for the server to infer.
    """
    names = list(dict.fromkeys(match.group(1) for match in PARAMETER.finditer(text) if match.group(1)))
    if names:
        text = PARAMETER.sub(lambda match: f"${names.index(match.group(1)) + 1}" if match.group(1) else "%", text)
    types = [TIMESTAMPTZ if name in INSTANTS and f"${at}::" not in text else 0 for at, name in enumerate(names, 1)]
    prepared = conn.pgconn.prepare(b"", text.encode(), types)
    if prepared.status == pq.ExecStatus.COMMAND_OK or UNTYPED in prepared.error_message:
        return None
    return prepared.error_message.decode()


async def test_server_can_prepare_every_statement(any_conn: Connection) -> None:
    """Names, types and grammar fit the migrated schema, on each engine."""
    refused = {
        name_of(path): why for path in [*STATEMENTS, *CHECKS] if (why := refusal(any_conn, path.read_text("utf-8")))
    }
    assert refused == {}, "\n".join(f"{name}: {why}" for name, why in refused.items())


async def test_every_check_is_content_with_an_empty_database(any_conn: Connection) -> None:
    """A check that returns rows where nothing is would stop every bill."""
    for path in CHECKS:
        found = await any_conn.execute(path.read_bytes(), {"now": datetime.now(UTC)})
        assert await found.fetchall() == [], name_of(path)


CONTRACT = """
    select c.relnamespace::regnamespace || '.' || c.relname || '.' || a.attname || ' '
        || format_type(a.atttypid, a.atttypmod) as line
    from pg_class as c
    inner join pg_attribute as a on c.oid = a.attrelid and a.attnum > 0 and not a.attisdropped
    where (c.relnamespace = 'meter_read'::regnamespace and c.relkind = 'v')
        or (c.relnamespace = 'meter'::regnamespace and c.relname in (
            'usage_event', 'rolled_quarter', 'rolled_hourly', 'rolled_daily'
        ))
    union all
    select p.pronamespace::regnamespace || '.' || p.proname || '(' || pg_get_function_arguments(p.oid) || ')'
        || coalesce(' ' || pg_get_function_result(p.oid), '')
    from pg_proc as p
    where p.pronamespace = 'meter_read'::regnamespace
        or (p.pronamespace = 'meter'::regnamespace and p.proname = any(%s))
"""


async def test_read_contract_is_the_same_everywhere(any_conn: Connection) -> None:
    """What readers see, and what an engine provides, is the golden file: on every engine, to the type.

    METER_UPDATE_GOLDEN=1 writes the file; the difference then shows in review.
    """
    rows = await (await any_conn.execute(CONTRACT, (list(PROVIDED_BY_ENGINES),))).fetchall()
    contract = "".join(f"{line}\n" for line in sorted(line for (line,) in rows))
    if os.environ.get("METER_UPDATE_GOLDEN"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(contract, "utf-8")
    assert contract == GOLDEN.read_text("utf-8")
