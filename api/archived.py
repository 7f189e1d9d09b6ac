"""Dropped events for drill-down: read from the archive in the process that computes."""

from __future__ import annotations

from api.state import Shell
from meter.archive.read import Reader


def archive_of(shell: Shell) -> Reader | None:
    """Who reads the archive; None where there is none."""
    directory = shell.settings.archive_dir
    return None if directory is None else Reader(directory, shell.cpu.run)
