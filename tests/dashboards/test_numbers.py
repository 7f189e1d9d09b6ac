"""Numbers as people read them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from dashboards import numbers
from meter.windows import Window


@pytest.mark.parametrize(
    ("amount", "currency", "locale", "expected"),
    [
        ("1234.5", "USD", "en", "$1,234.50"),
        ("1234.5", "EUR", "de", "1.234,50\N{NO-BREAK SPACE}€"),
        ("-12", "JPY", "en", "-¥12"),
        ("0.123", "KWD", "en", "KWD\N{NO-BREAK SPACE}0.123"),
    ],
)
def test_money_has_the_decimals_of_its_currency(amount: str, currency: str, locale: str, expected: str) -> None:
    """Babel knows the symbol, the place and the decimals."""
    assert numbers.money(Decimal(amount), currency, locale) == expected


def test_money_that_was_never_rounded_is_not_shown() -> None:
    """Rounding on display would hide a mistake in a bill."""
    with pytest.raises(ValueError, match="not rounded"):
        numbers.money(Decimal("1.005"), "USD")


def test_a_unit_price_keeps_all_its_decimals() -> None:
    """A millionth of a cent is a price."""
    assert numbers.unit_price(Decimal("0.000000125"), "USD") == "$0.000000125"
    assert numbers.unit_price(Decimal("0.1"), "EUR", "de") == "0,10\N{NO-BREAK SPACE}€"
    assert numbers.unit_price(Decimal("0.5"), "JPY") == "¥0.5"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1000.56341", "1,000.5634"),
        ("744.000000000000", "744"),
        ("0.0000123456", "0.00001235"),
        ("0", "0"),
        (None, "\N{EN DASH}"),
    ],
)
def test_a_quantity_is_short_without_becoming_zero(value: str | None, expected: str) -> None:
    """Four decimals, or four digits of what is smaller; no data is a dash."""
    assert numbers.quantity(None if value is None else Decimal(value)) == expected


def test_a_short_quantity_is_for_a_glance() -> None:
    """Whole numbers from a thousand up, four digits below."""
    shown = [numbers.short_quantity(Decimal(value)) for value in ("20137.6", "56.6646", "0.05708", "0")]
    assert shown == ["20,138", "56.66", "0.05708", "0"]


def test_a_column_has_one_number_of_decimals() -> None:
    """Points stand below each other."""
    assert numbers.aligned([Decimal("1234.5"), None, Decimal("0.5")]) == ["1,234.50", "\N{EN DASH}", "0.50"]
    assert numbers.aligned([Decimal("12.5"), Decimal(3)]) == ["12.5000", "3.0000"]
    assert numbers.aligned([Decimal(5), Decimal(1000)]) == ["5", "1,000"]
    assert numbers.aligned([Decimal("0.00001")]) == ["0.00001"]
    assert numbers.aligned([None]) == ["\N{EN DASH}"]


def test_a_percentage_has_a_sign_unless_it_reads_zero() -> None:
    """A plus is said, a rounded zero has none, and nothing is a dash."""
    shown = [numbers.percent(Decimal(value)) for value in ("12.34", "-7.4", "0.04", "-0.04")]
    assert shown == ["+12.3%", "\N{MINUS SIGN}7.4%", "0.0%", "0.0%"]
    assert numbers.percent(Decimal(5), "de") == "+5,0\N{NO-BREAK SPACE}%"
    assert numbers.percent(None) == numbers.NOTHING
    assert numbers.share(Decimal("0.331")) == "33.1%"


def test_a_moment_is_on_the_wall_clock_of_its_zone() -> None:
    """With the letters the zone has then, or its offset where it has none."""
    at = datetime(2025, 7, 3, 12, 5, tzinfo=UTC)
    assert numbers.moment(at, "Europe/Berlin") == "Jul 3, 2025, 14:05 CEST"
    assert numbers.moment(at, "America/Sao_Paulo") == "Jul 3, 2025, 09:05 UTC-03"


@pytest.mark.parametrize(
    ("from_", "to", "window", "expected"),
    [
        (
            datetime(2025, 11, 3, 13, tzinfo=UTC),
            datetime(2025, 11, 3, 14, tzinfo=UTC),
            "hour",
            "Mon, Nov 3, 14:00\N{EN DASH}15:00",
        ),
        (datetime(2025, 11, 2, 23, tzinfo=UTC), datetime(2025, 11, 3, 23, tzinfo=UTC), "day", "Mon, Nov 3, 2025"),
        (
            datetime(2025, 11, 2, 23, tzinfo=UTC),
            datetime(2025, 11, 9, 23, tzinfo=UTC),
            "week",
            "Nov 3, 2025 \N{EN DASH} Nov 9, 2025",
        ),
        (datetime(2025, 10, 31, 23, tzinfo=UTC), datetime(2025, 11, 30, 23, tzinfo=UTC), "month", "Nov 2025"),
    ],
)
def test_windows_are_said_as_people_say_them(from_: datetime, to: datetime, window: Window, expected: str) -> None:
    """In local time, as short as the window allows."""
    assert numbers.window_words(from_, to, window, "Europe/Berlin") == expected


def test_the_last_day_of_a_period_is_inclusive_and_local() -> None:
    """A period that ends at local midnight has the day before as its last."""
    assert numbers.last_day(datetime(2025, 10, 31, 23, tzinfo=UTC), "Europe/Berlin") == date(2025, 10, 31)
