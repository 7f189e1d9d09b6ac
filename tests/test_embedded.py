"""The embedded PostgreSQL: one server per directory, whoever starts, leaves or is killed."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from meter import embedded
from meter.embedded import EmbeddedError, running

pytestmark = [pytest.mark.database, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[1]
USE_UNTIL_STDIN_CLOSES = """
import sys
from pathlib import Path
from meter.embedded import running
with running(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


def postmaster_pid(data_dir: Path) -> int | None:
    """Answer the server's process number, None when it does not run."""
    try:
        return int((data_dir / "postgres" / "postmaster.pid").read_text().split()[0])
    except FileNotFoundError:
        return None


def wait_until(holds: Callable[[], bool], seconds: float = 20) -> None:
    """Poll until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def ask(url: str, question: str) -> tuple[object, ...]:
    """Answer the one row of a query."""
    with psycopg.connect(url) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return row


@contextmanager
def user_process(data_dir: Path, *prefix: str, python: str = sys.executable) -> Iterator[subprocess.Popen[str]]:
    """Run another process that uses the server until its standard input closes."""
    process = subprocess.Popen(
        [*prefix, python, "-c", USE_UNTIL_STDIN_CLOSES, str(data_dir)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.communicate()


def url_of(process: subprocess.Popen[str]) -> str:
    """Answer the URL a user process prints once the server is ready for it."""
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    assert line, process.stderr.read() if process.stderr else ""
    return line


def test_first_use_makes_a_private_cluster(data_dir: Path) -> None:
    """UTF-8, C order, checksums, durable, no network, a socket only its owner can reach."""
    with running(data_dir) as url:
        settings = ask(
            url,
            "select pg_encoding_to_char(encoding), datcollate, current_setting('data_checksums'),"
            " current_setting('listen_addresses'), current_setting('fsync'), current_setting('synchronous_commit'),"
            " current_setting('TimeZone') from pg_database where datname = current_database()",
        )
        assert settings == ("UTF8", "C", "on", "", "on", "on", "UTC")
        assert stat.S_IMODE((data_dir / "run").stat().st_mode) == 0o700
        assert stat.S_IMODE((data_dir / "run" / ".s.PGSQL.5432").stat().st_mode) == 0o700
    assert postmaster_pid(data_dir) is None


def test_data_is_there_the_next_time(data_dir: Path) -> None:
    """What was committed is found again after a stop and a start."""
    with running(data_dir) as url, psycopg.connect(url) as connection:
        connection.execute("create table kept as select 42 as answer")
    with running(data_dir) as url:
        assert ask(url, "select answer from kept") == (42,)


def test_two_users_in_one_process_share_the_server(data_dir: Path) -> None:
    """The inner user leaves and the server stays for the outer one."""
    with running(data_dir) as outer:
        with running(data_dir) as inner:
            assert inner == outer
        assert ask(outer, "select 1") == (1,)
    assert postmaster_pid(data_dir) is None


def test_two_processes_start_at_once(data_dir: Path) -> None:
    """Both get the same server on an empty directory; it stops when the second one leaves."""
    with user_process(data_dir) as one, user_process(data_dir) as two:
        assert url_of(one) == (url := url_of(two))
        server = postmaster_pid(data_dir)
        one.communicate()
        assert postmaster_pid(data_dir) == server
        assert ask(url, "select 1") == (1,)
    assert postmaster_pid(data_dir) is None
    assert (one.returncode, two.returncode) == (0, 0)


def test_server_of_a_killed_user_is_used_again(data_dir: Path) -> None:
    """A kill -9 leaves the server running; the next start finds it, uses it and stops it at the end."""
    with user_process(data_dir) as starter:
        url_of(starter)
        server = postmaster_pid(data_dir)
        starter.kill()
    assert server is not None
    assert psutil.pid_exists(server)
    with running(data_dir) as url:
        assert postmaster_pid(data_dir) == server
        assert ask(url, "select 1") == (1,)
    assert postmaster_pid(data_dir) is None


def test_killed_starter_does_not_take_the_server_from_others(data_dir: Path) -> None:
    """The one who started it is killed while another uses it: nothing changes for the other."""
    with user_process(data_dir) as starter:
        url_of(starter)
        with running(data_dir) as url:
            starter.kill()
            starter.wait()
            assert ask(url, "select 1") == (1,)
    assert postmaster_pid(data_dir) is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_stops_the_server_with_us(data_dir: Path, number: signal.Signals) -> None:
    """A process that is asked to end takes its server along."""
    with user_process(data_dir) as process:
        url_of(process)
        process.send_signal(number)
        process.wait()
        assert postmaster_pid(data_dir) is None
    assert process.returncode != 0


def test_signal_to_one_of_two_keeps_the_server(data_dir: Path) -> None:
    """SIGTERM to one user is no reason to take the server from the other."""
    with running(data_dir) as url, user_process(data_dir) as other:
        url_of(other)
        other.terminate()
        other.wait()
        assert ask(url, "select 1") == (1,)


def test_crashed_server_is_recovered(data_dir: Path) -> None:
    """The server itself is killed while a session is open: the next start recovers what was committed."""
    with running(data_dir) as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table kept as select 42 as answer")
        server = postmaster_pid(data_dir)
        assert server is not None
        os.kill(server, signal.SIGKILL)
        with running(data_dir) as again:
            assert postmaster_pid(data_dir) != server
            assert ask(again, "select answer from kept") == (42,)


def test_stale_process_number_is_seen_through(data_dir: Path) -> None:
    """After a power cut postmaster.pid may name any process, such as this one: it is not believed."""
    with running(data_dir):
        facts = (data_dir / "postgres" / "postmaster.pid").read_text().splitlines()
    (data_dir / "postgres" / "postmaster.pid").write_text("\n".join([str(os.getpid()), *facts[1:]]))
    with running(data_dir) as url:
        assert ask(url, "select 1") == (1,)


def test_unfinished_cluster_is_made_anew(data_dir: Path) -> None:
    """What a crash during the very first start left behind is thrown away."""
    (data_dir / "postgres.new" / "base").mkdir(parents=True)
    with running(data_dir) as url:
        assert ask(url, "select 1") == (1,)
    assert not (data_dir / "postgres.new").exists()


def test_long_path_puts_the_socket_elsewhere(data_dir: Path) -> None:
    """A socket's path has about a hundred bytes; beyond that a short private directory serves, and goes with us."""
    deep = data_dir / ("deep" * 20) / ("deeper" * 10)
    with running(deep) as url:
        (directory,) = ask(url, "select current_setting('unix_socket_directories')")
        socket_dir = Path(str(directory).strip('"'))
        assert not socket_dir.is_relative_to(deep)
        assert stat.S_IMODE(socket_dir.stat().st_mode) == 0o700
        with running(deep) as again:
            assert again == url
    assert not socket_dir.exists()


def test_odd_characters_in_the_path(data_dir: Path) -> None:
    """Blanks, quotes, commas, dollars and letters beyond ASCII are just characters."""
    with running(data_dir / 'it\'s, "a" $HOME ü&?') as url:
        assert ask(url, "select 1") == (1,)


def test_other_major_version_is_refused(data_dir: Path) -> None:
    """Data of another PostgreSQL is not touched, and the message says what to do."""
    with running(data_dir):
        pass
    (data_dir / "postgres" / "PG_VERSION").write_text("9\n")
    with (
        pytest.raises(EmbeddedError, match=r"made by PostgreSQL 9, and this installation brings \d+"),
        running(data_dir),
    ):
        pass


def test_broken_cluster_shows_the_log(data_dir: Path) -> None:
    """A server that cannot start says why in the message itself."""
    with running(data_dir):
        pass
    (data_dir / "postgres" / "global" / "pg_control").unlink()
    with pytest.raises(EmbeddedError, match="pg_control"), running(data_dir):
        pass


def test_directory_that_cannot_be_made(data_dir: Path) -> None:
    """A data directory below a file is refused with the two settings that help."""
    (data_dir / "file").write_text("")
    with pytest.raises(EmbeddedError, match=r"METER_DATA_DIR.*DATABASE_URL"), running(data_dir / "file" / "data"):
        pass


def test_no_wheel_for_this_platform(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the wheel the message names the way out."""
    monkeypatch.setattr(embedded, "_WHEEL", "no_such_wheel")
    with pytest.raises(EmbeddedError, match="Set DATABASE_URL"), running(data_dir):
        pass


# As another user: only root can become one.

UNPRIVILEGED = "nobody"


@pytest.fixture(name="as_nobody")
def fixture_as_nobody() -> tuple[list[str], str]:
    """Answer the prefix that runs a command as nobody, and a Python which nobody may run."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root with setpriv can become another user")
    prefix = [
        "setpriv",
        f"--reuid={UNPRIVILEGED}",
        "--clear-groups",
        f"--regid={pwd.getpwnam(UNPRIVILEGED).pw_gid}",
        "--",
    ]
    same = "import sys; sys.exit(sys.version_info[:2] != ({}, {}))".format(*sys.version_info[:2])
    for python in (sys.executable, "/usr/bin/python3"):
        if (
            shutil.which(python)
            and subprocess.run([*prefix, python, "-c", same], check=False, capture_output=True).returncode == 0
        ):
            return prefix, python
    pytest.skip(f"the user {UNPRIVILEGED} reaches no Python of this version")


def test_as_ordinary_user(data_dir: Path, as_nobody: tuple[list[str], str]) -> None:
    """Without root the server runs as ourselves, and a kill -9 changes nothing about that."""
    prefix, python = as_nobody
    data = reachable_directory(data_dir)
    with user_process(data, *prefix, python=python) as first:
        url = url_of(first)
        server = postmaster_pid(data)
        assert server is not None
        assert psutil.Process(server).username() == UNPRIVILEGED
        assert ask(url, "select 1") == (1,)
        first.kill()
    with user_process(data, *prefix, python=python) as second:
        assert url_of(second) == url
        assert postmaster_pid(data) == server
    assert second.returncode == 0
    assert postmaster_pid(data) is None


def test_root_serves_an_ordinary_users_cluster_as_that_user(data_dir: Path, as_nobody: tuple[list[str], str]) -> None:
    """Data made without root stays its owner's when root starts the server later."""
    prefix, python = as_nobody
    data = reachable_directory(data_dir)
    with user_process(data, *prefix, python=python) as process:
        url_of(process)
    with running(data):
        server = postmaster_pid(data)
        assert server is not None
        assert psutil.Process(server).username() == UNPRIVILEGED
    with user_process(data, *prefix, python=python) as process:
        url_of(process)
    assert process.returncode == 0


def test_somebody_elses_cluster_is_refused(data_dir: Path, as_nobody: tuple[list[str], str]) -> None:
    """An ordinary user gets told whose data it is and how to take it over."""
    prefix, python = as_nobody
    data = reachable_directory(data_dir)
    with running(data):
        pass
    with user_process(data, *prefix, python=python) as process:
        assert process.stderr is not None
        assert "chown -R" in process.stderr.read()
    assert process.returncode == 1


def reachable_directory(data_dir: Path) -> Path:
    """Make a directory that belongs to nobody and can be reached by nobody."""
    data = data_dir / "data"
    data.mkdir()
    shutil.chown(data, UNPRIVILEGED)
    for parent in data.parents:
        if parent.stat().st_uid == 0 and not parent.stat().st_mode & stat.S_IXOTH:
            parent.chmod(parent.stat().st_mode | stat.S_IXOTH)
    return data
