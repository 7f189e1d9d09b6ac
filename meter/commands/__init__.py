"""Which commands are there? One file per command, each a line in COMMANDS; `meter --help` lists them in this order.

With `meter/__main__.py` and `meter/worker.py` these are the composition root: a command may import the folders above,
when it runs and not before, so that the worker does not carry the web server's memory.
"""

from __future__ import annotations

from meter.commands import (
    archive,
    backfill,
    bill,
    collect,
    demo,
    doctor,
    limits,
    load,
    mapping,
    migrate,
    prices,
    reconcile,
    retain,
    serve,
    settings,
    version,
    work,
)
from meter.commands.command import Command

COMMANDS: tuple[Command, ...] = (
    serve.COMMAND,
    work.COMMAND,
    migrate.COMMAND,
    doctor.COMMAND,
    limits.COMMAND,
    demo.COMMAND,
    collect.COMMAND,
    load.COMMAND,
    mapping.COMMAND,
    prices.COMMAND,
    bill.COMMAND,
    reconcile.COMMAND,
    retain.COMMAND,
    archive.COMMAND,
    backfill.COMMAND,
    settings.COMMAND,
    version.COMMAND,
)
"""Every command that `meter NAME` can run."""
