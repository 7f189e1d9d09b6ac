"""HTML to PDF in a child process: bounded in time, memory and number, nothing to fetch, no secrets around it."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from weakref import WeakKeyDictionary

TIMEOUT_S = 30.0
MEMORY_BYTES = 1 << 30
AT_ONCE = 2
STDERR_SHOWN = 2000

_HOME = Path(__file__).parents[1]
# What fonts and their cache need; DATABASE_URL, keys and proxies stay with us.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "XDG_CACHE_HOME", "FONTCONFIG_FILE", "FONTCONFIG_PATH")
_COMMAND = (sys.executable, "-m", "dashboards.pdf_child")

_log = logging.getLogger(__name__)
_slots: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


class PdfError(Exception):
    """The PDF could not be made; the reason is in the log and, shortened, in the message."""


class PdfTimeoutError(PdfError):
    """The PDF took too long; the process that made it is gone."""


async def render_pdf(
    html: str, timeout_s: float = TIMEOUT_S, memory_bytes: int = MEMORY_BYTES, command: tuple[str, ...] = _COMMAND
) -> bytes:
    """Answer a self-contained HTML page as PDF. Waits while AT_ONCE others are being made; `timeout_s` counts after.

    Raises:
        PdfTimeoutError: not done within `timeout_s`.
        PdfError: the child failed, for example on memory, or answered something that is not a PDF.
    """
    loop = asyncio.get_running_loop()
    async with _slots.setdefault(loop, asyncio.Semaphore(AT_ONCE)):
        process = await _start((*command, str(memory_bytes), str(int(timeout_s) + 1)))
        try:
            async with asyncio.timeout(timeout_s):
                pdf, errors = await process.communicate(html.encode())
        except TimeoutError as error:
            raise PdfTimeoutError(f"The PDF was not done after {timeout_s:g} s.") from error
        finally:
            await _end(process)
    return _checked(pdf, errors.decode(errors="replace").strip(), process.returncode)


async def _start(command: tuple[str, ...]) -> Process:
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=_HOME, env=environment
    )


async def _end(process: Process) -> None:
    """Leave no process behind, whether we ran out of time or were cancelled."""
    if process.returncode is None:
        process.kill()
        await process.wait()


def _checked(pdf: bytes, errors: str, returncode: int | None) -> bytes:
    if returncode != 0 or not pdf.startswith(b"%PDF-"):
        _log.error("PDF failed with status %s: %s", returncode, errors[-STDERR_SHOWN:])
        reason = errors.splitlines()[-1][:200] if errors else f"status {returncode}"
        raise PdfError(f"The PDF could not be made: {reason}")
    if errors:
        _log.warning("PDF made, with remarks: %s", errors[-STDERR_SHOWN:])
    return pdf
