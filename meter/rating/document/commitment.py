"""Commitments: an amount per period that is owed in any case, and usage beyond it at a higher price."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from typing import Final

from meter.rating.charge import Step, step
from meter.rating.document.parts import NOTHING, rounded, shown
from meter.rating.document.sheet import Row, Sheet, added_line, amounts_of, rounding, with_line
from meter.rating.document.terms import ALL, Commitment
from meter.rating.line import Line, Share, shares
from meter.rating.models import flat

ID: Final = "commitment"
OVERAGE: Final = "overage"
TRUE_UP: Final = "true_up"


def apply(sheet: Sheet) -> Sheet:
    """Charge what usage above the commitment costs more; when the period ends, what is missing to the commitment."""
    terms = sheet.terms.commitment
    if terms is None:
        return sheet
    ratio = sheet.split.share_of(terms.prorate, sheet.period)
    committed = Fraction(terms.amount) * Fraction(ratio.part) / Fraction(ratio.whole)
    return _true_up(_overage(sheet, terms, committed), terms, committed)


def is_fee(line: Line) -> bool:
    """A fee is owed whatever is used."""
    return line.kind == flat.KIND


def _overage(sheet: Sheet, terms: Commitment, committed: Fraction) -> Sheet:
    """Above the commitment, and of usage only: a fee has its price once, however much is committed."""
    usage_before = Fraction(sheet.earlier.usage)
    used = tuple(row for row in sheet.rows if _is_usage(row.line))
    after = _excess(terms, committed, usage_before + amounts_of(used), _fees(sheet))
    before = _excess(terms, committed, usage_before, Fraction(sheet.earlier.fees))
    more = Fraction(terms.overage_factor) - 1
    # Rounded since the period began, so that parts of it add up.
    so_far, billed = rounded(after * more, sheet.currency), rounded(before * more, sheet.currency)
    amount = so_far - billed
    if not amount:
        return sheet
    facts = step(
        ID,
        committed=shown(committed),
        counts=terms.counts,
        excess=shown(after),
        excess_before=shown(before) if before else None,
        factor=terms.overage_factor,
        exact=shown((after - before) * more),
    )
    line = added_line(
        kind=OVERAGE,
        price=ID,
        description="Usage above the commitment",
        category=terms.category,
        due=(after - before) * more,
        amount=amount,
        steps=(facts, rounding(after * more, so_far), *_split(so_far, billed)),
        members=_users(used, amount, sheet.currency),
        quantity=shown(after - before),
        unit=sheet.currency,
        unit_amount=shown(more),
    )
    return with_line(sheet, line, facts)


def _split(so_far: Decimal, billed: Decimal) -> tuple[Step, ...]:
    """What earlier parts of the period billed of it, if they did."""
    facts = {"so_far": so_far, "billed_before": billed, "amount": so_far - billed}
    return (step("split", **{name: f"{amount:f}" for name, amount in facts.items()}),) if billed else ()


def _excess(terms: Commitment, committed: Fraction, usage: Fraction, fees: Fraction) -> Fraction:
    counted = usage + (fees if terms.counts == ALL else 0)
    return max(NOTHING, min(counted - committed, usage))


def _fees(sheet: Sheet) -> Fraction:
    return Fraction(sheet.earlier.fees) + amounts_of(row for row in sheet.rows if is_fee(row.line))


def _users(used: tuple[Row, ...], amount: Decimal, currency: str) -> tuple[Share, ...]:
    """Whose usage costs more: everybody's, by what it costs already."""
    weights: defaultdict[str | None, Decimal] = defaultdict(Decimal)
    for row in used:
        for part in row.line.members:
            weights[part.member] += max(part.amount, Decimal(0))
    return shares(weights, amount, currency)


def _true_up(sheet: Sheet, terms: Commitment, committed: Fraction) -> Sheet:
    if not sheet.split.last:
        return sheet
    usage = Fraction(sheet.earlier.usage) + amounts_of(row for row in sheet.rows if _is_usage(row.line))
    counted = usage + (_fees(sheet) if terms.counts == ALL else 0)
    missing = max(NOTHING, committed - counted)
    amount = rounded(missing, sheet.currency)
    if not amount:
        return sheet
    facts = step(ID, committed=shown(committed), counts=terms.counts, counted=shown(counted), exact=shown(missing))
    line = added_line(
        kind=TRUE_UP,
        price=ID,
        description="Commitment, what is missing to it",
        category=terms.category,
        due=missing,
        amount=amount,
        steps=(facts, rounding(missing, amount)),
        members=(Share(None, amount),),
    )
    return with_line(sheet, line, facts)


def _is_usage(line: Line) -> bool:
    return not is_fee(line) and line.kind != OVERAGE
