"""What must hold for any invoice that is credited in any parts, by hypothesis."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from meter.credit_notes.lines import Creditable, creditable
from meter.credit_notes.plan import Plan, Room, plan
from meter.credit_notes.wanted import OfLine, Wanted
from meter.errors import CreditRefused, InvalidBody
from meter.explain.statements import statements
from meter.invoices import Invoice, Party, settled_of, sums_of
from meter.rating.credit import part, unused
from meter.rating.document import Document
from meter.rating.money import minor_unit, share
from tests.rating.cast import MARCH
from tests.rating.document.cast import line, settled
from tests.rating.document.test_laws import Bill, bills

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
ID = UUID(int=1)
EVERYWHERE = Room(Decimal(10) ** 20, Decimal(10) ** 20)


def invoice_of(document: Document) -> Invoice:
    """An invoice that is that document."""
    return Invoice(
        id=1,
        public_id=ID,
        team_id=1,
        team=ID,
        reason="period",
        period=MARCH,
        plan="a/b",
        book="a",
        price_version="1",
        rating_version="1",
        currency=document.currency,
        total=document.total,
        exact=document.total,
        seller=Party("Seller"),
        customer=Party("Customer"),
        meters={},
        as_of=NOW,
        created_at=NOW,
        status="open",
        number="HM-000001",
        issued_at=NOW,
        due_at=NOW,
        finalise_at=None,
        closed_at=None,
        closed_note="",
        sums=sums_of(document),
        settled_sum=Decimal(0),
        lines=tuple(each.line for each in document.lines),
        settled=settled_of(document),
    )


class Ledger:
    """What credit notes took back so far, as the database tells it."""

    def __init__(self, document: Document) -> None:
        """Begins with nothing credited."""
        self.invoice = invoice_of(document)
        self._taxes = [[asdict(tax) for tax in each.taxes] for each in document.lines]
        self._net = defaultdict[int, Decimal](Decimal)
        self._total = defaultdict[int, Decimal](Decimal)
        self.members: dict[int, Counter[str | None]] = defaultdict(Counter)
        self.taxes = Counter[tuple[str, Decimal, bool]]()
        self.total = Decimal(0)

    def lines(self) -> tuple[Creditable, ...]:
        """The lines as they stand."""
        rows: list[list[Any]] = [
            [taxes, self._net[at], self._total[at], [[who, str(much)] for who, much in self.members[at].items()]]
            for at, taxes in enumerate(self._taxes, 1)
        ]
        return creditable(self.invoice, rows)

    def credit(self, **asked: Any) -> Plan:
        """Take something back."""
        made = plan(Wanted(self.invoice, "other", **asked), self.lines(), EVERYWHERE)
        for each in made.lines:
            self._net[each.line] += each.net
            self._total[each.line] += each.total
            for whose in each.members:
                self.members[each.line][whose.member] += whose.amount  # type: ignore[assignment]
            assert sum((whose.amount for whose in each.members), Decimal(0)) == each.total
            assert not [whose for whose in each.members if whose.amount * each.total < 0]
        for tax in made.taxes:
            self.taxes[tax.name, tax.percent, tax.inclusive] += tax.amount  # type: ignore[assignment]
        self.total += made.total
        assert made.total == made.net + made.tax == sum((each.total for each in made.lines), Decimal(0))
        return made


def rates(document: Document) -> dict[tuple[str, Decimal, bool], Decimal]:
    """What each rate brings, those of one name and percentage together."""
    found = defaultdict[tuple[str, Decimal, bool], Decimal](Decimal)
    for tax in document.taxes:
        found[tax.name, tax.percent, tax.inclusive] += tax.amount
    return {rate: amount for rate, amount in found.items() if amount}


def spend(data: st.DataObject, ledger: Ledger, document: Document) -> None:
    """Credit a few parts, whatever is refused of them."""
    unit = minor_unit(document.currency)
    for _ in range(data.draw(st.integers(0, 6))):
        number = data.draw(st.integers(1, len(document.lines)))
        units = data.draw(st.integers(1, 40) | st.integers(1, 10**7))
        of = data.draw(st.sampled_from(["line", "all", "whole line"]))
        ways: dict[str, dict[str, Any]] = {
            "line": {"lines": (OfLine(number, units * unit),)},
            "whole line": {"lines": (OfLine(number),)},
            "all": {"amount": units * unit},
        }
        try:
            ledger.credit(**ways[of])
        except CreditRefused as refused:
            assert refused.members["reason"] in {"too_much", "nothing_left"}  # noqa: PT017 - what is refused is random
        assert ledger.total <= document.total


@given(bills(), st.data())
def test_credited_in_parts_all_of_it_is_exactly_the_invoice(bill: Bill, data: st.DataObject) -> None:
    """Its total, its tax by each rate, and each member's part of each line; never more, whatever is asked for."""
    document = bill.settled()
    assume(document.total > 0 and document.lines)
    ledger = Ledger(document)
    spend(data, ledger, document)
    if ledger.total < document.total:
        ledger.credit()
    assert ledger.total == document.total
    assert {rate: amount for rate, amount in ledger.taxes.items() if amount} == rates(document)
    account = statements(ledger.invoice.lines, ledger.invoice.settled, document.currency)
    owed = {(each.member, part.line): part.total for each in account for part in each.parts if part.total}
    given_back = {
        (who, number): much for number, whose in ledger.members.items() for who, much in whose.items() if much
    }
    assert given_back == owed
    with pytest.raises(CreditRefused, match="nothing of this is left"):
        ledger.credit()


@given(bills(least=-(10**6)), st.data())
def test_lines_below_zero_are_credited_with_all_the_rest(bill: Bill, data: st.DataObject) -> None:
    """What was billed before and taken off again is a line below zero: parts never take back more than the total."""
    document = bill.settled()
    assume(document.total > 0)
    ledger = Ledger(document)
    spend(data, ledger, document)
    assert ledger.total <= document.total
    if ledger.total < document.total:
        ledger.credit()
        assert ledger.total == document.total
        assert {rate: amount for rate, amount in ledger.taxes.items() if amount} == rates(document)


@given(st.integers(1, 10**9), st.integers(1, 366), st.data())
def test_unused_days_are_rounded_once_half_up(cents: int, of: int, data: st.DataObject) -> None:
    """To the cent that whole numbers say."""
    days = data.draw(st.integers(0, of))
    found = unused(Decimal(cents).scaleb(-2), Decimal(days), Decimal(of), "USD")
    assert found.scaleb(2) == (2 * cents * days + of) // (2 * of)


def test_what_is_split_by_hand() -> None:
    """10.00 of lines of 60.00 and 30.00 at 20 %: 6.67 and 3.33, with 1.33 and 0.67 of tax."""
    ledger = Ledger(settled(line("60.00"), line("30.00", "b"), taxes={"rates": [{"name": "VAT", "percent": 20}]}))
    made = ledger.credit(amount=Decimal("10.00"))
    assert [(each.line, str(each.net), str(each.tax)) for each in made.lines] == [
        (1, "6.67", "1.33"),
        (2, "3.33", "0.67"),
    ]
    assert (str(made.net), str(made.tax), str(made.total)) == ("10.00", "2.00", "12.00")
    with pytest.raises(CreditRefused, match=r"of line 1 53\.33 is left, without tax"):
        ledger.credit(lines=(OfLine(1, Decimal("53.34")),))


def test_taxes_within_prices_go_back_with_them() -> None:
    """119.00 with 19 % inside: 100.00 and 19.00."""
    vat = {"name": "VAT", "percent": 19, "inclusive": True}
    ledger = Ledger(settled(line("119.00"), taxes={"rates": [vat]}))
    made = ledger.credit(amount=Decimal("50.00"))
    assert (str(made.net), str(made.tax), str(made.total)) == ("50.00", "9.50", "59.50")
    rest = ledger.credit()
    assert (str(rest.net), str(rest.tax), str(rest.total)) == ("50.00", "9.50", "59.50")


def test_a_cent_at_a_time_goes_round() -> None:
    """Of a line that is three members', each cent is whose turn it is; none is always the first's."""
    whose: dict[str | None, Decimal] = {"a": Decimal(1), "b": Decimal(1), "c": Decimal(1)}
    ledger = Ledger(settled(line("0.30", members=whose)))
    for _ in range(30):
        ledger.credit(amount=Decimal("0.01"))
    assert ledger.members[1] == {"a": Decimal("0.10"), "b": Decimal("0.10"), "c": Decimal("0.10")}


def test_the_tax_of_parts_is_cumulative() -> None:
    """0.10 of tax over three thirds: 0.03, 0.04, 0.03."""
    ledger = Ledger(settled(line("0.99"), taxes={"rates": [{"name": "VAT", "percent": 10}]}))
    assert [str(ledger.credit(amount=Decimal("0.33")).tax) for _ in range(3)] == ["0.03", "0.04", "0.03"]
    assert part(Decimal(0), (), Decimal(0), "USD").total == 0


@pytest.mark.parametrize("amount", ["0", "-1", "0.005"])
def test_only_whole_cents_are_credited(amount: str) -> None:
    """And more than none."""
    ledger = Ledger(settled(line("60.00")))
    with pytest.raises(InvalidBody, match=r"whole 0\.01 USD"):
        ledger.credit(amount=Decimal(amount))


def test_lines_are_named_once_and_are_there() -> None:
    """Or nothing is credited."""
    ledger = Ledger(settled(line("60.00")))
    with pytest.raises(InvalidBody, match="no line 2"):
        ledger.credit(lines=(OfLine(2),))
    with pytest.raises(InvalidBody, match="each line once"):
        ledger.credit(lines=(OfLine(1, Decimal(1)), OfLine(1, Decimal(2))))
    assert share(Decimal(0), {}, Decimal(1)) == {}


def test_days_of_fees_that_are_not_served() -> None:
    """Of 31.00 for March: noon of the 16th leaves 15 days, its midnight 16; nothing of usage, and never twice."""
    ledger = Ledger(settled(line("31.00", "base_fee", kind="base_fee", meter=""), line("5.00")))
    noon = ledger.credit(unused_from=datetime(2026, 3, 16, 12, tzinfo=UTC))
    assert [(each.line, str(each.net)) for each in noon.lines] == [(1, "15.00")]
    night = Ledger(settled(line("31.00", "base_fee", kind="base_fee", meter="")))
    assert night.credit(unused_from=datetime(2026, 3, 16, tzinfo=UTC)).net == Decimal("16.00")
    assert ledger.credit(unused_from=MARCH.start).net == Decimal("16.00")
    with pytest.raises(CreditRefused, match="nothing of this is left"):
        ledger.credit(unused_from=MARCH.start)
    with pytest.raises(CreditRefused, match="nothing of this is left"):
        night.credit(unused_from=MARCH.end)
    night.invoice = replace(night.invoice, reason="advance")
    with pytest.raises(CreditRefused, match="it would go back twice"):
        night.credit(unused_from=MARCH.start)
