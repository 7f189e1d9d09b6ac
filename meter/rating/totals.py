"""Usage of several names in several stretches of time: per meter what each used and owes at list price, exactly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from math import lcm
from typing import Final, NamedTuple, get_args

from meter.rating import list_price
from meter.rating.list_price import Listed, NoPrice
from meter.rating.money import cut, exact, plain, quotient, share

ADDITIVE: Final = frozenset({"sum", "count", "time_weighted"})
AVERAGE: Final = "average"
UNIT: Final = Decimal("1e-12")
_WEIGHT: Final = {reason: place for place, reason in enumerate(get_args(NoPrice))}


class Metered(NamedTuple):
    """A meter: what turns its base units into its unit. `seconds_per_month`: its unit is per calendar month too."""

    slug: str
    title: str
    unit: str
    aggregation: str
    divisor: Decimal
    per_month: bool


class Part(NamedTuple):
    """What one name used of a meter in one stretch of time, in the base unit, at one list price (or none)."""

    name: str | None
    events: int
    total: Decimal
    month_seconds: int
    price: Listed | NoPrice


class Cost(NamedTuple):
    """Money in major units, None where nothing has a price; `reason`: why some, or all, has none."""

    amount: Decimal | None
    reason: NoPrice | None


class Used(NamedTuple):
    """Usage of one meter in its unit and what it costs; quantity None where a meter's quantities can't be added up."""

    meter: Metered
    quantity: Decimal | None
    events: int
    cost: Cost


class Row(NamedTuple):
    """What one name used, by meter, and what all of it costs; None is what belongs to no name."""

    name: str | None
    usage: tuple[Used, ...]
    cost: Cost


@exact()
def table(parts: Mapping[Metered, Sequence[Part]]) -> tuple[list[Row], Row]:
    """A row per name, dearest first and then by name, and their total: every column adds up to it exactly.

    Figures have 12 decimals. What rounding leaves over goes to the largest remainders (averages apart, which have no
    total but their own).
    """
    used: defaultdict[str | None, list[Used]] = defaultdict(list)
    totals: list[Used] = []
    for meter in sorted(parts, key=lambda each: each.slug):
        rows, total = _meter(meter, parts[meter])
        totals.append(total)
        for name, row in rows.items():
            used[name].append(row)
    listed = [Row(name, tuple(usage), _whole(usage)) for name, usage in used.items()]
    listed.sort(key=lambda row: (-(row.cost.amount or Decimal(0)), row.name is None, row.name or ""))
    return listed, Row(None, tuple(totals), _whole(totals))


@exact()
def amounts_by_name(parts: Mapping[Metered, Sequence[Part]]) -> dict[str | None, Decimal]:
    """What each name's usage costs, as `table` says, in half the time; without those of whom nothing has a price."""
    found: defaultdict[str | None, Decimal] = defaultdict(Decimal)
    for meter, own in parts.items():
        for name, cost in _costs(meter, _by_name(own))[0].items():
            if cost.amount is not None:
                found[name] += cost.amount
    return {name: plain(amount) for name, amount in found.items()}


@exact()
def used(meter: Metered, parts: Sequence[Part]) -> Used:
    """What all parts come to, whosever they are."""
    return _meter(meter, parts)[1]


def _meter(meter: Metered, parts: Sequence[Part]) -> tuple[dict[str | None, Used], Used]:
    """What each name used of one meter, and all together."""
    names = _by_name(parts)
    events = {name: sum(each.events for each in own) for name, own in names.items()}
    quantities, quantity = _quantities(meter, names, events)
    costs, cost = _costs(meter, names)
    rows = {name: Used(meter, quantities[name], events[name], costs[name]) for name in names}
    return rows, Used(meter, quantity, sum(events.values()), cost)


def _by_name(parts: Iterable[Part]) -> Mapping[str | None, Sequence[Part]]:
    names: defaultdict[str | None, list[Part]] = defaultdict(list)
    for part in parts:
        names[part.name].append(part)
    return names


def _quantities(
    meter: Metered, names: Mapping[str | None, Sequence[Part]], events: Mapping[str | None, int]
) -> tuple[dict[str | None, Decimal | None], Decimal | None]:
    """Per name and together, in the meter's unit."""
    common = lcm(*(each.month_seconds for own in names.values() for each in own)) if meter.per_month else 1
    sums = {name: sum((_base(meter, each, common) for each in own), Decimal(0)) for name, own in names.items()}
    whole, count = sum(sums.values(), Decimal(0)), sum(events.values())
    if meter.aggregation == AVERAGE:
        averages = {name: _mean(sums[name], events[name]) for name in names}
        return averages, _mean(whole, count)
    if meter.aggregation not in ADDITIVE:
        return dict.fromkeys(names), None
    together = cut(quotient(whole, _divisor(meter) * common))
    return {name: plain(part) for name, part in share(together, sums, UNIT).items()}, together


def _base(meter: Metered, part: Part, common: int) -> Decimal:
    counted = Decimal(part.events) if meter.aggregation == "count" else part.total
    return counted * (common // part.month_seconds if meter.per_month else 1)


def _divisor(meter: Metered) -> Decimal:
    return Decimal(1) if meter.aggregation == "count" else meter.divisor


def _mean(total: Decimal, events: int) -> Decimal | None:
    return cut(quotient(total, Decimal(events))) if events else None


def _costs(meter: Metered, names: Mapping[str | None, Sequence[Part]]) -> tuple[dict[str | None, Cost], Cost]:
    """Per name and together: rounded once for all, and shared."""
    amounts: dict[str | None, Decimal] = {}
    reasons: dict[str | None, NoPrice | None] = {}
    for name, own in names.items():
        priced = [_amount(meter, each, each.price) for each in own if isinstance(each.price, Listed)]
        reasons[name] = _worst(each.price for each in own if isinstance(each.price, str))
        if priced:
            amounts[name] = sum(priced, Decimal(0))
    together = cut(sum(amounts.values(), Decimal(0))) if amounts else None
    shared = _shared(together, amounts) if together is not None else {}
    costs = {name: Cost(plain(shared[name]) if name in shared else None, reasons[name]) for name in names}
    return costs, Cost(together, _worst(each for each in reasons.values() if each))


def _shared(together: Decimal, amounts: Mapping[str | None, Decimal]) -> Mapping[str | None, Decimal]:
    """The parts of each name; one alone has all, which needs no sharing out."""
    return share(together, amounts, UNIT) if len(amounts) > 1 else dict.fromkeys(amounts, together)


def _amount(meter: Metered, part: Part, price: Listed) -> Decimal:
    months = part.month_seconds if meter.per_month else 1
    return list_price.cost(price, _base(meter._replace(per_month=False), part, 1), _divisor(meter) * months)


def _worst(reasons: Iterable[NoPrice]) -> NoPrice | None:
    return min(reasons, key=_WEIGHT.__getitem__, default=None)


def _whole(usage: Sequence[Used]) -> Cost:
    """What several meters cost together; what has no price is told where it is an alarm, or where nothing has one."""
    amounts = [each.cost.amount for each in usage if each.cost.amount is not None]
    reason = _worst(each.cost.reason for each in usage if each.cost.reason)
    if not amounts:
        return Cost(None, reason)
    return Cost(plain(sum(amounts, Decimal(0))), reason if reason == "unpriced" else None)
