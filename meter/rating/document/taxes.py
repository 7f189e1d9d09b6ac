"""Taxes: which rates a line has, and what they come to, rounded once for the whole invoice."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

from msgspec.structs import replace

from meter.rating.charge import Step, step
from meter.rating.document.document import LineTax, TaxTotal
from meter.rating.document.parts import apportion, rounded, shown, sum_of
from meter.rating.document.sheet import Row, Sheet
from meter.rating.document.terms import Rate, Taxes

NO_RATE: Final = "no_rate"
_HUNDRED: Final = Fraction(100)


class _Taxed(NamedTuple):
    """A row, what of it is without tax, and what each rate (by its place in the terms) asks for."""

    row: Row
    net: Fraction
    owed: dict[int, Fraction]
    untaxed: str

    def of(self, rates: Sequence[int]) -> Fraction:
        """The tax by some of the rates."""
        return sum_of(self.owed[at] for at in rates if at in self.owed)


def apply(sheet: Sheet) -> Sheet:
    """Tax every line on what is left to pay of it; the tax of all is rounded once, then parted among rates and lines.

    Rounding line by line would make 1887 of 1889.41. Where some prices contain their tax and others do not, the one
    rounded sum is first parted between the two, so that what is added on top is whole too.
    """
    terms = sheet.terms.taxes
    if terms is None:
        return sheet
    reason = _no_tax(terms)
    taxed = [_taxed(row, terms, reason) for row in sheet.rows]
    used = [at for at in range(len(terms.rates)) if any(at in each.owed for each in taxed)]
    kinds = [[at for at in used if terms.rates[at].inclusive is inclusive] for inclusive in (False, True)]
    whole = rounded(sum_of(each.of(used) for each in taxed), sheet.currency)
    sums = [sum_of(each.of(kind) for each in taxed) for kind in kinds]
    on_top, within = apportion(sums, ("on top", "within"), whole, sheet.currency)
    return _parted(sheet, terms, taxed, kinds, (on_top, within), whole)


def _parted(
    sheet: Sheet,
    terms: Taxes,
    taxed: list[_Taxed],
    kinds: list[list[int]],
    wholes: tuple[Decimal, Decimal],
    whole: Decimal,
) -> Sheet:
    """Give rates and lines their whole minor units of each of the two sums."""
    totals: dict[int, TaxTotal] = {}
    lines = [[Decimal(0)] * len(taxed) for _ in kinds]
    for number, (kind, part) in enumerate(zip(kinds, wholes, strict=True)):
        owed = [sum_of(each.of([at]) for each in taxed) for at in kind]
        names = [_name(terms.rates[at]) for at in kind]
        for at, exactly, amount in zip(kind, owed, apportion(owed, names, part, sheet.currency), strict=True):
            base = sum_of(each.net for each in taxed if at in each.owed)
            totals[at] = _total(terms.rates[at], base, exactly, amount)
        rows = [each.row.name for each in taxed]
        lines[number] = apportion([each.of(kind) for each in taxed], rows, part, sheet.currency)
    rows_taxed = tuple(
        _row(each, terms, on_top, within) for each, on_top, within in zip(taxed, lines[0], lines[1], strict=True)
    )
    taxes = tuple(totals[at] for at in sorted(totals))
    exactly = sum_of(each.of(range(len(terms.rates))) for each in taxed)
    steps = (*sheet.steps, *_untaxed(taxed), *map(_step, taxes), _rounding(exactly, whole))
    return replace(sheet, rows=rows_taxed, taxes=taxes, steps=steps)


def rates_for(terms: Taxes, category: str) -> list[int]:
    """Which rates a line of a category has, by their place in the terms: of each name the most specific that fits."""
    best: dict[str, int] = {}
    for at, rate in enumerate(terms.rates):
        if _fits(rate, terms, category):
            other = best.get(rate.name)
            if other is None or _specific(rate) > _specific(terms.rates[other]):
                best[rate.name] = at
    return sorted(best.values())


def _fits(rate: Rate, terms: Taxes, category: str) -> bool:
    place = terms.customer.place
    return (
        rate.category in {"", category}
        and rate.place.country in {"", place.country}
        and rate.place.region in {"", place.region}
    )


def _specific(rate: Rate) -> tuple[bool, bool, bool]:
    """What is sold says more than where; two that fit equally well are the same rate, which reading refuses."""
    return bool(rate.category), bool(rate.place.region), bool(rate.place.country)


def _no_tax(terms: Taxes) -> str:
    """Why the customer owes no tax at all, or nothing."""
    customer, seller = terms.customer, terms.seller
    if customer.exempt:
        return f"exempt: {customer.exempt}"
    here, there = seller.country, customer.place.country
    if not (customer.business and customer.tax_id) or here == there:
        return ""
    for area in terms.areas:
        if here in area.countries and there in area.countries:
            said = f"business {customer.tax_id} in {there}, seller in {here}, both of {area.name}"
            return f"reverse charge: {said}; the customer owes the tax"
    return ""


def _taxed(row: Row, terms: Taxes, reason: str) -> _Taxed:
    """The tax of a row: inclusive rates are within its price, the others on top of what is without them."""
    rates = rates_for(terms, row.line.category)
    if reason or not rates:
        return _Taxed(row, row.left, {}, reason or NO_RATE)
    within = sum_of(Fraction(terms.rates[at].percent) for at in rates if terms.rates[at].inclusive)
    net = row.left * _HUNDRED / (_HUNDRED + within)
    return _Taxed(row, net, {at: net * Fraction(terms.rates[at].percent) / _HUNDRED for at in rates}, "")


def _row(each: _Taxed, terms: Taxes, on_top: Decimal, within: Decimal) -> Row:
    taxes = tuple(
        LineTax(terms.rates[at].name, terms.rates[at].percent, terms.rates[at].inclusive, shown(owed))
        for at, owed in each.owed.items()
    )
    return replace(
        each.row,
        net=each.net,
        taxes=taxes,
        tax_exact=sum_of(each.owed.values()),
        tax=on_top + within,
        tax_included=within,
        untaxed=each.untaxed,
    )


def _total(rate: Rate, base: Fraction, owed: Fraction, amount: Decimal) -> TaxTotal:
    return TaxTotal(
        name=rate.name,
        percent=rate.percent,
        inclusive=rate.inclusive,
        base=shown(base),
        exact=shown(owed),
        amount=amount,
    )


def _name(rate: Rate) -> str:
    return f"{rate.name}\t{rate.category}\t{rate.place.country}\t{rate.place.region}"


def _untaxed(taxed: list[_Taxed]) -> list[Step]:
    """Lines without tax are said to be, and why: no rate may be a rate that was forgotten."""
    reasons = sorted({each.untaxed for each in taxed} - {""})
    return [
        step(
            "untaxed",
            reason=reason,
            lines=sum(each.untaxed == reason for each in taxed),
            base=shown(sum_of(each.net for each in taxed if each.untaxed == reason)),
        )
        for reason in reasons
    ]


def _step(tax: TaxTotal) -> Step:
    within = "yes" if tax.inclusive else None
    amount = f"{tax.amount:f}"
    return step("tax", tax=tax.name, percent=tax.percent, within=within, base=tax.base, exact=tax.exact, amount=amount)


def _rounding(exactly: Fraction, whole: Decimal) -> Step:
    return step("round", of="tax", exact=shown(exactly), rule="half up", amount=f"{whole:f}")
