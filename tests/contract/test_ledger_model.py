"""Any sequence of what may happen to a wallet, held against a plain dictionary: to the digit, at every instant."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Literal, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meter.errors import CreditsRefused
from meter.ledger import acts, expire, history, renewing
from meter.ledger.accounts import Terms
from meter.ledger.acts import Deposit, Said
from meter.ledger.recurring import Terms as Recurring
from meter.ledger.wallet import Short
from tests.contract.booking import House, housed
from tests.contract.place import NOW, Place
from tests.contract.wallet_model import OWED, Again, Model, ModelLot, plus

HOUR = timedelta(hours=1)
EXAMPLES = count(1)
AGAIN = [(Decimal(0), Decimal(0)), (Decimal(0), None), (Decimal(2), Decimal(9))]
"""How little and how much is kept of the rest of what comes again."""


class Step(NamedTuple):
    """Something to do with an amount for a meter, to the lot, transaction or reservation of a number."""

    what: Literal[
        "put",
        "again",
        "use",
        "hold",
        "settle",
        "release",
        "take",
        "refund",
        "void",
        "reverse",
        "stop",
        "expire",
        "wait",
    ]
    meter: str
    amount: Decimal
    number: int
    limited: bool
    hours: int


STEPS = st.builds(
    Step,
    st.sampled_from(
        [
            *["put", "use", "again", "expire", "wait"] * 3,
            *["hold", "settle", "reverse"] * 2,
            "release",
            "take",
            "refund",
            "void",
            "stop",
        ]
    ),
    st.sampled_from(["tokens", "storage"]),
    st.decimals("0.000001", "20", places=6),
    st.integers(0, 7),
    st.booleans(),
    st.integers(1, 9),
)


async def put(house: House, model: Model, step: Step) -> None:
    """Grant or buy something; some of it begins or ends later."""
    starts = model.now + (step.hours - 7) * HOUR if step.hours > 6 else model.now
    ends = None if step.hours == 1 else starts + step.hours * HOUR
    meters = (step.meter,) if step.limited else ()
    bought = step.what == "put" and step.number % 2
    kind: Literal["credit_purchase", "credit_grant"] = "credit_purchase" if bought else "credit_grant"
    deposit = Deposit(kind, step.amount, step.amount, step.number % 3, starts, ends, meters)
    again = None
    if step.what == "again":
        again = Again(step.amount / 2, 1, *AGAIN[step.hours % len(AGAIN)])
        terms = Recurring(again.amount, "hour", starts, starts, ends, again.hours, again.least, again.most)
        deposit = deposit._replace(recurrence=terms)
    made = (await house.put_in(deposit, model.now)).transaction
    number = len(model.lots)
    assert made.grant is not None
    model.lots.append(ModelLot(made.grant, made.public_id, step.number % 3, starts, ends, frozenset(meters), again))
    if due := model.following(number, starts):
        model.due[number] = due
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
    model.forget(number)
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
    for n, lot in enumerate(model.lots):
        if lot.bought == public_id:
            model.forget(n)
    model.book(made.transaction.public_id, model.now, mirror, "reversal")


async def stopped(house: House, model: Model, step: Step) -> None:
    """Let a grant come no more."""
    if not model.lots:
        return
    number = step.number % len(model.lots)
    lot = model.lots[number]
    try:
        async with house.conn.transaction():
            await acts.stop(house.conn, house.team, house.account, lot.public_id, Said(), house.actor(model.now))
    except CreditsRefused:
        assert number in model.stopped or number not in model.due
        return
    assert number not in model.stopped
    model.forget(number, model.now)


async def renewed(house: House, model: Model) -> None:
    """Make every renewal that is due, each as of its instant."""
    while due := sorted((at, n) for n, at in model.due.items() if at <= model.now):
        at, n = due[0]
        lot, place, then = model.lots[n], str(n), model.following(n, at)
        assert lot.again is not None
        was = model.there[place] - model.since(place, at)
        kept = max(was, lot.again.least)
        kept = kept if lot.again.most is None else min(kept, lot.again.most)
        came = lot.again.amount + max(Decimal(0), kept - was)
        held = model.reserved(place)
        lost = min(was - max(kept, held), model.there[place] + came - held)
        if lost > 0:
            model.add({place: -lost})
        model.add({place: came})
        gave = plus({place: came}, model.pay(at, then))
        for parts, kind, name in (
            (({place: -lost}) if lost > 0 else {}, "expiry", "lost"),
            (gave, "credit_grant", "renewal"),
        ):
            if parts:
                wanted = history.Wanted(source=f"{name}:{lot.public_id}:{at.isoformat()}")
                [found] = await history.transactions(house.conn, house.account.id, wanted, 1)
                model.book(found.public_id, at, parts, kind)
        del model.due[n]
        if then:
            model.due[n] = then


async def expired(house: House, model: Model, step: Step) -> None:
    """Run the job."""
    del step
    await renewing.turn(house.conn, model.now)
    await renewed(house, model)
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
    "again": put,
    "use": use,
    "hold": hold,
    "settle": settled,
    "release": settled,
    "take": take,
    "refund": refunded,
    "void": voided,
    "reverse": reversed_,
    "stop": stopped,
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
        # The job is for all accounts, those of other examples too: no two run it at the same instant.
        model = Model(floor, NOW + next(EXAMPLES) * timedelta(microseconds=1))
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
