"""A subscription at a glance: what the team has, what it pays for each interval, and what is to come. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple

from msgspec.structs import replace

from meter.errors import NoSubscription
from meter.model import Team
from meter.prices.schedule import Schedule
from meter.rating.addons import applied
from meter.rating.document.terms import Coupon
from meter.rating.invoice import rate
from meter.rating.line import Line
from meter.rating.overrides import Override
from meter.rating.periods import Period, month_period
from meter.rating.plan import Plan
from meter.subscriptions import timeline, trial
from meter.subscriptions.changes import Cancel, Change, standing
from meter.subscriptions.timeline import Stretch

Status = Literal["active", "trial", "cancelling", "cancelled", "scheduled"]
_TICK = timedelta(microseconds=1)
_NOTHING = Decimal(0)


class Summary(NamedTuple):
    """What a team has at an instant; of a plan that is over what it had last, of one to come what it will have.

    `fees` are those of a whole interval, `amount` their sum. `ends_at` is when a cancellation takes or took effect.
    `coupons` are those of the running period, by name, each with which of its periods this is.
    """

    status: Status
    stretch: Stretch
    plan: Plan
    fees: tuple[Line, ...]
    amount: Decimal
    starts_at: datetime
    ends_at: datetime | None
    at_period_end: bool
    trial_ends_at: datetime | None
    period: Period | None
    next_from: datetime | None
    coupons: tuple[tuple[str, Coupon], ...]
    overrides: tuple[Override, ...]
    scheduled: tuple[Change, ...]


def summary(team: Team, log: Sequence[Change], books: Schedule, now: datetime) -> Summary:
    """The subscription of a team at an instant. Raises NoSubscription where it never had one."""
    changes, zone = standing(log), team.timezone
    begun = timeline.begun(changes)
    if begun is None:
        raise NoSubscription("choose one with PUT /v1/teams/{team}/subscription")
    run = _run(changes, now)
    starts, ends = run[0].start or begun, run[-1].end
    at = _instant(starts, ends, now)
    live = at == now
    stretch = next(s for s in run if s.end is None or s.end > at)
    period = timeline.period_at(changes, zone, now) if live else None
    trial_ends = trial.ends_at(changes, now) if live else None
    plan = books.plan(stretch.plan, at, team.public_id)
    fees = _fees(team, books, stretch, plan, at)
    return Summary(
        status="scheduled" if starts > now else "cancelled" if not live else _status(plan, ends),
        stretch=stretch,
        plan=plan,
        fees=fees,
        amount=sum((line.amount for line in fees), _NOTHING),
        starts_at=_since(run, stretch, begun),
        ends_at=ends,
        at_period_end=live and ends is not None and ends == _period_end(changes, zone, now, trial_ends),
        trial_ends_at=trial_ends,
        period=period,
        next_from=starts if starts > now else None if period is None else _next(changes, zone, period),
        coupons=() if period is None else _coupons(changes, books, zone, period),
        overrides=tuple(_overrides(team, books, stretch, plan, at)),
        scheduled=tuple(change for change in changes if change.at > now),
    )


def _run(changes: Sequence[Change], now: datetime) -> tuple[Stretch, ...]:
    """The stretches without a pause between them that now is in, or else the next ones, or else the last."""
    runs: list[tuple[Stretch, ...]] = []
    for stretch in timeline.stretches(changes):
        if runs and runs[-1][-1].end == stretch.start:
            runs[-1] = (*runs[-1], stretch)
        else:
            runs.append((stretch,))
    return next((run for run in runs if run[-1].end is None or run[-1].end > now), runs[-1])


def _instant(starts: datetime, ends: datetime | None, now: datetime) -> datetime:
    """The instant to look at: now, or the nearest at which there is a plan."""
    if now < starts:
        return starts
    return now if ends is None or now < ends else ends - _TICK


def _status(plan: Plan, ends: datetime | None) -> Status:
    if ends is not None:
        return "cancelling"
    return "trial" if plan.trial else "active"


def _since(run: Sequence[Stretch], stretch: Stretch, begun: datetime) -> datetime:
    """Since when the team has this plan, whatever became of what is beside it."""
    starts = begun
    plan = None
    for each in run:
        if each.plan != plan:
            starts, plan = each.start or begun, each.plan
        if each is stretch:
            break
    return starts


def _period_end(changes: Sequence[Change], zone: str, now: datetime, trial_ends: datetime | None) -> datetime | None:
    """When the running period would end without cancellations to come; a trial ends it too."""
    going_on = [c for c in changes if not (c.at > now and isinstance(c.decision, Cancel))]
    running = timeline.period_at(going_on, zone, now)
    ends = [each for each in (running and running.end, trial_ends or trial.ends_at(going_on, now)) if each]
    return min(ends, default=None)


def _next(changes: Sequence[Change], zone: str, period: Period) -> datetime | None:
    following = timeline.period_at(changes, zone, period.end)
    return None if following is None else following.start


def _fees(team: Team, books: Schedule, stretch: Stretch, plan: Plan, at: datetime) -> tuple[Line, ...]:
    """What is owed for a whole month without any usage: rated, so that it is what an invoice would say."""
    book = books.book_of(stretch.plan, at)
    had = applied(plan, stretch.addons, stretch.quantities, book.addons)
    flat = replace(had, prices=tuple(price for price in had.prices if not price.counts))
    return rate(flat, (), month_period(at, team.timezone), plan.currency).lines


def _coupons(changes: Sequence[Change], books: Schedule, zone: str, period: Period) -> tuple[tuple[str, Coupon], ...]:
    given = timeline.coupons_in(changes, zone, period)
    return tuple((name, replace(books.coupon(name, period.end), period=number)) for name, number in given)


def _overrides(team: Team, books: Schedule, stretch: Stretch, plan: Plan, at: datetime) -> Iterator[Override]:
    for each in books.book_of(stretch.plan, at).overrides:
        if each.team == team.public_id and plan.name in each.plans and each.holds(at):
            yield each
