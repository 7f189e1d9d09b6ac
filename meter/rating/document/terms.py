"""What is agreed about the sum of an invoice. ``terms_table`` reads it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec

from meter.rating.proration import NEVER

USAGE: Final = "usage"
ALL: Final = "all"
COUNTS: Final = (USAGE, ALL)

ONCE: Final = "once"
RECURRING: Final = "recurring"
FOREVER: Final = "forever"
DURATIONS: Final = (ONCE, RECURRING, FOREVER)

_ONE: Final = Decimal(1)


class Commitment(msgspec.Struct, frozen=True, kw_only=True):
    """An amount per period that is owed in any case; usage above it costs ``overage_factor`` times its price.

    ``counts`` says whether only usage counts towards it, or fees too. ``prorate`` is a rule of ``proration``.
    """

    amount: Decimal
    overage_factor: Decimal = _ONE
    counts: str = USAGE
    prorate: str = NEVER
    category: str = ""


class Spend(msgspec.Struct, frozen=True, kw_only=True):
    """The least and the most that all lines of a period come to, before coupons and tax."""

    minimum: Decimal | None = None
    maximum: Decimal | None = None
    prorate: str = NEVER
    category: str = ""


class Targets(msgspec.Struct, frozen=True, kw_only=True):
    """Lines a coupon is for: within a list any, between lists all must fit; an empty list asks for nothing.

    ``but`` are prices, as book/plan/price, that it is not for in any case.
    """

    prices: tuple[str, ...] = ()
    meters: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    but: tuple[str, ...] = ()


class Coupon(msgspec.Struct, frozen=True, kw_only=True):
    """``percent`` off, or ``amount`` off, of the lines it targets.

    ``once`` is for its first period, ``recurring`` for so many ``periods``, ``forever`` for all; ``period`` is which of
    them this invoice is, from 1. ``title`` is for people, where a book offers it.
    """

    name: str
    title: str = ""
    percent: Decimal | None = None
    amount: Decimal | None = None
    duration: str = ONCE
    periods: int = 1
    period: int = 1
    targets: Targets = Targets()

    @property
    def used_up(self) -> bool:
        """Its periods are over."""
        return self.duration != FOREVER and self.period > self.periods


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """Promotional money: ``amount`` is what is left of it. It was never paid, so it lowers what is taxed.

    ``title`` is for people.
    """

    name: str
    title: str = ""
    amount: Decimal
    targets: Targets = Targets()


class Place(msgspec.Struct, frozen=True):
    """Where somebody is taxed: a country (ISO 3166), and a region of it where that matters."""

    country: str = ""
    region: str = ""


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """Who is invoiced, as far as taxes care; ``exempt`` is the reason why none is owed."""

    place: Place = Place()
    business: bool = False
    tax_id: str = ""
    exempt: str = ""


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """A tax rate: for lines of a ``category`` and customers of a ``place``, or for all where nothing is said.

    ``inclusive``: prices contain it already.
    """

    name: str
    percent: Decimal
    category: str = ""
    place: Place = Place()
    inclusive: bool = False


class Area(msgspec.Struct, frozen=True):
    """Countries among which businesses owe the tax themselves: reverse charge."""

    name: str
    countries: tuple[str, ...]


class Taxes(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides which rates a line has."""

    rates: tuple[Rate, ...]
    customer: Customer = Customer()
    seller: Place = Place()
    areas: tuple[Area, ...] = ()


class ExchangeRate(msgspec.Struct, frozen=True, kw_only=True):
    """One ``source`` is ``rate`` ``target`` since ``valid_from``. It says nothing about the other direction."""

    source: str
    target: str
    rate: Decimal
    valid_from: datetime


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """The invoice is in another currency than its prices: by the latest rate not after ``at`` (None: period's end)."""

    to: str
    rates: tuple[ExchangeRate, ...]
    at: datetime | None = None


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """All that is agreed about an invoice; money is in the invoice's own currency. Nothing agreed changes nothing."""

    commitment: Commitment | None = None
    spend: Spend | None = None
    coupons: tuple[Coupon, ...] = ()
    grants: tuple[Grant, ...] = ()
    taxes: Taxes | None = None
    exchange: Exchange | None = None
