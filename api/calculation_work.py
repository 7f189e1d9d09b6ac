"""Where a calculation is made: a small one at once, a larger one beside the event loop, one too large not at all."""

from __future__ import annotations

import msgspec

from api.calculation_given import MOST_LEVELS, Calculation
from api.calculation_read import Asked, asked
from api.calculation_view import calculation_view
from api.cpu import CpuPool
from api.plain_tables import refuse
from meter.errors import InvalidBody
from meter.rating.book import Plan
from meter.rating.document import Document, Item, settle
from meter.rating.invoice import Rated, rate
from meter.rating.periods import Period
from meter.rating.price import Price
from meter.rating.proration import NEVER

# Bodies up to these take 60 ms at the very worst and mostly 5; with terms every line meets every coupon and rate.
AT_ONCE_BYTES = 4_096
AT_ONCE_WITH_TERMS_BYTES = 2_048
# Each bound below is some two seconds of work.
MOST_BY_PRICES = 1_000_000
MOST_CHANGES = 2_000
MOST_BY_TIERS = 50_000
MOST_BY_TERMS = 20_000

_encode = msgspec.json.Encoder().encode


async def calculated(cpu: CpuPool, given: Calculation, size: int, period: Period, plan: Plan | None) -> bytes:
    """The answer to a body of so many bytes, as JSON; `plan` is the one that it names.

    Raises InvalidBody for what can't be priced so, and for more than is answered at once;
    CurrencyMismatch, and Busy as the pool does.
    """
    if size <= (AT_ONCE_BYTES if given.terms is None else AT_ONCE_WITH_TERMS_BYTES):
        return calculation(given, period, plan)
    return await cpu.run(calculation, given, period, plan)


def calculation(given: Calculation, period: Period, plan: Plan | None) -> bytes:
    """Read, rate, settle and write; nothing but its arguments decides. Raises as `calculated`."""
    if sum(len(row.levels or ()) for row in given.usage) > MOST_LEVELS:
        refuse("$.usage", "there are too many levels", f"write {MOST_LEVELS} at most in all rows together")
    question = asked(given, period.zone, plan)
    _check(question)
    try:
        rated = rate(question.plan, question.usage, period, question.plan.currency, question.split)
    except ValueError as error:
        raise InvalidBody(f"$.usage: {error}") from error
    return _encode(calculation_view(question.plan_name, rated, _document(question, rated, period)))


def _document(question: Asked, rated: Rated, period: Period) -> Document | None:
    terms = question.terms
    if terms is None:
        return None
    many = len(terms.coupons) + len(terms.grants) + (len(terms.taxes.rates) if terms.taxes else 0)
    if many * len(rated.lines) > MOST_BY_TERMS:
        refuse("$.terms", f"{many} coupons, grants and rates by {len(rated.lines)} lines is too much", "write fewer")
    items = [Item(line, question.plan_name or "") for line in rated.lines]
    try:
        return settle(items, terms, rated.currency, period, question.split, question.earlier)
    except ValueError as error:
        raise InvalidBody(f"$.terms: {error}") from error


def _check(question: Asked) -> None:
    """Refuse what would take minutes. Raises InvalidBody."""
    rows, prices = len(question.usage), len(question.plan.prices)
    if rows * prices > MOST_BY_PRICES:
        refuse("$.usage", f"{rows} rows by {prices} prices is too much", "add rows up, or ask in several requests")
    for price in question.plan.prices:
        tiers = len(getattr(price.terms, "tiers", ()))
        changes = _changes(question, price) if tiers else 0
        if changes > MOST_CHANGES or changes * tiers > MOST_BY_TIERS:
            said = f"{changes} changes of level in {tiers} tiers of {price.id} is too much"
            refuse("$.usage", said, "add up those of one hour, or write fewer tiers")


def _changes(question: Asked, price: Price) -> int:
    """How many rows of a price are followed through its tiers one by one."""
    by_time = price.prorate != NEVER
    rows = (row for row in question.usage if any(row.meter == meter for meter, _ in price.counts))
    return sum(row.prorated is not None or (by_time and row.at is not None) for row in rows)
