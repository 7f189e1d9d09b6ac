"""The terms of an invoice, as a book or a request writes them: which fields there are, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Final, TypeVar

from msgspec.structs import replace

from meter.rating.document.sheet import Earlier
from meter.rating.document.terms import (
    COUNTS,
    DURATIONS,
    ONCE,
    RECURRING,
    USAGE,
    Area,
    Commitment,
    Coupon,
    Customer,
    Exchange,
    ExchangeRate,
    Grant,
    Place,
    Rate,
    Spend,
    Targets,
    Taxes,
    Terms,
)
from meter.rating.money import minor_unit, plain
from meter.rating.price_table import bound
from meter.rating.proration import NEVER, RULES
from meter.rating.table import Table

T = TypeVar("T")

_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_HUNDRED: Final = Decimal(100)
_ONE: Final = Decimal(1)


def read_terms(table: Table, currency: str) -> Terms:
    """Read all that is agreed about invoices; prices are in ``currency``. Raises BookError at the first mistake."""
    exchange = _exchange(table.inner("exchange")) if table.has("exchange") else None
    own = exchange.to if exchange else currency
    terms = Terms(
        commitment=read_commitment(table.inner("commitment"), own) if table.has("commitment") else None,
        spend=read_spend(table.inner("spend"), own) if table.has("spend") else None,
        coupons=tuple(read_coupon(row, own) for row in table.rows("coupons", optional=True)),
        grants=tuple(_grant(row, own) for row in table.rows("grants", optional=True)),
        taxes=read_taxes(table.inner("taxes")) if table.has("taxes") else None,
        exchange=exchange,
    )
    table.finish()
    if twice := _twice([*(each.name for each in terms.coupons), *(each.name for each in terms.grants)]):
        table.refuse("coupons", f"there are two coupons or grants {twice}", "give each a name of its own")
    return terms


def read_earlier(table: Table) -> Earlier:
    """Read what earlier parts of a period billed. Raises BookError."""
    earlier = Earlier(usage=table.money("usage", "0"), fees=table.money("fees", "0"), added=table.money("added", "0"))
    table.finish()
    return earlier


def read_commitment(table: Table, currency: str) -> Commitment:
    """Read what is owed in any case. Raises BookError."""
    commitment = Commitment(
        amount=_amount(table, currency),
        overage_factor=table.number("overage_factor", _ONE),
        counts=table.choice("counts", COUNTS, USAGE),
        prorate=table.choice("prorate", RULES, NEVER),
        category=_optional(table, "category"),
    )
    table.finish()
    if commitment.overage_factor < 1:
        problem = f"{commitment.overage_factor} would make usage above the commitment cheaper"
        table.refuse("overage_factor", problem, "write 1 or more; for cheaper units write tiers in the price")
    return commitment


def read_spend(table: Table, currency: str) -> Spend:
    """Read the least and the most of a period. Raises BookError."""
    spend = Spend(
        minimum=bound(table, "minimum", currency),
        maximum=bound(table, "maximum", currency),
        prorate=table.choice("prorate", RULES, NEVER),
        category=_optional(table, "category"),
    )
    table.finish()
    if spend.minimum is None and spend.maximum is None:
        table.refuse("minimum", "is missing, and so is maximum", 'write minimum = "10.00" or maximum = "100.00"')
    if spend.minimum is not None and spend.maximum is not None and spend.minimum > spend.maximum:
        table.refuse("minimum", f"{spend.minimum} is above the maximum, {spend.maximum}", "write a smaller one")
    return spend


def read_coupon(table: Table, currency: str) -> Coupon:
    """Read a coupon as an invoice has it: with its name, and which of its periods this is. Raises BookError."""
    coupon = replace(_coupon(table, table.text("name"), currency), period=_count(table, "period"))
    table.finish()
    return coupon


def read_offer(name: str, table: Table, currency: str) -> Coupon:
    """Read a coupon as a book offers it to anybody, in none of its periods yet. Raises BookError."""
    coupon = replace(_coupon(table, name, currency), title=_optional(table, "title"))
    table.finish()
    return coupon


def _coupon(table: Table, name: str, currency: str) -> Coupon:
    """A coupon is worth a percentage or an amount, never both: which comes first would be anybody's guess."""
    if table.has("percent") == table.has("amount"):
        table.refuse("percent", "write either percent or amount", 'write percent = 10, or amount = "20.00"')
    duration = table.choice("duration", DURATIONS, ONCE)
    if table.has("periods") != (duration == RECURRING):
        table.refuse(
            "periods", "is for recurring coupons, and they need it", 'write duration = "recurring", periods = 3'
        )
    return Coupon(
        name=name,
        percent=_percent(table, above_zero=True) if table.has("percent") else None,
        amount=bound(table, "amount", currency),
        duration=duration,
        periods=_count(table, "periods"),
        targets=_targets(table),
    )


def _grant(table: Table, currency: str) -> Grant:
    grant = Grant(name=table.text("name"), amount=_amount(table, currency), targets=_targets(table))
    table.finish()
    return grant


def _targets(table: Table) -> Targets:
    return Targets(
        prices=table.names("prices"),
        meters=table.names("meters"),
        plans=table.names("plans"),
        categories=table.names("categories"),
    )


def read_taxes(table: Table) -> Taxes:
    """Read who is taxed, and how. Raises BookError."""
    customer = _customer(table.inner("customer")) if table.has("customer") else Customer()
    taxes = replace(read_tax_rates(table), customer=customer)
    placed = next((each for each in taxes.rates if each.place.country), None)
    if placed is not None and not taxes.customer.place.country:
        # Without it a rate of a place would fit nobody, and leaving its tax out would look like an answer.
        problem = f"is missing, and {placed.name} goes by country ({placed.place.country})"
        table.refuse("customer", problem, 'write customer = { country = "DE" }, or leave countries out of the rates')
    return taxes


def read_tax_rates(table: Table) -> Taxes:
    """Read all that is the same for every customer. Raises BookError."""
    taxes = Taxes(
        rates=tuple(_rate(row) for row in table.rows("rates")),
        seller=_seller(table.inner("seller")) if table.has("seller") else Place(),
        areas=tuple(_area(row) for row in table.rows("areas", optional=True)),
    )
    table.finish()
    if twice := _twice([(each.name, each.category, each.place) for each in taxes.rates]):
        problem = f"there are two rates {twice[0]} for the same category and place"
        table.refuse("rates", problem, "keep one; rates of different names add up")
    if taxes.areas and not taxes.seller.country:
        table.refuse("seller", "is missing, and areas need it", 'write seller = { country = "FR" }')
    return taxes


def _rate(table: Table) -> Rate:
    rate = Rate(
        name=table.text("name"),
        percent=_percent(table),
        category=_optional(table, "category"),
        place=_place(table),
        inclusive=table.flag("inclusive"),
    )
    table.finish()
    return rate


def _customer(table: Table) -> Customer:
    customer = Customer(
        place=_place(table, required=True),
        business=table.flag("business"),
        tax_id=_optional(table, "tax_id"),
        exempt=_optional(table, "exempt"),
    )
    table.finish()
    return customer


def _seller(table: Table) -> Place:
    place = _place(table, required=True)
    table.finish()
    return place


def _place(table: Table, *, required: bool = False) -> Place:
    country = _country(table, table.text("country")) if required or table.has("country") else ""
    region = _optional(table, "region")
    if region and not country:
        table.refuse("region", "is a region of no country", 'write country = "CA" beside it')
    return Place(country, region)


def _area(table: Table) -> Area:
    area = Area(table.text("name"), tuple(_country(table, each, "countries") for each in table.names("countries")))
    table.finish()
    return area


def _country(table: Table, code: str, field: str = "country") -> str:
    if not _COUNTRY.fullmatch(code):
        table.refuse(field, f"{code!r} is not a country", "write its ISO 3166 code of two letters, e.g. FR")
    return code


def _exchange(table: Table) -> Exchange:
    exchange = Exchange(
        to=_currency(table, "to"),
        rates=read_exchange_rates(table, "rates"),
        at=table.instant("at") if table.has("at") else None,
    )
    table.finish()
    return exchange


def read_exchange_rates(table: Table, field: str, *, optional: bool = False) -> tuple[ExchangeRate, ...]:
    """Read dated rates from currency to currency. Raises BookError."""
    rates = tuple(_exchange_rate(row) for row in table.rows(field, optional=optional))
    if twice := _twice([(each.source, each.target, each.valid_from) for each in rates]):
        problem = f"there are two rates from {twice[0]} to {twice[1]} since {twice[2].isoformat()}"
        table.refuse(field, problem, "keep one of the two")
    return rates


def _exchange_rate(table: Table) -> ExchangeRate:
    rate = ExchangeRate(
        source=_currency(table, "from"),
        target=_currency(table, "to"),
        rate=table.number("rate", positive=True),
        valid_from=table.instant("valid_from"),
    )
    table.finish()
    return rate


def _currency(table: Table, field: str) -> str:
    currency = table.text(field)
    try:
        minor_unit(currency)
    except ValueError as error:
        table.refuse(field, "unknown currency", str(error))
    return currency


def _amount(table: Table, currency: str) -> Decimal:
    amount = bound(table, "amount", currency)
    if amount is None:
        table.refuse("amount", "is missing", 'write amount = "20.00"')
    return amount


def _percent(table: Table, *, above_zero: bool = False) -> Decimal:
    percent = table.number("percent", positive=above_zero, such="20")
    if percent > _HUNDRED:
        table.refuse("percent", f"{percent} percent is more than all", "write up to 100")
    return percent


def _count(table: Table, field: str) -> int:
    number = table.number(field, _ONE, positive=True)
    if plain(number) % 1:
        table.refuse(field, f"{number} is not a whole number", f"write {field} = 3")
    return int(number)


def _optional(table: Table, field: str) -> str:
    return table.text(field) if table.has(field) else ""


def _twice(values: Iterable[T]) -> T | None:
    """The first value that was there before."""
    seen: set[T] = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None
