"""Void, amend, late, backfill: each done to a night of November, and what must be seen then, worked out by hand.

By cloud/payg a core-hour is 0.05 after 744 that are free, and a GB 0.01; members share a line by what they used, to the
cent. November is open when it is done; October has a little usage of its own, and is billed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import pytest

from meter.corrections.decide import Amendment
from meter.corrections.find import Query
from meter.errors import RawDataGone
from meter.labels import Filter
from meter.model import Event
from tests.contract.backfilling import begun, bring, done
from tests.contract.correcting import change, named, put_back
from tests.contract.following import Seen, to_see
from tests.contract.place import Place, send


def at(text: str) -> datetime:
    """Answer an instant of 2026, as in `11-03T22:10`."""
    return datetime.fromisoformat(f"2026-{text}:00+00:00")


def transfer(id_: str, time: str, member: str, gigabytes: str) -> Event:
    """Answer an event of the meter that is added up."""
    return Event(id=id_, time=at(time), meter="network", member=member, quantity=Decimal(gigabytes))


def cores(id_: str, end: str, member: str, level: str, minutes: int) -> Event:
    """Answer a sample of the time-weighted meter: a level held until `end`."""
    seconds = Decimal(minutes * 60)
    return Event(id=id_, time=at(end), meter="cpu", member=member, quantity=Decimal(level), duration_seconds=seconds)


BILLED = (at("10-14T10:00"), at("10-14T13:00"))
NIGHT = (at("11-03T23:00"), at("11-04T02:00"))
EVENING = (at("11-03T22:00"), NIGHT[1])

OLD = [
    transfer("o1", "10-14T10:05", "ann", "500"),
    cores("o2", "10-14T12:00", "bob", "1000", 60),
    transfer("o3", "10-30T09:00", "ann", "20"),  # a chunk may keep it although it lies before the floor
]
N1 = transfer("n1", "11-03T22:10", "ann", "1000.5")
N2 = transfer("n2", "11-03T22:40", "bob", "402.5")
N3 = transfer("n3", "11-03T23:50", "ann", "650")
N4 = transfer("n4", "11-04T09:05", "bob", "333.333333333333")
C1 = cores("c1", "11-04T01:00", "ann", "400", 120)  # over midnight
C2 = cores("c2", "11-04T10:30", "bob", "100", 90)

BEFORE = to_see(
    hours="""
    3T23 cpu ann 400
    4T00 cpu ann 400
    4T09 cpu bob 100
    4T10 cpu bob 50
    3T22 network ann 1000.5
    3T22 network bob 402.5
    3T23 network ann 650
    4T09 network bob 333.333333333333
    """,
    days="""
    3 cpu 400
    4 cpu 550
    3 network 2053
    4 network 333.333333333333
    """,
    members="""
    whole cpu ann 800
    whole cpu bob 150
    whole network ann 1650.5
    whole network bob 735.833333333333
    """,
    invoice="""
    cpu 950 10.30: ann 8.67, bob 1.63
    network 2386.333333333333 23.86: ann 16.50, bob 7.36
    ann 25.17: cpu 800, network 1650.5
    bob 8.99: cpu 150, network 735.833333333333
    total 34.16
    """,
)
OLD_USAGE = to_see(
    hours="""
    14T11 cpu bob 1000
    14T10 network ann 500
    30T09 network ann 20
    """,
    days="""
    14 cpu 1000
    14 network 500
    30 network 20
    """,
    members="""
    whole cpu bob 1000
    whole network ann 520
    """,
    invoice="""
    cpu 1000 12.80: bob 12.80
    network 520 5.20: ann 5.20
    ann 5.20: network 520
    bob 12.80: cpu 1000
    total 18.00
    """,
)


Undo = Callable[[], Awaitable[object]]


async def void(place: Place) -> Undo:
    """Void what ann used that night, by a query: a transfer, and a sample over midnight."""
    made = await change(place, Query(*NIGHT, (), (Filter("member", "in", ("ann",)),)))
    return lambda: put_back(place, made.public_id)


async def void_refused(place: Place) -> None:
    """Refuse a query that begins where raw events are gone, wherever it ends."""
    for span in (BILLED, (BILLED[0], NIGHT[1]), (at("10-30T00:00"), NIGHT[1])):
        with pytest.raises(RawDataGone):
            await change(place, Query(*span))


VOID = to_see(
    hours="""
    4T09 cpu bob 100
    4T10 cpu bob 50
    3T22 network ann 1000.5
    3T22 network bob 402.5
    4T09 network bob 333.333333333333
    """,
    days="""
    4 cpu 150
    3 network 1403
    4 network 333.333333333333
    """,
    members="""
    whole cpu bob 150
    whole network ann 1000.5
    whole network bob 735.833333333333
    """,
    invoice="""
    cpu 150 0.00: bob 0.00
    network 1736.333333333333 17.36: ann 10.00, bob 7.36
    ann 10.00: network 1000.5
    bob 7.36: cpu 150, network 735.833333333333
    total 17.36
    """,
)
VOID_CHANGED = """
    3T23 cpu: 4 from 400 to 0
    3T23 network: 1 from 650 to 0
    4T00 cpu: 4 from 400 to 0
"""
VOID_UNDONE = """
    3T23 cpu: 4 from 0 to 400
    3T23 network: 1 from 0 to 650
    4T00 cpu: 4 from 0 to 400
"""


async def amend(place: Place) -> Undo:
    """Amend quantity and member of both by their names: it was bob, and it was 500."""
    names = [named("n3", time=N3.time), named("c1", time=C1.time)]
    made = await change(place, names, Amendment(quantity=Decimal(500), member="bob"))
    return lambda: put_back(place, made.public_id)


async def amend_refused(place: Place) -> None:
    """Refuse names that were there, beside one that is there still."""
    for old in OLD:
        names = [named("n3", time=N3.time), named(str(old.id), time=old.time)]
        with pytest.raises(RawDataGone):
            await change(place, names, Amendment(quantity=Decimal(500), member="bob"))


AMEND = to_see(
    hours="""
    3T23 cpu bob 500
    4T00 cpu bob 500
    4T09 cpu bob 100
    4T10 cpu bob 50
    3T22 network ann 1000.5
    3T22 network bob 402.5
    3T23 network bob 500
    4T09 network bob 333.333333333333
    """,
    days="""
    3 cpu 500
    4 cpu 650
    3 network 1903
    4 network 333.333333333333
    """,
    members="""
    whole cpu bob 1150
    whole network ann 1000.5
    whole network bob 1235.833333333333
    """,
    invoice="""
    cpu 1150 20.30: bob 20.30
    network 2236.333333333333 22.36: ann 10.00, bob 12.36
    ann 10.00: network 1000.5
    bob 32.66: cpu 1150, network 1235.833333333333
    total 42.66
    """,
)
AMEND_CHANGED = """
    3T23 cpu: 4 from 400 to 500
    3T23 network: 1 from 650 to 500
    4T00 cpu: 4 from 400 to 500
"""
AMEND_UNDONE = """
    3T23 cpu: 4 from 500 to 400
    3T23 network: 1 from 500 to 650
    4T00 cpu: 4 from 500 to 400
"""


async def late(place: Place) -> None:
    """Send what carol used two weeks ago, in hours that are rolled up; sent again it counts once."""
    events = [transfer("n5", "11-03T22:20", "carol", "77.7"), cores("c3", "11-04T00:15", "carol", "10", 30)]
    assert (await send(place, *events)).accepted == 2
    assert (await send(place, *events)).duplicates == 2


async def late_refused(place: Place) -> None:
    """Refuse what lies before the raw events that are kept, new or sent again; of a sample every part."""
    receipt = await send(place, *OLD, transfer("n5", "10-14T10:20", "carol", "77.7"))
    assert (receipt.accepted, receipt.duplicates, [each.code for each in receipt.rejected]) == (0, 0, ["too_late"] * 4)


LATE = to_see(
    hours="""
    3T23 cpu ann 400
    3T23 cpu carol 2.5
    4T00 cpu ann 400
    4T00 cpu carol 2.5
    4T09 cpu bob 100
    4T10 cpu bob 50
    3T22 network ann 1000.5
    3T22 network bob 402.5
    3T22 network carol 77.7
    3T23 network ann 650
    4T09 network bob 333.333333333333
    """,
    days="""
    3 cpu 402.5
    4 cpu 552.5
    3 network 2130.7
    4 network 333.333333333333
    """,
    members="""
    whole cpu ann 800
    whole cpu bob 150
    whole cpu carol 5
    whole network ann 1650.5
    whole network bob 735.833333333333
    whole network carol 77.7
    """,
    invoice="""
    cpu 955 10.55: ann 8.84, bob 1.66, carol 0.05
    network 2464.033333333333 24.64: ann 16.50, bob 7.36, carol 0.78
    ann 25.34: cpu 800, network 1650.5
    bob 9.02: cpu 150, network 735.833333333333
    carol 0.83: cpu 5, network 77.7
    total 35.19
    """,
)
LATE_CHANGED = """
    3T22 network: 1 came 77.7
    3T23 cpu: 1 came 2.5
    4T00 cpu: 1 came 2.5
"""


async def backfill(place: Place) -> Undo:
    """Replace the evening: n3 was not, n6 was missing, c1 had another level, the rest was right."""
    made = await begun(place, EVENING, "cpu", "network")
    source = [N1, N2, transfer("n6", "11-03T23:20", "carol", "25"), cores("c1", "11-04T01:00", "ann", "401", 120)]
    assert (await bring(place, made, source)).accepted == 4
    would = await done(place, made, "compare")
    assert (would.added, would.amended, would.voided, would.same, would.conflicts) == (1, 1, 1, 2, 0)
    assert (await done(place, made, "apply")).effect == would.effect
    return lambda: done(place, made, "undo")


async def backfill_refused(place: Place) -> None:
    """Refuse a range that begins where raw events are gone, wherever it ends."""
    for span in (BILLED, (BILLED[0], NIGHT[1]), (at("10-30T00:00"), NIGHT[1])):
        with pytest.raises(RawDataGone):
            await begun(place, span, "cpu", "network")


BACKFILL = to_see(
    hours="""
    3T23 cpu ann 401
    4T00 cpu ann 401
    4T09 cpu bob 100
    4T10 cpu bob 50
    3T22 network ann 1000.5
    3T22 network bob 402.5
    3T23 network carol 25
    4T09 network bob 333.333333333333
    """,
    days="""
    3 cpu 401
    4 cpu 551
    3 network 1428
    4 network 333.333333333333
    """,
    members="""
    whole cpu ann 802
    whole cpu bob 150
    whole network ann 1000.5
    whole network bob 735.833333333333
    whole network carol 25
    """,
    invoice="""
    cpu 952 10.40: ann 8.76, bob 1.64
    network 1761.333333333333 17.61: ann 10.00, bob 7.36, carol 0.25
    ann 18.76: cpu 802, network 1000.5
    bob 9.00: cpu 150, network 735.833333333333
    carol 0.25: network 25
    total 28.01
    """,
)
BACKFILL_CHANGED = """
    3T23 cpu: 4 from 400 to 401
    3T23 network: 1 came 25 1 from 650 to 0
    4T00 cpu: 4 from 400 to 401
"""
BACKFILL_UNDONE = """
    3T23 cpu: 4 from 401 to 400
    3T23 network: 2 from 25 to 650
    4T00 cpu: 4 from 401 to 400
"""


class Act(NamedTuple):
    """Something that changes usage of the past.

    `do` does it to the open period and answers how to take it back, None where that can't be; `refused` tries the same
    where raw events are gone. Then `seen` must be seen, `changed` be said to have changed, `made` be in the history;
    and once it is taken back `undone` be said to have changed, and `unmade` be in the history.
    """

    do: Callable[[Place], Awaitable[Undo | None]]
    refused: Callable[[Place], Awaitable[None]]
    seen: Seen
    changed: str
    made: list[str]
    undone: str = ""
    unmade: Sequence[str] = ()


MADE = [f"{each} 1: the collector was broken" for each in ("amend", "void")]
UNMADE = [f"{each} 1: the collector was broken" for each in ("void", "undo", "undo")] + MADE
VOIDED, AMENDED, AGAIN = "void 2: a mistake", "amend 2: a mistake", "undo 2: a mistake of the mistake"
ACTS = {
    "void": Act(void, void_refused, VOID, VOID_CHANGED, [VOIDED], VOID_UNDONE, [AGAIN, VOIDED]),
    "amend": Act(amend, amend_refused, AMEND, AMEND_CHANGED, [AMENDED], AMEND_UNDONE, [AGAIN, AMENDED]),
    "late": Act(late, late_refused, LATE, LATE_CHANGED, []),
    "backfill": Act(backfill, backfill_refused, BACKFILL, BACKFILL_CHANGED, MADE, BACKFILL_UNDONE, UNMADE),
}


async def void_billed(place: Place) -> Undo:
    """Void what is billed of a day; the answer names the invoice."""
    made = await change(place, Query(*BILLED))
    assert [each.number for each in made.moved.invoices] == ["HM-000001"]
    return lambda: put_back(place, made.public_id)


async def amend_billed(place: Place) -> Undo:
    """Amend what is billed of a day; the answer names the invoice."""
    names = [named("o1", time=OLD[0].time), named("o2", time=OLD[1].time)]
    made = await change(place, names, Amendment(quantity=Decimal(900), member="carol"))
    assert [each.number for each in made.moved.invoices] == ["HM-000001"]
    return lambda: put_back(place, made.public_id)


async def late_billed(place: Place) -> None:
    """Send what comes after the bill."""
    assert (await send(place, transfer("o5", "10-14T10:20", "carol", "77.7"))).accepted == 1


async def backfill_billed(place: Place) -> Undo:
    """Replace the transfer by another one."""
    made = await begun(place, BILLED, "cpu", "network")
    assert (await bring(place, made, [transfer("o4", "10-14T12:30", "carol", "25"), OLD[1]])).accepted == 2
    await done(place, made, "compare")
    await done(place, made, "apply")
    return lambda: done(place, made, "undo")


class BilledAct(NamedTuple):
    """The same done to what is billed, and usage by member then."""

    do: Callable[[Place], Awaitable[Undo | None]]
    members: list[str]


BILLED_ACTS = {
    "void": BilledAct(void_billed, ["whole network ann 20"]),
    "amend": BilledAct(amend_billed, ["whole cpu carol 900", "whole network ann 20", "whole network carol 900"]),
    "late": BilledAct(late_billed, ["whole cpu bob 1000", "whole network ann 520", "whole network carol 77.7"]),
    "backfill": BilledAct(backfill_billed, ["whole cpu bob 1000", "whole network ann 20", "whole network carol 25"]),
}
