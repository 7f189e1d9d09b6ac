"""What is the number of an invoice, by the seller's format? Pure.

A format is text with one counter in it: `{number}` counts for ever, `{number_of_year}` begins anew each year. `{year}`
and `{month}` are of the day of issue. `{number:6}` has six digits at least.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from typing import Final, NamedTuple

DEFAULT: Final = "HM-{number:6}"
FOR_EVER: Final = 0
"""The year of the counter that never begins anew."""
LONGEST: Final = 60

_COUNTERS: Final = ("number", "number_of_year")
_FIELD: Final = re.compile(r"\{(number_of_year|number|year|month)(?::([1-9]|1[0-2]))?\}")
_LITERAL: Final = re.compile(r"[A-Za-z0-9._-]*")  # a number is also the name of a file


class Pattern(NamedTuple):
    """A format on a day: what stands before and after the counter, how many digits it has, and which year it counts."""

    before: str
    digits: int
    after: str
    counter_year: int


def check_format(text: str) -> str:
    """The format itself. Raises ValueError, saying what is wrong, where numbers by it would not be one of a kind."""
    literal = _FIELD.sub("", text)
    if len(text) > LONGEST or not _LITERAL.fullmatch(literal) or text.startswith((".", "-")):
        raise ValueError(f"{text!r} has something else than letters, digits, '.', '_', '-' and known fields")
    fields = _FIELD.findall(text)
    if any(digits for name, digits in fields if name not in _COUNTERS):
        raise ValueError(f"{text!r}: only the counter has a number of digits")
    named = Counter(name for name, _ in fields)
    if sum(named[each] for each in _COUNTERS) != 1:
        raise ValueError(f"{text!r} needs one {{number}} or one {{number_of_year}}")
    if named["number_of_year"] and not named["year"]:
        raise ValueError(f"{text!r}: a counter that begins anew each year needs {{year}} beside it")
    return text


def pattern(text: str, issued_on: date) -> Pattern:
    """The format as it is for what is issued on a day. Raises ValueError as `check_format`."""
    year, month = f"{issued_on.year:04d}", f"{issued_on.month:02d}"
    dated = check_format(text).replace("{year}", year).replace("{month}", month)
    counter = next(each for each in _FIELD.finditer(dated) if each[1] in _COUNTERS)
    counter_year = FOR_EVER if counter[1] == "number" else issued_on.year
    return Pattern(dated[: counter.start()], int(counter[2] or 1), dated[counter.end() :], counter_year)


def numbered(text: str, number: int, issued_on: date) -> str:
    """The number of what is the `number`th of its counter, issued on a day. Raises ValueError as `check_format`."""
    before, digits, after, _ = pattern(text, issued_on)
    return f"{before}{number:0{digits}d}{after}"
