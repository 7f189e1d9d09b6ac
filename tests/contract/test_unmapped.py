"""What no rule takes is listed by name, for ever counted and never without bound."""

from __future__ import annotations

import pytest

from meter.mapping import unmapped
from meter.mapping.route import NO_RULE
from meter.mapping.unmapped import OTHERS, Left, note
from tests.contract.place import NOW, Place


def left(*names: str) -> list[Left]:
    """Answer three points of each name."""
    return [Left(name, NO_RULE, 3, "By", {"host": "h\0"}) for name in names]


async def test_names_are_counted_and_bounded(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that were listed go on being counted; what comes after the last is counted as one."""
    monkeypatch.setattr(unmapped, "MOST_NAMES", 3)
    async with place.pool.connection() as conn:
        await note(conn, place.team.id, "otlp", left("a", "b", "a"), NOW)
        await note(conn, place.team.id, "otlp", left("c", "a"), NOW)
        await note(conn, place.team.id, "otlp", left("d", "a", "e"), NOW)
        await note(conn, place.team.id, "otlp", left("e\0"), NOW)
        found = await unmapped.unmapped(conn, place.team.id, ("", "", ""), 10)
    assert {each.name: each.points for each in found} == {OTHERS: 9, "a": 12, "b": 3, "c": 3}
    assert found[0].labels == {"host": "h"}
