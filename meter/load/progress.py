"""How far, how fast, how long still? A bar on a terminal, a line now and then elsewhere; on standard error."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

LINE_EVERY_S = 5.0
MEGABYTE = 1_000_000


class Shown:
    """Progress of one file. `rows` are counted over all runs, the rate over this one."""

    def __init__(self, name: str, size: int, whole_rows: int | None, console: Console | None = None) -> None:
        """A file of `size` bytes and, where that is known, `whole_rows` rows."""
        self._console = console or Console(stderr=True)
        self._size, self._rows_in_all = size, whole_rows
        self._first: int | None = None
        self._before = 0.0
        self._began = self._last = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task(name, total=1.0, figures="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        """A line above the bar."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def at(self, rows: int, done_bytes: int) -> None:
        """Shows that so many rows and bytes are acknowledged."""
        share = self._share(rows, done_bytes)
        now = time.monotonic()
        if self._first is None:
            self._first, self._before, self._began = rows, share, now
        rate = (rows - self._first) / max(now - self._began, 1e-6)
        done = share * self._size / MEGABYTE
        figures = f"{rows:,} rows · {rate:,.0f} rows/s · {done:,.1f} of {self._size / MEGABYTE:,.1f} MB"
        self._bar.update(self._task, completed=share, figures=figures)
        if self._bar.disable and now - self._last >= LINE_EVERY_S:
            self._last = now
            gained = share - self._before
            left = (1 - share) * (now - self._began) / gained if gained > 0 else 0.0
            self.say(f"{share:6.1%} · {figures} · {clock(left)} left")

    def _share(self, rows: int, done_bytes: int) -> float:
        done, whole = (rows, self._rows_in_all) if self._rows_in_all is not None else (done_bytes, self._size)
        return done / whole if whole else 1.0


def clock(seconds: float) -> str:
    """Seconds as h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def out(text: str) -> None:
    """Lines of the answer, on standard output."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
