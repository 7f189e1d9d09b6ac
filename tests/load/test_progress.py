"""How far, how fast, how long still: on a terminal as a bar, elsewhere as lines."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from meter.load import progress
from meter.load.progress import Shown, clock


@pytest.mark.parametrize("terminal", [False, True])
def test_rows_rate_size_and_time_left(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> None:
    """Half of a file: its rows, a rate, megabytes of all, and time left; what is said stands among it."""
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    text = io.StringIO()
    with Shown("usage.csv", 10_000_000, None, Console(file=text, force_terminal=terminal, width=200)) as shown:
        shown.at(1_000, 2_500_000)
        shown.say("the service answers 503; trying again in 0.4 s")
        shown.at(2_000, 5_000_000)
    found = text.getvalue()
    assert re.search(r"2,000 rows · [0-9,]+ rows/s · 5\.0 of 10\.0 MB", found)
    assert re.search(r"50(\.0)?%", found)
    assert re.search(r"\d:\d\d:\d\d left" if not terminal else r"-:--:--|\d:\d\d:\d\d", found)
    assert "trying again in 0.4 s" in found
    assert ("━" in found) == terminal


def test_clock() -> None:
    """Seconds as people read them."""
    assert [clock(seconds) for seconds in (0.4, 59.6, 3661)] == ["0:00:00", "0:01:00", "1:01:01"]
