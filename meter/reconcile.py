"""Do two totals agree? Ours and somebody else's, per meter, window and group: where they differ, and by how much. Pure.

No data is not zero: a window that one side has nothing of is told as missing there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Literal, NamedTuple

from meter.segments import EXACT
from meter.usage import plain

NOTHING = Decimal(0)
HUNDRED = Decimal(100)
SHOWN = Decimal("0.0001")
SMALLEST_SHARE = Decimal("0.0001")
COUNTABLE = re.compile(r"[a-z_ ]{3,}[a-rt-z]")

Side = Literal["here", "there"]
Group = tuple[str | None, ...]


class Place(NamedTuple):
    """What an amount is of: a meter, the window that begins at this instant, and a group by its labels."""

    meter: str
    start: datetime
    group: Group = ()


Amounts = Mapping[Place, Decimal]


class Tolerance(NamedTuple):
    """How far apart two amounts may be: by an amount, or by a share of theirs, whichever allows more."""

    amount: Decimal = NOTHING
    share: Decimal = NOTHING

    def allows(self, ours: Decimal, theirs: Decimal) -> bool:
        """Whether two amounts are near enough."""
        apart = EXACT.abs(EXACT.subtract(ours, theirs))
        return apart <= self.amount or apart <= EXACT.multiply(self.share, EXACT.abs(theirs))


class Difference(NamedTuple):
    """A place where the two sides differ; None: nothing is known of it on that side."""

    place: Place
    ours: Decimal | None
    theirs: Decimal | None

    @property
    def missing(self) -> Side | None:
        """On which side there is nothing: here (ours) or there (theirs)."""
        return "here" if self.ours is None else "there" if self.theirs is None else None

    @property
    def amount(self) -> Decimal | None:
        """By how much ours is higher; None where a side is missing."""
        return apart(self.ours, self.theirs)

    @property
    def percent(self) -> Decimal | None:
        """The same in percent of theirs."""
        return percent(self.ours, self.theirs)


class Total(NamedTuple):
    """A meter as a whole: the sums (None: nothing at all), and of how many windows how many differ or are missing.

    A window is counted once in each, however many of its groups differ.
    """

    meter: str
    ours: Decimal | None
    theirs: Decimal | None
    windows: int
    differ: int
    missing_here: int
    missing_there: int

    @property
    def agrees(self) -> bool:
        """Whether every window is within the tolerance."""
        return not (self.differ or self.missing_here or self.missing_there)


class Comparison(NamedTuple):
    """What differs, by meter, time and group, and the total of each meter."""

    differences: list[Difference]
    totals: list[Total]

    @property
    def agrees(self) -> bool:
        """Whether everything is within the tolerance."""
        return not self.differences


def compare(ours: Amounts, theirs: Amounts, tolerance: Tolerance, *, zeros_count: bool = True) -> Comparison:
    """Compares what both sides have at every place. Without `zeros_count` a zero here agrees with nothing there."""
    places = sorted(ours.keys() | theirs.keys(), key=_order)
    found = [Difference(place, ours.get(place), theirs.get(place)) for place in places]
    differences = [each for each in found if not _agree(each, tolerance, zeros_count=zeros_count)]
    own: dict[str, list[Difference]] = {}
    for each in found:
        own.setdefault(each.place.meter, []).append(each)
    wrong: dict[str, list[Difference]] = {meter: [] for meter in own}
    for each in differences:
        wrong[each.place.meter].append(each)
    return Comparison(differences, [_total(meter, own[meter], wrong[meter]) for meter in own])


def _order(place: Place) -> tuple[str, datetime, list[tuple[bool, str]]]:
    return place.meter, place.start, [(name is not None, name or "") for name in place.group]


def _agree(each: Difference, tolerance: Tolerance, *, zeros_count: bool) -> bool:
    if each.ours is None or each.theirs is None:
        known = each.theirs if each.ours is None else each.ours
        return not zeros_count and not known
    return tolerance.allows(each.ours, each.theirs)


def _total(meter: str, own: Sequence[Difference], wrong: Iterable[Difference]) -> Total:
    starts: dict[Side | None, set[datetime]] = {"here": set(), "there": set(), None: set()}
    for each in wrong:
        starts[each.missing].add(each.place.start)
    return Total(
        meter,
        _sum(each.ours for each in own),
        _sum(each.theirs for each in own),
        len({each.place.start for each in own}),
        len(starts[None]),
        len(starts["here"]),
        len(starts["there"]),
    )


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    there = [amount for amount in amounts if amount is not None]
    whole = NOTHING
    for amount in there:
        whole = EXACT.add(whole, amount)
    return whole if there else None


def apart(ours: Decimal | None, theirs: Decimal | None) -> Decimal | None:
    """By how much ours is higher, exactly; None where a side has nothing."""
    return None if ours is None or theirs is None else EXACT.subtract(ours, theirs)


def percent(ours: Decimal | None, theirs: Decimal | None) -> Decimal | None:
    """The difference in percent of theirs, four decimals; None where a side has nothing, or theirs is zero."""
    by = apart(ours, theirs)
    if by is None or not theirs:
        return None
    share = EXACT.divide(EXACT.multiply(by, HUNDRED), EXACT.abs(theirs))
    return EXACT.quantize(share, SHOWN) if share.adjusted() < EXACT.prec // 2 else share


def tolerance_of(text: str) -> Tolerance:
    """A tolerance as people write it: `0.1%` of theirs, or an amount. Raises ValueError for anything else."""
    number = text.strip()
    is_share = number.endswith("%")
    try:
        value = Decimal(number.removesuffix("%"))
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or value < 0:
        raise ValueError(f"{text!r} is no tolerance; write a share of theirs as 0.1%, or an amount as 5")
    return Tolerance(share=EXACT.divide(value, HUNDRED)) if is_share else Tolerance(amount=value)


def says(total: Total, unit: str, window: str = "hour") -> str:
    """A meter's total in plain words: `our total is 12 tokens lower (0.5 %): 2 hours differ`."""
    if total.agrees:
        return f"{total.meter}: {_all(total, window)}; {_whole(total, unit)}"
    parts = [
        f"{counted(total.differ, window)} {'differs' if total.differ == 1 else 'differ'}" if total.differ else "",
        f"{counted(total.missing_here, window)} missing here" if total.missing_here else "",
        f"{counted(total.missing_there, window)} missing there" if total.missing_there else "",
    ]
    return f"{total.meter}: {_whole(total, unit)}: {', '.join(part for part in parts if part)}"


def _all(total: Total, window: str) -> str:
    return f"the one {window} agrees" if total.windows == 1 else f"all {counted(total.windows, window)} agree"


def _whole(total: Total, unit: str) -> str:
    by = apart(total.ours, total.theirs)
    if by is None:
        return "we have nothing of it" if total.ours is None else "they have nothing of it"
    if not by:
        return "both totals are the same"
    share = percent(total.ours, total.theirs)
    return f"our total is {amount(EXACT.abs(by), unit)} {'higher' if by > 0 else 'lower'}{_share(share)}"


def _share(share: Decimal | None) -> str:
    if share is None:
        return ""
    return f" ({plain(abs(share))} %)" if abs(share) >= SMALLEST_SHARE else " (less than 0.0001 %)"


def counted(number: int, noun: str) -> str:
    """`1 hour`, `2 hours`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def amount(quantity: Decimal, unit: str) -> str:
    """A quantity with its unit as people say it: `12 tokens`, `1 token`, `0.5 GB`."""
    word = unit.replace("_", " ")
    return f"{plain(quantity)} {word}{'s' if quantity != 1 and COUNTABLE.fullmatch(word) else ''}"
