"""Whatever gifts a team has, whenever it is billed: what is booked of them came off before tax, and no more did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from meter import advance, bill
from meter.advance import Billed
from meter.agreement import Agreement
from meter.bill import Draft
from meter.billable import Billable
from meter.invoicing import paying
from meter.invoicing.booking import Named, promoted
from meter.invoicing.document import Around, document_of
from meter.invoicing.promoting import promoted as with_gifts
from meter.invoicing.promotional import Gift, Promotion, came_off, room_of
from meter.invoicing.purse import Purse
from meter.ledger.wallet import Lot, Wallet, in_money
from meter.prices.schedule import InForce, Schedule
from meter.rating.book import parse_book
from meter.rating.document import Document
from meter.rating.money import exact
from meter.rating.usage import Usage
from meter.subscriptions.changes import Start
from tests.billing.test_progressive_law import (
    BOOK,
    OCTOBER,
    QUARTERS,
    SEPTEMBER,
    TEAM,
    Case,
    Event,
    cases,
    check,
    kept,
)
from tests.subscriptions.cast import at, log

NOW = OCTOBER.end + timedelta(hours=1)
CENT = Decimal("0.01")
fine = st.decimals(0, 60, places=4, allow_nan=False, allow_infinity=False)


@st.composite
def purses(draw: st.DrawFn) -> Purse:
    """Make a wallet of gifts and purchases, some for some meters, some reserved, some at an end."""
    lots, gifts = [], {}
    price = draw(st.sampled_from((None, None, Decimal("0.01"), Decimal(4))))
    for number in range(draw(st.integers(0, 4))):
        left = draw(fine)
        lots.append(
            Lot(
                id=number,
                priority=draw(st.integers(1, 2)),
                effective_at=OCTOBER.start,
                expires_at=draw(st.sampled_from((None, OCTOBER.start + timedelta(hours=2)))),
                meters=frozenset(draw(st.sampled_from(((), (), ("calls",), ("mails", "cards"))))),
                left=left,
                reserved=min(left, draw(st.sampled_from((Decimal(0), Decimal(0), Decimal("7.77"))))),
            )
        )
        if draw(st.booleans()):
            gifts[number] = Gift(number, UUID(int=number), f"Gift {number}")
    wallet = Wallet(
        1,
        "USD" if price is None else "credits",
        price,
        Decimal(0),
        balance=sum((lot.left for lot in lots), Decimal(0)),
        reserved=sum((lot.reserved for lot in lots), Decimal(0)),
        lots=tuple(lots),
    )
    return Purse(wallet, gifts, ())


def drafted(agreement: Agreement, found: Billable, billed: Sequence[Billed], reason: bill.Reason) -> Draft:
    """Answer what is owed before anybody looked into the purse."""
    rated, document = advance.owed(agreement) if reason == bill.ADVANCE else bill.owed(agreement, found, billed)
    return Draft(TEAM, 1, reason, agreement, rated, document, found, tuple(billed))


@exact()
def billed_with(purse: Purse, draft: Draft, number: int) -> tuple[Purse, Draft, Billed]:
    """Bill a draft: the purse after that, what was billed, and how it is read back."""
    done = with_gifts(draft, purse, NOW)
    check(done.document)
    booking = promoted(purse.wallet, done.promotions, Named(UUID(int=99), ""), NOW)
    assert booking.amount == sum((each.amount for each in done.promotions), Decimal(0))
    for lot in booking.wallet.lots:
        assert lot.left >= lot.reserved
    billed = kept(number, done.document, draft.reason)._replace(promotions=read_back(done.promotions))
    return purse._replace(wallet=booking.wallet), done, billed


def read_back(promotions: Sequence[Promotion]) -> tuple[Promotion, ...]:
    """Answer them as they are kept."""
    text = msgspec.json.Encoder(decimal_format="string").encode(promotions)
    return msgspec.json.decode(text, type=tuple[Promotion, ...], strict=False)


def returned(purse: Purse, void: Billed) -> Purse:
    """Answer the purse after an invoice was made void."""
    back = [msgspec.structs.replace(each, amount=-each.amount) for each in void.promotions]
    return purse._replace(wallet=promoted(purse.wallet, back, Named(UUID(int=98), ""), NOW).wallet)


def before_tax(document: Document) -> Decimal:
    """Answer what lines ask for before taxes on top."""
    return document.subtotal - document.spend_discount - document.coupons_total


@given(cases(), purses())
@exact()
def test_what_is_booked_came_off(case: Case, purse: Purse) -> None:
    """Fees ahead, usage so far, the rest; some of them void: all together are one invoice with all that was given."""
    first, whole = purse, case.agreement()
    fees = drafted(whole, case.billable(whole, 0), (), bill.ADVANCE)
    purse, _, billed = billed_with(purse, fees, 99)
    standing = [billed]
    for number, until in enumerate(case.cuts):
        agreement = case.agreement(until)
        own = [each for each in standing if each.kind == bill.PROGRESSIVE]
        draft = drafted(agreement, case.billable(agreement, until), own, bill.PROGRESSIVE)
        purse, _, billed = billed_with(purse, draft, number)
        standing.append(billed)
    for number in case.void:
        for void in [each for each in standing if each.number == f"HM-{number}"]:
            purse = returned(purse, void)
            standing.remove(void)
    found = case.billable(whole, 2 * QUARTERS)
    purse, last, _ = billed_with(purse, drafted(whole, found, standing, bill.PERIOD), 98)

    one = document_of(whole, last.rated, Around(promotions=last.promotions))
    assert last.document.total + sum(line.total for each in standing for line in each.lines) == one.total
    off = came_off(one.lines, "USD")
    booked = {str(each.grant): Decimal(0) for each in last.promotions}
    for each in (*last.promotions, *(each for own in standing for each in own.promotions)):
        booked[str(each.grant)] = booked.get(str(each.grant), Decimal(0)) + each.amount
    assert {name: amount for name, amount in booked.items() if amount} == off
    lost = in_money(first.wallet, first.wallet.balance - purse.wallet.balance)
    assert lost == sum(off.values(), Decimal(0)) >= 0
    assert all(lot in first.wallet.lots for lot in purse.wallet.lots if lot.id not in purse.gifts)


@given(cases(), purses())
@exact()
def test_a_gift_never_becomes_money(case: Case, purse: Purse) -> None:
    """It takes what is asked for before tax to nothing at most, in whole cents, and the same again."""
    whole = case.agreement()
    fees = kept(99, advance.owed(whole)[1], bill.ADVANCE)
    draft = drafted(whole, case.billable(whole, QUARTERS), [fees], bill.PERIOD)
    done = with_gifts(draft, purse, NOW)
    assert before_tax(done.document) >= min(Decimal(0), before_tax(draft.document))
    assert before_tax(done.document) <= before_tax(draft.document)
    assert room_of(draft.document.lines, (), "USD") == max(Decimal(0), before_tax(draft.document))
    for each in done.promotions:
        lot = next(lot for lot in purse.wallet.lots if lot.id == each.lot)
        assert 0 < each.amount == each.off <= in_money(purse.wallet, lot.left - lot.reserved)
        assert each.amount % CENT == 0
    again = with_gifts(draft, purse, NOW)
    assert (again.document, again.promotions) == (done.document, done.promotions)


@given(cases(), purses())
@exact()
def test_what_is_foreseen_is_paid(case: Case, purse: Purse) -> None:
    """What a draft says is expected comes to what would be booked after tax, and never to more than its total."""
    whole = case.agreement()
    done = with_gifts(drafted(whole, case.billable(whole, QUARTERS), (), bill.PERIOD), purse, NOW)
    expected = paying.expected(done, purse, NOW)
    paid = sum((each.amount for each in expected), Decimal(0))
    assert min(Decimal(0), done.document.total) <= paid <= max(Decimal(0), done.document.total)
    bought = [lot for lot in purse.wallet.lots if lot.id not in purse.gifts]
    assert sum(each.amount for each in expected if each.kind == "credits") <= in_money(
        purse.wallet, sum((lot.left for lot in bought), Decimal(0))
    )


def test_by_hand() -> None:
    """40.00 given: 31.00 of fees ahead are covered, and of 27.85 for calls 9.00; 18.85 are left of the month."""
    used = tuple(Event(at_, at_, Usage("calls", Decimal(600), "ann", events=1)) for at_ in (500, 1500))
    book = parse_book(BOOK.format(taxes="", terms="", maximum="900.00"), "law.toml")
    books = Schedule({"law": [InForce(at("2020-01-01"), None, book)]})
    case = Case(log((SEPTEMBER, Start("law/small"))), books, used, (), frozenset())
    lot = Lot(1, 1, OCTOBER.start, None, frozenset(), Decimal(40))
    purse = Purse(
        Wallet(1, "USD", None, Decimal(0), Decimal(40), lots=(lot,)), {1: Gift(1, UUID(int=1), "Welcome")}, ()
    )
    whole = case.agreement()
    purse, ahead, fees = billed_with(purse, drafted(whole, case.billable(whole, 0), (), bill.ADVANCE), 99)
    assert (ahead.document.total, purse.wallet.balance) == (Decimal(0), Decimal(9))
    purse, last, _ = billed_with(purse, drafted(whole, case.billable(whole, QUARTERS), [fees], bill.PERIOD), 98)
    assert (last.document.total, purse.wallet.balance) == (Decimal("18.85"), Decimal(0))
    assert [(each.off, each.amount) for each in last.promotions] == [
        (Decimal(31), Decimal(0)),
        (Decimal(9), Decimal(9)),
    ]
    assert last.document.coupons_total == Decimal(40)
