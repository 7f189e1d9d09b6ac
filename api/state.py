"""What every handler may use: made once at start, closed at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from litestar.connection import ASGIConnection

from api.buckets import Buckets
from api.callers import Callers, KeyLookups
from api.cpu import CpuPool
from api.metrics import Metrics
from api.turns import Turns
from meter.authorize.desk import Desk
from meter.database import Pool
from meter.happenings import Happenings
from meter.ingest import Ingest
from meter.settings import Settings
from meter.telemetry import Intake

Clock = Callable[[], datetime]
AnyConnection = ASGIConnection[Any, Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Shell:
    """The open resources of one served app. `clock` answers aware UTC.

    `pool` is for what must not wait: ingest, keys, changes. Questions about usage and money go to `readers`, which
    can't write and whose statements have a time limit: however many are asked, ingest finds its connections free.
    `gate` is for calls that wait to go on: nothing of it is waited for long.
    """

    settings: Settings
    pool: Pool
    readers: Pool
    gate: Pool
    ingest: Ingest
    intake: Intake
    happenings: Happenings
    desk: Desk
    keys: KeyLookups
    gate_keys: KeyLookups
    callers: Callers
    turns: Turns
    cpu: CpuPool
    metrics: Metrics
    buckets: Buckets
    clock: Clock


def shell_of(connection: AnyConnection) -> Shell:
    """The shell of the app that serves this connection."""
    shell: Shell = connection.app.state.shell
    return shell
