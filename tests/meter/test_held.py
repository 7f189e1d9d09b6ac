"""In which ranges ids are looked at, and in how many parts: pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from meter.held.slices import HOUR, WIDE, Slice, Unlooked, parts, reach, slices
from meter.windows import QUARTER

START = datetime(2026, 11, 18, 23, 30, tzinfo=UTC)


def quarter(number: int, team_id: int = 1) -> Unlooked:
    """Answer a quarter by its place after START."""
    return Unlooked(team_id, START + number * QUARTER, [team_id * 1_000 + number])


def test_neighbours_are_looked_at_together() -> None:
    """Of one team and day; a gap, another day, another team begin anew."""
    found = list(slices([quarter(0), quarter(1), quarter(2), quarter(3), quarter(5), quarter(5, 2)]))
    assert found == [
        Slice(1, START, START + 2 * QUARTER, [1_000, 1_001]),
        Slice(1, START + 2 * QUARTER, START + 4 * QUARTER, [1_002, 1_003]),
        Slice(1, START + 5 * QUARTER, START + 6 * QUARTER, [1_005]),
        Slice(2, START + 5 * QUARTER, START + 6 * QUARTER, [2_005]),
    ]
    assert [(each.until - each.since) for each in slices(map(quarter, range(1, 7)), HOUR)] == [
        QUARTER,
        4 * QUARTER,
        QUARTER,
    ]


@given(st.integers(0, 200_000_000), st.uuids())
def test_every_id_is_in_one_part(events: int, some: UUID) -> None:
    """Whatever its value, the first and the last included."""
    found = parts(events)
    assert (found[0][0].int, found[-1][1].int) == (0, 2**128 - 1)
    assert len([1 for low, high in found if low <= some <= high]) == 1
    assert len(found) >= events / 1_000_000


def test_very_many_events_are_compared_with_fewer_days() -> None:
    """A small team with five weeks, the largest with one day."""
    assert reach(10_000, 300_000) == WIDE
    assert reach(3_000_000, 100_000_000) == WIDE
    assert reach(30_000_000, 1_000_000_000) == timedelta(days=1)
    assert timedelta(days=1) < reach(5_000_000, 170_000_000) < WIDE
