"""Brings a database to the shape this version needs: numbered files once, forward only; views and procedures each time.

The engine is asked for once, remembered in `meter.migration`, and never asked again.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from importlib.resources.abc import Traversable
from itertools import pairwise
from typing import Literal, NamedTuple, get_args

import psycopg

from meter.database import Connection
from sql import ROOT, statement

_log = logging.getLogger(__name__)

Engine = Literal["timescale", "postgres"]
ENGINES: tuple[Engine, ...] = get_args(Engine)

_OLDEST_POSTGRES = 150000
_NUMBERED = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_VIEW = re.compile(r"(\d{2})_[a-z0-9_]+\.sql")
_PROCEDURE = re.compile(r"procedure_[a-z0-9_]+\.sql")
_REPLACEABLE = 0  # the number under which views and procedures, all together, are recorded
_TABLES_PATH = "meter, public"
_VIEWS_PATH = "meter_read, meter, public"

# What a semicolon may hide in: a comment, a string, a quoted name, a dollar-quoted body.
_TOKEN = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"[^\"]*\"|(\$\w*\$).*?\1|;", re.DOTALL)
_LEADING = re.compile(r"(?:\s+|--[^\n]*|/\*.*?\*/)*", re.DOTALL)


class MigrationError(RuntimeError):
    """The database is not, or can not be brought to, what this version needs; the message says why and where."""


class Statement(NamedTuple):
    """One statement of a file, without the comment above it, and the line it begins on (from 1)."""

    text: str
    line: int


class _File(NamedTuple):
    number: int
    name: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


class _Applied(NamedTuple):
    number: int
    name: str
    engine: Engine
    sha256: str


async def migrate(conn: Connection, engine: Engine | None = None, *, root: Traversable = ROOT) -> list[str]:
    """Bring the database to the newest shape and answer the numbered files that were applied now, in order.

    `engine` is for the first time only; None asks the server. Two at once are safe: the second waits and finds nothing
    left to do. Each file is one transaction together with its record; views and procedures are one more, every time.

    Raises:
        MigrationError: a newer Hourmeter made this database, an applied file was changed, the engine is another one,
            or a statement failed; then the message holds file, line and statement, and that file left no trace.
    """
    async with _alone(conn):
        async with conn.transaction():
            await _make_table(conn)
        applied = await _applied(conn)
        chosen = await _engine(conn, applied, engine)
        pending = _pending(_numbered_files(root, chosen), applied)
        for file in pending:
            async with conn.transaction():
                await _run(conn, file, _TABLES_PATH)
                await _record(conn, file, chosen)
        async with conn.transaction():
            await _replace(conn, root, chosen)
    return [file.name for file in pending]


async def check_current(conn: Connection, *, root: Traversable = ROOT) -> Engine:
    """Answer the engine of a database that is exactly what this version needs; services ask before they start.

    Raises:
        MigrationError: it is empty, older, newer or changed; the message says what to run.
    """
    if not await _one(conn, "migrate_find_table"):
        raise MigrationError("This database is empty. Run `meter migrate`.")
    applied = await _applied(conn)
    if not applied:
        raise MigrationError("This database is empty. Run `meter migrate`.")
    engine = applied[0].engine
    pending = _pending(_numbered_files(root, engine), applied)
    replaceable = next((row.sha256 for row in applied if row.number == _REPLACEABLE), None)
    if pending or replaceable != _all_replaceables(root, engine).sha256:
        behind = ", ".join(file.name for file in pending) or "views and procedures"
        raise MigrationError(f"This database is not up to date ({behind}). Run `meter migrate`.")
    return engine


def split(text: str) -> Iterator[Statement]:
    """Take a file apart at its semicolons, wherever one ends a statement."""
    start = 0
    ends = [match.end() for match in _TOKEN.finditer(text) if match.group() == ";"]
    for end in (*ends, len(text)):
        leading = _LEADING.match(text, start, end)
        begin = leading.end() if leading else start
        if begin < end:
            yield Statement(text[begin:end].rstrip(), text.count("\n", 0, begin) + 1)
        start = end


@asynccontextmanager
async def _alone(conn: Connection) -> AsyncIterator[None]:
    async with conn.transaction():
        await conn.execute(statement("migrate_take_lock"))
    try:
        yield
    finally:
        if not conn.closed:
            async with conn.transaction():
                await conn.execute(statement("migrate_release_lock"))


async def _one(conn: Connection, name: str) -> object:
    async with conn.transaction():
        row = await (await conn.execute(statement(name))).fetchone()
    return row[0] if row else None


async def _make_table(conn: Connection) -> None:
    if not await _one(conn, "migrate_find_table"):
        await conn.execute(statement("migrate_create_schema"))
        await conn.execute(statement("migrate_create_table"))


async def _applied(conn: Connection) -> list[_Applied]:
    async with conn.transaction():
        rows = await (await conn.execute(statement("migrate_list_applied"))).fetchall()
    return [_Applied(*row) for row in rows]


async def _engine(conn: Connection, applied: Sequence[_Applied], wanted: Engine | None) -> Engine:
    """Answer what was decided when the database was first migrated, else decide now."""
    if not applied:
        return await _choose(conn, wanted)
    decided = applied[0].engine
    if wanted not in (None, decided):
        raise MigrationError(
            f"This database was made for the engine {decided}; it can't become {wanted}. "
            "Make an empty database for the other engine and import into it."
        )
    return decided


async def _choose(conn: Connection, wanted: Engine | None) -> Engine:
    async with conn.transaction():
        version, has_timescale = await (await conn.execute(statement("migrate_describe_server"))).fetchone() or (
            0,
            False,
        )
    if version < _OLDEST_POSTGRES:
        raise MigrationError(f"PostgreSQL 15 or later is needed; this server is {version // 10000}.")
    if wanted == "postgres" or (wanted is None and not has_timescale):
        return "postgres"
    problem = await _try_timescale(conn)
    if problem is None:
        return "timescale"
    if wanted == "timescale":
        raise MigrationError(f"TimescaleDB can't be used on this server: {problem}")
    _log.warning("TimescaleDB is installed here but can't be used (%s); taking the engine postgres, for good", problem)
    return "postgres"


async def _try_timescale(conn: Connection) -> str | None:
    """Make the extension and answer None, or make nothing and answer why it can't be used."""
    licence = None
    try:
        async with conn.transaction() as attempt:
            await conn.execute(statement("migrate_create_extension"))
            licence = await _one(conn, "migrate_read_licence")
            if licence != "timescale":
                raise psycopg.Rollback(attempt)
    except psycopg.Error as error:
        return error.diag.message_primary or str(error)
    return None if licence == "timescale" else "its licence here has no continuous aggregates"


def _numbered_files(root: Traversable, engine: Engine) -> list[_File]:
    """List the files of `schema` and of the engine as the one sequence they are."""
    files = [*_files(root, "schema", _NUMBERED), *_files(root, engine, _NUMBERED)]
    files.sort(key=lambda file: file.number)
    for one, other in pairwise(files):
        if one.number == other.number:
            raise MigrationError(f"{one.name} and {other.name} have the same number.")
    return files


def _files(root: Traversable, folder: str, pattern: re.Pattern[str]) -> list[_File]:
    found = []
    for path in sorted((root / folder).iterdir(), key=lambda path: path.name):
        match = pattern.fullmatch(path.name)
        if match:
            number = int(match.group(1)) if pattern.groups else _REPLACEABLE
            found.append(_File(number, f"{folder}/{path.name}", path.read_text("utf-8")))
    return found


def _pending(files: Sequence[_File], applied: Sequence[_Applied]) -> list[_File]:
    """Answer what is still to apply, after checking that what was applied is what we know."""
    ours = {file.number: file for file in files}
    done = {row.number: row for row in applied if row.number != _REPLACEABLE}
    for row in done.values():
        if row.number not in ours:
            raise MigrationError(
                f"This database was made by a newer Hourmeter: it has {row.name}, which this version does not know. "
                "Install that version again; migrations only go forward."
            )
        if (row.name, row.sha256) != (ours[row.number].name, ours[row.number].sha256):
            raise MigrationError(
                f"{row.name} was applied to this database in another form than {ours[row.number].name} has here. "
                "An applied file never changes: this database was made by another version, or the file was edited."
            )
    pending = [file for file in files if file.number not in done]
    if pending and done and pending[0].number < max(done):
        raise MigrationError(f"{pending[0].name} comes before {done[max(done)].name}, which is applied already.")
    return pending


async def _run(conn: Connection, file: _File, path: str) -> None:
    """Run one file inside the caller's transaction; its objects go to the first schema of `path`."""
    await conn.execute(statement("migrate_set_path"), {"path": path})
    for part in split(file.text):
        try:
            await conn.execute(part.text.encode())
        except psycopg.Error as error:
            raise MigrationError(_explain(file, part, error)) from error


def _explain(file: _File, part: Statement, error: psycopg.Error) -> str:
    position = int(error.diag.statement_position or 1)
    line = part.line + part.text.count("\n", 0, position - 1)
    said = (error.diag.message_primary or str(error), error.diag.message_detail, error.diag.message_hint)
    return f"sql/{file.name}, line {line}: {' '.join(filter(None, said))}\n\n{part.text}"


async def _record(conn: Connection, file: _File, engine: Engine) -> None:
    row = {"number": file.number, "name": file.name, "engine": engine, "sha256": file.sha256}
    await conn.execute(statement("migrate_record_file"), row)


async def _replace(conn: Connection, root: Traversable, engine: Engine) -> None:
    """Make procedures and views anew, in one transaction: readers see the old ones or the new ones, all of them."""
    await conn.execute(statement("migrate_set_path"), {"path": _TABLES_PATH})
    await conn.execute(statement("migrate_drop_reads"))
    await conn.execute(statement("migrate_drop_procedures"))
    await conn.execute(statement("migrate_create_reads"))
    for file in _procedures(root, engine):
        await _run(conn, file, _TABLES_PATH)
    for file in _files(root, "read", _VIEW):
        await _run(conn, file, _VIEWS_PATH)
    await _record(conn, _all_replaceables(root, engine), engine)


def _procedures(root: Traversable, engine: Engine) -> list[_File]:
    """Those that are the same on every engine, then the engine's own."""
    return [*_files(root, "schema", _PROCEDURE), *_files(root, engine, _PROCEDURE)]


def _all_replaceables(root: Traversable, engine: Engine) -> _File:
    files = [*_procedures(root, engine), *_files(root, "read", _VIEW)]
    return _File(_REPLACEABLE, "procedures and views", "\n".join(f"-- {file.name}\n{file.text}" for file in files))
