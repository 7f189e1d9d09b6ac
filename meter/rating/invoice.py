"""One plan, one period, one team's usage: the lines owed, how each came about, and whose they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Final

import msgspec
from msgspec.structs import replace

from meter.rating import draft as drafts
from meter.rating import free_units, minimum
from meter.rating.book import Plan, Price, model_named
from meter.rating.charge import Measured, Step, step
from meter.rating.draft import Draft
from meter.rating.money import displayed, exact, minor_unit, plain, round_money, share
from meter.rating.periods import Period
from meter.rating.usage import TOTAL, Usage, UsageError

# Raised whenever the same usage, plan and period would give another answer; stored on every invoice (DESIGN 5.5).
RATING_VERSION: Final = "1"


class Share(msgspec.Struct, frozen=True):
    """A member's part of a line; ``member`` None is what belongs to no member."""

    member: str | None
    amount: Decimal


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an invoice. Quantities are in ``unit``; money is in major units of the currency.

    ``exact`` is ``billed_quantity * unit_amount / per`` computed from base units, ``amount`` is ``exact`` rounded once,
    and ``members`` add up to ``amount``. ``kind`` is base_fee, usage or minimum; ``derivation`` lists the steps taken.
    """

    kind: str
    price: str
    description: str
    meter: str
    measure: str
    quantity: Decimal
    unit: str
    included: Decimal
    billed_quantity: Decimal
    unit_amount: Decimal | None
    per: Decimal
    exact: Decimal
    amount: Decimal
    derivation: tuple[Step, ...]
    members: tuple[Share, ...]


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


def _priced(draft: Draft) -> tuple[Draft, ...]:
    charge = model_named(draft.price.model).price(draft.price.terms, Measured(draft.billed, draft.divisor))
    steps = (*draft.steps, *charge.steps)
    return (replace(draft, exact=charge.exact, unit_amount=charge.unit_amount, per=charge.per, steps=steps),)


# The order of an invoice line, written here and nowhere else. Each step takes one draft and returns those that go on.
ORDER: Final[tuple[Callable[[Draft], tuple[Draft, ...]], ...]] = (
    # Free units are units, so they come off before there is money: "744 hours free" holds at whatever price.
    free_units.apply,
    # The model sees only what is to be billed, so that no model needs to know about free units.
    _priced,
    # A minimum looks at money that is owed, so it follows the price; it precedes rounding, which would lift 0.006 to
    # 0.01 and hide that the minimum applied. Percent discounts and caps belong before it (DESIGN 5.8).
    minimum.apply,
    # Rounding once and sharing among members come last, in _line: a share of something not rounded would not add up.
)


def rate(plan: Plan, usage: Sequence[Usage], period: Period, currency: str) -> Rated:
    """Answer what a team on ``plan`` owes for ``usage`` in ``period``; pure, and independent of the usage's order.

    The caller passes usage of billable series only, the whole period's, any grouping; and for ``plan.peak_meters`` also
    the team's peak. Lines appear for what was used, and for the base fee. Usage lines are shared among members by their
    quantity, free units with them; base fee and peaks belong to nobody.
    Raises UsageError when ``currency`` is not the plan's, a meter comes in several base units, and as ``draft.start``.
    """
    if currency != plan.currency:
        raise UsageError(f"plan {plan.name} of book {plan.book} is in {plan.currency}, not {currency}")
    used = tuple(row for row in usage if row.quantity)
    _check_divisors(used)
    lines = tuple(_line(draft, currency) for price in plan.charges for draft in _drafts(price, used))
    return Rated(
        plan=plan.name,
        period=period,
        lines=lines,
        total=round_money(_total(line.amount for line in lines), currency),
        exact=plain(_total(line.exact for line in lines)),
        currency=currency,
        unpriced=_unpriced(plan, used),
        members=_members(lines, used, currency),
        book=plan.book,
        book_version=plan.book_version,
    )


def _drafts(price: Price, usage: tuple[Usage, ...]) -> tuple[Draft, ...]:
    going = drafts.start(price, usage)
    for apply in ORDER:
        going = tuple(done for draft in going for done in apply(draft))
    return going


@exact()
def _line(draft: Draft, currency: str) -> Line:
    """Round once and share what was rounded."""
    amount = round_money(draft.exact, currency)
    quantity, included = displayed(draft.quantity, draft.divisor), displayed(draft.included, draft.divisor)
    facts = step("round", exact=draft.exact, unit=minor_unit(currency), rule="half up", amount=f"{amount:f}")
    return Line(
        kind=draft.kind,
        price=draft.price.id,
        description=draft.description,
        meter=draft.price.meter,
        measure=draft.price.measure,
        quantity=quantity,
        unit=draft.unit,
        included=included,
        billed_quantity=plain(quantity - included),
        unit_amount=draft.unit_amount,
        per=draft.per,
        exact=plain(draft.exact),
        amount=amount,
        derivation=(*draft.steps, facts),
        members=_shares(draft, amount, currency),
    )


def _shares(draft: Draft, amount: Decimal, currency: str) -> tuple[Share, ...]:
    weights = _by_member(draft.rows) or {None: Decimal(1)}
    parts = share(amount, weights, minor_unit(currency))
    return tuple(Share(member, parts[member]) for member in _sorted(parts))


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
        for name in _sorted({*owed, *used})
    )


@exact()
def _by_member(rows: Iterable[Usage]) -> dict[str | None, Decimal]:
    members: defaultdict[str | None, Decimal] = defaultdict(Decimal)
    for row in rows:
        members[row.member] += row.quantity
    return dict(members)


@exact()
def _by_meter(rows: Iterable[Usage]) -> dict[str, Decimal]:
    """Sum per meter in the meter's unit, meters by name."""
    sums: defaultdict[tuple[str, Decimal], Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[row.meter, row.divisor] += row.quantity
    return {meter: displayed(total, divisor) for (meter, divisor), total in sorted(sums.items())}


def _unpriced(plan: Plan, usage: tuple[Usage, ...]) -> tuple[Unpriced, ...]:
    known = {*plan.unbilled, *(meter for price in plan.prices for meter, _ in price.counts)}
    rows = (row for row in usage if row.meter not in known and row.measure == TOTAL)
    return tuple(Unpriced(meter, quantity) for meter, quantity in _by_meter(rows).items())


def _check_divisors(usage: tuple[Usage, ...]) -> None:
    seen: dict[tuple[str, str], Decimal] = {}
    for row in usage:
        if seen.setdefault((row.meter, row.measure), row.divisor) != row.divisor:
            raise UsageError(f"usage of {row.meter} comes in different base units (divisors)")


@exact()
def _total(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


def _sorted(members: Iterable[str | None]) -> list[str | None]:
    return sorted(members, key=lambda member: (member is None, member or ""))
