"""A disk of a known size that can be filled: a file system in memory, where we are allowed to mount one."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BYTES = 1_000_000_000
LEFT_BYTES = 200_000
ATTEMPTS = 20


class Disk:
    """A small file system."""

    def __init__(self, path: Path) -> None:
        """Is mounted at a path."""
        self.path = path
        self._ballast = path / "ballast"

    def fill(self) -> None:
        """Leave next to nothing free; the more others take meanwhile, the more is left to them."""
        with self._ballast.open("wb") as ballast:
            for attempt in range(1, ATTEMPTS):
                room = shutil.disk_usage(self.path).free - LEFT_BYTES * attempt
                try:
                    os.posix_fallocate(ballast.fileno(), 0, max(room, 1))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                else:
                    return
        raise AssertionError("the disk fills faster than it can be filled")

    def free(self) -> None:
        """Give the room back."""
        self._ballast.unlink(missing_ok=True)


@contextmanager
def mounted(path: Path) -> Iterator[Disk | None]:
    """A disk at a path, an empty directory; None where this process may not mount."""
    path.mkdir(mode=0o755)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={BYTES},mode=755", "hourmeter-soak", str(path)]
    try:
        subprocess.run(mount, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        yield None
        return
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", str(path)], check=True)
