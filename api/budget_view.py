"""Budgets as the API takes and shows them: what is limited, for whom, what happens beyond, and how far it is used."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import replace

from api.line_view import number
from api.names import ONE_LINE, Line
from meter.facts import MAX_STRING
from meter.limits.budget import LONGEST_ROLLING, Apart, Budget, Measure, Span
from meter.limits.expected import Reason, Told
from meter.limits.listing import Counted, Shown
from meter.limits.path import NOTHING, most
from meter.limits.verdict import judge
from meter.limits.wish import MOST_METERS, Wish
from meter.rating.money import cut, displayed, exact, quotient

Kind = Literal["hard", "soft"]
Fails = Literal["closed", "open"]

Label = Annotated[str, Meta(min_length=1, max_length=MAX_STRING, pattern=ONE_LINE)]
Slug = Annotated[str, Meta(min_length=1, max_length=63)]
Seconds = Annotated[int, Meta(ge=1, le=LONGEST_ROLLING)]

_HUNDRED, _PERCENT_PLACES = Decimal(100), 2


class NewBudget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A budget to set: `amount` in each `window`, in the unit of the `meters` (units), in money, or in calls.

    Calendar windows begin in the team's zone; `billing` is the billing period, `rolling` the last `seconds`, `ever` all
    time. Without `meters` all count; `member`, `service` and `key` say whose usage does. `each` gives every member,
    service, key or meter as much of its own. `kind`: `hard` denies what would go beyond, `soft` only says so. `fails`:
    whether calls are let through while the database can't be asked (`open`) or not.
    """

    name: Line
    measure: Measure
    amount: Decimal
    window: Span
    seconds: Seconds | None = None
    meters: Annotated[list[Slug], Meta(max_length=MOST_METERS)] = []
    member: Label | None = None
    service: Label | None = None
    key: UUID | None = None
    each: Annotated[list[Apart], Meta(max_length=4)] = []
    kind: Kind = "hard"
    fails: Fails = "closed"


class BudgetEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What of a budget may be changed; what is not named stays. What it counts stays: end it and set another."""

    name: Line | UnsetType = UNSET
    amount: Decimal | UnsetType = UNSET
    kind: Kind | UnsetType = UNSET
    fails: Fails | UnsetType = UNSET


class BudgetForecast(msgspec.Struct, frozen=True):
    """When a counter is expected to be used up in its window, made ahead by the worker; null dates: not in it.

    `earliest80` and `latest80` are where the upper and the lower edge of the 80 % band get there; `probability` is that
    of its being used up by `to`: when the window begins anew, or as far ahead as was looked. `made_at` is when that was
    found out, `as_of` when the team's data had last changed by then, `coverage` how much of what was expected was
    there. `reason` says why there are no dates: `asked_only` (calls are not forecast), `short_window` (shorter than a
    day), `little_used` (others of this budget are used more, and only those are forecast), `no_data` (nothing that
    counts was used lately), why they are vague (`short_history`), or that it is `used_up`: no date lies ahead then.
    """

    expected: datetime | None
    earliest80: datetime | None
    latest80: datetime | None
    probability: str | None
    to: datetime | None
    made_at: datetime | None
    as_of: datetime | None
    coverage: str | None
    reason: Reason | None


class CounterView(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """How far a budget is used in the window that runs now, by the one that its `each` tells apart.

    `used` and `reserved` are in the budget's unit; `remaining` is what may still be used, `percent` of the amount is
    used. `resets_at` is when the window begins anew, null: never; of a sliding one when all of it is free again, or,
    where it is used up, when some of it is. `forecast` says when it is expected to be used up; null before the worker
    has found it out, of this window and of the budget as it is now.
    """

    member: str | None
    service: str | None
    key: UUID | None
    meter: str | None
    from_: datetime
    used: str
    reserved: str
    remaining: str
    percent: str | None
    resets_at: datetime | None
    forecast: BudgetForecast | None


class BudgetView(msgspec.Struct, frozen=True):
    """A budget with its counters of now, the most used first; `more_counters` where there are others.

    `unit` is the meters', a currency (of the prices that the team pays by), or `call`. One with `ended_at` limits
    nothing any more.
    """

    id: UUID
    name: str
    measure: Measure
    amount: str
    unit: str
    window: Span
    seconds: int | None
    meters: list[str]
    member: str | None
    service: str | None
    key: UUID | None
    each: list[Apart]
    kind: Kind
    fails: Fails
    version: int
    created_at: datetime
    ended_at: datetime | None
    counters: list[CounterView]
    more_counters: bool


def wished(given: NewBudget) -> Wish:
    """The budget that somebody wants."""
    return Wish(
        given.name,
        given.measure,
        given.amount,
        given.window,
        given.seconds,
        tuple(given.meters),
        given.member,
        given.service,
        given.key,
        tuple(given.each),
        given.kind == "hard",
        given.fails == "open",
    )


def view(counted: Counted, currency: str, now: datetime) -> BudgetView:
    """A budget as it is shown; money is in a currency."""
    listed = counted.listed
    budget = listed.budget
    return BudgetView(
        id=budget.public_id,
        name=budget.name,
        measure=budget.measure,
        amount=number(budget.amount),
        unit={"units": budget.unit, "money": currency, "calls": "call"}[budget.measure],
        window=budget.window,
        seconds=budget.seconds,
        meters=list(budget.meters),
        member=listed.member,
        service=listed.service,
        key=listed.key,
        each=list(budget.each),
        kind="hard" if budget.hard else "soft",
        fails="open" if budget.opens else "closed",
        version=budget.version,
        created_at=budget.created_at,
        ended_at=budget.ended_at,
        counters=[_counter(budget, each, now) for each in counted.counters],
        more_counters=counted.more,
    )


def bare(view: BudgetView) -> BudgetView:
    """A budget as the audit log has it: as it was set, not how far it was used."""
    return msgspec.structs.replace(view, counters=[], more_counters=False)


@exact()
def _counter(budget: Budget, shown: Shown, now: datetime) -> CounterView:
    standing = shown.standing
    verdict = judge(standing, NOTHING)
    allowed = most(budget) or NOTHING
    return CounterView(
        *shown.whose,
        from_=shown.start,
        used=number(displayed(standing.used, budget.divisor)),
        reserved=number(displayed(standing.reserved, budget.divisor)),
        remaining=number(displayed(verdict.remaining or NOTHING, budget.divisor)),
        percent=number(cut(quotient(standing.used * _HUNDRED, allowed), _PERCENT_PLACES)) if allowed else None,
        resets_at=verdict.resets_at,
        forecast=None if shown.told is None else _forecast(shown.told, now, used_up=standing.used >= allowed),
    )


def _forecast(told: Told, now: datetime, *, used_up: bool) -> BudgetForecast:
    """What is expected. Of what is used up by now no date lies ahead, whatever was expected."""
    found = told.expected
    if used_up and told.made_at is not None:
        at = None if found.expected is None or found.expected > now else found.expected
        found = replace(found, expected=at, earliest80=at, latest80=at, probability=Decimal(1), reason="used_up")
    return BudgetForecast(
        expected=found.expected,
        earliest80=found.earliest80,
        latest80=found.latest80,
        probability=None if found.probability is None else number(found.probability),
        to=found.to,
        made_at=told.made_at,
        as_of=told.as_of,
        coverage=None if told.coverage is None else number(told.coverage),
        reason=found.reason,
    )
