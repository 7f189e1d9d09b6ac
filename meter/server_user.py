"""Whom does the embedded PostgreSQL run as, and can that user get there?"""

from __future__ import annotations

import logging
import os
import pwd
import stat
import subprocess
from pathlib import Path

_log = logging.getLogger(__name__)

_SERVER_USERS = ("postgres", "_postgres", "hourmeter")
_NEW_USER = "hourmeter"


class EmbeddedError(RuntimeError):
    """The embedded PostgreSQL cannot be used here; the message says what to do about it."""


def server_user(cluster: Path) -> tuple[int | None, int | None]:
    """Answer uid and gid the server of `cluster` runs as; None and None for ourselves.

    An existing cluster's owner goes first; root, which PostgreSQL refuses to run as, hands over to a system user.

    Raises:
        EmbeddedError: the cluster is somebody else's and we are not root, or no system user can be made.
    """
    me = os.geteuid()
    owner = cluster.stat() if cluster.exists() else None
    if owner is not None and me not in (owner.st_uid, 0):
        raise EmbeddedError(
            f"{cluster} belongs to {user_name(owner.st_uid)}, and this process runs as {user_name(me)}. "
            f"Run as {user_name(owner.st_uid)} or root, or give it over: chown -R {me} {cluster.parent}"
        )
    if me != 0:
        return None, None
    if owner is not None and owner.st_uid != 0:
        return owner.st_uid, owner.st_gid
    entry = _system_user()
    return entry.pw_uid, entry.pw_gid


def user_name(uid: int | None) -> str:
    """Name a user for a message; None is ourselves."""
    number = os.geteuid() if uid is None else uid
    try:
        return f"user {pwd.getpwuid(number).pw_name}"
    except KeyError:
        return f"uid {number}"


def _system_user() -> pwd.struct_passwd:
    for name in _SERVER_USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    command = ["useradd", "--system", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/bin/false"]
    try:
        subprocess.run([*command, _NEW_USER], check=True, capture_output=True, text=True)
        return pwd.getpwnam(_NEW_USER)
    except (OSError, subprocess.CalledProcessError, KeyError) as error:
        cause = getattr(error, "stderr", "") or str(error)
        raise EmbeddedError(
            f"PostgreSQL refuses to run as root, and the user {_NEW_USER} could not be made: {cause.strip()}. "
            f"Make it by hand ({' '.join([*command, _NEW_USER])}), or run as another user, or set DATABASE_URL."
        ) from error


def let_pass(directory: Path, uid: int, gid: int) -> None:
    """Let the server's user walk through to `directory`: pass (x) is added where missing, reading never is."""
    for path in (*reversed(directory.parents), directory):
        facts = path.stat()
        if facts.st_uid == uid:
            needed = stat.S_IXUSR
        elif facts.st_gid == gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not facts.st_mode & needed:
            _log.warning("letting %s pass through %s (mode %o)", user_name(uid), path, facts.st_mode & 0o7777 | needed)
            path.chmod(facts.st_mode & 0o7777 | needed)
