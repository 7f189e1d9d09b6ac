"""Which budgets can there be? What somebody wants, checked against the meters there are. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from meter.limits.budget import LONGEST_ROLLING, ROLLING, SHORTEST_ROLLING, Apart, Measure, Span
from meter.limits.quota import divisor
from meter.model import Meter
from meter.rating.money import checked
from meter.rating.totals import ADDITIVE

MOST_METERS: Final = 50


class Wish(NamedTuple):
    """A budget as somebody wants it; member, service and key by the names that people know them by."""

    name: str
    measure: Measure
    amount: Decimal
    window: Span
    seconds: int | None = None
    meters: tuple[str, ...] = ()
    member: str | None = None
    service: str | None = None
    key: UUID | None = None
    each: tuple[Apart, ...] = ()
    hard: bool = True
    opens: bool = False


def wrong(wish: Wish, meters: Mapping[str, Meter]) -> list[str]:
    """What about a wish does not fit: nothing where there can be such a budget."""
    return [*_amount(wish.amount), *_window(wish), *_meters(wish, meters), *_apart(wish)]


def _amount(amount: Decimal) -> Iterator[str]:
    try:
        if checked(amount) < 0:
            yield "amount: 0 or more; 0 lets nothing pass"
    except ValueError as error:
        yield f"amount: {error}"


def _window(wish: Wish) -> Iterator[str]:
    if (wish.seconds is None) == (wish.window == ROLLING):
        yield 'seconds: how long the window is, with window "rolling" and no other'
    elif wish.seconds is not None and not SHORTEST_ROLLING <= wish.seconds <= LONGEST_ROLLING:
        yield f"seconds: {SHORTEST_ROLLING} to {LONGEST_ROLLING}"


def _meters(wish: Wish, meters: Mapping[str, Meter]) -> Iterator[str]:
    if len(wish.meters) > MOST_METERS or len(set(wish.meters)) < len(wish.meters):
        yield f"meters: at most {MOST_METERS}, each once"
    if unknown := [slug for slug in wish.meters if slug not in meters]:
        yield f"meters: there is no {', '.join(slug[:64] for slug in unknown)}; GET /v1/meters lists those there are"
    elif wish.measure == "units":
        yield from _units([meters[slug] for slug in wish.meters])


def _units(meters: Sequence[Meter]) -> Iterator[str]:
    if not meters:
        yield "meters: name those whose units are counted"
    if odd := [meter.slug for meter in meters if meter.aggregation not in ADDITIVE]:
        yield f"meters: {', '.join(odd)} can't be added up over time"
    if monthly := [meter.slug for meter in meters if meter.per_month]:
        yield f"meters: {', '.join(monthly)} counts per month, and months are not equally long; set a budget of money"
    if len({(meter.unit, divisor(meter)) for meter in meters}) > 1:
        yield "meters: these are in different units; set a budget for each"


def _apart(wish: Wish) -> Iterator[str]:
    if len(set(wish.each)) < len(wish.each):
        yield "each: name what is counted apart once"
    for name, one in (("member", wish.member), ("service", wish.service), ("key", wish.key)):
        if one is not None and name in wish.each:
            yield f"each: this budget is for one {name} anyway"
    if "meter" in wish.each and wish.measure == "calls":
        yield "each: a call may use several meters; name them in `meters`, a budget for each"
