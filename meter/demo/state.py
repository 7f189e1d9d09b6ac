"""What does a demo remember between runs? A file beside its database: when its story began, its teams and keys."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import msgspec

FILE = "demo.json"


class TeamState(msgspec.Struct):
    """One team that was made: its id, its key, and until when its usage was sent."""

    id: str
    key: str
    sent_until: datetime


class State(msgspec.Struct):
    """Where a demo stands. `began` is the end of its six weeks of history; `teams` are by the company's slug."""

    began: datetime
    teams: dict[str, TeamState] = {}


def load(directory: Path, now: datetime) -> State:
    """The state kept in a directory, or a new one that begins now. Raises OSError."""
    path = directory / FILE
    if not path.exists():
        return State(began=now.replace(second=0, microsecond=0))
    return msgspec.json.decode(path.read_bytes(), type=State)


def save(directory: Path, state: State) -> None:
    """Replaces the kept state, readable by its owner alone, for it holds keys. Raises OSError."""
    draft = directory / f"{FILE}.new"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(state)) + b"\n")
    draft.replace(directory / FILE)
