"""What does a running period cost so far, for an invoice before it is over, and what was billed by such? Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from meter.agreement import CHOOSE, Agreement, Part, agreed
from meter.errors import NoSubscription
from meter.model import Team
from meter.prices.schedule import Schedule
from meter.rating.document.document import SettledLine
from meter.rating.document.terms import Terms
from meter.rating.periods import Period
from meter.rating.plan import Plan, without_fees
from meter.subscriptions import timeline
from meter.subscriptions.changes import Change

KIND: Final = "progressive"
_encode = msgspec.json.Encoder(decimal_format="string").encode


class Left(NamedTuple):
    """A line that an invoice billed and none after it took off again."""

    number: str
    line: SettledLine


def so_far(team: Team, changes: Sequence[Change], books: Schedule, period: Period) -> Agreement:
    """What is agreed for usage from the beginning of a billing period to an instant within it.

    Tiers, free units and most amounts are those of the whole period. What only its end tells waits for its invoice:
    fees, minimums, commitments and coupons of an amount. Raises as `agreed`, NoSubscription without a period.
    """
    running = timeline.period_at(changes, team.timezone, period.start)
    if running is None:
        raise NoSubscription(CHOOSE)
    whole = agreed(team, changes, books, running)
    begun = whole.begun if whole.begun and whole.begun < period.end else None
    return whole._replace(period=period, parts=_until(whole, period), terms=_terms(whole.terms), begun=begun)


def _until(whole: Agreement, period: Period) -> tuple[Part, ...]:
    """The parts that have begun, for what is used in them before the period ends."""
    return tuple(
        Part(part.span._replace(end=min(part.span.end, period.end)), _usage_only(part.plan), None)
        for part in whole.parts
        if part.span.start < period.end
    )


def _usage_only(plan: Plan) -> Plan:
    plan = without_fees(plan)
    return replace(plan, prices=tuple(replace(price, minimum=None, minimum_per_service=None) for price in plan.prices))


def _terms(terms: Terms) -> Terms:
    coupons = tuple(coupon for coupon in terms.coupons if coupon.percent is not None)
    spend = terms.spend and replace(terms.spend, minimum=None)
    return replace(terms, coupons=coupons, commitment=None, spend=spend)


def left(
    billed: Iterable[tuple[str, Iterable[SettledLine]]], taken_off: Callable[[Left], SettledLine]
) -> tuple[Left, ...]:
    """The lines of invoices, in the order they were made, that no later one of them took off again (`taken_off`).

    Each bills the whole period so far and takes off what was billed before, so those of the last one are left; where
    one is void, what others took off of it, too.
    """
    there: defaultdict[bytes, list[Left]] = defaultdict(list)
    for number, lines in billed:
        for line in lines:
            if again := there[_encode(line)]:
                again.pop()
            else:
                each = Left(number, line)
                there[_encode(taken_off(each))].append(each)
    return tuple(each for same in there.values() for each in same)
