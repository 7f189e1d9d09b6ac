"""What a what-if is asked and answers: numbers are text, plain and with all their digits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from api.calculation_given import PlanName
from api.formats import Value
from api.line_view import UnpricedView, digits
from meter.simulation.question import MOST_MONTHS
from meter.simulation.result import (
    Compared,
    Named,
    NotCompared,
    Paid,
    Reason,
    TeamResult,
    Totals,
    Used,
    Verdict,
)

MOST_TEAMS = 10_000
MOST_MOVES = 100
HEADING = (
    "team",
    "name",
    "result",
    "currency",
    "periods",
    "from",
    "to",
    "old",
    "new",
    "difference",
    "percent",
    "reason",
)


class Simulation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A draft of a price book and for whom it is tried. `attached` are the files that the book takes prices from.

    `teams` are ids; without them all are looked at that had a plan of this book. `moves` puts those on a plan on
    another one, as if it had been theirs all along.
    """

    book: Annotated[str, Meta(min_length=1, description="The whole book, as TOML text.")]
    months: Annotated[int, Meta(ge=1, le=MOST_MONTHS, description="Each team's last billing periods that are over.")]
    attached: dict[str, str] = {}
    teams: Annotated[list[UUID], Meta(min_length=1, max_length=MOST_TEAMS)] | None = None
    moves: Annotated[dict[PlanName, PlanName], Meta(max_length=MOST_MOVES)] = {}


class PaidView(msgspec.Struct, frozen=True):
    """What is to pay by what was agreed and in force, and by the draft. `percent` of `old`; null where that is zero."""

    old: str
    new: str
    difference: str
    percent: str | None


class OfPriceView(msgspec.Struct, frozen=True):
    """What came of one price of one plan; `meter` is null for fees."""

    plan: str
    price: str
    meter: str | None
    paid: PaidView


class OfPeriodView(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """One billing period both ways."""

    from_: datetime
    to: datetime
    paid: PaidView


class ComparedView(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="team"):
    """A team that was rated both ways. `plans`, `prices` and `periods` add up to `paid`, with taxes and coupons."""

    team: UUID
    name: str
    result: Verdict
    currency: str
    paid: PaidView
    plans: dict[str, PaidView]
    prices: list[OfPriceView]
    periods: list[OfPeriodView]


class ReasonView(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Why a period has no amount by the `old` prices or the `new` ones; without a period it is about the whole team."""

    side: Literal["old", "new"]
    from_: datetime | None
    to: datetime | None
    code: str
    detail: str
    unpriced: list[UnpricedView]


class NotComparedView(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="not_compared"):
    """A team that is in no sum, why, and what it used in that time."""

    team: UUID
    name: str
    currency: str
    reasons: list[ReasonView]
    usage: dict[str, str]


class ProgressView(msgspec.Struct, frozen=True, tag_field="type", tag="progress"):
    """So many of all teams are done."""

    done: int
    teams: int


class CurrencyView(msgspec.Struct, frozen=True, kw_only=True):
    """All teams billed in a currency. `plans` adds up to `paid`, and so does `meters`, where "" are fees."""

    currency: str
    teams: int
    pays_less: int
    pays_more: int
    unchanged: int
    paid: PaidView
    plans: dict[str, PaidView]
    meters: dict[str, PaidView]


class LeftUnpriced(msgspec.Struct, frozen=True):
    """Usage that the draft has no price for, of so many teams together."""

    meter: str
    quantity: str
    teams: int


class TotalsView(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="totals"):
    """What comes of all teams together; those that are `not_compared` are in no sum."""

    price_version: str
    teams: int
    compared: int
    not_compared: int
    currencies: list[CurrencyView]
    unpriced: list[LeftUnpriced]


class SimulationView(msgspec.Struct, frozen=True, kw_only=True):
    """The totals, the teams by what they would pay more, those first that would pay most more, and the others."""

    totals: TotalsView
    teams: list[ComparedView]
    not_compared: list[NotComparedView]


TeamView = ComparedView | NotComparedView


def team_view(result: TeamResult) -> TeamView:
    """What came of a team."""
    return _not_compared(result) if isinstance(result, NotCompared) else _compared(result)


def _not_compared(result: NotCompared) -> NotComparedView:
    return NotComparedView(
        team=result.team,
        name=result.name,
        currency=result.currency,
        reasons=[_reason(each) for each in result.reasons],
        usage={each.meter: digits(each.quantity) for each in result.used},
    )


def _compared(result: Compared) -> ComparedView:
    return ComparedView(
        team=result.team,
        name=result.name,
        result=result.paid.verdict,
        currency=result.currency,
        paid=paid_view(result.paid),
        plans=_named(result.plans),
        prices=[OfPriceView(each.plan, each.price, each.meter or None, paid_view(each.paid)) for each in result.prices],
        periods=[OfPeriodView(each.start, each.end, paid_view(each.paid)) for each in result.periods],
    )


def _reason(reason: Reason) -> ReasonView:
    return ReasonView(
        side=reason.side,
        from_=reason.start,
        to=reason.end,
        code=reason.code,
        detail=reason.detail,
        unpriced=_unpriced(reason.unpriced),
    )


def _unpriced(used: Iterable[Used]) -> list[UnpricedView]:
    return [UnpricedView(each.meter, digits(each.quantity)) for each in used]


def paid_view(paid: Paid) -> PaidView:
    """Both amounts and what lies between them."""
    percent = paid.percent
    return PaidView(
        digits(paid.old), digits(paid.new), digits(paid.difference), None if percent is None else digits(percent)
    )


def _named(sums: Iterable[Named]) -> dict[str, PaidView]:
    return {each.name: paid_view(each.paid) for each in sums}


def totals_view(totals: Totals, version: str) -> TotalsView:
    """What came of all; `version` is the draft's."""
    return TotalsView(
        price_version=version,
        teams=totals.teams,
        compared=totals.compared,
        not_compared=totals.not_compared,
        currencies=[
            CurrencyView(
                currency=each.currency,
                teams=each.teams,
                pays_less=each.pays_less,
                pays_more=each.pays_more,
                unchanged=each.unchanged,
                paid=paid_view(each.paid),
                plans=_named(each.plans),
                meters=_named(each.meters),
            )
            for each in totals.currencies
        ],
        unpriced=[LeftUnpriced(each.meter, digits(each.quantity), each.teams) for each in totals.unpriced],
    )


def simulation_view(results: Sequence[TeamResult], totals: Totals, version: str) -> SimulationView:
    """The whole answer."""
    compared = [each for each in results if isinstance(each, Compared)]
    compared.sort(key=lambda each: (each.currency, -each.paid.difference, each.team))
    return SimulationView(
        totals=totals_view(totals, version),
        teams=[_compared(each) for each in compared],
        not_compared=[_not_compared(each) for each in results if isinstance(each, NotCompared)],
    )


def row(result: TeamResult) -> tuple[Value, ...]:
    """A team as a row of CSV, below `HEADING`."""
    if isinstance(result, NotCompared):
        why = "; ".join(dict.fromkeys(f"{each.side}: {each.code}: {each.detail}" for each in result.reasons))
        return (str(result.team), result.name, "not_compared", result.currency, *(None,) * 7, why)
    paid, periods = result.paid, result.periods
    amounts = (paid.old, paid.new, paid.difference, paid.percent)
    known = (len(periods), periods[0].start, periods[-1].end)
    return (str(result.team), result.name, paid.verdict, result.currency, *known, *amounts, None)
