"""Price books: TOML files read into immutable plans, every mistake named; see ``docs/pricing.md`` for the fields."""

from __future__ import annotations

import hashlib
import json
import tomllib
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec

from meter.rating.book_lines import broken_line, line_of
from meter.rating.models import LEVELS, flat
from meter.rating.money import minor_unit
from meter.rating.needs import Needs, needs_of
from meter.rating.price import Price
from meter.rating.price_table import read_price
from meter.rating.proration import NEVER
from meter.rating.table import BookError, Table

DEMO_BOOKS: Final = ("calls", "cloud", "credits")
BASE_FEE: Final = "base_fee"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a team may subscribe to. ``unbilled`` meters are measured and deliberately never priced.

    ``over_quota`` is what authorize answers beyond the included units: ``block`` or ``bill`` (S1.2); rating prices
    whatever was used either way. ``trial`` plans are not counted as active (S4.5).
    """

    name: str
    title: str
    book: str
    book_version: str
    currency: str
    base_fee: Decimal
    interval: str
    over_quota: str
    trial: bool
    prices: tuple[Price, ...]
    unbilled: tuple[str, ...]

    @property
    def charges(self) -> tuple[Price, ...]:
        """Every price in the order of the invoice: the base fee, unless it is zero, then the others as written."""
        if not self.base_fee:
            return self.prices
        fee = Price(
            id=BASE_FEE,
            title=f"{self.title}, base fee",
            meter="",
            unit="month",
            model=flat.NAME,
            terms=flat.Terms(unit_amount=self.base_fee),
        )
        return (fee, *self.prices)

    @property
    def needs(self) -> Needs:
        """What usage of it must be told beside sums by member and service."""
        return needs_of(self.prices)


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """A price book: plans in one currency. ``version`` is a hash of what the file says, comments and layout apart."""

    name: str
    title: str
    version: str
    currency: str
    plans: dict[str, Plan]


@cache
def load_book(name: str) -> Book:
    """Read one of the books that ship with Hourmeter (``DEMO_BOOKS``). Raises BookError for other names."""
    if name not in DEMO_BOOKS:
        raise BookError(f"{name}.toml", "", "name", "there is no such book", f"choose one of {', '.join(DEMO_BOOKS)}")
    file = f"{name}.toml"
    return parse_book(files("meter.rating").joinpath("books", file).read_text("utf-8"), file)


def demo_books() -> tuple[Book, ...]:
    """Return the three demo books in a fixed order; their plans share names, so they are never mixed (S1.3)."""
    return tuple(load_book(name) for name in DEMO_BOOKS)


def parse_book(text: str, file: str) -> Book:
    """Read a whole book from TOML ``text``; ``file`` is what errors call it. Raises BookError at the first mistake."""
    try:
        content = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise BookError(
            file, "", "syntax", str(error), "write valid TOML 1.0", broken_line(text, str(error))
        ) from error
    try:
        return _book(content, file)
    except BookError as error:
        raise error.on(line_of(text, error.table, error.field)) from error


def _book(content: dict[str, Any], file: str) -> Book:
    top = Table(file, "", content)
    book = Book(
        name=top.text("name"),
        title=top.text("title"),
        version=_version(content),
        currency=_currency(top),
        plans={},
    )
    unbilled = top.names("unbilled")
    plans = {name: _plan(name, table, book, unbilled) for name, table in top.tables("plans")}
    top.finish()
    if not plans:
        top.refuse("plans", "there is none", "write a table [plans.free]")
    return msgspec.structs.replace(book, plans=plans)


def _version(content: dict[str, object]) -> str:
    """Hash the file's content, not our structs: a later release that reads more fields must not rename old versions.

    Keys are not sorted: the order of prices is the order of an invoice's lines, so it is content too.
    """
    canonical = json.dumps(content, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def _currency(top: Table) -> str:
    currency = top.text("currency")
    try:
        minor_unit(currency)
    except ValueError as error:
        top.refuse("currency", "unknown currency", str(error))
    return currency


def _plan(name: str, table: Table, book: Book, unbilled: tuple[str, ...]) -> Plan:
    plan = Plan(
        name=name,
        title=table.text("title"),
        book=book.name,
        book_version=book.version,
        currency=book.currency,
        base_fee=table.money("base_fee", "0"),
        interval=table.choice("interval", ("month",), "month"),
        over_quota=table.choice("over_quota", ("bill", "block"), "bill"),
        trial=table.flag("trial"),
        prices=tuple(_price(name, prices, book.currency) for name, prices in table.tables("prices")),
        unbilled=(*unbilled, *table.names("unbilled")),
    )
    table.finish()
    refuse_overlaps(plan, table)
    return plan


def refuse_overlaps(plan: Plan, table: Table) -> None:
    """Each meter is paid for at most once per measure, and never both priced and unbilled. Raises BookError."""
    seen: dict[tuple[str, str], str] = {}
    for price in plan.prices:
        for meter, _ in price.counts:
            if meter in plan.unbilled:
                table.refuse("prices", f"{price.id} prices {meter}, which is unbilled", "keep one of the two")
            if (other := seen.setdefault((meter, price.measure), price.id)) != price.id:
                table.refuse("prices", f"{other} and {price.id} both price {meter}", "keep one of the two")


def _price(name: str, table: Table, currency: str) -> Price:
    if name == BASE_FEE:
        table.refuse("", "base_fee is a field of the plan", 'write base_fee = "29.99" in the plan\'s table')
    price = read_price(name, table, currency)
    if price.model in LEVELS and price.prorate != NEVER:
        # A bill adds up what was stored: it would pay for all of the period whatever the day.
        instead = "leave it out; of a meter counted by time, e.g. in core-hours, each change is paid for its time"
        table.refuse("prorate", "a bill does not know when a level changed", instead)
    return price
