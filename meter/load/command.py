"""`meter import FILE`: puts the parts together, says what came of it, and answers an exit code."""

from __future__ import annotations

import time
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path

from meter.keys import prefix_of
from meter.load import mapping, preview, run
from meter.load import state as states
from meter.load.mapping import Columns
from meter.load.opened import beside, given, kept, mapping_path, opened, settled
from meter.load.progress import Shown, clock, out
from meter.load.rejects import Rejects
from meter.load.send import Sender
from meter.load.source import LoadError, Reader
from meter.load.state import State
from meter.processes import stopped_by_signals

ALL_TAKEN, SOME_REJECTED, STOPPED = 0, 1, 2


def dry_run(options: Namespace) -> int:
    """Shows the first rows as events and sends nothing; 1 when some of them would be refused."""
    reader, columns = _opened(options)
    refused = preview.preview(reader, columns, _source(options.file, columns), datetime.now(UTC))
    return SOME_REJECTED if refused else ALL_TAKEN


def load(options: Namespace, key: str) -> int:
    """Imports the file, from where an earlier run stopped: 0 all taken, 1 some rejected, 2 stopped.

    Raises LoadError when it can't begin or can't go on, and OSError.
    """
    state_path = options.state or beside(options.file, ".import.json")
    rejects_path = options.rejects or beside(options.file, ".rejects.ndjson")
    _check_apart(options.file, state_path, rejects_path, mapping_path(options))
    reader, columns = _opened(options)
    rejects = Rejects(rejects_path)
    try:
        if (
            not state_path.exists() and rejects.length()
        ):  # it would be cut to what this import has rejected: nothing yet
            raise LoadError(f"{rejects_path} is not empty and not of this import; move it, or name another --rejects")
        before = None if options.restart else states.load(state_path)
        state = states.begin(before, _fresh(options, columns, key))
        _keep(mapping_path(options), columns)
        return _load(options, run.Job(reader, columns, state, state_path, options.batch), rejects, key)
    finally:
        rejects.close()


def _check_apart(*paths: Path) -> None:
    if len({path.resolve() for path in paths}) < len(paths):
        raise LoadError("FILE, --state, --rejects and --mapping are four files: one would be written over another")


def _load(options: Namespace, job: run.Job, rejects: Rejects, key: str) -> int:
    size, began, before = job.state.file.size, time.monotonic(), job.state.position.rows
    with stopped_by_signals() as stop, Shown(options.file.name, size, job.reader.rows) as shown:
        if before:
            shown.say(f"going on after {before:,} rows")
        sender = Sender(options.url, key, stop, shown.say, options.patience)
        try:
            ended = run.load(job, sender, rejects, shown, stop)
        except (LoadError, OSError) as error:
            raise LoadError(f"{error}\n{_where(job.state)}") from error
    _summary(options.file, job.state, time.monotonic() - began, before, rejects.path)
    if not ended:
        out(_where(job.state))
        return STOPPED
    return SOME_REJECTED if job.state.tally.refused else ALL_TAKEN


def _where(state: State) -> str:
    return f"stopped after {state.position.rows:,} rows; the same command goes on from there"


def _summary(file: Path, state: State, seconds: float, before: int, rejects: Path) -> None:
    tally, rows = state.tally, state.position.rows
    rate = (rows - before) / max(seconds, 1e-6)
    again = f", {before:,} of them in earlier runs" if before else ""
    out(f"{file.name}: {rows:,} rows{again}; {clock(seconds)}, {rate:,.0f} rows/s")
    out(f"  accepted    {tally.accepted:>15,}")
    out(f"  duplicates  {tally.duplicates:>15,}{'   counted before, once' if tally.duplicates else ''}")
    out(f"  rejected    {tally.refused:>15,}{f'   in {rejects}' if tally.refused else ''}")
    for code, count in sorted(tally.rejected.items()):
        out(f"    {count:,} {code}; the first: {tally.why[code]}")


def _opened(options: Namespace) -> tuple[Reader, Columns]:
    """The open file and what its columns are."""
    if options.batch < 1:
        raise LoadError("--batch is a number of rows, one or more")
    columns = mapping.merged(kept(mapping_path(options)), given(options))
    reader = opened(options, columns)
    return reader, settled(reader, columns)


def _fresh(options: Namespace, columns: Columns, key: str) -> State:
    return State(
        file=states.fingerprint(options.file),
        url=options.url.rstrip("/"),
        key=prefix_of(key),
        mapping=columns.digest(),
        source=_source(options.file, columns),
    )


def _source(file: Path, columns: Columns) -> str:
    return columns.source or f"file:{states.fingerprint(file).content}"


def _keep(path: Path, columns: Columns) -> None:
    new = path.with_name(path.name + ".new")
    new.write_text(mapping.to_toml(columns), "utf-8")
    new.replace(path)
