"""What a team would have paid in each of its last periods, by what was agreed and by a draft. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import dropwhile
from typing import Final, NamedTuple

from msgspec.structs import replace

from meter.agreement import Agreement, agreed
from meter.bill import owed
from meter.billable import Billable, whole
from meter.errors import NoSubscription, PeriodNotOver, Problem
from meter.model import Team
from meter.prices.schedule import Schedule, name_of
from meter.rating.invoice import unpriced_of
from meter.rating.models import (
    blocks,
    flat,
    graduated,
    graduated_percentage,
    matrix,
    package,
    per_unit,
    time_of_day,
    volume,
)
from meter.rating.needs import Needs
from meter.rating.periods import Period
from meter.rating.price import Price
from meter.simulation.compare import Both, Invoiced, added, compared
from meter.simulation.question import Question
from meter.simulation.readings import Wanted
from meter.simulation.result import NotCompared, Reason, Side, TeamResult, Used
from meter.subscriptions import timeline
from meter.subscriptions.changes import Change
from meter.windows import ORIGIN, QUARTER

NOT_RATEABLE: Final = "not_rateable"
UNPRICED: Final = "unpriced"
MEMBER: Final = "member"
_NO_NEEDS: Final = Needs((), {}, {})
# Not those that price single events or rows. A new model is not here until somebody has looked.
_BY_SUM: Final = frozenset(
    model.NAME for model in (flat, per_unit, package, graduated, volume, graduated_percentage, blocks, time_of_day)
)


class Month(NamedTuple):
    """A billing period: what is agreed for it by what is in force and by the draft, or why nothing can be.

    `wanted` is the usage it takes, the draft's last where that is another.
    """

    period: Period
    old: Agreement | Reason
    new: Agreement | Reason
    wanted: tuple[Wanted, ...]


class Months(NamedTuple):
    """All periods of a team that are looked at; `begun` is when its first plan began."""

    team: Team
    begun: datetime | None
    months: tuple[Month, ...]

    @property
    def wanted(self) -> list[Wanted]:
        """Which usage they take."""
        return [each for month in self.months for each in month.wanted]

    @property
    def by_member(self) -> bool:
        """Whether amounts may depend on how usage is spread over members."""
        both = (each for month in self.months for each in (month.old, month.new))
        plans = (part.plan for each in both if isinstance(each, Agreement) for part in each.parts)
        return not all(_by_sum(price) for plan in plans for price in plan.prices)


class Nothing(NamedTuple):
    """Why a team has no period to look at; `of_the_book`: it is on a plan that the draft is about."""

    of_the_book: bool

    @property
    def why(self) -> Problem:
        """In words."""
        if self.of_the_book:
            return PeriodNotOver("no billing period of it is over yet")
        return NoSubscription("it had no plan of this book in that time")


def _by_sum(price: Price) -> bool:
    """Whether what a price comes to goes by sums over all members: then fewer rows say the same."""
    if isinstance(price.terms, matrix.Terms):
        return all(name != MEMBER for rate in price.terms.rates for name, _ in rate.when)
    return price.model in _BY_SUM


def months_of(team: Team, changes: Sequence[Change], books: Schedule, question: Question) -> Months | Nothing:
    """What is agreed for a team's last periods, both ways."""
    periods = question.periods(team, changes)
    if not periods:
        running = timeline.period_at(changes, team.timezone, question.now)
        return Nothing(running is not None and question.concerns(changes, [running]))
    if not question.concerns(changes, periods):
        return Nothing(of_the_book=False)
    drafted, moved = books.drafted(question.draft), question.moved(changes)
    months = (
        _month(period, _agreed("old", team, changes, books, period), _agreed("new", team, moved, drafted, period))
        for period in periods
    )
    return Months(team, timeline.begun(changes), tuple(months))


def _month(period: Period, old: Agreement | Reason, new: Agreement | Reason) -> Month:
    """With the usage it takes: some in any case, to tell what was used."""
    asked = [each.asked for each in (old, new) if isinstance(each, Agreement)] or [whole(period, _NO_NEEDS)]
    different = asked[:1] if asked[0] == asked[-1] else asked
    return Month(period, old, new, tuple(Wanted(period, each) for each in different))


def left_out(team: Team, why: Problem) -> NotCompared:
    """A team of which nothing is read."""
    return _not_compared(team, (Reason("old", why.code, why.detail),), ())


def _agreed(side: Side, team: Team, changes: Sequence[Change], books: Schedule, period: Period) -> Agreement | Reason:
    try:
        return agreed(team, changes, books, period)
    except (Problem, ValueError) as error:
        return _reason(side, error, period)


def _reason(side: Side, error: Problem | ValueError, period: Period) -> Reason:
    if isinstance(error, Problem):
        return Reason(side, error.code, error.detail, period.start, period.end)
    return Reason(side, NOT_RATEABLE, str(error), period.start, period.end)


def used_only(months: Months, error: Problem) -> Months:
    """The same where usage between these instants can't be read: that of whole quarters of an hour, to be told."""
    found = []
    for each in months.months:
        period = Period(_quarter(each.period.start), _quarter(each.period.end), each.period.zone)
        found.append(_month(period, _reason("old", error, each.period), _reason("new", error, each.period)))
    return months._replace(months=tuple(found))


def _quarter(instant: datetime) -> datetime:
    return instant - (instant - ORIGIN) % QUARTER


def rated(months: Months, usage: Sequence[Billable]) -> TeamResult:
    """The invoices of each month both ways, or why they can't be made; `usage` is what `Months.wanted` asks for."""
    there = list(dropwhile(lambda each: _before_all(months, *each), _with_usage(months, usage)))
    if not there:
        return left_out(months.team, Nothing(of_the_book=True).why)
    reasons: list[Reason] = []
    both: list[Both] = []
    for month, found in there:
        old, new = _sides(month, found)
        reasons += [each for each in (old, new) if isinstance(each, Reason)]
        if isinstance(old, Invoiced) and isinstance(new, Invoiced):
            both.append(Both(month.period, old, new))
    if reasons:
        used = added(each for _, found in there for each in _used(found[0]))
        return _not_compared(months.team, tuple(reasons), used)
    return compared(months.team, both)


def _with_usage(months: Months, usage: Sequence[Billable]) -> Iterator[tuple[Month, list[Billable]]]:
    found = iter(usage)
    for month in months.months:
        yield month, [next(found) for _ in month.wanted]


def _before_all(months: Months, month: Month, found: Sequence[Billable]) -> bool:
    """Whether the team was not there yet: what is before its first plan is billed only where something was used."""
    return months.begun is not None and month.period.end <= months.begun and not found[0].usage


def _sides(month: Month, found: Sequence[Billable]) -> tuple[Invoiced | Reason, Invoiced | Reason]:
    if isinstance(month.old, Reason) or isinstance(month.new, Reason):
        return _side("old", month.old, found[0]), _side("new", month.new, found[-1])
    old = _side("old", month.old, found[0])
    if isinstance(old, Invoiced) and _bare(month.old) == _bare(month.new):
        return old, old
    return old, _side("new", month.new, found[-1])


def _bare(agreement: Agreement) -> Agreement:
    """What of it decides about money: the same agreement and usage have the same invoice."""
    parts = tuple(part._replace(plan=replace(part.plan, book_version="")) for part in agreement.parts)
    return agreement._replace(parts=parts)


def _side(side: Side, agreement: Agreement | Reason, found: Billable) -> Invoiced | Reason:
    if isinstance(agreement, Reason):
        return agreement
    try:
        made, document = owed(agreement, found)
    except ValueError as error:
        return _reason(side, error, agreement.period)
    plan = name_of(agreement.last)
    if made.unpriced:
        unpriced = added(Used(each.meter, each.quantity) for each in made.unpriced)
        detail = f"{plan} has no price for {', '.join(each.meter for each in unpriced)}"
        return Reason(side, UNPRICED, detail, agreement.period.start, agreement.period.end, unpriced)
    return Invoiced(document, plan)


def _used(found: Billable) -> Iterator[Used]:
    return (Used(each.meter, each.quantity) for each in unpriced_of(found.usage))


def _not_compared(team: Team, reasons: tuple[Reason, ...], used: tuple[Used, ...]) -> NotCompared:
    return NotCompared(team=team.public_id, name=team.name, currency=team.currency, reasons=reasons, used=used)
