"""Price books: TOML files read into immutable plans, every mistake named; see ``docs/pricing.md`` for the fields."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache, cached_property
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import msgspec

from meter.rating import addons, book_catalogue, book_checks, overrides
from meter.rating.addons import Addon
from meter.rating.book_catalogue import Catalogue, read_catalogue
from meter.rating.book_lines import broken_line, line_of
from meter.rating.document.terms import Coupon, ExchangeRate, Taxes
from meter.rating.document.terms_table import read_exchange_rates, read_offer, read_tax_rates
from meter.rating.money import minor_unit
from meter.rating.overrides import Override, read_overrides
from meter.rating.plan import BASE_FEE, Plan
from meter.rating.plan_table import OfBook, read_plan
from meter.rating.table import BookError, Table

__all__ = ["BASE_FEE", "DEMO_BOOKS", "Book", "Plan", "attachments", "demo_books", "load_book", "parse_book"]

DEMO_BOOKS: Final = ("calls", "cloud", "credits")
COUPONS: Final = "coupons"
EXCHANGE: Final = "exchange"
TAXES: Final = "taxes"
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Book(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A price book: plans in one currency. ``version`` is a hash of what it says, comments and layout apart.

    Beside the plans, what teams on them may have: ``addons``, ``coupons`` by their names; how they are taxed (the
    customer is the team's to say); what a currency is worth in another; and what was agreed with single teams.
    """

    name: str
    title: str
    version: str
    currency: str
    plans: dict[str, Plan]
    addons: dict[str, Addon] = msgspec.field(default_factory=dict)
    coupons: dict[str, Coupon] = msgspec.field(default_factory=dict)
    taxes: Taxes | None = None
    exchange: tuple[ExchangeRate, ...] = ()
    overrides: tuple[Override, ...] = ()
    catalogue: Catalogue | None = None
    written: dict[str, Any] = msgspec.field(default_factory=dict)

    def plan_for(self, name: str, team: UUID, at: datetime) -> Plan:
        """The plan of this name as agreed with a team at an instant. Raises KeyError where there is none."""
        return overrides.plan_for(self.plans[name], self._agreed.get(team, ()), at)

    def edges_for(self, team: UUID, start: datetime, end: datetime) -> tuple[datetime, ...]:
        """When inside (``start``, ``end``), in order, what is agreed with a team begins or ends."""
        return overrides.edges_for(self._agreed.get(team, ()), start, end)

    def applied(self, plan: Plan, has: Mapping[str, int], quantities: Mapping[str, int]) -> Plan:
        """A plan with so many of each add-on, and so many of what prices are paid for. Raises NotOfferedError."""
        return addons.applied(plan, has, quantities, self.addons)

    @cached_property
    def _agreed(self) -> dict[UUID, tuple[Override, ...]]:
        return overrides.by_team(self.overrides)


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


def attachments(text: str) -> tuple[str, ...]:
    """The files a book takes prices from, which ``parse_book`` is given; none of a text that is no book."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return ()
    table = content.get(book_catalogue.FIELD)
    file = table.get("file") if isinstance(table, dict) else None
    return (file,) if isinstance(file, str) and book_catalogue.is_beside(file) else ()


def parse_book(text: str, file: str, attached: Mapping[str, str] = _NOTHING) -> Book:
    """Read a whole book from TOML ``text``; ``file`` is what errors call it.

    ``attached`` are the texts of the files that it names (``attachments``). Raises BookError at the first mistake.
    """
    try:
        content = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise BookError(
            file, "", "syntax", str(error), "write valid TOML 1.0", broken_line(text, str(error))
        ) from error
    try:
        return read_book(content, file, attached)
    except BookError as error:
        raise error.on(line_of(text, error.table, error.field)) from error


def read_book(content: dict[str, Any], file: str, attached: Mapping[str, str], *, whole: bool = True) -> Book:
    """Read a book from what its TOML says; of one that is not `whole`, names may lead to what it lacks.

    Raises BookError at the first mistake, without its line.
    """
    top = Table(file, "", content)
    name, title, currency = top.text("name"), top.text("title"), _currency(top)
    chosen = read_catalogue(top.inner(book_catalogue.FIELD), attached) if top.has(book_catalogue.FIELD) else None
    facts = OfBook(name, _version(content, chosen), currency, top.names("unbilled"), chosen)
    tables = dict(top.tables("plans"))
    plans = {plan: read_plan(plan, table, facts) for plan, table in tables.items()}
    if not plans:
        top.refuse("plans", "there is none", "write a table [plans.free]")
    book = Book(
        name=name,
        title=title,
        version=facts.version,
        currency=currency,
        plans=plans,
        addons={addon: addons.read_addon(addon, table, plans) for addon, table in top.tables(addons.FIELD)},
        coupons={coupon: read_offer(coupon, table, currency) for coupon, table in top.tables(COUPONS)},
        taxes=_taxes(top.inner(TAXES)) if top.has(TAXES) else None,
        exchange=read_exchange_rates(top, EXCHANGE, optional=True),
        overrides=read_overrides(top, {plan: table.fields for plan, table in tables.items()}, facts),
        catalogue=chosen,
        written=content,
    )
    top.finish()
    if whole:
        book_checks.refuse_loose_ends(book, top)
    return book


def _taxes(table: Table) -> Taxes:
    if table.has("customer"):
        table.refuse("customer", "is another one for each team", "leave it out; a team says where it is taxed")
    return read_tax_rates(table)


def _version(content: dict[str, object], chosen: Catalogue | None) -> str:
    """Hash the file's content, not our structs: a later release that reads more fields must not rename old versions.

    Keys are not sorted: the order of prices is the order of an invoice's lines, so it is content too. Of a price file
    what was taken counts, and not the rest.
    """
    taken = () if chosen is None else tuple((each.model, *each.prices.items()) for each in chosen.prices)
    said = content if chosen is None else [content, taken]
    canonical = json.dumps(said, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def _currency(top: Table) -> str:
    currency = top.text("currency")
    try:
        minor_unit(currency)
    except ValueError as error:
        top.refuse("currency", "unknown currency", str(error))
    return currency
