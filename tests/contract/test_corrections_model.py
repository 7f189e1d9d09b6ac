"""Any sequence of sends, replays, corrections and undos, held against a plain dictionary of what should count."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meter.corrections.decide import Amendment
from meter.errors import CorrectionSuperseded, CorrectionUndone, NotFound
from meter.facts import instant, microseconds
from meter.model import Event
from meter.segments import split
from tests.contract.correcting import change, counted, named, put_back
from tests.contract.place import NOW, Place, ask, make_team, send

EVENTS, SAMPLES = 4, 3
HELD_S = 4_000
HELD_US = HELD_S * 1_000_000
Members = Literal["ann", "bob"]


class State(NamedTuple):
    """What an event says."""

    quantity: int
    member: str
    voided: bool = False


class Step(NamedTuple):
    """Something to do to the event of a number, or to the correction of a number."""

    what: Literal["send", "void", "quantity", "member", "undo", "refresh"]
    number: int
    quantity: int
    member: str


STEPS = st.builds(
    Step,
    st.sampled_from(["send", "send", "send", "void", "quantity", "member", "undo", "undo", "refresh"]),
    st.integers(0, EVENTS + SAMPLES - 1),
    st.integers(1, 3),
    st.sampled_from(["ann", "bob"]),
)


@dataclass
class Model:
    """What is stored, how it was sent and amended, and what each correction did: number, before and after."""

    now: dict[int, State] = field(default_factory=dict)
    were: dict[int, set[State]] = field(default_factory=lambda: defaultdict(set))
    made: list[tuple[UUID | None, int, State, State]] = field(default_factory=list)
    undone: set[int] = field(default_factory=set)

    def counts(self) -> dict[tuple[str, str, datetime], tuple[int, Decimal]]:
        """Answer events and sum by meter, member and hour."""
        events: Counter[tuple[str, str, datetime]] = Counter()
        sums: dict[tuple[str, str, datetime], Decimal] = defaultdict(Decimal)
        for number, state in self.now.items():
            if not state.voided:
                for meter, time, quantity in parts(number, state.quantity):
                    key = meter, state.member, time.replace(minute=0, second=0, microsecond=0)
                    events[key] += 1
                    sums[key] += quantity
        return {key: (events[key], sums[key]) for key in events}


def parts(number: int, quantity: int) -> list[tuple[str, datetime, Decimal]]:
    """Answer what the event of a number comes to: meter, time and quantity of each of its rows."""
    if number < EVENTS:
        return [("requests", time_of(number), Decimal(quantity))]
    end = microseconds(time_of(number))
    return [("cpu", instant(each.end_us - 1), each.quantity) for each in split(Decimal(quantity), end - HELD_US, end)]


def time_of(number: int) -> datetime:
    """Answer when the event of a number was; one sample ends on a quarter's edge."""
    if number == EVENTS:
        return NOW.replace(minute=0, second=0)
    return NOW - timedelta(minutes=17 * number)


def event(step: Step) -> Event:
    """Answer the event of a step, a sample held for more than an hour from EVENTS on."""
    meter, held = ("requests", None) if step.number < EVENTS else ("cpu", Decimal(HELD_S))
    return Event(
        id=f"e{step.number}",
        time=time_of(step.number),
        meter=meter,
        quantity=Decimal(step.quantity),
        member=step.member,
        duration_seconds=held,
    )


async def sent(place: Place, model: Model, step: Step) -> None:
    """Send or replay."""
    receipt = await send(place, event(step))
    said = State(step.quantity, step.member)
    state = model.now.get(step.number)
    if state is None:
        model.now[step.number] = said
        assert receipt.accepted == 1
    elif said in {state._replace(voided=False), *model.were[step.number]}:
        assert receipt.duplicates == 1
    else:
        assert [each.code for each in receipt.rejected] == ["id_conflict"]


async def corrected(place: Place, model: Model, step: Step) -> None:
    """Void or amend."""
    old = model.now.get(step.number)
    new, amendment = {
        "void": (old and old._replace(voided=True), None),
        "quantity": (old and old._replace(quantity=step.quantity), Amendment(quantity=Decimal(step.quantity))),
        "member": (old and old._replace(member=step.member), Amendment(member=step.member)),
    }[step.what]
    try:
        made = await change(place, [named(f"e{step.number}")], amendment)
    except NotFound:
        assert old is None or old.voided or old == new
        return
    assert old is not None
    assert new is not None
    assert not old.voided
    model.made.append((made.public_id, step.number, old, new))
    model.were[step.number].add(old._replace(voided=False))
    model.now[step.number] = new


async def undone(place: Place, model: Model, step: Step) -> None:
    """Undo."""
    if not model.made:
        return
    which = step.number % len(model.made)
    public_id, number, old, new = model.made[which]
    try:
        await put_back(place, public_id)
    except CorrectionUndone:
        assert which in model.undone
        return
    except CorrectionSuperseded:
        assert model.now[number] != new
        return
    assert model.now[number] == new
    model.undone.add(which)
    model.now[number] = old


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=4, max_size=24))
async def test_usage_equals_the_model_after_any_steps(place: Place, steps: list[Step]) -> None:
    """By meter, member and hour, after each step's fate was as the model says."""
    async with place.pool.connection() as conn:
        team, caller = await make_team(conn)
    here = place._replace(team=team, caller=caller)
    model = Model()
    for step in steps:
        if step.what == "refresh":
            async with place.pool.connection() as conn:
                await ask(conn, "refresh")
        else:
            await {"send": sent, "undo": undone}.get(step.what, corrected)(here, model, step)
    found = {(row.meter, str(row.member), row.hour): (row.events, row.total) for row in await counted(here)}
    assert found == model.counts()
