"""What each team's periods come to, reckoned from the raw facts: nothing of the product is asked.

By docs/pricing.md and docs/subscriptions.md, in fractions and with zoneinfo. Money is rounded once per line, half up;
what is about the whole invoice comes after: commitment, most and least, coupons. Gifts and tax are in `issuing`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from tests.billing.year.costs import Costs, costs
from tests.billing.year.customers import Customer, Prices, Used
from tests.billing.year.months import MICROSECOND, Month, day_of, months
from tests.billing.year.pricebook import Book, Coupon, Plan, Price
from tests.billing.year.rows import Row, sum_of, take_off

FEE, SEATS = "base_fee", "seats"
FEES = frozenset({FEE, SEATS})


class Line(NamedTuple):
    """An amount, in whole units of the currency's smallest coin, and the meter that it is for."""

    price: str
    amount: Decimal
    meter: str = ""


class Bill(NamedTuple):
    """What a period, or its fees in advance, come to: its lines, and what is left of them before gifts and tax."""

    lines: tuple[Line, ...]
    rows: tuple[Row, ...]


class Segment(NamedTuple):
    """A part of a month under one plan at one price."""

    start: datetime
    end: datetime
    name: str
    plan: Plan
    seats: int


class Reckoner(NamedTuple):
    """A team, and the prices there were."""

    customer: Customer
    prices: Prices

    def known(self, at: datetime) -> Reckoner:
        """Answer the same with no usage but what is there at an instant."""
        there = tuple(each for each in self.customer.events if each.known(at))
        return self._replace(customer=self.customer._replace(events=there))

    def period(self, period: Month, month: Month) -> Bill:
        """Answer what all of a period comes to."""
        segments = self.segments(period, None)
        lines = [*self._fees(segments, month), *self._usage(segments, period)]
        plan = segments[-1].plan
        served = _share(segments[0].start, segments[-1].end, month)
        amounts = [*lines, *self._committed(plan, lines, served)]
        total = sum((line.amount for line in amounts), Decimal(0))
        off = Decimal(0) if plan.most is None else max(Decimal(0), total - plan.most)
        if plan.least is not None and total < plan.least:
            amounts.append(Line("spend", plan.least - total))
        return self._bill(amounts, off, self._coupons(period))

    def in_advance(self, period: Month, month: Month) -> Bill | None:
        """Answer what a fee that is billed ahead comes to, by what was decided when it was issued; None for none."""
        issued = ahead_at(self.customer, period.start)
        if issued >= period.end:
            return None
        period = Month(period.start, month.end)
        segments = self.segments(period, issued)
        if segments[-1].plan.billed != "advance":
            return None
        lines = [line for line in self._fees(segments, month) if line.price == FEE]
        given = [each for each in self._coupons(period, issued) if each.percent is not None]
        return self._bill(lines, Decimal(0), given)

    def segments(self, period: Month, known: datetime | None) -> list[Segment]:
        """Answer the parts of a period: cut where the team has something else, and where prices change."""
        found = []
        for had in self.customer.had(known):
            start, end = max(had.start, period.start), min(had.end or period.end, period.end)
            if start >= end:
                continue
            edges = [start, *([self.prices.since] if start < self.prices.since < end else []), end]
            for one, other in pairwise(edges):
                plan = self.prices.plan(self.customer.book, had.plan, one)
                found.append(Segment(one, other, had.plan, plan, had.seats))
        return found

    @property
    def book(self) -> Book:
        """What the team pays by, but for prices that change."""
        return self.prices.first[self.customer.book]

    def rounded(self, amount: Fraction) -> Decimal:
        """Half up, to the smallest coin."""
        units = (abs(amount) * 10**self.book.places + Fraction(1, 2)) // 1
        return Decimal(units if amount > 0 else -units).scaleb(-self.book.places)

    def _fees(self, segments: Sequence[Segment], month: Month) -> Iterator[Line]:
        """Each fee for the time that it was had at one amount, a line each; one that is not prorated once, whole."""
        zone, seen = self.customer.zone, set[str]()
        for run in _runs(segments, lambda each: (each.name, each.plan.base_fee)):
            plan, name = run[0].plan, run[0].name
            if plan.prorate == "never":
                share = Fraction(0 if name in seen else 1)
            elif plan.prorate == "days":
                share = Fraction(_days(run, segments, zone), _days_of(month, zone))
            else:
                share = _share(run[0].start, run[-1].end, month)
            seen.add(name)
            yield Line(FEE, self.rounded(Fraction(plan.base_fee) * share))
        for run in _runs(segments, lambda each: (each.name, each.plan.seats, each.seats)):
            seats = run[0].plan.seats
            if seats is not None:
                paid = max(0, run[0].seats - seats.included)
                share = _share(run[0].start, run[-1].end, month)
                yield Line(SEATS, self.rounded(Fraction(seats.unit_amount) * paid * share))

    def _usage(self, segments: Sequence[Segment], period: Month) -> Iterator[Line]:
        """Each price with where it goes on: what it comes to by now, less what it came to before."""
        ids = dict.fromkeys(
            (price_id, price.meter, price.model) for each in segments for price_id, price in each.plan.prices.items()
        )
        for price_id, meter, model in ids:
            own = [each for each in segments if _is(each.plan.prices.get(price_id), meter, model)]
            runs = _runs(own, lambda each, name=price_id: (each.name, each.plan.prices[name]))
            yield from self._run(price_id, runs, period)

    def _run(self, price_id: str, runs: Sequence[Sequence[Segment]], period: Month) -> Iterator[Line]:
        gone: list[Used] = []
        for number, run in enumerate(runs):
            price = run[0].plan.prices[price_id]
            before = costs(price, gone, self.customer.zone, ended=False) if number else {}
            gone += self._events(price, run, period)
            after = costs(price, gone, self.customer.zone, ended=number == len(runs) - 1)
            yield from (Line(price_id, amount, price.meter) for amount in self._added(before, after))

    def _added(self, before: Costs, after: Costs) -> Iterator[Decimal]:
        for name, amount in after.items():
            yield self.rounded(amount) - self.rounded(before.get(name, Fraction(0)))

    def _events(self, price: Price, run: Sequence[Segment], period: Month) -> list[Used]:
        return [
            each
            for each in self.customer.events
            if each.meter == price.meter
            and each.billed
            and not each.voided
            and run[0].start <= each.time < run[-1].end
            and period.start <= each.time < period.end
        ]

    def _committed(self, plan: Plan, lines: Sequence[Line], served: Fraction) -> Iterator[Line]:
        """Usage above the commitment costs more, what is missing to it is owed."""
        if plan.commitment is None:
            return
        usage = sum((Fraction(line.amount) for line in lines if line.price not in FEES), Fraction(0))
        above = usage - Fraction(plan.commitment.amount) * served
        factor = Fraction(plan.commitment.factor) - 1
        yield Line("commitment", self.rounded(above * factor if above > 0 else -above))

    def _coupons(self, period: Month, known: datetime | None = None) -> list[Coupon]:
        """Those given by the period's end (or by what is `known`) of which this is still one of their periods."""
        until = period.end if known is None else min(period.end, known + MICROSECOND)
        found = []
        for each in self.customer.decisions:
            if each.kind == "coupon" and each.at < until:
                coupon = self.book.coupons[each.name]
                had = [own for own, _ in periods(self.customer, period.end) if own.end > each.at]
                if coupon.periods is None or len(had) <= coupon.periods:
                    found.append(coupon)
        return found

    def _bill(self, lines: Sequence[Line], above: Decimal, coupons: Sequence[Coupon]) -> Bill:
        """Take what is above the most off all lines, and then coupons, one after the other."""
        rows = take_off([Row(line.meter, Fraction(line.amount)) for line in lines], above)
        for coupon in coupons:
            left, worth = sum_of(rows), coupon.amount
            if worth is None:
                worth = self.rounded(left * Fraction(coupon.percent or 0) / 100)
            rows = take_off(rows, min(Fraction(worth), left))
        return Bill(tuple(sorted(line for line in lines if line.amount)), tuple(rows))


def periods(customer: Customer, until: datetime) -> list[tuple[Month, Month]]:
    """Answer the billing periods that end by an instant, each with the month that it is all or a part of."""
    return [(period, month) for period, month in begun(customer, until) if period.end <= until]


def begun(customer: Customer, until: datetime) -> list[tuple[Month, Month]]:
    """Answer the billing periods that begin before an instant, each with the month that it is all or a part of.

    A cancellation ends one; a team that comes back has a part of the month that it comes back in.
    """
    found = []
    for number, (since, end) in enumerate(_subscribed(customer)):
        for month in months(customer.zone, customer.anchor, since, end or until):
            start = month.start if number == 0 else max(month.start, since)
            period = Month(start, month.end if end is None else min(month.end, end))
            if start < until:
                found.append((period, month))
    return found


def _subscribed(customer: Customer) -> list[tuple[datetime, datetime | None]]:
    """From when until when there was any plan."""
    found: list[tuple[datetime, datetime | None]] = []
    for had in customer.had():
        if found and found[-1][1] == had.start:
            found[-1] = (found[-1][0], had.end)
        else:
            found.append((had.start, had.end))
    return found


TURN_HOUR = 16
GRACE = timedelta(hours=24)


def ahead_at(customer: Customer, start: datetime) -> datetime:
    """Answer the turn that makes fees of a month final that is billed ahead, which is not before it is known."""
    return first_turn(max(start + GRACE, customer.joined))


def first_turn(instant: datetime) -> datetime:
    """Answer the first turn of the worker at an instant or after it: once a day, at an hour that is UTC."""
    turn = instant.replace(hour=TURN_HOUR, minute=0, second=0, microsecond=0)
    return turn if turn >= instant else turn + timedelta(days=1)


def _is(price: Price | None, meter: str, model: str) -> bool:
    return price is not None and (price.meter, price.model) == (meter, model)


def _runs(segments: Sequence[Segment], what: object) -> list[list[Segment]]:
    """Neighbours in time that have the same."""
    assert callable(what)
    found: list[list[Segment]] = []
    for each in segments:
        if found and found[-1][-1].end == each.start and what(found[-1][-1]) == what(each):
            found[-1].append(each)
        else:
            found.append([each])
    return found


def _share(start: datetime, end: datetime, month: Month) -> Fraction:
    """By time, to the microsecond."""
    return Fraction((end - start) // MICROSECOND, (month.end - month.start) // MICROSECOND)


def _days(run: Sequence[Segment], segments: Sequence[Segment], zone: str) -> int:
    """Local days, each counted whole; one that another plan follows on is that plan's."""
    followed = any(each.start == run[-1].end for each in segments)
    last = day_of(run[-1].end, zone) if followed else day_of(run[-1].end - MICROSECOND, zone) + timedelta(days=1)
    return (last - day_of(run[0].start, zone)).days


def _days_of(month: Month, zone: str) -> int:
    return (day_of(month.end - MICROSECOND, zone) - day_of(month.start, zone)).days + 1
