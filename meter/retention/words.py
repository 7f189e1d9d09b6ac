"""What retention has found and done, in plain words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from meter.retention.classes import CLASSES
from meter.retention.rows import Rows
from meter.retention.run import Dropped, Found
from meter.retention.state import State
from meter.retention.weeks import WEEK


def day(instant: datetime) -> str:
    """The day of an instant (UTC)."""
    return f"{instant:%Y-%m-%d}"


def weeks(found: Sequence[datetime]) -> str:
    """Neighbouring weeks as a range."""
    many = "1 week" if len(found) == 1 else f"{len(found):,} weeks"
    return f"{many} of raw events, {day(found[0])} to {day(found[-1] + WEEK)}"


def rows(found: Rows) -> list[str]:
    """How many of which kind, of those that there are any of."""
    named = {"results": found.results, "billing runs": found.billing_runs, "mails": found.mail}
    return [f"{many:,} {kind}" for kind, many in named.items() if many]


def of_look(found: Found) -> list[str]:
    """What would be dropped and what holds it back, a line each."""
    lines = []
    if found.raw_days is None:
        lines.append("raw events are kept for ever: METER_KEEP_RAW_DAYS is not set")
    elif found.weeks:
        lines.append(f"to be dropped: {weeks(found.weeks)}")
    elif found.stopped is None:
        lines.append(f"no whole week of raw events is older than {found.raw_days} days")
    if found.stopped is not None:
        lines.append(f"held back: raw events from {day(found.stopped)} on")
        lines += [f"  {each}" for each in found.holds]
    if found.points_days is None:
        lines.append("points are kept for ever: METER_KEEP_POINTS_DAYS is not set")
    elif found.points_until is None:
        lines.append("points are kept: no raw events were dropped yet")
    else:
        lines.append(f"to be dropped: points before {day(found.points_until)}, in whole weeks")
    lines += [f"to be dropped: {each}" for each in rows(found.rows)]
    lines += [f"kept for ever: {each.what} ({each.why})" for each in CLASSES if each.setting is None]
    return lines


def of_drop(dropped: Dropped) -> str | None:
    """What was dropped, None where nothing was."""
    parts = []
    if dropped.weeks:
        parts.append(weeks(dropped.weeks))
    if dropped.points_until is not None:
        parts.append(f"points before {day(dropped.points_until)}")
    parts += rows(dropped.rows)
    return f"dropped {' and '.join(parts)}" if parts else None


def of_state(state: State) -> list[str]:
    """What is kept since when, what is in the archive, and what went wrong, a line each."""
    kept, archive = state.kept, state.archive
    lines = [_since("raw events", kept.raw), _since("points", kept.points)]
    if kept.closed is not None and kept.closed != kept.raw:
        lines.append(
            f"closed: nothing before {day(kept.closed)} is taken; a run of `meter retain` is at it, or stopped"
        )
    if archive.first is not None and archive.last is not None:
        span = f"{day(archive.first)} to {day(archive.last + WEEK)}"
        lines.append(f"archive: {archive.rows:,} events of {span} in {archive.files:,} files, {archive.size:,} bytes")
    if state.failed_at is not None:
        lines.append(f"the last run of retention failed at {state.failed_at:%Y-%m-%d %H:%M}: {state.failed}")
    return lines


def _since(what: str, floor: datetime | None) -> str:
    return f"{what}: all are kept" if floor is None else f"{what}: kept from {day(floor)} on"
