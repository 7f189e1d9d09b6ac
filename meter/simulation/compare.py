"""What came of each price, both ways; and of all teams together. Pure: amounts come from the rating engine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from meter.model import Team
from meter.rating.document import Document
from meter.rating.money import exact
from meter.rating.periods import Period
from meter.simulation.result import (
    Compared,
    Named,
    NotCompared,
    OfCurrency,
    OfPeriod,
    OfPrice,
    Paid,
    TeamResult,
    Totals,
    Unpriced,
    Used,
    named,
)

_Price = tuple[str, str, str]
_NOTHING = Paid()
PATH = "/"


class Invoiced(NamedTuple):
    """What an invoice would say, and the plan at its end, `book/plan`: lines that are of no plan count as its."""

    document: Document
    plan: str


class Both(NamedTuple):
    """The invoice of a period by what was in force and by the draft."""

    period: Period
    old: Invoiced
    new: Invoiced


def compared(team: Team, periods: Sequence[Both]) -> Compared:
    """A team's invoices, of one period at least, added up both ways."""
    prices: defaultdict[_Price, Paid] = defaultdict(Paid)
    for each in periods:
        for key, amount in _amounts(each.old):
            prices[key] = prices[key].plus(Paid(old=amount))
        for key, amount in _amounts(each.new):
            prices[key] = prices[key].plus(Paid(new=amount))
    of_periods = [OfPeriod(each.period.start, each.period.end, _paid(each)) for each in periods]
    return Compared(
        team=team.public_id,
        name=team.name,
        currency=periods[0].old.document.currency,
        paid=together(each.paid for each in of_periods),
        periods=tuple(of_periods),
        prices=tuple(OfPrice(*key, paid) for key, paid in prices.items() if paid != _NOTHING),
    )


def _amounts(invoiced: Invoiced) -> Iterable[tuple[_Price, Decimal]]:
    """What each line adds to the total, its part of coupons and taxes included."""
    for each in invoiced.document.lines:
        plan = each.plan if PATH in each.plan else invoiced.plan
        yield (plan, each.line.price, each.line.meter), each.total


def _paid(each: Both) -> Paid:
    return Paid(each.old.document.total, each.new.document.total)


def together(paid: Iterable[Paid]) -> Paid:
    """All of them as one."""
    whole = _NOTHING
    for each in paid:
        whole = whole.plus(each)
    return whole


def added(used: Iterable[Used]) -> tuple[Used, ...]:
    """Usage by meter, meters by name."""
    return tuple(Used(meter, quantity) for meter, quantity in sorted(_by_meter(used).items()))


@exact()
def _by_meter(used: Iterable[Used]) -> dict[str, Decimal]:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for each in used:
        sums[each.meter] += each.quantity
    return dict(sums)


class Summing:
    """Totals while they grow: takes one team after another and keeps none of them."""

    def __init__(self) -> None:
        """Starts at nothing."""
        self._teams = self._not_compared = 0
        self._currencies: dict[str, _Currency] = {}
        self._unpriced: list[Used] = []
        self._teams_unpriced: defaultdict[str, int] = defaultdict(int)

    def take(self, result: TeamResult) -> None:
        """Adds a team."""
        self._teams += 1
        if isinstance(result, NotCompared):
            self._not_compared += 1
            self._take_unpriced(result)
            return
        self._currencies.setdefault(result.currency, _Currency()).take(result)

    def _take_unpriced(self, result: NotCompared) -> None:
        found = added(used for each in result.reasons if each.side == "new" for used in each.unpriced)
        self._unpriced = list(added((*self._unpriced, *found)))
        for each in found:
            self._teams_unpriced[each.meter] += 1

    def totals(self) -> Totals:
        """What came of all so far; currencies, plans and meters by name."""
        return Totals(
            teams=self._teams,
            compared=self._teams - self._not_compared,
            not_compared=self._not_compared,
            currencies=tuple(each.told(name) for name, each in sorted(self._currencies.items())),
            unpriced=tuple(
                Unpriced(each.meter, each.quantity, self._teams_unpriced[each.meter]) for each in self._unpriced
            ),
        )


class _Currency:
    """The sums of one currency."""

    def __init__(self) -> None:
        self._paid = _NOTHING
        self._verdicts: defaultdict[str, int] = defaultdict(int)
        self._plans: tuple[Named, ...] = ()
        self._meters: tuple[Named, ...] = ()

    def take(self, result: Compared) -> None:
        self._paid = self._paid.plus(result.paid)
        self._verdicts[result.paid.verdict] += 1
        self._plans = _more(self._plans, ((each.plan, each.paid) for each in result.prices))
        self._meters = _more(self._meters, ((each.meter, each.paid) for each in result.prices))

    def told(self, currency: str) -> OfCurrency:
        return OfCurrency(
            currency=currency,
            teams=sum(self._verdicts.values()),
            pays_less=self._verdicts["pays_less"],
            pays_more=self._verdicts["pays_more"],
            unchanged=self._verdicts["unchanged"],
            paid=self._paid,
            plans=self._plans,
            meters=self._meters,
        )


def _more(before: Iterable[Named], paid: Iterable[tuple[str, Paid]]) -> tuple[Named, ...]:
    return named((*((each.name, each.paid) for each in before), *paid))
