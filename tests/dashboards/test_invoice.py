"""What an invoice says, and when it refuses to."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.documents import invoice_html
from dashboards.invoice import (
    NOT_ATTRIBUTED,
    DoesNotAddUpError,
    InvoiceDocument,
    InvoiceLine,
    MemberShare,
    period_words,
    view,
)
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
    assert view(samples.everyday())["due"] == " by Nov 8, 2025"
    paid = view(changed(samples.everyday(), status="paid"))
    assert (paid["due"], paid["payment"]) == ("", "")


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
