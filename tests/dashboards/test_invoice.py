"""What an invoice says, and when it refuses to."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards import comparison, invoice_csv
from dashboards.documents import invoice_html
from dashboards.invoice import (
    NOT_ATTRIBUTED,
    DoesNotAddUpError,
    InvoiceDocument,
    InvoiceLine,
    MemberShare,
    Sum,
    Usage,
    period_words,
    view,
)
from dashboards.invoice_chart import bars
from dashboards.invoice_short import LINES_MAX, MEMBERS_MAX, few_lines, few_members
from tests.dashboards import samples

cents = st.integers(min_value=-(10**9), max_value=10**12).map(lambda units: Decimal(units).scaleb(-2))


def changed(document: InvoiceDocument, **fields: Any) -> InvoiceDocument:
    """Answer the sample with other fields."""
    return msgspec.structs.replace(document, **fields)


def test_lines_that_do_not_add_up_are_never_shown() -> None:
    """A cent off is a refusal, not an invoice."""
    with pytest.raises(DoesNotAddUpError, match=r"lines add up to 165\.34, the total is 165\.35"):
        view(changed(samples.everyday(), total=Decimal("165.35")))


def test_member_rows_that_do_not_add_up_are_never_shown() -> None:
    """What belongs to no member is a row as well, or something is missing."""
    document = samples.everyday()
    with pytest.raises(DoesNotAddUpError, match="member rows"):
        view(changed(document, members=document.members[:-1]))


@given(st.lists(cents, min_size=1, max_size=30))
def test_whatever_adds_up_is_shown_to_the_cent(amounts: list[Decimal]) -> None:
    """The shown amounts, read back, are the amounts."""
    lines = tuple(InvoiceLine(f"Line {at}", amount) for at, amount in enumerate(amounts))
    members = tuple(MemberShare(None, amount) for amount in amounts)
    shown = view(changed(samples.everyday(), lines=lines, members=members, total=sum(amounts, Decimal(0))))
    rows = shown["lines"]
    assert isinstance(rows, list)
    assert [Decimal(row["amount"].replace("$", "").replace(",", "")) for row in rows] == amounts


def test_an_amount_with_more_decimals_than_its_currency_is_refused() -> None:
    """It was never rounded."""
    line = InvoiceLine("CPU", Decimal("1.005"))
    with pytest.raises(ValueError, match="not rounded"):
        view(changed(samples.everyday(), lines=(line,), total=line.amount, members=()))


def test_the_period_is_shown_as_inclusive_local_days() -> None:
    """Ireland's October begins in UTC's September and ends an hour after its clocks went back."""
    document = samples.everyday()
    assert (
        period_words(document.period_from, document.period_to, document.timezone)
        == "Oct 1, 2025 \N{EN DASH} Oct 31, 2025"
    )


def test_a_period_of_one_day_is_one_date() -> None:
    """Not a range from a day to itself."""
    assert period_words(datetime(2025, 11, 3, tzinfo=UTC), datetime(2025, 11, 4, tzinfo=UTC), "UTC") == "Nov 3, 2025"


def test_a_day_without_midnight_is_still_a_whole_day() -> None:
    """Cairo's 25 April 2025 begins at one o'clock."""
    begin, end = datetime(2025, 4, 24, 22, tzinfo=UTC), datetime(2025, 4, 25, 21, tzinfo=UTC)
    assert period_words(begin, end, "Africa/Cairo") == "Apr 25, 2025"


def test_a_period_cut_inside_a_day_shows_its_times() -> None:
    """What begins at nine is not shown as a whole day."""
    document = samples.awkward()
    words = period_words(document.period_from, document.period_to, document.timezone)
    assert words == "Oct 1, 2025, 09:00 \N{EN DASH} Oct 15, 2025, 14:30"


def test_members_have_a_column_per_meter_or_a_list() -> None:
    """Four meters fit beside a name, five are listed below it."""
    few = view(samples.everyday())["members"]
    assert isinstance(few, dict)
    assert few["columns"] == [("Input tokens", ""), ("Output tokens", "")]
    assert few["rows"][-1]["name"] == NOT_ATTRIBUTED
    assert few["rows"][-1]["cells"] == ["\N{EN DASH}", "\N{EN DASH}"]
    document = samples.everyday()
    first = document.members[0]
    more = tuple(msgspec.structs.replace(first.usage[0], name=f"Meter {at}", unit="units") for at in range(5))
    many = view(changed(document, members=(msgspec.structs.replace(first, usage=more), *document.members[1:])))[
        "members"
    ]
    assert isinstance(many, dict)
    assert many["columns"] == []
    assert many["rows"][0]["listed"].startswith("Meter 0 4,000,000 units · Meter 1")


def test_no_members_no_breakdown() -> None:
    """A document without member rows has no empty table."""
    shown = view(changed(samples.everyday(), members=()))
    assert shown["members"] is None


def test_only_what_is_open_asks_for_payment() -> None:
    """A paid, void or draft invoice names no due amount and no way to pay."""
    due = view(samples.everyday())
    assert (due["pay_words"], due["status_word"]) == ("Amount due by Nov 8, 2025", "Due")
    assert due["payment"] == [*samples.everyday().payment, "Payment reference: HM-2025-000142"]
    for status in ("paid", "void", "draft", "uncollectible"):
        other = view(changed(samples.everyday(), status=status))
        assert (other["pay_words"], other["payment"]) == ("Total", [])


def test_what_comes_back_is_not_due() -> None:
    """A total below zero is a credit: no day until which to pay, and no way to do so."""
    credit = view(samples.credit())
    assert (credit["pay_words"], credit["status_word"], credit["payment"]) == ("Credit in your favour", "Credit", [])
    assert "Due" not in dict(credit["facts"])  # type: ignore[call-overload]
    nothing = view(changed(samples.everyday(), settled=(Sum("Paid by credits", Decimal("-165.34")),)))
    assert (nothing["pay_words"], nothing["status_word"], nothing["to_pay"]) == ("Total", "Nothing due", "$0.00")


def test_sums_lead_from_the_lines_to_what_is_left_to_pay() -> None:
    """Subtotal, what is taken off, taxes, total, what is paid already; and they must add up."""
    shown = view(samples.taxed("en"))
    assert shown["sums"] == [("Subtotal", "€165.34"), ("Coupon SPRING", "-€16.53"), ("VAT, 19 %", "€28.27")]
    assert (shown["total"], shown["settled"], shown["to_pay"]) == (
        "€177.08",
        [("Paid by credits", "-€50.00")],
        "€127.08",
    )
    with pytest.raises(DoesNotAddUpError, match=r"lines add up to 193\.61"):
        view(changed(samples.taxed(), sums=samples.taxed().sums[1:]))


@given(st.lists(st.tuples(cents, st.sampled_from("abc")), min_size=1, max_size=LINES_MAX * 3))
def test_lines_that_are_added_up_come_to_the_same(lines: list[tuple[Decimal, str]]) -> None:
    """However many there are: no more than fit, and the same sum and quantity."""
    many = [InvoiceLine(f"{at}", amount, Decimal(at), group=group) for at, (amount, group) in enumerate(lines)]
    few = few_lines(many)
    assert len(few) <= LINES_MAX
    assert sum(line.amount for line in few) == sum(line.amount for line in many)
    assert sum(line.quantity or 0 for line in few) == sum(line.quantity or 0 for line in many)


def test_groups_beyond_the_most_are_one_row() -> None:
    """The largest stay in their order, the rest is one."""
    many = [InvoiceLine(f"{at}", Decimal(at % 7), group=f"{at}") for at in range(200)]
    few = few_lines(many)
    assert (len(few), few[-1].description, few[-1].detail) == (LINES_MAX, "Other", f"{200 - LINES_MAX + 1} lines")
    assert sum(line.amount for line in few) == sum(line.amount for line in many)


@given(st.lists(cents, min_size=1, max_size=MEMBERS_MAX * 3))
def test_members_that_are_added_up_come_to_the_same(costs: list[Decimal]) -> None:
    """Nobody's row stays the last, and usage is added by meter."""
    usage = (Usage("Calls", Decimal(2), "calls"),)
    many = [*(MemberShare(f"{at}", cost, usage) for at, cost in enumerate(costs)), MemberShare(None, Decimal(1), usage)]
    few = few_members(many)
    assert len(few) <= MEMBERS_MAX
    assert few[-1].member is None
    assert sum(share.cost for share in few) == sum(share.cost for share in many)
    assert sum(share.usage[0].quantity for share in few) == 2 * len(many)


def test_what_is_added_up_is_said() -> None:
    """Only where it is, with how many there were and where they are."""
    document = changed(samples.long(), path="/v1/invoices/1")
    (note,) = [each for each in view(document, short=True)["notes"] if "added up here" in each]  # type: ignore[attr-defined]
    assert note == (
        "This invoice has 140 lines and 101 member rows, added up here. "
        "Each is in the invoice's CSV file, GET /v1/invoices/1/csv."
    )
    assert not any("added up here" in each for each in view(document)["notes"])  # type: ignore[attr-defined]


def test_bars_are_as_high_as_what_was_used() -> None:
    """Nothing used has no bar, the most reaches the top, and a little is still seen."""
    heights = re.findall(r'height="([\d.]+)"></rect>', bars([Decimal(0), Decimal(50), Decimal(100), Decimal("0.001")]))
    assert heights == ["60.00", "120.00", "2.00"]
    assert re.findall(r'height="([\d.]+)"></rect>', bars([Decimal(0)])) == []


def test_what_changed_since_the_month_before() -> None:
    """Lines of one price are one; what only one invoice has is there too; nobody's row is the last."""
    this, last = samples.taxed("en"), changed(samples.everyday(), lines=samples.everyday().lines[1:])
    last = changed(last, total=last.total - 49, members=(MemberShare("zed", Decimal("116.34")),))
    rows = {change.words: (change.this, change.last, change.percent) for change in comparison.lines(this, last)}
    assert rows["Professional plan"] == (Decimal("49.00"), None, None)
    assert rows["Input tokens"] == (Decimal("98.22"), Decimal("98.22"), Decimal(0))
    members = comparison.members(this, last)
    assert [change.words for change in members][-2:] == ["zed", None]
    assert (
        sum(change.difference for change in members)
        == this.total - last.total
        == comparison.total(this, last).difference
    )
    twice = changed(this, lines=(*this.lines, this.lines[1]))
    assert {change.words: change.this for change in comparison.lines(twice, None)}["Input tokens"] == Decimal("196.44")


def test_a_csv_has_every_row() -> None:
    """Lines and sums come to the total, and so do members."""
    rows = [dict(zip(invoice_csv.COLUMNS, row, strict=True)) for row in invoice_csv.rows(samples.taxed())]
    kinds = [row["row"] for row in rows]
    assert kinds[:8] == ["line"] * 5 + ["subtotal", "coupon", "tax"]
    amounts = [(row["row"], row["amount"]) for row in rows if isinstance(row["amount"], Decimal)]
    for parts in ({"line", "coupon", "tax"}, {"member"}):
        assert sum(amount for kind, amount in amounts if kind in parts) == Decimal("177.08")
    with pytest.raises(DoesNotAddUpError):
        list(invoice_csv.rows(changed(samples.taxed(), total=Decimal(1))))


def test_a_draft_has_no_number() -> None:
    """It says so instead of showing an empty field."""
    html = invoice_html(samples.awkward())
    assert "Given when issued" in html
    assert "<title>Draft invoice</title>" in html


def test_names_are_text_whatever_is_in_them() -> None:
    """Markup in a team's name is shown, not obeyed."""
    html = invoice_html(samples.awkward())
    assert "&lt;b&gt;Ltd&lt;/b&gt;" in html
    assert "<b>Ltd" not in html
