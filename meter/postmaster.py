"""What does a cluster's postmaster.pid say about its server, and is it true?"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

import psutil

PORT = 5432  # of a socket file's name, not of the network
_SOCKET_LINE = 5


@dataclass(frozen=True)
class Postmaster:
    """What postmaster.pid says, in the order of its lines."""

    pid: int
    socket_dir: Path
    ready: bool

    def answers(self) -> bool:
        """The socket is asked, not the process table: it is also right between containers that share a directory."""
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket_dir / f".s.PGSQL.{PORT}"))
            except OSError:
                return False
        return True

    def lives_in(self, cluster: Path) -> bool:
        """Tell whether the process is there, is no zombie and works in `cluster`: process numbers are used again."""
        try:
            process = psutil.Process(self.pid)
            with process.oneshot():
                return process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == cluster
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:
            return True  # somebody else's process: the socket decides, and PostgreSQL's own check of its memory


def read(cluster: Path) -> Postmaster | None:
    """Answer what the file of a cluster says; None when there is none, or it has no socket yet."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    if len(lines) < _SOCKET_LINE or not lines[_SOCKET_LINE - 1].strip():
        return None
    return Postmaster(int(lines[0]), Path(lines[_SOCKET_LINE - 1].strip()), ready=lines[-1].strip() == "ready")
