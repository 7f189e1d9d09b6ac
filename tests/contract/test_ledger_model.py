"""Any sequence of what may happen to a wallet, held against a plain dictionary: to the digit, at every instant."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meter.errors import CreditsRefused
from meter.ledger import acts, expire, history
from meter.ledger.accounts import Terms
from meter.ledger.acts import Deposit, Said
from meter.ledger.wallet import Burn, Short
from tests.contract.booking import House, housed
from tests.contract.place import NOW, Place

HOUR = timedelta(hours=1)
OWED = "owed"
Parts = dict[str, Decimal]
"""Amounts by where they lie: the number of a lot as text, or `owed:` and a meter."""


class Step(NamedTuple):
    """Something to do with an amount for a meter, to the lot, transaction or reservation of a number."""

    what: Literal["put", "use", "hold", "settle", "release", "take", "refund", "void", "reverse", "expire", "wait"]
    meter: str
    amount: Decimal
    number: int
    limited: bool
    hours: int


STEPS = st.builds(
    Step,
    st.sampled_from(
        [*["put", "use"] * 3, *["hold", "settle", "reverse", "wait"] * 2, "release", "take", "refund", "void", "expire"]
    ),
    st.sampled_from(["tokens", "storage"]),
    st.decimals("0.000001", "20", places=6),
    st.integers(0, 7),
    st.booleans(),
    st.integers(1, 9),
)


class ModelLot(NamedTuple):
    """A grant as it was given."""

    public_id: UUID
    bought: UUID
    priority: int
    starts: datetime
    ends: datetime | None
    meters: frozenset[str]


@dataclass
class Model:
    """What lies where (owed below zero), what is reserved of it, and every booking with its instant."""

    floor: Decimal
    now: datetime = NOW
    lots: list[ModelLot] = field(default_factory=list)
    there: Parts = field(default_factory=dict)
    held: list[tuple[tuple[Burn, ...], Parts, str]] = field(default_factory=list)
    booked: list[tuple[UUID | None, datetime, Parts, str]] = field(default_factory=list)
    reversed: set[int] = field(default_factory=set)
    ended: dict[int, datetime] = field(default_factory=dict)

    def balance(self) -> Decimal:
        """Answer all there is, less what is owed."""
        return sum(self.there.values(), Decimal(0))

    def reserved(self, place: str) -> Decimal:
        """Answer what all reservations have of a lot."""
        return sum((parts.get(place, Decimal(0)) for _, parts, _ in self.held), Decimal(0))

    def free(self, number: int) -> Decimal:
        """Answer what nobody has reserved of a lot."""
        return self.there[str(number)] - self.reserved(str(number))

    def ends(self, number: int) -> datetime | None:
        """Answer when a lot ends, or was voided."""
        ends = [each for each in (self.lots[number].ends, self.ended.get(number)) if each]
        return min(ends) if ends else None

    def usable(self, meter: str | None, at: datetime) -> list[int]:
        """List the lots that may be used, the first first."""
        never = datetime.max.replace(tzinfo=NOW.tzinfo)
        order = sorted(
            (lot.priority, self.ends(n) or never, lot.starts, n)
            for n, lot in enumerate(self.lots)
            if meter is None or not lot.meters or meter in lot.meters
        )
        return [n for _, ends, starts, n in order if starts <= at < ends]

    def parts(self, meter: str | None, amount: Decimal, kept: Parts | None = None) -> Parts:
        """Say of where an amount is taken, as amounts to add; `kept` is what a reservation has of lots that ended."""
        found: Parts = {}
        order = self.usable(meter, self.now)
        never = datetime.max.replace(tzinfo=NOW.tzinfo)
        late = [int(place) for place in kept or {} if place.isdecimal() and int(place) not in order]
        key = lambda n: (self.lots[n].priority, self.ends(n) or never, self.lots[n].starts, n)  # noqa: E731
        for n in sorted([*order, *late], key=key):
            if meter is not None and self.lots[n].meters and meter not in self.lots[n].meters:
                continue
            most = self.free(n) if n in order else min(self.free(n), (kept or {})[str(n)])
            part = min(most, amount)
            if part > 0:
                found[str(n)] = -part
                amount -= part
        if amount:
            found[f"{OWED}:{meter or ''}"] = -amount
        return found

    def debts(self) -> list[str]:
        """List what is owed, by meter."""
        return sorted(place for place, amount in self.there.items() if place.startswith(OWED) and amount < 0)

    def pay(self) -> Parts:
        """Pay what is owed of lots that are free; answer what moved."""
        moved: Parts = {}
        for place in self.debts():
            paid = self.parts(place.removeprefix(f"{OWED}:"), -self.there[place])
            paid = {lot: amount for lot, amount in paid.items() if not lot.startswith(OWED)}
            if paid:
                paid[place] = -sum(paid.values(), Decimal(0))
                self.add(paid)
                moved = plus(moved, paid)
        return moved

    def add(self, parts: Parts) -> None:
        """Move amounts."""
        self.there = {place: amount for place, amount in plus(self.there, parts).items() if amount or place.isdecimal()}

    def book(self, public_id: UUID | None, at: datetime, parts: Parts, kind: str) -> None:
        """Remember a booking."""
        self.booked.append((public_id, at, parts, kind))


def plus(one: Parts, other: Parts) -> Parts:
    """Add up amounts place by place."""
    return {place: one.get(place, Decimal(0)) + other.get(place, Decimal(0)) for place in {**one, **other}}


async def put(house: House, model: Model, step: Step) -> None:
    """Grant or buy something; some of it begins or ends later."""
    starts = model.now + (step.hours - 7) * HOUR if step.hours > 6 else model.now
    ends = None if step.hours == 1 else starts + step.hours * HOUR
    meters = (step.meter,) if step.limited else ()
    kind: Literal["credit_purchase", "credit_grant"] = "credit_purchase" if step.number % 2 else "credit_grant"
    deposit = Deposit(kind, step.amount, step.amount, step.number % 3, starts, ends, meters)
    made = (await house.put_in(deposit, model.now)).transaction
    number = len(model.lots)
    assert made.grant is not None
    model.lots.append(ModelLot(made.grant, made.public_id, step.number % 3, starts, ends, frozenset(meters)))
    model.add({str(number): step.amount})
    model.book(made.public_id, starts, plus({str(number): step.amount}, model.pay()), kind)


async def use(house: House, model: Model, step: Step) -> None:
    """Use something."""
    await house.use(step.meter, step.amount, model.now, f"use:{len(model.booked)}")
    moved = model.pay()
    parts = model.parts(step.meter, step.amount)
    model.add(parts)
    model.book(None, model.now, plus(moved, parts), "usage_deduction")


async def hold(house: House, model: Model, step: Step) -> None:
    """Reserve something, or be told that there is not enough."""
    got = await house.hold(step.meter, step.amount, model.now)
    free = sum((model.free(n) for n in model.usable(step.meter, model.now)), Decimal(0))
    beyond = sum(
        (amount for _, parts, _ in model.held for place, amount in parts.items() if not place.isdecimal()), Decimal(0)
    )
    debts = sum((amount for place, amount in model.there.items() if not place.isdecimal()), Decimal(0))
    room = free + debts + model.floor - beyond
    if isinstance(got, Short):
        assert got == (step.meter, step.amount, room)
        assert step.amount > room
        return
    assert 0 < step.amount <= room
    parts = {place: -amount for place, amount in model.parts(step.meter, step.amount).items()}
    model.held.append((got, parts, step.meter))


async def settled(house: House, model: Model, step: Step) -> None:
    """Settle or release a reservation."""
    if not model.held:
        return
    held, kept, meter = model.held.pop(step.number % len(model.held))
    if step.what == "release":
        await house.settle(held, meter, None, model.now, "")
        return
    await house.settle(held, meter, step.amount, model.now, f"use:{len(model.booked)}")
    moved = model.pay()
    parts = model.parts(meter, step.amount, kept)
    model.add(parts)
    model.book(None, model.now, plus(moved, parts), "usage_deduction")


async def take(house: House, model: Model, step: Step) -> None:
    """Take something by an adjustment."""
    async with house.conn.transaction():
        made = await acts.take_out(
            house.conn, house.team, house.account, step.amount, Said("taken"), house.actor(model.now)
        )
    moved = model.pay()
    parts = model.parts(None, step.amount)
    model.add(parts)
    model.book(made.transaction.public_id, model.now, plus(moved, parts), "credit_adjustment")


async def refunded(house: House, model: Model, step: Step) -> None:
    """Refund a purchase, all that is left of it or an amount."""
    if not model.lots:
        return
    number = step.number % len(model.lots)
    lot, amount = model.lots[number], step.amount if step.limited else None
    bought = next(kind for public_id, _, _, kind in model.booked if public_id == lot.bought) == "credit_purchase"
    wanted = model.free(number) if amount is None else amount
    try:
        async with house.conn.transaction():
            made = await acts.refund(
                house.conn, house.team, house.account, lot.bought, amount, Said(), house.actor(model.now)
            )
    except CreditsRefused:
        assert not bought or not wanted or wanted > model.free(number)
        return
    assert bought
    model.add({str(number): -wanted})
    model.book(made.transaction.public_id, model.now, {str(number): -wanted}, "refund")


async def voided(house: House, model: Model, step: Step) -> None:
    """Void a grant."""
    if not model.lots:
        return
    number = step.number % len(model.lots)
    try:
        async with house.conn.transaction():
            made = await acts.void(
                house.conn,
                house.team,
                house.account,
                model.lots[number].public_id,
                Said("void"),
                house.actor(model.now),
            )
    except CreditsRefused:
        assert number in model.ended
        return
    assert number not in model.ended
    free = model.free(number)
    model.ended[number] = model.now
    assert (made is not None) == (free > 0)
    if made is not None:
        model.add({str(number): -free})
        model.book(made.transaction.public_id, model.now, {str(number): -free}, "expiry")


async def reversed_(house: House, model: Model, step: Step) -> None:
    """Reverse a booking, once."""
    if not model.booked:
        return
    number = step.number % len(model.booked)
    public_id, _, parts, kind = model.booked[number]
    if public_id is None:  # usage is known by its source
        wanted = history.Wanted(source=f"use:{number}")
        [found] = await history.transactions(house.conn, house.account.id, wanted, 1)
        public_id = found.public_id
    mirror = {place: -amount for place, amount in parts.items()}
    then = plus(model.there, mirror)
    fits = all(amount >= model.reserved(place) for place, amount in then.items() if place.isdecimal())
    allowed = kind not in {"expiry", "reversal"} and number not in model.reversed and fits
    try:
        async with house.conn.transaction():
            made = await acts.reverse(house.conn, house.team, house.account, public_id, Said(), house.actor(model.now))
    except CreditsRefused:
        assert not allowed
        return
    assert allowed
    model.reversed.add(number)
    model.add(mirror)
    model.book(made.transaction.public_id, model.now, mirror, "reversal")


async def expired(house: House, model: Model, step: Step) -> None:
    """Run the job."""
    del step
    await expire.turn(house.conn, model.now)
    due = [(ends, n) for n in range(len(model.lots)) if (ends := model.ends(n)) and ends <= model.now]
    for ends, n in sorted(due):
        if free := model.free(n):
            model.add({str(n): -free})
            wanted = history.Wanted(kinds=("expiry",), since=ends, until=ends + timedelta(microseconds=1))
            found = await history.transactions(house.conn, house.account.id, wanted, 10)
            [one] = [each for each in found if each.grant == model.lots[n].public_id and each.recorded_at == model.now]
            model.book(one.public_id, ends, {str(n): -free}, "expiry")
    if moved := model.pay():
        [one] = await history.transactions(house.conn, house.account.id, history.Wanted(), 1)
        model.book(one.public_id, model.now, moved, "credit_adjustment")


async def wait(house: House, model: Model, step: Step) -> None:
    """Let time pass."""
    del house
    model.now += step.hours * HOUR


DO = {
    "put": put,
    "use": use,
    "hold": hold,
    "settle": settled,
    "release": settled,
    "take": take,
    "refund": refunded,
    "void": voided,
    "reverse": reversed_,
    "expire": expired,
    "wait": wait,
}


async def compare(house: House, model: Model) -> None:
    """Hold the wallet against the model."""
    wallet = await house.wallet()
    numbers = {grant.id: grant.public_id for grant in await history.grants(house.conn, house.account.id, 100)}
    left = {numbers[lot.id]: (lot.left, lot.reserved) for lot in wallet.lots}
    for n, lot in enumerate(model.lots):
        assert left.get(lot.public_id, (0, 0)) == (model.there[str(n)], model.reserved(str(n)))
    owed = {place.removeprefix(f"{OWED}:"): -amount for place, amount in model.there.items() if not place.isdecimal()}
    assert dict(wallet.owed) == owed
    assert wallet.balance == model.balance()
    assert wallet.reserved == sum((amount for _, parts, _ in model.held for amount in parts.values()), Decimal(0))
    spent = sum(
        (
            -sum(parts.values(), Decimal(0))
            for n, (_, _, parts, kind) in enumerate(model.booked)
            if kind == "usage_deduction" and n not in model.reversed
        ),
        Decimal(0),
    )
    assert wallet.spent == spent


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=6, max_size=30), floor=st.sampled_from([Decimal(0), Decimal(9)]))
async def test_wallet_equals_the_model_after_any_steps(place: Place, steps: list[Step], floor: Decimal) -> None:
    """Lots, debts, reservations, refusals and reversals; the balance of every instant; double entry."""
    async with housed(place, Terms("USD", floor=floor)) as house:
        model = Model(floor)
        for step in steps:
            await DO[step.what](house, model, step)
            await compare(house, model)
            model.now += timedelta(seconds=1)
        for at in {at for _, at, _, _ in model.booked} | {NOW - HOUR, model.now}:
            booked = sum(
                (sum(parts.values(), Decimal(0)) for _, each, parts, _ in model.booked if each <= at), Decimal(0)
            )
            assert await history.balance_at(house.conn, house.account.id, at) == booked
        assert await house.broken() == []
