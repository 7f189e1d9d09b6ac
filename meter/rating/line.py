"""One line of an invoice: rounded once, shared among members, with every step that led to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec

from meter.rating.charge import Step, paid, step
from meter.rating.models import dynamic
from meter.rating.money import displayed, exact, minor_unit, plain, quotient, round_money, share
from meter.rating.portions import portions

if TYPE_CHECKING:
    from meter.rating.draft import Draft
    from meter.rating.order import Owed
    from meter.rating.usage import Usage


NOBODY: Final[Mapping[str | None, Decimal]] = {None: Decimal(1)}


class Share(msgspec.Struct, frozen=True):
    """A member's part of a line; ``member`` None is what belongs to no member."""

    member: str | None
    amount: Decimal


class Discount(msgspec.Struct, frozen=True):
    """What was taken off a line: ``percent`` of the price, or above its ``maximum``."""

    kind: str
    amount: Decimal


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an invoice. Quantities are in ``unit``; money is in major units of the currency.

    ``exact`` is computed from base units, ``amount`` is ``exact`` rounded once (of a part of a period: what makes the
    parts add up to the whole, rounded once), and ``members`` add up to ``amount``. ``gross`` is before ``discounts``.
    ``kind`` is base_fee, usage or minimum; ``derivation`` lists the steps taken; ``cell`` says which labels it is for.
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
    cell: str = ""
    category: str = ""
    gross: Decimal = Decimal(0)
    discounts: tuple[Discount, ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    plan: str = ""
    price_version: str = ""


@exact()
def line_of(pair: Owed, currency: str, billed: Decimal | None = None) -> Line:
    """Round once and share what was rounded; ``billed`` is what earlier parts of the period billed of it, if known."""
    after, before = pair
    earlier = _rounded(before, currency) if billed is None else billed
    amount = round_money(after.exact, currency) - earlier
    quantity, included = _since(pair, "quantity"), _since(pair, "included")
    gross = round_money(after.gross, currency) - (round_money(before.gross, currency) if before else 0)
    # What earlier parts billed too much or too little is no discount.
    gross += _rounded(before, currency) - earlier
    return Line(
        kind=after.kind,
        price=after.price.id,
        description=after.description,
        meter=after.price.meter,
        measure=after.price.measure,
        quantity=quantity,
        unit=after.unit,
        included=included,
        billed_quantity=plain(quantity - included),
        unit_amount=after.unit_amount,
        per=after.per,
        exact=plain(after.exact - (before.exact if before else 0)),
        amount=amount,
        derivation=(*after.steps, *portions(pair), *_last_steps(pair, currency, earlier, amount)),
        members=shares(_weights(pair), amount, currency),
        cell=after.cell,
        category=after.price.category,
        gross=gross,
        discounts=_discounts(pair, currency, gross - amount),
    )


def billed_before(pair: Owed, currency: str) -> Decimal:
    """What earlier parts of the period billed of a line, by the same prices."""
    return _rounded(pair.before, currency)


def shares(weights: Mapping[str | None, Decimal], amount: Decimal, currency: str) -> tuple[Share, ...]:
    """Split an amount by what each used, to whole minor units; what nobody used is nobody's."""
    whose = weights or NOBODY
    parts = share(amount, whose, minor_unit(currency))
    return tuple(Share(member, parts[member]) for member in in_order(parts))


def _weights(pair: Owed) -> dict[str | None, Decimal]:
    """How much each member used in this part, of a level what is paid for; one that went down counts as none.

    Since the period began where the model asked for nothing before, as for a volume until its end, and where nothing
    was used in this part.
    """
    after, before = pair
    used = _used(after)
    if before is not None and before.parts:
        earlier = _used(before)
        here = {member: quantity - earlier.get(member, 0) for member, quantity in used.items()}
        if any(quantity > 0 for quantity in here.values()):
            used = here
    return {member: max(quantity, Decimal(0)) for member, quantity in used.items()}


def _used(draft: Draft) -> dict[str | None, Decimal]:
    # Where events say what they cost, that is whose it is, however many units they are.
    by_money = isinstance(draft.terms, dynamic.Terms) and draft.terms.amount == dynamic.MONEY
    used: defaultdict[str | None, Decimal] = defaultdict(Decimal)
    for row in draft.rows:
        used[row.member] += row.money if by_money and row.money is not None else _paid(row)
    return dict(used)


def _paid(row: Usage) -> Decimal:
    quantity, divisor = paid(row)
    return quantity if divisor == 1 else quotient(quantity, divisor)  # most rows are whole, and there are many


def in_order(members: Iterable[str | None]) -> list[str | None]:
    """Members by name, nobody last."""
    return sorted(members, key=lambda member: (member is None, member or ""))


def _rounded(draft: Draft | None, currency: str) -> Decimal:
    return Decimal(0) if draft is None else round_money(draft.exact, currency)


def _since(pair: Owed, name: str) -> Decimal:
    """How much of a quantity this part of the period adds, in the line's unit."""
    after, before = pair
    quantity: Decimal = getattr(after, name) - (getattr(before, name) if before else 0)
    return displayed(quantity, after.divisor)


def _last_steps(pair: Owed, currency: str, earlier: Decimal, amount: Decimal) -> tuple[Step, ...]:
    """The one rounding; of a part of a period also what was used and billed before."""
    exact_amount, unit = pair.after.exact, minor_unit(currency)
    whole = round_money(exact_amount, currency)
    rounding = step("round", exact=exact_amount, unit=unit, rule="half up", amount=f"{whole:f}")
    if pair.before is None and not earlier:
        return (rounding,)
    used = displayed(pair.before.quantity, pair.before.divisor) if pair.before else None
    facts = {"so_far": f"{whole:f}", "billed_before": f"{earlier:f}", "amount": f"{amount:f}"}
    return (rounding, step("split", quantity_before=used, **facts))


def _discounts(pair: Owed, currency: str, off: Decimal) -> tuple[Discount, ...]:
    """What was taken off, by kind, adding up to gross less amount: the last kind takes what rounding leaves."""
    before = dict(pair.before.discounts) if pair.before else {}
    after = dict(pair.after.discounts)
    kinds = {kind: after.get(kind, Decimal(0)) - before.get(kind, 0) for kind in {**after, **before}}
    made: list[Discount] = []
    for kind, exact_amount in kinds.items():
        last = len(made) == len(kinds) - 1
        amount = off - sum(each.amount for each in made) if last else round_money(exact_amount, currency)
        made.append(Discount(kind, amount))
    return tuple(made)
