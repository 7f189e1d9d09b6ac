"""One plan, one period, one team's usage: the lines owed, how each came about, and whose they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from meter.rating.book import Plan
from meter.rating.draft import cells_of
from meter.rating.line import Line, billed_before, in_order, line_of
from meter.rating.money import displayed, exact, plain, round_money
from meter.rating.order import Owed, owed
from meter.rating.periods import Period
from meter.rating.price import Price
from meter.rating.split import WHOLE, Split
from meter.rating.usage import TOTAL, Usage, UsageError

# Raised whenever the same usage, plan and period would give another answer; stored on every invoice (DESIGN 5.5).
RATING_VERSION: Final = "3"


class Unpriced(msgspec.Struct, frozen=True):
    """Usage the plan has no price for: an alarm, never zero (RULES 16). ``quantity`` is in the meter's unit."""

    meter: str
    quantity: Decimal


class MemberShare(msgspec.Struct, frozen=True):
    """What a member costs and used, per meter in the meter's unit; ``member`` None is what belongs to nobody."""

    member: str | None
    amount: Decimal
    usage: dict[str, Decimal]


class Rated(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer: lines and members each add up to ``total``; the same inputs give the same value for ever.

    ``exact`` is the sum before any rounding, what a ledger of full precision has charged for the same (S3.3).
    """

    plan: str
    period: Period
    lines: tuple[Line, ...]
    total: Decimal
    exact: Decimal
    currency: str
    unpriced: tuple[Unpriced, ...]
    members: tuple[MemberShare, ...]
    book: str
    book_version: str
    rating_version: str = RATING_VERSION


def rate(plan: Plan, usage: Sequence[Usage], period: Period, currency: str, split: Split = WHOLE) -> Rated:
    """Answer what a team on ``plan`` owes for ``usage`` in ``period``; pure, and independent of the usage's order.

    The caller passes usage of billable series only, the whole period's, told apart at least as ``plan.needs`` says and
    with the levels it asks for. Lines appear for what was used or is owed without usage. Usage lines are shared among
    members by their quantity, free units with them; base fee and peaks belong to nobody. ``split`` says which part of
    the period this is, where it is billed in several.
    Raises UsageError when ``currency`` is not the plan's, a meter comes in several base units, and as ``draft.start``.
    """
    if currency != plan.currency:
        raise UsageError(f"plan {plan.name} of book {plan.book} is in {plan.currency}, not {currency}")
    used = used_rows(usage)
    check_units(used)
    lines = tuple(line for price in plan.charges for line in lines_of(price, used, period, currency, split))
    return rated_of(plan, period, currency, lines, used, unpriced_rows(plan, used, period))


def used_rows(usage: Iterable[Usage]) -> tuple[Usage, ...]:
    """Rows that say something: a row of nothing used is as good as none."""
    return tuple(
        row for row in usage if row.quantity or row.measure != TOTAL or row.before or row.money or row.prorated
    )


def rated_of(
    plan: Plan,
    period: Period,
    currency: str,
    lines: tuple[Line, ...],
    used: tuple[Usage, ...],
    unpriced: Iterable[Usage],
) -> Rated:
    """Add up the lines of a period, which ends under ``plan``."""
    return Rated(
        plan=plan.name,
        period=period,
        lines=lines,
        total=round_money(_total(line.amount for line in lines), currency),
        exact=plain(_total(line.exact for line in lines)),
        currency=currency,
        unpriced=unpriced_of(unpriced),
        members=_members(lines, used, currency),
        book=plan.book,
        book_version=plan.book_version,
    )


def lines_of(
    price: Price,
    usage: tuple[Usage, ...],
    period: Period,
    currency: str,
    split: Split = WHOLE,
    gone: tuple[Usage, ...] = (),
) -> tuple[Line, ...]:
    """The lines of one price; none where nothing was used and nothing is owed. Raises as `rate`.

    ``gone`` is what earlier parts of the period used, in rows of their own.
    """
    if not price.counts and not price.quantity:
        return ()  # of what a team has none of nothing is owed, no minimum either
    pairs = owed(price, usage, period, split, gone)
    billed = _billed(price, pairs, currency, split)
    lines = (line_of(pair, currency, each) for pair, each in zip(pairs, billed, strict=True))
    return tuple(line for line in lines if line.quantity or line.exact or line.amount)


def _billed(price: Price, pairs: tuple[Owed, ...], currency: str, split: Split) -> list[Decimal]:
    """What of each line earlier parts of the period billed; where they told another sum, the first line makes up."""
    known = [billed_before(pair, currency) for pair in pairs]
    told = split.billed.get(price.id)
    if told is None or not known:
        return known
    return [plain(told - _total(known[1:])), *known[1:]]


def _members(lines: tuple[Line, ...], usage: tuple[Usage, ...], currency: str) -> tuple[MemberShare, ...]:
    """One row per member seen in lines or usage, by name; nobody's row last."""
    owed: defaultdict[str | None, list[Decimal]] = defaultdict(list)
    for line in lines:
        for part in line.members:
            owed[part.member].append(part.amount)
    used: defaultdict[str | None, list[Usage]] = defaultdict(list)
    for row in usage:
        if row.measure == TOTAL:
            used[row.member].append(row)
    return tuple(
        MemberShare(name, round_money(_total(owed[name]), currency), _by_meter(used[name]))
        for name in in_order({*owed, *used})
    )


@exact()
def _by_meter(rows: Iterable[Usage]) -> dict[str, Decimal]:
    """Sum per meter in the meter's unit, meters by name."""
    sums: defaultdict[tuple[str, Decimal], Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[row.meter, row.divisor] += row.quantity
    return {meter: displayed(total, divisor) for (meter, divisor), total in sorted(sums.items())}


def unpriced_rows(plan: Plan, usage: tuple[Usage, ...], period: Period) -> list[Usage]:
    """Usage of meters that no price counts, and of labels for which a price that goes by them has no cell."""
    known = {*plan.unbilled, *(meter for price in plan.prices for meter, _ in price.counts)}
    rows = [row for row in usage if row.meter not in known and row.measure == TOTAL]
    for price in plan.prices:
        meters = dict(price.counts)
        own = tuple(row for row in usage if row.meter in meters and row.measure == TOTAL)
        rows += cells_of(price, own, period).unpriced
    return rows


def unpriced_of(rows: Iterable[Usage]) -> tuple[Unpriced, ...]:
    """Usage that has no price, meters by name."""
    totals = (row for row in rows if row.measure == TOTAL)
    return tuple(Unpriced(meter, quantity) for meter, quantity in _by_meter(totals).items())


def check_units(usage: Iterable[Usage]) -> None:
    """Raises UsageError where a meter comes in several base units."""
    seen: dict[tuple[str, str], Decimal] = {}
    for row in usage:
        if seen.setdefault((row.meter, row.measure), row.divisor) != row.divisor:
            raise UsageError(f"usage of {row.meter} comes in different base units (divisors)")


@exact()
def _total(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))
