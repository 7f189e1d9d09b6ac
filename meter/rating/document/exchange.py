"""Currencies: lines are converted by a stored, dated rate, each from its exact amount and rounded once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from msgspec.structs import replace

from meter.rating.charge import Step, step, total
from meter.rating.document.parts import rounded, shown
from meter.rating.document.sheet import Row, Sheet, row_of
from meter.rating.document.terms import ExchangeRate
from meter.rating.line import Discount, Line, shares
from meter.rating.money import round_money
from meter.rating.usage import UsageError


def apply(sheet: Sheet) -> Sheet:
    """Turn every line into the invoice's currency. Raises UsageError where no rate is stored for it."""
    terms = sheet.terms.exchange
    if terms is None or terms.to == sheet.currency:
        return sheet
    rate = rate_at(terms.rates, sheet.currency, terms.to, terms.at or sheet.period.end)
    facts = _facts(rate)
    rows = tuple(_converted(row, rate, facts) for row in sheet.rows)
    return replace(sheet, currency=terms.to, rows=rows, steps=(*sheet.steps, facts))


def rate_at(rates: Sequence[ExchangeRate], source: str, target: str, at: datetime) -> ExchangeRate:
    """The latest rate from one currency to another that holds at an instant.

    A rate the other way round is never turned over: banks buy and sell at different prices. Raises UsageError.
    """
    held = [rate for rate in rates if (rate.source, rate.target) == (source, target) and rate.valid_from <= at]
    if not held:
        said = f"there is no exchange rate from {source} to {target} at {at.isoformat()}"
        raise UsageError(f"{said}; store one that is valid from then or earlier")
    return max(held, key=lambda rate: rate.valid_from)


def _facts(rate: ExchangeRate) -> Step:
    dated = rate.valid_from.isoformat()
    return step("exchange", source=rate.source, target=rate.target, rate=rate.rate, valid_from=dated)


def _converted(row: Row, rate: ExchangeRate, facts: Step) -> Row:
    line = row.line
    # What a part of a period owes because earlier parts billed another sum than they should is in no exact amount.
    whole = line.exact if round_money(line.exact, rate.source) == line.amount else line.amount
    due = Fraction(whole) * Fraction(rate.rate)
    amount = rounded(due, rate.target)
    discounts = tuple(Discount(each.kind, _rounded(each.amount, rate)) for each in line.discounts)
    rounding = step("round", exact=shown(due), rule="half up", amount=f"{amount:f}")
    return row_of(
        replace(
            line,
            unit_amount=None if line.unit_amount is None else shown(Fraction(line.unit_amount) * Fraction(rate.rate)),
            exact=shown(due),
            amount=amount,
            derivation=(*line.derivation, facts, rounding),
            members=shares(_weights(line), amount, rate.target),
            gross=total((amount, *(each.amount for each in discounts))),
            discounts=discounts,
        ),
        row.plan,
    )


def _rounded(amount: Decimal, rate: ExchangeRate) -> Decimal:
    return rounded(Fraction(amount) * Fraction(rate.rate), rate.target)


def _weights(line: Line) -> dict[str | None, Decimal]:
    return {part.member: abs(part.amount) for part in line.members}
