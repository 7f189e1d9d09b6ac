"""Teams of every kind on a book of their own, and a what-if asked about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID, uuid4

from meter import bill, invoices, teams
from meter.model import Event, Team
from meter.prices import apply
from meter.prices.store import Source
from meter.rating.book import parse_book
from meter.simulation import replay
from meter.simulation.compare import Summing
from meter.simulation.question import Question
from meter.simulation.result import Compared, NotCompared, Paid, Progress, TeamResult, Totals
from meter.subscriptions import decisions, store
from meter.subscriptions.changes import Cancel, ChangePlan, Decided, GiveCoupon, Outcome, SetQuantity, Start
from tests.billing.house import NOW, SELLER, House, new_key

JULY, AUGUST = datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 8, 1, tzinfo=UTC)
SINCE = JULY - timedelta(days=400)
MONTHS = 3

BOOK = """
name = "shop"
title = "Shop"
currency = "USD"

[plans.basic]
title = "Basic"
base_fee = "10.00"
prorate = "time"
prices.tokens = {{ title = "Tok", meter = "tokens.input", unit = "token", unit_amount = "{tokens}", included = 1000 }}
prices.cores = {{ title = "Cores", meter = "cpu", measure = "peak", unit = "core", unit_amount = "0.10", included = 2 }}
prices.disk = {{ title = "Disk", meter = "storage", unit = "GB-month", unit_amount = "0.03" }}

[plans.pro]
title = "Pro"
base_fee = "{fee}"
prorate = "time"
prices.tokens = {{ title = "Tokens", meter = "tokens.input", unit = "token", model = "graduated", tiers = [
  {{ up_to = 5000, unit_amount = "0.01" }}, {{ unit_amount = "0.005" }}] }}
prices.calls = {{ title = "Calls", meter = "requests", unit = "call", model = "time_of_day", rates = [
  {{ from = "08:00", to = "18:00", unit_amount = "0.20", title = "Day" }}], otherwise = {{ unit_amount = "{night}" }} }}
prices.disk = {{ title = "Disk", meter = "storage", unit = "GB-month", unit_amount = "0.02" }}
prices.seats = {{ title = "S", model = "flat", unit = "seat", unit_amount = "8", times = "seats", prorate = "time" }}

[coupons.welcome]
title = "Welcome"
percent = 10
duration = "recurring"
periods = 2

[[overrides]]
team = "{special}"
plan = "basic"
from = 2026-08-10T00:00:00Z
base_fee = "5.00"
prices.tokens = {{ unit_amount = "0.005" }}
{more}
"""
NOBODY = UUID(int=7)


class Asked(NamedTuple):
    """What a what-if answered: each team, how far it was, all together."""

    teams: dict[UUID, TeamResult]
    progress: list[Progress]
    totals: Totals

    def paid(self, team: Team) -> Paid:
        """What a team pays both ways."""
        found = self.teams[team.public_id]
        assert isinstance(found, Compared), found
        return found.paid

    def left_out(self, team: Team) -> NotCompared:
        """A team that could not be compared."""
        found = self.teams[team.public_id]
        assert isinstance(found, NotCompared), found
        return found


def shop(
    special: UUID = NOBODY, tokens: str = "0.01", fee: str = "50.00", night: str = "0.10", more: str = ""
) -> Source:
    """The book, with some of its figures."""
    return Source(BOOK.format(special=special, tokens=tokens, fee=fee, night=night, more=more), {})


async def put_in_force(house: House, source: Source, since: datetime = SINCE) -> None:
    """Put the book in force."""
    async with house.pool.connection() as conn:
        await apply.apply(conn, parse_book(source.text, "shop.toml"), source, since, "tests", NOW)


async def subscribed(house: House, *decided: Decided, timezone: str = "UTC", currency: str = "USD") -> House:
    """Make a team with these decisions about its subscription."""
    owner = teams.Person("alice", "alice@example.com")
    async with house.pool.connection() as conn, conn.transaction():
        team = await teams.create(conn, f"Team {uuid4()}", owner, timezone, currency, None, NOW)
        await decisions.keep(conn, team, Outcome(tuple(decided)), "tests", NOW)
    return House(house.pool, house.ingest, team, await new_key(house.pool, team, "standard"))


async def busy(house: House, meters: Sequence[str] = ("tokens.input", "storage"), members: int = 2) -> None:
    """Use something every few days of four months, at odd times of the day."""
    events = []
    for number in range(40):
        at = JULY + timedelta(days=3 * number, hours=7 * number % 24, minutes=11 * number % 60)
        for meter in meters:
            held = Decimal(86_400) if meter in {"storage", "cpu"} else None
            quantity = Decimal(1 + number % 5) if held else Decimal(137 * (number + 1))
            member = f"m{number % members}"
            events.append(Event(time=at, meter=meter, quantity=quantity, member=member, duration_seconds=held))
    await house.sent(*events)


async def ask(
    house: House,
    source: Source,
    months: int = MONTHS,
    only: Sequence[Team] | None = None,
    moves: dict[str, str] | None = None,
    now: datetime = NOW,
) -> Asked:
    """Ask what would have been."""
    named = None if only is None else tuple(team.public_id for team in only)
    question = Question(source, months, now, named, moves or {})

    async def work(some: Sequence[Team]) -> list[TeamResult]:
        async with house.pool.connection() as one, house.pool.connection() as other:
            return await replay.replayed((one, other), some, question)

    async with house.pool.connection() as conn:
        chosen = await replay.teams_of(conn, question)
    results: list[TeamResult] = []
    progress: list[Progress] = []
    async for each in replay.simulate(chosen, work, 2):
        progress.append(each) if isinstance(each, Progress) else results.append(each)
    summing = Summing()
    for result in results:
        summing.take(result)
    return Asked({each.team: each for each in results}, progress, summing.totals())


async def billed(house: House, found: Compared) -> list[Decimal]:
    """Make the invoices of the same periods, and answer their totals."""
    totals = []
    async with house.pool.connection() as conn:
        log = await store.read(conn, house.team.id)
        asked = Question(shop(), MONTHS, NOW).periods(house.team, log.standing)
        for period in asked[-len(found.periods) :]:
            outcome = await bill.generate(conn, house.team, period, SELLER, NOW)
            made = await invoices.get(conn, outcome.public_id, house.team.id)
            assert made is not None
            totals.append(made.total)
    return totals


def started(plan: str = "shop/basic", at: datetime = JULY) -> Decided:
    """The first decision about a team."""
    return Decided(at, Start(plan))


async def many(house: House) -> list[House]:
    """Make a team of each kind: plain, in other zones, on overrides, with a coupon, changed, cancelled, with seats."""
    made = [
        await subscribed(house, started()),
        await subscribed(house, started("shop/pro"), timezone="Asia/Kathmandu"),
        await subscribed(house, started(), timezone="America/Sao_Paulo"),
        await subscribed(house, started("shop/pro"), Decided(AUGUST, GiveCoupon("shop/welcome"))),
        await subscribed(
            house,
            started(),
            Decided(AUGUST + timedelta(days=9, hours=7, minutes=30), ChangePlan("shop/pro")),
            Decided(AUGUST + timedelta(days=40), ChangePlan("shop/basic", unused="none")),
        ),
        await subscribed(house, started(), Decided(AUGUST + timedelta(days=12, minutes=20), Cancel())),
        await subscribed(
            house,
            Decided(JULY, Start("shop/pro", restart=True)),
            Decided(AUGUST, SetQuantity("seats", 3)),
            timezone="Europe/Paris",
        ),
        await subscribed(house, started("shop/pro", at=AUGUST + timedelta(days=20))),
    ]
    for each in made:
        await busy(each)
    await busy(made[1], ("requests",))
    await busy(made[0], ("cpu",))
    return made
