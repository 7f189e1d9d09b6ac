"""What is agreed with a team for a period: which plan in which part of it, and what becomes of the sum. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final, NamedTuple

from msgspec.structs import replace

from meter.billable import Asked
from meter.errors import CurrencyMismatch, NoSubscription
from meter.model import Team
from meter.prices.schedule import Schedule, name_of
from meter.rating.addons import applied, quantities_of
from meter.rating.book import Book
from meter.rating.document.terms import Coupon, Exchange, Terms
from meter.rating.needs import together
from meter.rating.periods import Period
from meter.rating.plan import Plan, without_fees
from meter.rating.segments import Segment, levels_asked
from meter.rating.split import Split
from meter.rating.usage import Usage
from meter.spans import Span
from meter.subscriptions import timeline
from meter.subscriptions.changes import Change
from meter.subscriptions.timeline import Stretch
from meter.windows import MOMENT

CREDIT: Final = "credit"
CHOOSE: Final = "choose one with PUT /v1/teams/{team}/subscription"


class Part(NamedTuple):
    """A part of a period under one plan, as the team has it; its fee is owed until `fee_until`, if that is later."""

    span: Span
    plan: Plan
    fee_until: datetime | None


class Agreement(NamedTuple):
    """A period's parts in their order, and the terms for the whole invoice; prices are in `currency`.

    `month` is what the period is all or a part of: half a month that a cancellation left is not a whole one's fee.
    `goes_on`: there is a plan when the period is over. `begun` is when the team's first plan was, if within the period.
    """

    period: Period
    month: Period
    parts: tuple[Part, ...]
    terms: Terms
    currency: str
    goes_on: bool
    begun: datetime | None

    @property
    def last(self) -> Plan:
        """The plan at the period's end."""
        return self.parts[-1].plan

    @property
    def served(self) -> Split:
        """The time of the month that is billed, for what is agreed per month: not what was before the first plan."""
        return Split(served=(self.begun or self.parts[0].span.start, self.parts[-1].span.end))

    @property
    def asked(self) -> Asked:
        """Which usage it needs."""
        needs = together(part.plan.needs for part in self.parts)
        return Asked(needs, [part.span for part in self.parts], levels_asked(self.segments([()] * len(self.parts))))

    def segments(self, usage: Sequence[tuple[Usage, ...]]) -> tuple[Segment, ...]:
        """The parts with what was used in each."""
        return tuple(
            Segment(
                start=part.span.start,
                end=part.span.end,
                plan=part.plan,
                usage=own,
                fee_until=part.fee_until,
                goes_on=self.goes_on,
                served=self.begun is None or part.span.start >= self.begun,
            )
            for part, own in zip(self.parts, usage, strict=True)
        )


def agreed(team: Team, changes: Sequence[Change], books: Schedule, period: Period) -> Agreement:
    """What is agreed with a team for a period, by what is decided and in force now.

    Raises NoSubscription where no plan is for any of it, CurrencyMismatch where plans of one period are priced in
    several currencies or in one that can't be exchanged for the team's, and UnknownPlan.
    """
    month, begun = _month(team, changes, period), timeline.begun(changes)
    begun = begun if begun is not None and period.start < begun < period.end else None
    parts = tuple(_parts(team, changes, books, period, month.end, begun))
    if not parts:
        raise NoSubscription(CHOOSE)
    last = parts[-1].plan
    if other := next((each.plan for each in parts if each.plan.currency != last.currency), None):
        said = f"{name_of(other)} is priced in {other.currency} and {name_of(last)} in {last.currency}"
        raise CurrencyMismatch(f"{said}; change between them where a period ends")
    book = books.book_of(name_of(last), parts[-1].span.start)
    terms = replace(
        last.terms,
        coupons=_coupons(team, changes, books, period, exchanged=last.currency != team.currency),
        taxes=book.taxes,
        exchange=exchange(team, last, book, period.end),
    )
    goes_on = timeline.stretch_at(changes, period.end) is not None
    return Agreement(period, month, parts, terms, last.currency, goes_on, begun)


def exchange(team: Team, plan: Plan, book: Book, at: datetime) -> Exchange | None:
    """How a plan's prices become the team's currency, by the rates of an instant; None where they are in it.

    Raises CurrencyMismatch where there is no rate.
    """
    if plan.currency == team.currency:
        return None
    if not any((rate.source, rate.target) == (plan.currency, team.currency) for rate in book.exchange):
        said = f"{name_of(plan)} is priced in {plan.currency}, the team is billed in {team.currency}"
        raise CurrencyMismatch(f"{said}, and the book has no exchange rate for that")
    if plan.terms.commitment or plan.terms.spend:
        raise CurrencyMismatch(f"{name_of(plan)} has amounts in {plan.currency} that are agreed for all of an invoice")
    return Exchange(to=team.currency, rates=book.exchange, at=at)


def _month(team: Team, changes: Sequence[Change], period: Period) -> Period:
    """The month of a billing period; any other time is a whole of its own."""
    billed = timeline.period_at(changes, team.timezone, period.start)
    if billed is None or (billed.start, billed.end) != (period.start, period.end):
        return period
    return timeline.full_period(changes, team.timezone, period.start) or period


def _parts(
    team: Team,
    changes: Sequence[Change],
    books: Schedule,
    period: Period,
    month_end: datetime,
    begun: datetime | None,
) -> Iterator[Part]:
    """Cut wherever the team comes to have something else, or its prices change.

    A fee that stays owed is so until `month_end`, though a cancellation ended the period earlier.
    """
    for stretch in timeline.stretches(changes):
        start, end = max(stretch.start or period.start, period.start), min(stretch.end or period.end, period.end)
        if start >= end:
            continue
        edges = books.edges(stretch.plan, team.public_id, start, end)
        if begun is not None and start < begun < end:
            edges.add(begun)
        owed_on = stretch.unused not in (None, CREDIT) and stretch.end == end < month_end
        for one, other in pairwise((start, *sorted(edges), end)):
            plan = plan_of(team, stretch, books, one)
            if begun is not None and other <= begun:
                plan = without_fees(plan)
            yield Part(Span(one, other), plan, month_end if owed_on and other == end else None)


def plan_of(team: Team, stretch: Stretch, books: Schedule, at: datetime) -> Plan:
    """The plan of a stretch by the prices of an instant, with what was agreed with the team and what it has beside.

    Raises UnknownPlan.
    """
    plan, book = books.plan(stretch.plan, at, team.public_id), books.book_of(stretch.plan, at)
    asked = quantities_of(plan)  # a number that no price of this version is paid for costs nothing
    return applied(
        plan, stretch.addons, {name: n for name, n in stretch.quantities.items() if name in asked}, book.addons
    )


def _coupons(
    team: Team, changes: Sequence[Change], books: Schedule, period: Period, *, exchanged: bool
) -> tuple[Coupon, ...]:
    """Those of the period, each with which of its periods this is, as they are when it ends and not just after."""
    given = timeline.coupons_in(changes, team.timezone, period)
    coupons = tuple(replace(books.coupon(name, period.end - MOMENT), period=number) for name, number in given)
    if exchanged and any(coupon.amount is not None for coupon in coupons):
        raise CurrencyMismatch("a coupon of an amount is in its book's currency, the team is billed in another")
    return coupons
