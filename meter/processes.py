"""A child process that cannot outlive its parent: its standard input is a pipe that closes however the parent ends."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

_log = logging.getLogger(__name__)

FLAG = "--with-parent"
# -P: a folder `api` that happens to lie in the working directory is not imported in place of ours.
PROGRAM = (sys.executable, "-P", "-m", "meter")
STOP_SECONDS = 40.0
SLOWEST_RESTART_SECONDS = 60.0
STEADY_SECONDS = 300.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def stop_event(*, with_parent: bool) -> asyncio.Event:
    """An event of the running loop, set by SIGTERM, SIGINT or SIGHUP, and with `with_parent` when the parent is gone.

    A process whose parent is gone has STOP_SECONDS to end by itself; then it is ended.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in _SIGNALS:
        loop.add_signal_handler(number, stop.set)
    if with_parent:
        descriptor = sys.stdin.fileno()

        def hear() -> None:
            if not os.read(descriptor, 4096):
                loop.remove_reader(descriptor)
                _end_soon()
                stop.set()

        loop.add_reader(descriptor, hear)
    return stop


def _end_soon() -> None:
    timer = threading.Timer(STOP_SECONDS, os._exit, (1,))
    timer.daemon = True
    timer.start()


async def start(arguments: Sequence[str], environ: Mapping[str, str]) -> asyncio.subprocess.Process:
    """Starts `meter ARGUMENTS --with-parent` as our child; it stops when we close its input, or die."""
    return await asyncio.create_subprocess_exec(
        *PROGRAM,
        *arguments,
        FLAG,
        stdin=asyncio.subprocess.PIPE,
        env=dict(environ),
        start_new_session=True,  # a Ctrl-C in the terminal is for us, who then stop it in order
    )


async def end(process: asyncio.subprocess.Process) -> int:
    """Closes the child's input and waits until it has stopped; kills it when it takes too long. Its exit code."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        return await asyncio.wait_for(process.wait(), STOP_SECONDS + 5)
    except TimeoutError:
        _log.error("process %d did not stop and is killed", process.pid)
        process.kill()
        return await process.wait()


async def keep(arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Keeps `meter ARGUMENTS` running until cancelled: started again when it ends, after ever longer pauses."""
    loop = asyncio.get_running_loop()
    pause = 1.0
    while True:
        began = loop.time()
        process = await start(arguments, environ)
        try:
            code = await process.wait()
        finally:
            await end(process)
        pause = 1.0 if loop.time() - began > STEADY_SECONDS else min(pause * 2, SLOWEST_RESTART_SECONDS)
        _log.error("`meter %s` ended by itself (exit code %d); starting it again in %.0f s", arguments[0], code, pause)
        await asyncio.sleep(pause)


@contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """An event for programs without a loop, set by SIGTERM, SIGINT or SIGHUP; what they did before comes back after."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
