"""What must hold of any difference: an invoice and what is added to it say what one that knew all would have said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from meter.adjustments.billed import Adjusted, more
from meter.adjustments.decide import decide
from meter.adjustments.difference import between, standing_of
from meter.rating.document import Document, settle
from meter.rating.document.document import SettledLine, TaxTotal
from meter.rating.line import Share
from tests.rating.cast import MARCH
from tests.rating.document.cast import terms_of
from tests.rating.document.test_laws import CURRENCIES, bounds, coupons, items, taxes


@st.composite
def accounts(draw: st.DrawFn) -> tuple[str, list[Document]]:
    """A currency, and what a period came to each time that somebody looked; by the same terms."""
    currency = draw(st.sampled_from(CURRENCIES))
    terms: dict[str, Any] = {"coupons": draw(coupons(currency)), "taxes": draw(taxes()), **draw(bounds(currency))}
    many = draw(st.integers(2, 4))
    return currency, [settle(draw(items(currency)), terms_of(currency, **terms), currency, MARCH) for _ in range(many)]


def owed(shares: Iterable[Share]) -> dict[str | None, Decimal]:
    """What each owes, who owes nothing left out."""
    found = defaultdict[str | None, Decimal](Decimal)
    for each in shares:
        found[each.member] += each.amount
    return {member: amount for member, amount in found.items() if amount}


def brought(rates: Iterable[TaxTotal]) -> dict[tuple[str, Decimal, bool], Decimal]:
    """What each rate brings, of all that it is on; rates that bring nothing left out."""
    found = defaultdict[tuple[str, Decimal, bool], Decimal](Decimal)
    for tax in rates:
        found[tax.name, tax.percent, tax.inclusive] += tax.amount
    return {rate: amount for rate, amount in found.items() if amount}


def sums(lines: Iterable[SettledLine]) -> tuple[Decimal, ...]:
    """What lines come to: after coupons, of taxes, of those within the price, and in all."""
    lines = list(lines)
    return tuple(
        sum(each, Decimal(0))
        for each in (
            [line.line.amount - line.discount for line in lines],
            [line.tax for line in lines],
            [line.tax_included for line in lines],
            [line.total for line in lines],
        )
    )


@given(accounts())
def test_the_invoice_and_its_differences_are_one_that_knew_all(found: tuple[str, list[Document]]) -> None:
    """Found at once or step by step: sums, taxes by rate, and what each member owes."""
    currency, (made, *later) = found
    nothing = settle((), terms_of(currency), currency, MARCH)
    deltas, before = [], standing_of(made)
    for each in later:
        after = standing_of(each)
        deltas.append(between(before, after, "HM-1", currency))
        before = after
    adjusted = [Adjusted(number, uuid7(), "HM-1", delta) for number, delta in enumerate(deltas)]
    document, last = more(nothing, adjusted), later[-1]
    assert made.total + document.total == last.total
    assert (made.tax + document.tax, made.net + document.net) == (last.tax, last.net)
    assert tuple(a + b for a, b in zip(sums(made.lines), sums(document.lines), strict=True)) == sums(last.lines)
    assert owed([*made.members, *document.members]) == owed(last.members)
    assert brought([*made.taxes, *document.taxes]) == brought(last.taxes)


@given(accounts())
def test_a_difference_adds_up(found: tuple[str, list[Document]]) -> None:
    """Its lines to its total, whose each is to the line, members to the total; nothing changed is no line."""
    currency, (made, later, *_) = found
    delta = between(standing_of(made), standing_of(later), "HM-1", currency)
    assert sum((line.total for line in delta.lines), Decimal(0)) == delta.total
    assert sum((share.amount for share in delta.members), Decimal(0)) == delta.total
    for line in delta.lines:
        assert line.discount == 0
        assert sum((share.amount for share in line.line.members), Decimal(0)) == line.line.amount
        assert line.total == line.line.amount + line.tax - line.tax_included
    assert between(standing_of(made), standing_of(made), "HM-1", currency).lines == ()


@given(accounts())
def test_nobody_loses_by_a_policy(found: tuple[str, list[Document]]) -> None:
    """What was too much is never written off, and a credit note takes all of it back, of lines that have as much."""
    currency, (made, later, *_) = found
    before = standing_of(made)
    delta = between(before, standing_of(later), "HM-1", currency)
    assert (decide(delta, before, "write_off").outcome == "written_off") == (delta.total > 0)
    assert decide(delta, before, "next_invoice").outcome == "next_invoice"
    decided = decide(delta, before, "credit_note")
    if decided.outcome == "credit_note":
        assert sum(amount for _, amount in decided.credited) == -sum(line.total - line.tax for line in delta.lines)
        for number, amount in decided.credited:
            there = made.lines[number - 1]
            assert 0 < amount <= there.total - there.tax
