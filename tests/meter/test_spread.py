"""Which quarters a batch touches, told from few of its rows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meter.store import spread


@given(st.lists(st.one_of(st.integers(-50, 50), st.integers(-(10**6), 10**6))), st.sampled_from([1, 7, 900]))
def test_spread_finds_every_step_once_in_order(times: list[int], width: int) -> None:
    """As if each row had been asked, before 2000 too."""
    rows = [(time, b"", 0, b"") for time in sorted(times)]
    assert spread(rows, width) == sorted({time // width for time in times})
