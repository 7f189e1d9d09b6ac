"""A wallet as a value: what may be reserved, which lots pay, what is owed; whatever is done, it adds up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, Inexact

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.ledger.wallet import (
    Burn,
    Lot,
    Short,
    Wallet,
    add,
    available,
    balance,
    charge,
    deduct,
    end,
    facts,
    holding,
    in_money,
    in_unit,
    live,
    owed,
    release,
    repay,
    reserve,
    settle,
    take,
)

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
DAY = timedelta(days=1)
ALL: frozenset[str] = frozenset()
TOKENS = frozenset({"tokens"})
EMPTY = Wallet(1, "EUR", None, Decimal(0))


def lot(
    number: int,
    left: object,
    priority: int = 100,
    starts: timedelta = -DAY,
    ends: timedelta | None = None,
    meters: frozenset[str] = ALL,
) -> Lot:
    """Answer a lot that is live for as long as it is said."""
    return Lot(number, priority, NOW + starts, None if ends is None else NOW + ends, meters, Decimal(str(left)))


def wallet(*lots: Lot, floor: int | None = 0) -> Wallet:
    """Answer a wallet with lots."""
    made = EMPTY._replace(floor=None if floor is None else Decimal(floor))
    for each in lots:
        made, _ = add(made, each, NOW)
    return made


def used(made: Wallet, meter: str, amount: object, at: datetime = NOW) -> tuple[Wallet, list[tuple[int | None, str]]]:
    """Deduct, and answer which lots paid how much."""
    after, burns = deduct(made, meter, Decimal(str(amount)), at)
    return after, [(burn.lot_id, str(burn.amount)) for burn in burns]


def test_lots_burn_by_priority_then_expiry_then_effect_then_id() -> None:
    """The smaller priority first; of equals what expires sooner, and what never expires last."""
    made = wallet(
        lot(1, 1),
        lot(2, 1, ends=3 * DAY),
        lot(3, 1, ends=2 * DAY),
        lot(4, 1, priority=1),
        lot(5, 1, ends=2 * DAY, starts=-2 * DAY),
        lot(6, 1, ends=2 * DAY),
    )
    assert used(made, "tokens", 7)[1] == [(n, "1") for n in (4, 5, 3, 6, 2, 1)] + [(None, "1")]


def test_a_lot_pays_only_for_its_meters_and_only_while_it_is_live() -> None:
    """What has not begun, has ended, or is for another meter is left alone."""
    made = wallet(lot(1, 9, meters=TOKENS), lot(2, 9, starts=DAY), lot(3, 9, ends=timedelta(0)), lot(4, 2))
    after, burns = used(made, "storage", 5)
    assert burns == [(4, "2"), (None, "3")]
    assert after.owed == {"storage": Decimal(3)}
    assert available(made, "tokens", NOW) == 11
    assert available(made, "storage", NOW) == 2
    assert available(made, "storage", NOW + DAY) == 11


def test_what_is_owed_is_paid_first_by_the_next_lot_that_covers_it() -> None:
    """A lot for tokens pays no storage."""
    made, _ = used(wallet(), "storage", 5)
    made, burns = add(made, lot(1, 9, meters=TOKENS), NOW)
    assert burns == (Burn(1, Decimal(-9)),)
    assert available(made, "tokens", NOW) == 4
    made, burns = add(made, lot(2, 6), NOW)
    assert burns == (Burn(2, Decimal(-6)), Burn(2, Decimal(5)), Burn(None, Decimal(-5), "storage"))
    assert made.balance == 10
    assert not made.owed


def test_a_lot_that_begins_later_pays_what_is_owed_when_it_begins() -> None:
    """Nothing is paid of what may not be used yet."""
    made = wallet(lot(1, 9, starts=DAY))
    made, _ = used(made, "tokens", 4)
    assert repay(made, NOW) == (made, ())
    paid, burns = repay(made, NOW + DAY)
    assert paid.balance == paid.lots[0].left == 5
    assert not owed(paid)
    assert sum(burn.amount for burn in burns) == 0


def test_at_zero_or_below_nothing_is_reserved_not_even_nothing() -> None:
    """S3.6: denied at zero; with a floor, down to it."""
    assert reserve(wallet(), {"tokens": Decimal(0)}, NOW) == Short("tokens", Decimal(0), Decimal(0))
    assert reserve(wallet(lot(1, 3)), {"tokens": Decimal(4)}, NOW) == Short("tokens", Decimal(4), Decimal(3))
    assert not isinstance(reserve(wallet(floor=5), {"tokens": Decimal(5)}, NOW), Short)
    assert isinstance(reserve(wallet(floor=5), {"tokens": Decimal("5.000001")}, NOW), Short)
    assert not isinstance(reserve(wallet(floor=None), {"tokens": Decimal(10**9)}, NOW), Short)


def test_a_settle_above_its_reservation_is_booked_in_full_and_denies_the_next() -> None:
    """What others have reserved stays theirs; the rest is owed."""
    made = wallet(lot(1, 10))
    first = reserve(made, {"tokens": Decimal(4)}, NOW)
    assert not isinstance(first, Short)
    second = reserve(first[0], {"tokens": Decimal(5)}, NOW)
    assert not isinstance(second, Short)
    after, booked = settle(second[0], first[1], {"tokens": Decimal(7)}, NOW)
    assert booked["tokens"] == (Burn(1, Decimal(5)), Burn(None, Decimal(2), "tokens"))
    assert [str(each) for each in (after.balance, after.reserved, after.spent)] == ["3", "5", "7"]
    assert reserve(after, {"tokens": Decimal(1)}, NOW) == Short("tokens", Decimal(1), Decimal(-2))
    # The other used nothing: what came free pays the debt with the next use.
    free, _ = settle(after, second[1], {}, NOW)
    assert available(free, "tokens", NOW) == 3
    last, burns = deduct(free, "tokens", Decimal(1), NOW)
    assert last.balance == last.lots[0].left == 2
    assert not owed(last)
    assert sum(burn.amount for burn in burns) == 1


def test_what_was_reserved_may_be_used_after_its_lot_has_ended() -> None:
    """But not more than that."""
    made = wallet(lot(1, 10, ends=DAY))
    held = reserve(made, {"tokens": Decimal(4)}, NOW)
    assert not isinstance(held, Short)
    ended, burns = end(held[0], 1)
    assert burns == (Burn(1, Decimal(6)),)
    after, booked = settle(ended, held[1], {"storage": Decimal(1), "tokens": Decimal(5)}, NOW + 2 * DAY)
    assert booked["storage"] == (Burn(1, Decimal(1)),)
    assert booked["tokens"] == (Burn(1, Decimal(3)), Burn(None, Decimal(2), "tokens"))
    assert after.balance == -2
    assert not after.reserved


def test_money_becomes_credits_exactly_or_not_at_all() -> None:
    """A hundredth, a fiftieth; a third has no exact reciprocal."""
    priced = EMPTY._replace(unit="credits", credit_price=Decimal("0.02"))
    assert in_unit(priced, Decimal("0.10308")) == Decimal("5.154")
    assert in_money(priced, Decimal("5.154")) == Decimal("0.10308")
    assert in_unit(EMPTY, Decimal("0.10308")) == Decimal("0.10308")
    with pytest.raises(Inexact):
        in_unit(priced._replace(credit_price=Decimal("0.03")), Decimal(1))


def told(before: Wallet, after: Wallet, at: datetime = NOW) -> tuple[Wallet, list[str]]:
    """Answer what is told of a change, and the wallet that remembers it."""
    kinds: list[str] = [fact.kind for fact in facts(before, after, at)]
    return after._replace(told=frozenset(fact.kind for fact in holding(after, at))), kinds


def test_facts_are_told_once_per_crossing_and_again_when_it_was_above() -> None:
    """Low, at its end, due: each by its own bound."""
    made = wallet(lot(1, 20))._replace(recharge_below=Decimal(5))
    low, kinds = told(made, used(made, "tokens", 11)[0])
    assert kinds == ["low_balance"]
    due, kinds = told(low, used(low, "tokens", 5)[0])
    assert kinds == ["recharge_due"]
    out, kinds = told(due, used(due, "tokens", 4)[0])
    assert kinds == ["exhausted"]
    assert told(out, used(out, "tokens", 4)[0])[1] == []
    full, kinds = told(out, add(out, lot(2, 50), NOW)[0])
    assert kinds == []
    assert told(full, used(full, "tokens", 60)[0])[1] == ["low_balance", "exhausted", "recharge_due"]


def test_a_lot_that_ends_between_two_looks_is_no_reason_to_stay_silent() -> None:
    """What was told before a lot began counts no more once it was above."""
    low = wallet(lot(1, 3), lot(2, 50, starts=DAY))._replace(told=frozenset({"low_balance"}))
    assert told(low, used(low, "tokens", 1)[0])[1] == []
    later = NOW + DAY
    assert told(low, used(low, "tokens", 45, later)[0], later)[1] == ["low_balance"]


AMOUNTS = st.decimals("0", "20", places=6)
METERS = st.sampled_from(["tokens", "storage"])
LOTS = st.lists(
    st.tuples(AMOUNTS, st.integers(0, 2), st.integers(-3, 1), st.integers(1, 4), st.sampled_from([ALL, TOKENS])),
    max_size=5,
)
STEPS = st.lists(
    st.tuples(st.sampled_from(["reserve", "settle", "release", "deduct", "charge", "end", "repay"]), METERS, AMOUNTS),
    max_size=20,
)


def check(made: Wallet, held: list[tuple[Burn, ...]]) -> None:
    """What holds of every wallet."""
    assert made.balance == sum(each.left for each in made.lots) - owed(made)
    assert all(0 <= each.reserved <= each.left for each in made.lots)
    assert made.reserved == sum(burn.amount for burns in held for burn in burns)
    for each in made.lots:
        assert each.reserved == sum(b.amount for burns in held for b in burns if b.lot_id == each.id)


def stepped(
    made: Wallet, held: list[tuple[Burn, ...]], step: tuple[str, str, Decimal], at: datetime
) -> tuple[Wallet, Decimal]:
    """Do one thing; answer the wallet and what it took."""
    what, meter, amount = step
    burns: tuple[Burn, ...] = ()
    if what == "reserve":
        room, got = available(made, meter, at), reserve(made, {meter: amount}, at)
        assert isinstance(got, Short) == (room is not None and (room <= 0 or amount > room))
        if not isinstance(got, Short):
            made, burns = got
            held.append(burns)
            assert sum(burn.amount for burn in burns) == amount
        return made, Decimal(0)
    if what in {"settle", "release"} and held:
        booked: Mapping[str, tuple[Burn, ...]] = {}
        if what == "release":
            return release(made, held.pop()), Decimal(0)
        made, booked = settle(made, held.pop(), {meter: amount}, at)
        assert sum(burn.amount for burn in booked[meter]) == amount
        return made, amount
    if what == "deduct":
        made, burns = deduct(made, meter, amount, at)
    elif what == "charge":
        made, burns = charge(made, amount, at)
    elif what == "end" and made.lots:
        made, burns = end(made, made.lots[0].id, amount)
    elif what == "repay":
        made, burns = repay(made, at)
    taken = sum((burn.amount for burn in burns), Decimal(0))
    assert taken == (amount if what in {"deduct", "charge"} else taken)
    return made, taken


@given(LOTS, STEPS, st.sampled_from([0, 7, None]))
def test_whatever_is_done_adds_up(
    lots: list[tuple[Decimal, int, int, int, frozenset[str]]], steps: list[tuple[str, str, Decimal]], floor: int | None
) -> None:
    """Balance = what is left - what is owed; reservations are of what is there; time goes on in between."""
    given_lots = [
        lot(n, left, priority, start * DAY, days * DAY, meters)
        for n, (left, priority, start, days, meters) in enumerate(lots)
    ]
    made, held = wallet(*given_lots, floor=floor), list[tuple[Burn, ...]]()
    expected = sum((each.left for each in given_lots), Decimal(0))
    for n, step in enumerate(steps):
        made, taken = stepped(made, held, step, NOW + n * timedelta(hours=7))
        expected -= taken
        check(made, held)
        assert made.balance == expected


@given(LOTS, st.lists(st.tuples(METERS, AMOUNTS), min_size=1, max_size=8), st.sampled_from([0, 7]))
def test_what_is_settled_within_its_reservation_never_goes_below_the_floor(
    lots: list[tuple[Decimal, int, int, int, frozenset[str]]], asked: list[tuple[str, Decimal]], floor: int
) -> None:
    """However many hold reservations at once."""
    made = wallet(
        *(lot(n, left, p, start * DAY, days * DAY, m) for n, (left, p, start, days, m) in enumerate(lots)), floor=floor
    )
    held = []
    for meter, amount in asked:
        got = reserve(made, {meter: amount}, NOW)
        if not isinstance(got, Short):
            made = got[0]
            held.append((meter, amount, got[1]))
    for meter, amount, burns in held:
        made, _ = settle(made, burns, {meter: amount}, NOW)
    assert balance(made, NOW) >= -floor
    assert made.reserved == 0


@given(LOTS, METERS, AMOUNTS)
def test_the_mirror_of_a_use_undoes_it(
    lots: list[tuple[Decimal, int, int, int, frozenset[str]]], meter: str, amount: Decimal
) -> None:
    """To the last lot."""
    made = wallet(*(lot(n, left, p, start * DAY, days * DAY, m) for n, (left, p, start, days, m) in enumerate(lots)))
    after, burns = deduct(made, meter, amount, NOW)
    back = take(after, [burn._replace(amount=-burn.amount) for burn in burns])
    assert back._replace(spent=made.spent) == made
    assert all(live(made.lots[burn.lot_id], NOW) for burn in burns if burn.lot_id is not None)
