"""Whatever was billed before a period was over, all its invoices together are what one would have been: no database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter import advance, bill
from meter.advance import Billed
from meter.agreement import Agreement
from meter.billable import Billable
from meter.errors import NoSubscription
from meter.model import Team
from meter.prices.schedule import InForce, Schedule
from meter.rating.book import parse_book
from meter.rating.document import Document, SettledLine
from meter.rating.line import Share
from meter.rating.periods import Period
from meter.rating.usage import Usage
from meter.subscriptions.changes import Change, ChangePlan, GiveCoupon, Start
from tests.subscriptions.cast import at, log

SEPTEMBER, OCTOBER_10, OCTOBER_20 = "2026-09-01", "2026-10-10", "2026-10-20T07:30"
OCTOBER = Period(at("2026-10-01"), at("2026-11-01"), "UTC")
QUARTERS = (OCTOBER.end - OCTOBER.start) // timedelta(minutes=15)
TEAM = Team(1, UUID(int=1), "Team", "UTC", "USD", None, at(SEPTEMBER))
BOOK = """
name = "law"
title = "Law"
currency = "USD"
{taxes}
[coupons.third]
percent = "33.3"
duration = "forever"
[coupons.five]
amount = "5.00"
duration = "forever"
[coupons.calls_only]
percent = "7"
duration = "forever"
meters = ["calls"]

[plans.small]
title = "Small"
base_fee = "31.00"
prorate = "time"
billed = "advance"
{terms}
[plans.small.prices.calls]
title = "Calls"
meter = "calls"
unit = "call"
model = "graduated"
included = 100
maximum = "{maximum}"
minimum = "2.00"
tiers = [{{ up_to = 500, unit_amount = "0.0333", flat = "1.00" }}, {{ unit_amount = "0.017" }}]
[plans.small.prices.mails]
title = "Mails"
meter = "mails"
unit = "mail"
model = "package"
per = 70
unit_amount = "0.99"
[plans.small.prices.traffic]
title = "Traffic"
meter = "traffic"
unit = "GB"
model = "volume"
tiers = [{{ up_to = 900, unit_amount = "0.013" }}, {{ unit_amount = "0.0051" }}]
[plans.small.prices.cards]
title = "Cards"
meter = "cards"
unit = "USD"
model = "percentage"
percent = "2.9"
per_event = "0.011"

[plans.large]
title = "Large"
base_fee = "62.00"
prorate = "time"
[plans.large.prices.calls]
title = "Calls"
meter = "calls"
unit = "call"
model = "graduated"
included = 100
tiers = [{{ up_to = 300, unit_amount = "0.0233" }}, {{ unit_amount = "0.011" }}]
[plans.large.prices.mails]
title = "Mails"
meter = "mails"
unit = "mail"
unit_amount = "0.0123"
[plans.large.prices.traffic]
title = "Traffic"
meter = "traffic"
unit = "GB"
model = "volume"
tiers = [{{ up_to = 900, unit_amount = "0.013" }}, {{ unit_amount = "0.0051" }}]
[plans.large.prices.cards]
title = "Cards"
meter = "cards"
unit = "USD"
model = "percentage"
percent = "2.9"
"""
TAXES = (
    "",
    '[[taxes.rates]]\nname = "VAT"\npercent = 19\n[[taxes.rates]]\nname = "City"\npercent = "0.7"',
    '[[taxes.rates]]\nname = "VAT"\npercent = 20\ninclusive = true',
)
TERMS = (
    "",
    '[plans.small.spend]\nmaximum = "40"\nminimum = "20"',
    '[plans.small.commitment]\namount = "30"\noverage_factor = "1.5"\ncounts = "all"',
)


class Event(NamedTuple):
    """What was used in a quarter of October, and in which it came."""

    used: int
    came: int
    usage: Usage


class Case(NamedTuple):
    """A month: by what, what was used in it, when an invoice was made before its end, and which of those are void."""

    changes: tuple[Change, ...]
    books: Schedule
    events: tuple[Event, ...]
    cuts: tuple[int, ...]
    void: frozenset[int]

    def agreement(self, until: int | None = None) -> Agreement:
        """Answer what is agreed for the month, or until a quarter of it."""
        if until is None:
            return bill.agreement_of(TEAM, self.changes, self.books, OCTOBER, bill.PERIOD)
        period = Period(OCTOBER.start, quarter(until), "UTC")
        return bill.agreement_of(TEAM, self.changes, self.books, period, bill.PROGRESSIVE)

    def billable(self, agreement: Agreement, known: int) -> Billable:
        """Answer what had come by a quarter of what was used in each part."""
        parts = [[] for _ in agreement.parts]  # type: list[list[Usage]]
        for event in self.events:
            for part, there in zip(agreement.parts, parts, strict=True):
                if event.came < known and part.span.start <= quarter(event.used) < part.span.end:
                    there.append(event.usage)
        return Billable(tuple(map(tuple, parts)), (), {}, "", None)


def quarter(number: int) -> datetime:
    """Answer when a quarter of October begins."""
    return OCTOBER.start + number * timedelta(minutes=15)


def kept(number: int, document: Document, kind: str = bill.PROGRESSIVE) -> Billed:
    """Answer what was billed, as it is read back from where it is kept."""
    text = msgspec.json.Encoder(decimal_format="string").encode(document.lines)
    lines = msgspec.convert(msgspec.json.decode(text), tuple[SettledLine, ...], strict=False)
    return Billed(f"HM-{number}", lines, document.taxes, kind)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A month of some events and invoices."""
    quarters = st.integers(0, QUARTERS - 1)
    events = st.builds(
        lambda used, late, meter, quantity, member: Event(
            used, used + late, Usage(meter, Decimal(quantity), member, events=1)
        ),
        quarters,
        st.sampled_from((0, 0, 0, 1, 300, 2000)),
        st.sampled_from(("calls", "mails", "traffic", "cards")),
        st.integers(1, 700),
        st.sampled_from(("ann", "bob", None)),
    )
    texts = [
        BOOK.format(taxes=taxes, terms=terms, maximum=draw(st.sampled_from(("9.00", "900.00"))))
        for taxes, terms in draw(
            st.lists(st.tuples(st.sampled_from(TAXES), st.sampled_from(TERMS)), min_size=2, max_size=2)
        )
    ]
    dates = draw(st.sampled_from((("2020-01-01",), ("2020-01-01", OCTOBER_10))))
    versions = [InForce(at(date), None, parse_book(text, "law.toml")) for date, text in zip(dates, texts, strict=False)]
    decided: list[tuple[str, Any]] = [(SEPTEMBER, Start("law/small"))]
    decided += [
        (SEPTEMBER, GiveCoupon(f"law/{name}"))
        for name in draw(st.sets(st.sampled_from(("third", "five", "calls_only"))))
    ]
    decided += draw(st.sampled_from(([], [(OCTOBER_20, ChangePlan("law/large"))])))
    cuts = tuple(sorted(draw(st.sets(st.integers(1, QUARTERS), max_size=5))))
    void = draw(st.frozensets(st.sampled_from(range(5)), max_size=2))
    return Case(log(*decided), Schedule({"law": versions}), tuple(draw(st.lists(events, max_size=25))), cuts, void)


def so_far(case: Case, void_at: int) -> list[Billed]:
    """Make the invoices before the end; those that are void are so from that invoice on."""
    made: list[Billed] = []
    for number, until in enumerate(case.cuts):
        agreement = case.agreement(until)
        there = standing(case, made, voided=number >= void_at)
        _, document = bill.owed(agreement, case.billable(agreement, until), there)
        check(document)
        made.append(kept(number, document))
    return made


def standing(case: Case, made: Sequence[Billed], *, voided: bool) -> list[Billed]:
    """Answer those that stand."""
    return [each for number, each in enumerate(made) if not (voided and number in case.void)]


def check(document: Document) -> None:
    """Its sums add up from every side."""
    assert document.total == sum(line.total for line in document.lines)
    assert document.total == sum(share.amount for share in document.members)
    assert document.tax == sum(line.tax for line in document.lines) == sum(tax.amount for tax in document.taxes)
    off, given = document.spend_discount, document.coupons_total
    assert document.total == document.subtotal - off - given + document.tax - document.tax_included
    assert all(line.line.amount == sum(share.amount for share in line.line.members) for line in document.lines)


def total(billed: Billed) -> Decimal:
    """Answer what an invoice came to."""
    return sum((line.total for line in billed.lines), Decimal(0))


@given(cases(), st.integers(0, 6))
def test_together_they_are_one(case: Case, void_at: int) -> None:
    """Whatever is used, comes late, changes plan or prices, or is made void: to the cent, tax by tax."""
    whole = case.agreement()
    found = case.billable(whole, 2 * QUARTERS)
    _, one = bill.owed(whole, found)
    fees = kept(99, advance.owed(whole)[1], bill.ADVANCE)
    billed = [fees, *standing(case, so_far(case, void_at), voided=True)]
    _, last = bill.owed(whole, found, billed)
    check(last)
    assert last.total + sum(map(total, billed)) == one.total
    taxes: dict[tuple[str, Decimal], Decimal] = {}
    for each in (last.taxes, *(each.taxes for each in billed)):
        for tax in each:
            taxes[tax.name, tax.percent] = taxes.get((tax.name, tax.percent), Decimal(0)) + tax.amount
    assert {name: tax for name, tax in taxes.items() if tax} == {
        (tax.name, tax.percent): tax.amount for tax in one.taxes if tax.amount
    }


@given(cases())
def test_the_last_one_is_taken_off(case: Case) -> None:
    """However many there were, each takes off no more lines than the last one has of its own."""
    made = so_far(case, 99)
    for before, after in pairwise(made):
        own = [each for each in before.lines if each.line.kind != bill.PROGRESSIVE]
        assert len([each for each in after.lines if each.line.kind == bill.PROGRESSIVE]) == len(own)


@given(cases())
def test_it_never_bills_fees_or_minimums(case: Case) -> None:
    """Only what was used, and what was billed of it."""
    for each in so_far(case, 99):
        assert {line.line.kind for line in each.lines} <= {"usage", bill.PROGRESSIVE}


def test_by_hand() -> None:
    """600 calls by the tenth at 14.32, 600 more by the twentieth at 10.20; 31.00 are left."""
    used = [
        Event(500, 500, Usage("calls", Decimal(600), "ann", events=1)),
        Event(1500, 1500, Usage("calls", Decimal(600), "bob", events=1)),
    ]
    book = parse_book(BOOK.format(taxes="", terms="", maximum="900.00"), "law.toml")
    books = Schedule({"law": [InForce(at("2020-01-01"), None, book)]})
    case = Case(log((SEPTEMBER, Start("law/small"))), books, tuple(used), (600, 1600), frozenset())
    first, second = so_far(case, 99)
    assert (total(first), total(second)) == (Decimal("17.65"), Decimal("10.20"))
    _, last = bill.owed(case.agreement(), case.billable(case.agreement(), QUARTERS), [first, second])
    assert last.total == 31
    assert last.members == (Share("ann", Decimal(0)), Share("bob", Decimal(0)), Share(None, Decimal(31)))


def test_without_a_plan_there_is_nothing_to_bill() -> None:
    """Neither before the first plan nor after the last."""
    with pytest.raises(NoSubscription):
        bill.agreement_of(TEAM, (), Schedule({}), OCTOBER, bill.PROGRESSIVE)
