"""Any store and any source, in both modes, held against a plain dictionary of what should count; and taken back."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meter.backfill.model import Mode
from meter.backfill.work import Pace
from meter.labels import Filter
from meter.model import Event
from tests.contract.backfilling import begun, bring, done, hours
from tests.contract.correcting import broken, change, counted, named
from tests.contract.place import NOW, Place, ask, make_team, send
from tests.contract.test_corrections_model import EVENTS, SAMPLES, parts, time_of
from tests.contract.test_corrections_model import Step as Sent
from tests.contract.test_corrections_model import event as event_of

ELSEWHERE = timedelta(hours=2)
SPAN = (NOW - timedelta(days=1), NOW + timedelta(minutes=1))
Spot = tuple[int, bool]
"""Which event, and whether at its other time."""


class Said(NamedTuple):
    """What is said of an event."""

    quantity: int
    member: str
    elsewhere: bool
    voided: bool


class Case(NamedTuple):
    """What is stored, what the source says, and how it is done."""

    stored: dict[int, Said]
    source: dict[int, Said]
    mode: Mode
    member: str | None
    rows: int
    refreshed: bool


SAID = st.builds(
    Said, st.integers(1, 2), st.sampled_from(["ann", "bob"]), st.booleans(), st.integers(0, 3).map(lambda n: n == 0)
)
SETS = st.dictionaries(st.integers(0, EVENTS + SAMPLES - 1), SAID)
CASES = st.builds(
    Case,
    SETS,
    SETS,
    st.sampled_from(["replace", "replace", "add"]),
    st.sampled_from([None, None, "ann"]),
    st.sampled_from([1, 2, 100]),
    st.booleans(),
)


def spot(number: int, said: Said) -> Spot:
    """Answer where an event is said to be: samples stay where they are."""
    return number, said.elsewhere and number < EVENTS


def event(number: int, said: Said) -> Event:
    """Answer the event that says so."""
    made = event_of(Sent("send", number, said.quantity, said.member))
    if not spot(number, said)[1]:
        return made
    return Event(
        id=made.id, time=time_of(number) - ELSEWHERE, meter="requests", quantity=made.quantity, member=made.member
    )


def expected(case: Case) -> dict[Spot, Said]:
    """Answer what counts once it is applied."""
    there = {spot(number, said): said for number, said in case.stored.items()}
    counts = {at: said for at, said in there.items() if not said.voided}
    source = {spot(n, said): said for n, said in case.source.items() if case.member in (None, said.member)}
    if case.mode == "add":
        numbers = {number for number, _ in counts}
        return counts | {at: said for at, said in source.items() if at not in there and at[0] not in numbers}
    stays = {at: said for at, said in counts.items() if case.member not in (None, said.member)}
    return stays | source


def sums(counts: dict[Spot, Said]) -> dict[tuple[str, str, datetime], tuple[int, Decimal]]:
    """Answer events and sum by meter, member and hour."""
    events: Counter[tuple[str, str, datetime]] = Counter()
    totals: dict[tuple[str, str, datetime], Decimal] = defaultdict(Decimal)
    for (number, elsewhere), said in counts.items():
        for meter, time, quantity in parts(number, said.quantity):
            at = time - ELSEWHERE if elsewhere else time
            key = meter, said.member, at.replace(minute=0, second=0, microsecond=0)
            events[key] += 1
            totals[key] += quantity
    return {key: (events[key], totals[key]) for key in events}


async def found(place: Place) -> dict[tuple[str, str, datetime], tuple[int, Decimal]]:
    """Answer what counts, by meter, member and hour."""
    return {(row.meter, str(row.member), row.hour): (row.events, row.total) for row in await counted(place)}


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=CASES)
async def test_usage_equals_the_model_and_comes_back(place: Place, case: Case) -> None:
    """Applied it is what the model says, as was compared; taken back it is what was there, to the digit."""
    async with place.pool.connection() as conn:
        team, caller = await make_team(conn)
    here = place._replace(team=team, caller=caller)
    for number, said in case.stored.items():
        await send(here, event(number, said))
        if said.voided:
            await change(here, [named(f"e{number}")])
    if case.refreshed:
        async with place.pool.connection() as conn:
            await ask(conn, "refresh")
    before = await found(here)
    filters = () if case.member is None else (Filter("member", "in", (case.member,)),)
    made = await begun(here, SPAN, "requests", "cpu", mode=case.mode, filters=filters)
    brought = {n: said for n, said in case.source.items() if case.member in (None, said.member)}
    for number in range(0, 1 + max(case.source, default=0), 2):  # two by two
        some = [event(n, case.source[n]) for n in (number, number + 1) if n in case.source]
        if some:
            await bring(here, made, some)
    pace = Pace(20.0, 0.0, case.rows)
    would = await done(here, made, "compare", pace)
    assert would.source == len(brought)
    assert (await done(here, made, "apply", pace)).effect == would.effect
    after = sums(expected(case))
    assert await found(here) == after
    moved = {(hour.meter, hour.start) for hour in await hours(here, made)}
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert {(meter, hour) for meter, _, hour in changed} <= moved
    assert await broken(here) == []
    await done(here, made, "undo", pace)
    assert await found(here) == before
    assert await broken(here) == []
