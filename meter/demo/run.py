"""From nothing to a served product full of usage, over HTTP like a user; a second run goes on with what is there."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from zoneinfo import ZoneInfo

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from meter.collect.post import Connection
from meter.demo import state as kept
from meter.demo.api import DemoError
from meter.demo.build import close_last_month, make_teams, quarters_to_send, send_past
from meter.demo.live import Live, going_on
from meter.demo.load import Batch
from meter.demo.rhythm import story
from meter.demo.server import free_port, serving
from meter.demo.show import Made, show
from meter.demo.state import State, TeamState
from meter.demo.world import COMPANIES, Company
from meter.keys import OPERATOR_FILE
from meter.processes import stopped_by_signals
from meter.settings import Settings

DIRECTORY = Path("data/demo")
FAILED = 1


def demo(settings: Settings, environ: Mapping[str, str], *, once: bool, as_json: bool) -> int:
    """Runs the demo and answers the exit code. With `as_json` the last line on standard output is one JSON object."""
    directory = (settings.data_dir if "METER_DATA_DIR" in environ else DIRECTORY).resolve()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    messages = Console(stderr=True)
    port = settings.port if "METER_PORT" in environ else free_port(settings.host, settings.port)
    began = time.monotonic()
    try:
        with _terminable():
            with serving(directory, settings.host, port, environ) as url:
                made = _build(url, settings, directory, messages)
                took_s = time.monotonic() - began
                if not once:
                    _tell(made, took_s, as_json=as_json)
                    _serve_on(made, directory, messages)
            if once:  # the last line stands when everything has stopped
                _tell(made, took_s, as_json=as_json)
    except (DemoError, OSError, msgspec.MsgspecError) as error:
        messages.print(f"The demo failed: {error}", style="red", markup=False, soft_wrap=True)
        return FAILED
    return 0


def _tell(made: Made, took_s: float, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.encode(made.answer()).decode() + "\n")
        sys.stdout.flush()
    else:
        show(made, Console(), took_s, datetime.now(UTC))


def _build(url: str, settings: Settings, directory: Path, messages: Console) -> Made:
    """Makes what is missing: teams, their past until now, the last month's invoices."""
    now = datetime.now(UTC)
    operator_key = settings.operator_key or (directory / OPERATOR_FILE).read_text("utf-8").strip()
    state = kept.load(directory, now)
    with closing(Connection(url, operator_key)) as connection:
        make_teams(connection, directory, state)
    columns = (TextColumn("{task.description:<26}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=messages) as progress:
        _send_past(url, directory, state, now, progress)
        closing_task = progress.add_task("closing the last month", total=len(COMPANIES))
        bills = {}
        for company in COMPANIES:
            bills[company.slug] = close_last_month(url, directory, state.teams[company.slug])
            progress.advance(closing_task)
    return Made(url, operator_key, state, bills)


def _send_past(url: str, directory: Path, state: State, now: datetime, progress: Progress) -> None:
    totals = quarters_to_send(state, now)
    tasks = {company.slug: progress.add_task(company.name, total=totals[company.slug]) for company in COMPANIES}

    def advance(slug: str, batch: Batch) -> None:
        progress.advance(tasks[slug], batch.quarters)

    send_past(url, directory, state, now, advance)


def _serve_on(made: Made, directory: Path, messages: Console) -> None:
    """Keeps serving, with live usage, until a signal comes."""
    teams = [_live(company, made.state, made.state.teams[company.slug]) for company in COMPANIES]
    with stopped_by_signals() as stop:
        try:
            with going_on(made.url, teams, directory / "spool"):
                messages.print("Live usage flows in; Ctrl-C stops everything.")
                stop.wait()
        finally:
            kept.save(directory, made.state)


def _live(company: Company, state: State, team: TeamState) -> Live:
    def sent(until: datetime) -> None:
        team.sent_until = until

    return Live(team.key, company.streams, story(state.began, ZoneInfo(company.timezone)), team.sent_until, sent)


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM unwinds the stack as Ctrl-C does, so that the service is stopped on the way out."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
