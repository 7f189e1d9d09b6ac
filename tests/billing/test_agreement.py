"""What is agreed for a period, and what is owed by it, from decisions and books alone: no database."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from meter import advance, bill
from meter.agreement import Agreement, agreed
from meter.billable import Billable
from meter.errors import CurrencyMismatch, NoSubscription
from meter.model import Team
from meter.prices.schedule import InForce, Schedule
from meter.rating.book import Book, parse_book
from meter.rating.document import Document
from meter.rating.periods import Period
from meter.rating.usage import Usage
from meter.subscriptions.changes import (
    Cancel,
    Change,
    ChangePlan,
    Decision,
    GiveCoupon,
    SetAddon,
    Start,
    TakeCoupon,
    Unused,
)
from tests.subscriptions.cast import at, log

OCTOBER = Period(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC), "UTC")
SEPTEMBER_1, OCTOBER_3, NOON = "2026-09-01", "2026-10-03", "2026-10-16T12:00"
BOOK = """
name = "office"
title = "Office"
currency = "USD"
unbilled = ["response_time"]
{top}
[plans.small]
title = "Small"
base_fee = "31"
prorate = "time"
billed = "advance"
prices.requests = {{ title = "Calls", meter = "requests", unit = "request", unit_amount = "0.01"{price} }}
{plan}
"""
COUPONS = """
[coupons.tenth]
percent = {percent}
duration = "forever"
[coupons.five]
amount = "5.00"
duration = "forever"
"""
TENTH = COUPONS.format(percent=10)
VAT = '[[taxes.rates]]\nname = "VAT"\npercent = 20'
EUROS = '[[exchange]]\nfrom = "USD"\nto = "EUR"\nrate = "0.5"\nvalid_from = 2020-01-01T00:00:00Z'
HAS = log((SEPTEMBER_1, Start("office/small")))
THOUSAND = Billable(((Usage("requests", Decimal(1_000), "ann"),),), (), {}, "", None)


def book(top: str = "", plan: str = "", price: str = "") -> Book:
    """The office's book with more in it."""
    return parse_book(BOOK.format(top=top, plan=plan, price=price), "office.toml")


def books(*versions: tuple[str, Book]) -> Schedule:
    """Versions, each with when it comes into force."""
    return Schedule({"office": [InForce(at(since), None, each) for since, each in versions]})


def terms(own: Book, changes: tuple[Change, ...], period: Period = OCTOBER, currency: str = "USD") -> Agreement:
    """What is agreed by one book."""
    team = Team(1, UUID(int=1), "Team", "UTC", currency, None, at(SEPTEMBER_1))
    return agreed(team, changes, books(("2020-01-01", own)), period)


def given(*coupons: str) -> tuple[tuple[str, Decision], ...]:
    """Coupons since September."""
    return tuple((SEPTEMBER_1, GiveCoupon(f"office/{name}")) for name in coupons)


def settled(agreement: Agreement, *before: Document) -> Document:
    """The period's document: a thousand calls, 10.00, less documents of fees before it."""
    billed = [advance.Billed(f"HM-{number}", each.lines, each.taxes) for number, each in enumerate(before)]
    return bill.owed(agreement, THOUSAND, billed)[1]


@pytest.mark.parametrize(
    ("top", "plan", "coupons", "fee", "total"),
    [
        ("", '[plans.small.commitment]\namount = "100"\ncounts = "all"', (), "31.00", "100.00"),
        ("", '[plans.small.commitment]\namount = "5"\noverage_factor = "2"', (), "31.00", "46.00"),  # 5.00 twice
        ("", '[plans.small.spend]\nminimum = "100"', (), "31.00", "100.00"),
        ("", '[plans.small.spend]\nmaximum = "35"', (), "31.00", "35.00"),
        (EUROS, "", (), "15.50", "20.50"),
        (VAT, "", (), "37.20", "49.20"),
        (TENTH + VAT, "", ("tenth", "five"), "33.48", "38.28"),  # (41.00 - 4.10 - 5.00) x 1.20
    ],
)
def test_both_invoices_are_what_one_would_be(
    top: str, plan: str, coupons: tuple[str, ...], fee: str, total: str
) -> None:
    """31.00 before October and 10.00 of calls after it, whatever is agreed about the sum."""
    changes = log((SEPTEMBER_1, Start("office/small")), *given(*coupons))
    agreement = terms(book(top, plan), changes, currency="EUR" if top == EUROS else "USD")
    _, before = advance.owed(agreement)
    after = settled(agreement, before)
    assert (before.total, before.total + after.total) == (Decimal(fee), Decimal(total))
    assert after.total == sum(line.total for line in after.lines) == sum(share.amount for share in after.members)
    assert after.tax == sum(line.tax for line in after.lines) == sum(tax.amount for tax in after.taxes)
    assert after.total == after.subtotal - after.spend_discount - after.coupons_total + after.tax - after.tax_included
    assert all(line.line.amount == sum(share.amount for share in line.line.members) for line in after.lines)


def test_what_was_paid_with_a_coupon_is_given_back_with_it() -> None:
    """27.90 were paid; without the coupon half a month is 15.50, and the calls 10.00."""
    start = (SEPTEMBER_1, Start("office/small"))
    _, before = advance.owed(terms(book(TENTH), log(start, *given("tenth"))))
    later = (OCTOBER_3, TakeCoupon("office/tenth")), (NOON, Cancel())
    half = Period(OCTOBER.start, at(NOON), "UTC")
    after = settled(terms(book(TENTH), log(start, *given("tenth"), *later), half), before)
    assert (before.total, after.total) == (Decimal("27.90"), Decimal("-2.40"))


def test_a_rate_of_tax_that_is_no_more_is_taken_off_as_it_was() -> None:
    """6.20 of VAT were billed, and are 0.00 now: 41.00 in all, and no tax."""
    _, before = advance.owed(terms(book(VAT), HAS))
    after = settled(terms(book(), HAS), before)
    assert (after.total, after.tax) == (Decimal("3.80"), Decimal("-6.20"))
    assert [(tax.name, tax.base, tax.amount) for tax in after.taxes] == [("VAT", Decimal(-31), Decimal("-6.20"))]


def test_a_coupon_is_as_it_was_in_the_period() -> None:
    """It is worth 50% from November on: October has 10% off its 41.00."""
    team = Team(1, UUID(int=1), "Team", "UTC", "USD", None, at(SEPTEMBER_1))
    both = books(("2020-01-01", book(TENTH)), ("2026-11-01", book(COUPONS.format(percent=50))))
    changes = log((SEPTEMBER_1, Start("office/small")), *given("tenth"))
    assert settled(agreed(team, changes, both, OCTOBER)).total == Decimal("36.90")


@pytest.mark.parametrize(
    ("plan", "price"),
    [
        ('[plans.small.commitment]\namount = "310"\nprorate = "time"\ncounts = "all"', ""),
        ('[plans.small.spend]\nminimum = "310"\nprorate = "time"', ""),
        ("", ', minimum = "279", prorate = "time"'),
    ],
)
def test_what_is_promised_per_month_begins_with_the_first_plan(plan: str, price: str) -> None:
    """From noon of the 16th on: half of 310.00, of which 15.50 is the fee; the calls before count towards it."""
    agreement = terms(book("", plan, price), log((NOON, Start("office/small"))))
    used = THOUSAND._replace(parts=(*THOUSAND.parts, ()))
    assert bill.owed(agreement, used)[1].total == 155


def fees(agreement: Agreement) -> list[str]:
    """The amounts of base fees and add-ons, when nothing was used."""
    rated, _ = bill.owed(agreement, Billable(((),) * len(agreement.parts), (), {}, "", None))
    return [f"{line.amount:f}" for line in rated.lines]


LARGE = """
[plans.large]
title = "Large"
base_fee = "62"
prorate = "time"
prices.requests = { title = "Calls", meter = "requests", unit = "request", unit_amount = "0.01" }
"""
HELP = '[addons.help]\ntitle = "Help"\nbase_fee = "3.10"\nprorate = "time"'


@pytest.mark.parametrize(
    ("unused", "expected"),
    [("credit", ["15.50", "31.00"]), ("refund", ["31.00", "31.00"]), ("none", ["31.00", "31.00"])],
)
def test_a_fee_stays_owed_unless_it_is_credited(unused: Unused, expected: list[str]) -> None:
    """Half of 31.00 or all of it, and half of 62.00."""
    changes = log((SEPTEMBER_1, Start("office/small")), (NOON, ChangePlan("office/large", unused)))
    assert fees(terms(book(plan=LARGE), changes)) == expected


def test_what_stays_owed_is_the_fee_of_what_there_was_at_last() -> None:
    """An add-on until the 6th, five of 31 days; it does not stay owed with the plan it was beside."""
    changes = log(
        (SEPTEMBER_1, Start("office/small")),
        (SEPTEMBER_1, SetAddon("help", 1)),
        ("2026-10-06", SetAddon("help", 0)),
        (NOON, ChangePlan("office/large", "none")),
    )
    assert fees(terms(book(HELP, LARGE), changes)) == ["31.00", "31.00", "0.50"]


def test_a_new_version_does_not_keep_the_old_ones_fee() -> None:
    """15.50 by the first version, half of 62.00 by the second, which stays owed, and a day of Large."""
    team = Team(1, UUID(int=1), "Team", "UTC", "USD", None, at(SEPTEMBER_1))
    dearer = parse_book(BOOK.format(top="", plan=LARGE, price="").replace('base_fee = "31"', 'base_fee = "62"'), "b")
    both = books(("2020-01-01", book(plan=LARGE)), (NOON, dearer))
    changes = log((SEPTEMBER_1, Start("office/small")), ("2026-10-31", ChangePlan("office/large", "none")))
    assert fees(agreed(team, changes, both, OCTOBER)) == ["15.50", "31.00", "2.00"]


@pytest.mark.parametrize(("unused", "expected"), [("credit", "15.50"), ("none", "31.00")])
def test_a_part_of_a_month_is_a_part_of_its_fee(unused: Unused, expected: str) -> None:
    """A cancellation at noon of the 16th."""
    half = Period(OCTOBER.start, at(NOON), "UTC")
    changes = log((SEPTEMBER_1, Start("office/small")), (NOON, Cancel(unused)))
    assert fees(terms(book(), changes, half)) == [expected]
    with pytest.raises(NoSubscription):
        terms(book(), changes, Period(half.end, OCTOBER.end, "UTC"))


def test_a_day_in_two_periods_is_the_second_ones() -> None:
    """By days, a period that ends at noon of the 16th as another begins has 15 of 31; ended for good it has 16."""
    days = parse_book(BOOK.format(top="", plan="", price="").replace('prorate = "time"', 'prorate = "days"'), "b")
    half = Period(OCTOBER.start, at(NOON), "UTC")
    anew = log((SEPTEMBER_1, Start("office/small")), (NOON, ChangePlan("office/small", "credit", restart=True)))
    assert fees(terms(days, anew, half)) == ["15.00"]
    assert fees(terms(days, log((SEPTEMBER_1, Start("office/small")), (NOON, Cancel())), half)) == ["16.00"]


def test_no_fee_is_owed_before_the_first_plan() -> None:
    """Begun at noon of the 16th."""
    agreement = terms(book(), log((NOON, Start("office/small"))))
    assert [part.span.end for part in agreement.parts] == [at(NOON), OCTOBER.end]
    assert fees(agreement) == ["15.50"]


def test_taxes_are_those_at_the_periods_end() -> None:
    """VAT since the middle of October: 41.00 and 8.20."""
    team = Team(1, UUID(int=1), "Team", "UTC", "USD", None, at(SEPTEMBER_1))
    agreement = agreed(team, HAS, books(("2020-01-01", book()), (NOON, book(VAT))), OCTOBER)
    used = THOUSAND._replace(parts=(*THOUSAND.parts, ()))
    assert bill.owed(agreement, used)[1].total == Decimal("49.20")


@pytest.mark.parametrize(
    ("plan", "coupons"),
    [
        ('[plans.small.commitment]\namount = "100"', ()),
        ('[plans.small.spend]\nminimum = "100"', ()),
        ("", ("five",)),
    ],
)
def test_amounts_of_a_book_are_not_taken_for_other_money(plan: str, coupons: tuple[str, ...]) -> None:
    """Prices are exchanged, agreed sums are not."""
    changes = log((SEPTEMBER_1, Start("office/small")), *given(*coupons))
    with pytest.raises(CurrencyMismatch):
        terms(book(TENTH + EUROS, plan), changes, currency="EUR")


def test_only_what_is_billed_in_advance_is() -> None:
    """Large is billed after its period, and so is help."""
    changes = log((SEPTEMBER_1, Start("office/large")), (SEPTEMBER_1, SetAddon("help", 1)))
    rated, document = advance.owed(terms(book(HELP, LARGE), changes))
    assert rated.lines == ()
    assert document.total == 0
