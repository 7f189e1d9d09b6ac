"""Which import is gone on with, and which is begun anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from meter.load.source import LoadError, Position
from meter.load.state import Fingerprint, State, begin, load, save

FILE = Fingerprint(9, 1, "content")


def state(key: str = "hm_one", source: str = "s", **more: object) -> State:
    """Answer the state of an import of one file."""
    return State(FILE, "http://127.0.0.1", key, "mapping", source, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("more", [{"sent": True}, {"position": Position(5, 50)}])
def test_what_may_be_stored_is_gone_on_with_as_it_was_begun(more: dict[str, object]) -> None:
    """Killed before the first answer too: under another key or source the rows would count twice."""
    kept = state(**more)  # type: ignore[arg-type]
    assert begin(kept, state()) is kept
    for other in (state(key="hm_two"), state(source="t")):
        with pytest.raises(LoadError, match="--restart"):
            begin(kept, other)


def test_what_was_refused_whole_or_is_done_is_begun_anew() -> None:
    """With any key and source."""
    now = state(key="hm_two", source="t")
    for kept in (None, state(), state(sent=True, done=True, position=Position(5, 50))):
        assert begin(kept, now) is now


def test_what_is_kept_is_what_was_saved(tmp_path: Path) -> None:
    """Down to the last field."""
    kept = state(sent=True, position=Position(5, 50))
    save(tmp_path / "state", kept)
    assert load(tmp_path / "state") == kept
