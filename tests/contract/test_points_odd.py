"""Points that change what they are under way: members, starts, kinds, rules and meters; many at once, and kills."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from meter import telemetry
from meter.mapping.route import Mapped, Named, route
from meter.mapping.rules import Rule
from meter.points import close, write
from meter.points.close import close_gaps
from meter.points.take import Points
from meter.streams import Description, Telemetry
from meter.telemetry import Intake, kinds_of
from tests.contract.place import NOW, PAST_DAYS, Place, ask
from tests.contract.test_points import GAP_US, START, by_quarter, expected, part, send, stream, target
from tests.contract.test_team_meters import changed, made, said

DAY_S = 86_400


def of(way: Mapped, member: str) -> Mapped:
    """Answer the same target, of another member."""
    return way._replace(series=way.series._replace(member=member))


async def total(place: Place) -> Decimal:
    """Answer all that is counted, after checking the views."""
    return sum((await by_quarter(place)).values(), Decimal(0))


async def test_members_of_equal_labels_are_streams_of_their_own(place: Place) -> None:
    """Whether they are known or not: nobody's counter falls to another's value."""
    points = Points(place.pool, PAST_DAYS)
    bodies = {
        "ann": stream([(0, 1000), (30, 1010), (60, 1020), (90, 1030)]),
        "bob": stream([(10, 500), (40, 505), (70, 510), (100, 515)]),
    }
    for number in range(4):
        for member, whole in bodies.items():
            place_of = place._replace(caller=msgspec.structs.replace(place.caller, member=member))
            await send(place_of, of(target("counter"), member), part(whole, slice(number, number + 1)), points=points)
    assert await total(place) == 30 + 15


async def test_a_delta_that_becomes_cumulative(place: Place) -> None:
    """What came since the last point says nothing about how far a counter is: its first value counts nothing."""
    await send(place, target("delta"), stream([(0, 5), (10, 5)]))
    await send(place, target("counter"), stream([(20, 100_000)]))
    await send(place, target("counter"), stream([(30, 100_001)]))
    assert await total(place) == 11
    await send(place, target("counter"), stream([(15, 99_999)]))  # late: now the one at 20 is known since when
    assert await total(place) == 12


async def test_starts_that_a_rule_trusts_from_now_on(place: Place) -> None:
    """Those before the last point go on with what was counted; one after it is a restart, and counts whole."""
    await send(place, target("counter", trusts_starts=False), stream([(0, 100_000), (10, 100_010)], start_s=-1000))
    assert await total(place) == 10
    for _ in range(2):
        await send(place, target("counter"), stream([(20, 100_020)], start_s=-1000))
        assert await total(place) == 20
    await send(place, target("counter"), stream([(40, 7)], start_s=30))
    assert await total(place) == 27
    await send(place, target("counter"), stream([(50, 9)], start_s=30))
    assert await total(place) == 29


async def test_a_meter_that_bills_otherwise_from_now_on(place: Place) -> None:
    """Streams that are known count by its new rules at once, in this process too."""
    meter = await made(place, said("calls.made", dimensions=["status"], billable=True))
    points = Points(place.pool, PAST_DAYS)

    async def counts(value: int, at: int) -> None:
        sent = msgspec.structs.replace(stream([(at, value)]), labels={"status": "500"})
        rule = Rule(metric="s", meter=meter.slug, dimensions={"status": "{status}"})
        way = route(sent, [Named("r", rule)], {meter.slug: meter}, None, None)
        assert isinstance(way, Mapped)
        await send(place, way, sent, points=points)

    await counts(10, 0)
    await counts(20, 10)
    meter = await changed(place, meter.slug, billable_statuses=("2xx",))
    await counts(30, 20)
    assert [(billable, int(total)) for _, billable, _, total in await by_series(place)] == [(False, 10), (True, 10)]


async def by_series(place: Place) -> list[tuple[Any, ...]]:
    """Answer dimensions, billable, events and total of each series."""
    async with place.pool.connection() as conn:
        return await ask(conn, "sum_by_series")


class KilledError(Exception):
    """The process ends here."""


async def test_long_gaps_are_written_bit_by_bit(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that comes to more rows than one transaction takes is committed in several; sent again, it counts once."""
    monkeypatch.setattr(write, "MAX_ROWS", 200)
    way = target("level", rule="zero")
    bodies = [stream([(-DAY_S, 4), (0, number)], f"s{number}") for number in range(10)]
    real, rows = write._store, []  # of each transaction

    async def killed(*given: Any) -> None:
        rows.append(sum(len(revision.rows) for revision in given[2].values()))
        if len(rows) == 3:
            raise KilledError
        await real(*given)

    monkeypatch.setattr(write, "_store", killed)
    with pytest.raises(KilledError):
        await send(place, way, *bodies)
    tally = await send(place, way, *bodies)
    assert (tally.accepted, tally.duplicates) == (8, 12)
    assert len([each for each in rows if each]) == 5  # one of which was killed
    assert max(rows) <= 200 + 100
    assert await by_quarter(place) == expected(way, bodies)


async def test_late_refusals_are_told_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many transactions a body takes."""
    way = target("counter")
    bodies = [stream([(0, 1), (30, 2)], f"s{number}") for number in range(5)]
    await send(place, way, *bodies)
    monkeypatch.setattr(write, "MAX_ROWS", 1)
    odd = [stream([(0, 1), (30, 9), (60, 3), (90, 4), (-8 * DAY_S, 1)], f"s{number}") for number in range(5)]
    tally = await send(place, way, *odd)
    assert (tally.accepted, tally.duplicates) == (10, 5)
    told = Counter({code: 0 for _, _, code, _ in tally.refused})
    for (_, _, code, _), number in tally.refused.items():
        told[code] += number
    assert told == {"id_conflict": 5, "too_late": 5}


async def test_many_levels_are_closed_bit_by_bit(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once, all that are due."""
    monkeypatch.setattr(close, "MAX_ROWS", 2)
    way = target("level")
    bodies = [stream([(0, number)], f"s{number}") for number in range(10)]
    await send(place, way, *bodies)
    real, times = write.write_usage, []

    async def counted(*given: Any) -> None:
        times.append(len(given[3]))
        await real(*given)

    monkeypatch.setattr(close, "write_usage", counted)
    due = START + timedelta(microseconds=GAP_US)
    async with place.pool.connection() as conn:
        assert await close_gaps(conn, due - timedelta(seconds=1)) == 0
        assert await close_gaps(conn, due) == 10
        assert await close_gaps(conn, due) == 0
    assert times == [3, 3, 3, 1]
    assert await by_quarter(place) == expected(way, bodies, closed=True)


async def test_descriptions_are_bounded(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are kept may change; no more come once there are as many as may be."""
    monkeypatch.setattr(telemetry, "MOST_NAMES", 3)

    async def says(*names: str, kind: Any = "counter") -> dict[str, str]:
        described = [Description(name, kind, "", "") for name in names]
        intake = Intake(place.pool, PAST_DAYS)
        await intake.take(place.team, place.caller, "otlp", Telemetry([], [], described), NOW)
        async with place.pool.connection() as conn:
            return dict(await kinds_of(conn, place.team.id, "otlp"))

    assert set(await says("a", "b", "c")) == {"a", "b", "c"}
    assert await says("d", "a", "e", kind="gauge") == {"a": "gauge", "b": "counter", "c": "counter"}
    assert await says("d", kind="gauge") == {"a": "gauge", "b": "counter", "c": "counter"}
