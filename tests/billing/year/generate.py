"""Teams made up by a seed: every plan, zone and anchor comes in turn, what they decide and use is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import NamedTuple

from tests.billing.year.customers import Credit, Customer, Decision, Prices, Used
from tests.billing.year.months import MICROSECOND
from tests.billing.year.pricebook import UPGRADES, Plan, books
from tests.billing.year.reckoning import first_turn, periods

BEGINS, ENDS = datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)
CLOSED = datetime(2025, 1, 4, tzinfo=UTC)
DEARER = datetime(2024, 7, 1, tzinfo=UTC)
ZONES = ("Europe/Paris", "America/St_Johns", "Asia/Kathmandu", "Africa/Cairo", "UTC", "Australia/Lord_Howe")
ANCHORS = (31, 1, 15, 30, 29)
BOOKS = ("euros", "dollars", "euros", "yen")
COUPONS = ("half", "quarter", "tenth", "seven")
SENT_EVERY = timedelta(days=7)
AT_WORK, WORK = 12, timedelta(minutes=90)
AT_ONCE_BEFORE_TURN = timedelta(minutes=1)
PREPAID, GIVEN = 0.6, 0.7
"""How many pay something in when they join, and how many are given something."""
NAMES = (*(f"member-{number}" for number in range(4)), None)
LARGEST = {
    "requests": 60,
    "documents": 9,
    "tokens.input": 150,
    "tts": 40,
    "stt": 30,
    "network": 90,
    "tokens.output": 60,
    "compute": 80,
}
"""So that a month of some dozens of events gets into every tier now and then."""


class Wanted(NamedTuple):
    """How many teams, with how many events a month at most, of which seed.

    `late_after_final` has some events come when their invoice is final: the next one is to make up for them.
    """

    teams: int
    seed: int = 1
    events: tuple[int, int] = (30, 200)
    late_after_final: bool = True


def prices() -> Prices:
    """Answer the books of the year."""
    return Prices(books(), books(dearer=True), DEARER)


def customers(wanted: Wanted) -> Iterator[Customer]:
    """Answer the teams with all they decide and use."""
    given = prices()
    for number in range(wanted.teams):
        dice = Random(f"{wanted.seed} {number}")  # noqa: S311 - no secret
        yield _customer(number, dice, given, wanted)


def _customer(number: int, dice: Random, given: Prices, wanted: Wanted) -> Customer:
    plans = tuple(given.first["euros"].plans)
    book, zone = BOOKS[number % len(BOOKS)], ZONES[number % len(ZONES)]
    decisions = tuple(sorted(each for each in _decisions(plans[number % len(plans)], dice) if each.at < ENDS))
    made = Customer(f"team-{number:03}", zone, ANCHORS[number % len(ANCHORS)], book, decisions)
    events = tuple(_events(made, given, dice, wanted))
    places, plan = given.first[book].places, given.first[book].plans[decisions[0].name]
    put_in = (*_purchases(made, dice, places), *_gifts(made, plan, dice, places))
    return made._replace(events=events, credits=put_in)


def _decisions(plan: str, dice: Random) -> Iterator[Decision]:
    """The first plan; then perhaps up and down, seats, coupons, an end, and coming back: never twice in a month."""
    joined = BEGINS + timedelta(days=dice.randrange(50), seconds=dice.randrange(86_400), microseconds=dice.randrange(9))
    yield Decision(joined, "choose", plan)
    at, seats = joined, 0
    for _ in range(dice.randrange(1, 5)):
        at = _later(at, dice, 34, 70)
        if plan == "crew":
            seats = (seats + dice.randrange(1, 8)) % 8
            yield Decision(at, "seats", number=seats)
        elif plan in UPGRADES:
            plan = UPGRADES[plan]
            yield Decision(at, "choose", plan)
    for name in dice.sample(COUPONS, dice.randrange(3)):
        yield Decision(_later(joined, dice, 1, 250), "coupon", name)
    if dice.random() < 0.35:
        at = _later(at, dice, 34, 60)
        yield Decision(at, "cancel")
        if dice.random() < 0.6:
            yield Decision(_later(at, dice, 40, 80), "choose", plan)


def _later(at: datetime, dice: Random, least: int, most: int) -> datetime:
    """Days later, at any time of the day but the moments around the worker's turn."""
    found = at + timedelta(days=dice.randrange(least, most), seconds=dice.randrange(86_400))
    turn = first_turn(found)
    return found - timedelta(hours=1) if turn - found < timedelta(minutes=10) else found


def _events(customer: Customer, given: Prices, dice: Random, wanted: Wanted) -> Iterator[Used]:
    """Usage of every plan the team has, in proportion to its time: so many a month."""
    a_month = dice.randint(*wanted.events)
    ended = [period.end for period, _ in periods(customer, CLOSED)]
    number = 0
    for had in customer.had():
        start, end = had.start, min(had.end or ENDS, ENDS)
        if start >= end:
            continue
        meters = sorted({price.meter for price in given.plan(customer.book, had.plan, start).prices.values()})
        for time in _times(start, end, a_month * max(1, (end - start).days) // 30, ended, dice):
            number += 1
            event = _event(f"{customer.name}-{number}", time, dice.choice(meters), ended, dice)
            yield _too_late(event, ended, dice) if wanted.late_after_final else event


def _times(start: datetime, end: datetime, events: int, ended: list[datetime], dice: Random) -> Iterator[datetime]:
    """At work, a few times a week; and at the very edges: first and last moments of plans and of periods."""
    edges = {start, end - MICROSECOND, *ended, *(each - MICROSECOND for each in ended)}
    yield from sorted(each for each in edges if start <= each < end)
    for _ in range(0, events, AT_WORK):
        began = start + MICROSECOND * dice.randrange((end - start) // MICROSECOND)
        for _ in range(AT_WORK):
            time = began + MICROSECOND * dice.randrange(WORK // MICROSECOND)
            if time < end:
                yield time


def _event(name: str, time: datetime, meter: str, ended: list[datetime], dice: Random) -> Used:
    quantity = Decimal(dice.randrange(1, LARGEST[meter] * 10**6)).scaleb(-6)
    event = Used(name, time, _sent(time, ended, dice), meter, quantity, dice.choice(NAMES))
    if meter == "tokens.output":
        event = event._replace(dimensions={"model": dice.choice(("large", "small"))})
    elif meter == "requests" and dice.random() < 0.05:
        event = event._replace(dimensions={"status": "500"}, billed=False)  # recorded, and free as a failed call is
    what = dice.random()
    if what < 0.02:
        return event._replace(voided=True)
    if what < 0.03:
        return event._replace(amended=Decimal(dice.randrange(1, LARGEST[meter] * 10**3)).scaleb(-3))
    return event._replace(again=what < 0.06)


def _sent(time: datetime, ended: list[datetime], dice: Random) -> datetime:
    """When it comes: with the others of some days, some weeks late, but while its period's invoice is a draft yet."""
    late = timedelta(days=dice.randrange(21)) if dice.random() < 0.05 else timedelta(0)
    turn = first_turn(time + late)
    turn += (BEGINS.replace(hour=turn.hour) - turn) % SENT_EVERY
    last = next((end for end in ended if end > time), ENDS)
    return min(turn, first_turn(last) + timedelta(days=1)) - AT_ONCE_BEFORE_TURN


def _too_late(event: Used, ended: list[datetime], dice: Random) -> Used:
    """Of a hundred one comes when its invoice is final, a week or two after, and one is withdrawn then."""
    last = next((end for end in ended if end > event.time), ENDS)
    late = first_turn(last) + timedelta(days=dice.randrange(2, 16)) - AT_ONCE_BEFORE_TURN
    what = dice.random()
    if what >= 0.02 or late >= CLOSED - timedelta(days=1):
        return event
    if what < 0.01:
        return event._replace(sent=late)
    return event if event.voided or event.amended is not None else event._replace(withdrawn=late)


def _purchases(customer: Customer, dice: Random, places: int) -> Iterator[Credit]:
    """Some have money at the beginning, and more later."""
    if dice.random() < PREPAID:
        yield Credit(customer.joined, "credit_purchase", _coins(2500, places))
    for _ in range(dice.randrange(3)):
        amount = _coins(dice.randrange(1, 10**5), places)
        yield Credit(_later(customer.joined, dice, 1, 250), "credit_purchase", amount)


def _gifts(customer: Customer, plan: Plan, dice: Random, places: int) -> Iterator[Credit]:
    """Most are given something when they join; later some for one meter, used first, or for a time."""
    if dice.random() < GIVEN:
        yield Credit(customer.joined, "credit_grant", _coins(2500, places), "joining")
    for number in range(dice.randrange(4)):
        at, amount = _later(customer.joined, dice, 1, 250), _coins(dice.randrange(1, 9_999), places)
        gift = Credit(at, "credit_grant", amount, f"gift {number}")
        match dice.randrange(3):
            case 0:
                meter = dice.choice([price.meter for price in plan.prices.values()])
                yield gift._replace(priority=10, meters=(meter,))
            case 1:
                yield gift._replace(expires=_later(at, dice, 20, 90))
            case _:
                yield gift


def _coins(number: int, places: int) -> Decimal:
    """So many hundredths; where money has none, so many of it."""
    return Decimal(number).scaleb(-places)
