"""From what a calculation is asked with to what rating takes; every mistake names the field as its caller wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import NamedTuple
from zoneinfo import ZoneInfo

from api.calculation_given import POSITIONS, Calculation, GivenSplit, GivenUsage, Table
from api.plain_tables import plain_table, refuse, told
from api.questions import instant_of, zone_of
from meter.errors import CurrencyMismatch, InvalidBody, InvalidParameter
from meter.rating import levels
from meter.rating import table as tables
from meter.rating.asked import asked_plan
from meter.rating.book import Plan
from meter.rating.document import Earlier, Terms, read_earlier, read_terms
from meter.rating.money import checked, minor_unit
from meter.rating.proration import Ratio
from meter.rating.split import Split
from meter.rating.table import BookError
from meter.rating.usage import TOTAL, Usage, is_measure

SHOWN = 80


class Asked(NamedTuple):
    """A calculation that can be made, but for its period; `plan_name` is None for prices of the request."""

    plan_name: str | None
    plan: Plan
    usage: tuple[Usage, ...]
    split: Split
    terms: Terms | None
    earlier: Earlier | None


def zone_asked(given: Calculation, otherwise: str) -> str:
    """The zone of the period. Raises InvalidBody."""
    if given.tz is None:
        return otherwise
    try:
        zone_of(given.tz)
    except InvalidParameter:
        refuse("$.tz", f"{given.tz!r} is no IANA zone", "write one like Europe/Paris")
    return given.tz


def asked(given: Calculation, zone: str, named: Plan | None) -> Asked:
    """Everything but the period; `named` is the plan that is asked for. Raises InvalidBody, CurrencyMismatch."""
    plan = _plan(given, named)
    local = ZoneInfo(zone)
    split = given.split or GivenSplit()
    terms, earlier = _terms(given.terms, split.earlier, plan.currency)
    return Asked(
        plan_name=given.plan,
        plan=plan,
        usage=tuple(row for at, each in enumerate(given.usage) for row in _rows(each, f"$.usage[{at}]", plan, local)),
        split=_split(split, plan, local),
        terms=terms,
        earlier=earlier,
    )


def _plan(given: Calculation, named: Plan | None) -> Plan:
    if given.prices is not None and given.plan is None:
        return _own_prices(given.prices, given.currency)
    if named is None or given.prices is not None:
        refuse("$.plan", "say by what to price", "write `plan`, or `prices` with a `currency`, and not both")
    if given.currency not in (None, named.currency):
        raise CurrencyMismatch(f"{given.plan} is priced in {named.currency}; nothing is converted")
    return named


def _own_prices(given: Mapping[str, Table], currency: str | None) -> Plan:
    if currency is None:
        refuse("$.currency", "is missing", 'prices have one, write its ISO 4217 code, e.g. "USD"')
    try:
        minor_unit(currency)
    except ValueError:
        refuse("$.currency", f"{currency[:SHOWN]!r} is not a currency", 'write its ISO 4217 code, e.g. "USD"')
    try:
        return asked_plan(plain_table(dict(given), "$.prices"), currency)
    except BookError as error:
        raise told(error) from error


def _terms(given: Table | None, billed: Table | None, currency: str) -> tuple[Terms | None, Earlier | None]:
    """Terms of the whole invoice, and what of it earlier parts of the period billed."""
    try:
        terms = None if given is None else read_terms(_table(given, "terms"), currency)
        earlier = None if billed is None else read_earlier(_table(billed, "split.earlier"))
    except BookError as error:
        raise told(error) from error
    if earlier is not None and terms is None:
        refuse("$.split.earlier", "there are no terms of the whole invoice", "write `terms`, or leave it out")
    return terms, earlier


def _table(fields: Table, path: str) -> tables.Table:
    return tables.Table("", path, plain_table(fields, f"$.{path}"))


def _rows(given: GivenUsage, path: str, plan: Plan, zone: ZoneInfo) -> Iterator[Usage]:
    """The row, or where levels are given one for each measure of them that a price is paid by."""
    if given.levels is None:
        if given.quantity is None:
            refuse(f"{path}.quantity", "is missing", 'write "quantity": "12.5", or `levels` to measure it from')
        yield _row(given, path, given.quantity, given.measure, zone)
        return
    if given.quantity is not None:
        refuse(f"{path}.levels", "the quantity is measured from them", "leave out one of `quantity` and `levels`")
    for place, level in enumerate(given.levels):
        _number(level, f"{path}.levels[{place}]")
    for measure in _measures(given, path, plan):
        try:
            quantity = levels.measured(given.levels, measure)
        except ValueError as error:
            raise _said(f"{path}.levels", error) from error
        yield _row(given, path, quantity, measure, zone)


def _measures(given: GivenUsage, path: str, plan: Plan) -> tuple[str, ...]:
    """By which measures of a meter's levels its prices are paid."""
    if given.measure != TOTAL:
        return (given.measure,)
    counting = (price for price in plan.prices if any(meter == given.meter for meter, _ in price.counts))
    found = tuple(price.measure for price in counting if price.measure != TOTAL)
    if not found:
        refuse(f"{path}.levels", f"no price of {given.meter} is paid by levels", "write the `quantity` that was used")
    return found


def _row(given: GivenUsage, path: str, quantity: Decimal, measure: str, zone: ZoneInfo) -> Usage:
    if not is_measure(measure):
        refuse(f"{path}.measure", f"{measure!r} is unknown", "write total, peak, or a percentile such as p95")
    for name, number in (("quantity", quantity), ("before", given.before)):
        _number(number, f"{path}.{name}")
    for name, amount in (("prorated", given.prorated), ("money", given.money)):
        if amount is not None:
            _number(amount, f"{path}.{name}")
    try:
        return Usage(
            meter=given.meter,
            quantity=quantity,
            member=given.member,
            service=given.service,
            dimensions=tuple(sorted(given.dimensions.items())),
            measure=measure,
            before=given.before,
            at=None if given.at is None else _instant(given.at, f"{path}.at", zone),
            events=given.events,
            prorated=given.prorated,
            money=given.money,
        )
    except ValueError as error:
        raise _said(path, error) from error


def _number(number: Decimal, path: str) -> None:
    try:
        checked(number)
    except ValueError as error:
        text = str(number)
        refuse(path, str(error) if len(text) <= SHOWN else "too many digits", "write digits with a point, like 12.5")


def _split(given: GivenSplit, plan: Plan, zone: ZoneInfo) -> Split:
    if given.position not in POSITIONS:
        refuse("$.split.position", f"{given.position[:SHOWN]!r} is unknown", f"write one of {', '.join(POSITIONS)}")
    first, last = POSITIONS[given.position]
    if given.served is not None and given.share is not None:
        refuse("$.split.share", "when it was served says the same", "leave out one of `served` and `share`")
    return Split(
        first=first,
        last=last,
        billed={name: _billed(name, amount, plan) for name, amount in given.billed.items()},
        served=_served(given, zone),
        share=_share(given),
    )


def _billed(name: str, amount: Decimal, plan: Plan) -> Decimal:
    path, names = f"$.split.billed.{name[:SHOWN]}", [price.id for price in plan.charges]
    if name not in names:
        near = get_close_matches(name[:SHOWN], names, 1)
        refuse(path, "there is no such price", f"did you mean {near[0]}?" if near else "write the id of a price")
    _number(amount, path)
    unit = minor_unit(plan.currency)
    if amount % unit:
        refuse(path, f"{amount:f} is not a multiple of {unit}", "write what was billed, rounded as it was")
    return amount


def _served(given: GivenSplit, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    if given.served is None:
        return None
    start = _instant(given.served.from_, "$.split.served.from", zone)
    end = _instant(given.served.to, "$.split.served.to", zone)
    if end < start:
        refuse("$.split.served.to", "it ends before it begins", "write an instant after `from`")
    return start, end


def _share(given: GivenSplit) -> Ratio | None:
    if given.share is None:
        return None
    _number(given.share.part, "$.split.share.part")
    _number(given.share.whole, "$.split.share.whole")
    try:
        return Ratio(given.share.part, given.share.whole)
    except ValueError as error:
        raise _said("$.split.share", error) from error


def _instant(text: str, path: str, zone: ZoneInfo) -> datetime:
    try:
        return instant_of("instant", text, zone)
    except InvalidParameter:
        refuse(path, f"{text!r} can't be read as an instant", "write 2026-11-20T09:00:00Z or a date like 2026-11-20")


def _said(path: str, error: ValueError) -> InvalidBody:
    """What rating says of a value, which says what to write too, at its place."""
    return InvalidBody(f"{path}: {error}")
