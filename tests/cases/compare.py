"""What was expected against what came out: exactly, or at the decimals that the other system printed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext
from typing import Any, TypeAlias

CENTS = 2
DOUBLE_DIGITS = 16
LAST_DIGITS = 4
PRECISE = 200


@dataclass(frozen=True)
class Figure:
    """A number of ours, and its rounded value where there is one.

    An expected number with at least `coarsest` decimals may be a rounded one: ours is then rounded as far. With fewer
    (a total of "7") it must be met exactly, since 7.40 is no 7.
    """

    value: Decimal
    rounded: Decimal | None = None
    coarsest: int = CENTS

    def meets(self, expected: str) -> bool:
        """Whether the expected number is this one."""
        wanted = _number(expected)
        if wanted is None:
            return False
        if wanted in (self.value, self.rounded):
            return True
        places = max(0, -int(wanted.as_tuple().exponent))
        return places >= self.coarsest and self._to(places) == wanted

    def is_last_digit_off(self, expected: str) -> bool:
        """Whether the expected number is a binary double that differs from ours in nothing but its last digit."""
        wanted = _number(expected)
        if wanted is None or len(wanted.as_tuple().digits) < DOUBLE_DIGITS:
            return False
        last = Decimal(1).scaleb(int(wanted.as_tuple().exponent))
        return abs(self.value - wanted) <= LAST_DIGITS * last

    def _to(self, places: int) -> Decimal:
        with localcontext() as context:
            context.prec = PRECISE
            return self.value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)

    def __str__(self) -> str:
        """The number, and what it was rounded to where that is another one."""
        both = "" if self.rounded in (None, self.value) else f" (rounded {self.rounded:f})"
        return f"{self.value:f}{both}"


@dataclass(frozen=True)
class Word:
    """A word of ours, and the words that other systems have for it."""

    ours: str
    theirs: frozenset[str]

    def meets(self, expected: str) -> bool:
        """Whether the expected word means this one."""
        return expected in self.theirs

    def __str__(self) -> str:
        """Our word."""
        return self.ours


Found: TypeAlias = Figure | Word | Mapping[str, Any] | Sequence[Any]


@dataclass(frozen=True)
class Difference:
    """Where something else came out; `got` is None where nothing did."""

    place: str
    expected: object
    got: Figure | Word | None
    said: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.place}: {self.said}"


def differences(expected: object, found: Found | None, place: str = "") -> Iterator[Difference]:
    """Every place at which `found` is not what was expected; whatever is expected must be found."""
    name = place or "the answer"
    if found is None:
        yield Difference(name, expected, None, f"expected {expected!r}, and we answer nothing to hold against it")
    elif isinstance(expected, dict) and isinstance(found, Mapping):
        for key, each in expected.items():
            yield from differences(each, found.get(key), f"{place}.{key}".lstrip("."))
    elif isinstance(expected, list) and isinstance(found, Sequence):
        if len(expected) != len(found):
            shown = [{key: str(value) for key, value in each.items()} for each in found if isinstance(each, Mapping)]
            yield Difference(name, expected, None, f"expected {len(expected)} items, got {len(found)}: {shown}")
            return
        for at, (each, ours) in enumerate(zip(expected, found, strict=True)):
            yield from differences(each, ours, f"{place}[{at}]")
    elif isinstance(found, Figure | Word) and isinstance(expected, str):
        if not found.meets(expected):
            yield Difference(name, expected, found, f"expected {expected}, got {found}")
    else:
        yield Difference(name, expected, None, f"expected {expected!r}, which is of another kind than what we answer")


def _number(text: str) -> Decimal | None:
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None
