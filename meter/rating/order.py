"""The order in which a price's amount comes about, written here and nowhere else, with the reason at each step."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec.structs import replace

from meter.rating import draft as drafts
from meter.rating.adjust import cap, convert, discount, free_units, minimum, minimum_per_service, priced
from meter.rating.charge import Measured
from meter.rating.draft import Draft
from meter.rating.money import exact, quotient
from meter.rating.price import model_named

if TYPE_CHECKING:
    from meter.rating.periods import Period
    from meter.rating.price import Price
    from meter.rating.split import Split
    from meter.rating.usage import Usage

_NOTHING: Final = Decimal(0)

ORDER: Final[tuple[Callable[[tuple[Draft, ...]], tuple[Draft, ...]], ...]] = (
    # What is sold is counted in its own units, so these come first: free units are units of what is sold.
    convert.apply,
    # Free units are units, so they come off before there is money: "744 hours free" holds at whatever price.
    free_units.apply,
    # The model sees only what is to be billed, so that no model needs to know about free units.
    priced.apply,
    # A percentage is off of what the price list says, before any promise about sums.
    discount.apply,
    # "Never more than" is a promise about what is really asked for, so discounts count towards it.
    cap.apply,
    # Minimums look at what is left to pay. They precede rounding, which would lift 0.006 to 0.01 and hide that the
    # minimum applied. First each service's own, then that of the price, which theirs count towards.
    minimum_per_service.apply,
    minimum.apply,
    # Rounding once and sharing among members come last, in `line`: a share of something not rounded would not add up.
    # What is about the whole invoice (commitments, coupons, tax, prepaid credit) follows in `document`.
)


def amount_of(price: Price, quantity: Decimal, divisor: Decimal) -> Decimal:
    """What a price comes to at ``quantity / divisor`` units, by the steps above without writing them down.

    Only for prices of which `marginal.why_not` says nothing: they have one draft, and neither share nor minimum. Each
    call that is authorized asks this, and a derivation takes four times as long.
    """
    if price.included is None:
        return _NOTHING
    if price.conversion is not None:
        quantity, divisor = convert.converted(price.conversion, quantity, divisor)
    billed = max(_NOTHING, quantity - price.included * divisor)
    amount = model_named(price.model).price(price.terms, Measured(billed, divisor)).exact
    if price.discount:
        amount -= quotient(amount * price.discount, discount.HUNDRED)
    return amount if price.maximum is None else min(amount, price.maximum)


class Owed(NamedTuple):
    """What a price has come to since the period began, and what of that earlier parts of it stood for (or None)."""

    after: Draft
    before: Draft | None


def owed(
    price: Price, usage: tuple[Usage, ...], period: Period, split: Split, gone: tuple[Usage, ...] = ()
) -> tuple[Owed, ...]:
    """Answer one pair for each line: a part of a period owes the difference, so that parts always add up to the whole.

    ``gone`` are whole rows of earlier parts, which say what no ``before`` can: money of events of no quantity.
    Raises UsageError as `draft.start` does.
    """
    meters = dict(price.counts)
    usage, gone = (tuple(row for row in rows if row.meter in meters) for rows in (usage, gone))
    after = _through(drafts.start(price, (*gone, *_until_its_end(usage)), period, split, ends=split.last))
    earlier = (*gone, *(_as_before(row) for row in usage if row.before))
    if split.first and not earlier:
        return tuple(Owed(draft, None) for draft in after)
    before = {_key(draft): draft for draft in _through(drafts.start(price, earlier, period, split, ends=False))}
    pairs = tuple(Owed(draft, before.pop(_key(draft), None)) for draft in after)
    return (*pairs, *(Owed(_gone(draft), draft) for draft in before.values()))


def _through(going: tuple[Draft, ...]) -> tuple[Draft, ...]:
    for apply in ORDER:
        going = apply(going)
    return going


@exact()
def _until_its_end(usage: tuple[Usage, ...]) -> tuple[Usage, ...]:
    return tuple(
        replace(row, quantity=row.quantity + row.before, before=_NOTHING) if row.before else row for row in usage
    )


def _as_before(row: Usage) -> Usage:
    """The row as it was when this part of the period began."""
    return replace(row, quantity=row.before, before=_NOTHING)


def _key(draft: Draft) -> tuple[str, str]:
    return draft.kind, draft.cell


def _gone(draft: Draft) -> Draft:
    """A line that is no more, e.g. of services that the period's end moved to their minimum: nothing is left of it."""
    no_units = replace(draft, quantity=_NOTHING, billed=_NOTHING, included=_NOTHING)
    return replace(no_units, parts=(), gross=_NOTHING, discounts=(), exact=_NOTHING)
