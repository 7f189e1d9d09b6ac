"""Numbers, money and times as people of a locale write them. Display only: nothing is computed from these."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from re import sub
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_precision

from meter.windows import Window

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"
UNIT_PRICE_DECIMALS = 12
SMALL = Decimal("0.0001")
MOMENT = timedelta(microseconds=1)


def money(amount: Decimal, currency: str, locale: str = "en") -> str:
    """Answer an amount in the currency's minor units.

    Raises:
        ValueError: it has more decimals than the currency, so it was never rounded: showing it would hide that.
    """
    digits = get_currency_precision(currency)
    if amount != amount.quantize(Decimal(1).scaleb(-digits)):
        raise ValueError(f"{amount} {currency} is not rounded to {digits} decimals.")
    return _spaced(format_currency(amount, currency, locale=locale))


def unit_price(price: Decimal, currency: str, locale: str = "en") -> str:
    """Answer a price with all its decimals, and at least those of the currency."""
    standard = Locale.parse(locale).currency_formats["standard"].pattern
    digits = get_currency_precision(currency)
    decimals = "0" * digits + "#" * (UNIT_PRICE_DECIMALS - digits)
    pattern = standard.replace(".00", f".{decimals}")
    return _spaced(format_currency(price, currency, pattern, locale=locale, currency_digits=False))


def _spaced(text: str) -> str:
    """Answer money with a no-break space between letters and digits (CHF 5), as CLDR asks and babel leaves out."""
    return sub(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])", "\N{NO-BREAK SPACE}", text)


def quantity(value: Decimal | None, locale: str = "en") -> str:
    """Answer a quantity with up to four decimals, or four significant digits below 0.0001; a dash for no data."""
    if value is None:
        return NOTHING
    if value and abs(value) < SMALL:
        return str(format_decimal(value, "@###", locale=locale))
    return str(format_decimal(value, "#,##0.####", locale=locale))


def short_quantity(value: Decimal | None, locale: str = "en") -> str:
    """Answer a quantity for a glance: whole from 1,000 up, otherwise four significant digits at most."""
    if value is None:
        return NOTHING
    pattern = "#,##0" if abs(value) >= 1000 else "@###"  # noqa: PLR2004 (said in the docstring)
    return str(format_decimal(value, pattern, locale=locale)) if value else "0"


def aligned(values: Sequence[Decimal | None], locale: str = "en") -> list[str]:
    """Answer the quantities of a column with the same decimals, so that their points stand below each other.

    None for whole numbers, two from 100 up, otherwise four; each for itself where the largest is below 0.0001.
    """
    known = [value for value in values if value is not None]
    largest = max((abs(value) for value in known), default=Decimal(0))
    if 0 < largest < SMALL:
        return [quantity(value, locale) for value in values]
    whole = all(value == value.to_integral_value() for value in known)
    pattern = "#,##0" if whole else "#,##0.00" if largest >= 100 else "#,##0.0000"  # noqa: PLR2004 (said above)
    return [NOTHING if value is None else str(format_decimal(value, pattern, locale=locale)) for value in values]


def signed(text: str, value: Decimal) -> str:
    """Answer the text of a number's size with the sign of the number before it, also a plus; zero has none."""
    return f"{'+' if value > 0 else MINUS if value < 0 else ''}{text}"


def percent(value: Decimal | None, locale: str = "en") -> str:
    """Answer a signed percentage with one decimal; a dash where there is none."""
    if value is None:
        return NOTHING
    pattern = Locale.parse(locale).percent_formats[None].pattern.replace("##0", "##0.0")
    shown = round(value, 1)  # so that what reads zero has no sign
    return signed(str(format_percent(abs(shown) / 100, pattern, locale=locale)), shown)


def share(value: Decimal, locale: str = "en") -> str:
    """Answer a part of one as an unsigned percentage with one decimal."""
    return percent(abs(value) * 100, locale).lstrip(f"+{MINUS}")


def day(value: date, locale: str = "en") -> str:
    """Answer a date in the locale's medium form."""
    return str(format_date(value, "medium", locale=locale))


def clock(value: datetime, locale: str = "en") -> str:
    """Answer the hour and minute of a time in its own zone, on 24 hours in every locale: 14:05."""
    return str(
        format_time(value, Locale.parse(locale).datetime_skeletons["Hm"].pattern, tzinfo=value.tzinfo, locale=locale)
    )


def moment(value: datetime, timezone: str, locale: str = "en") -> str:
    """Answer an instant on the wall clock of a zone, to the minute, with the zone's short name."""
    local = value.astimezone(ZoneInfo(timezone))
    name = local.tzname() or timezone
    zone = name if name.isalpha() else f"UTC{name}"  # many zones have no letters: -03
    return f"{day(local.date(), locale)}, {clock(local, locale)} {zone}"


def last_day(end: datetime, timezone: str) -> date:
    """Answer the last local day of a half-open period: the one that holds its last microsecond."""
    return (end - MOMENT).astimezone(ZoneInfo(timezone)).date()


def window_words(from_: datetime, to: datetime, window: Window, timezone: str, locale: str = "en") -> str:
    """Answer a window the way people say it: a month, a day, or a day and two clock times; weeks by their two ends."""
    zone = ZoneInfo(timezone)
    start, end = from_.astimezone(zone), to.astimezone(zone)
    if window in {"15m", "hour"}:
        return f"{_skeleton('MMMEd', start, locale)}, {clock(start, locale)}\N{EN DASH}{clock(end, locale)}"
    if window == "week":
        return f"{day(start, locale)} \N{EN DASH} {day(last_day(to, timezone), locale)}"
    return _skeleton("yMMM" if window == "month" else "yMMMEd", start, locale)


def _skeleton(name: str, value: datetime, locale: str) -> str:
    pattern = Locale.parse(locale).datetime_skeletons[name].pattern
    return str(format_date(value.date(), pattern, locale=locale))


def counted(unit: str, quantity: Decimal) -> str:
    """The unit as one says it of a quantity: 1 token, 2 tokens; symbols like GB stay as they are."""
    return f"{unit}s" if unit[-1:].islower() and quantity != 1 else unit
