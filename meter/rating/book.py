"""Price books: TOML files read into immutable plans, every mistake named; see ``docs/pricing.md`` for the fields."""

from __future__ import annotations

import hashlib
import json
import tomllib
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from meter.rating import MODELS, per_unit
from meter.rating.charge import Model, Terms
from meter.rating.money import minor_unit, plain
from meter.rating.table import BookError, Table
from meter.rating.usage import MEASURES, PEAK, TOTAL

DEMO_BOOKS: Final = ("calls", "cloud", "credits")
UNLIMITED: Final = "unlimited"
BASE_FEE: Final = "base_fee"
_BY_NAME: Final[dict[str, Model]] = {model.NAME: model for model in MODELS}
_ONE: Final = Decimal(1)


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """One price of a plan: what it counts, what is free, and the model's terms.

    ``counts`` pairs each meter with how many of the price's units one unit of it is; several make a pool that shares
    the free units, and ``meter`` is then the pool's own name (S4.4: credits). ``included`` is free per period in the
    price's unit, None is without limit. ``minimum_per_service`` is owed by each service with billed usage (S2.6).
    A flat price counts nothing.
    """

    id: str
    title: str
    meter: str
    unit: str
    model: str
    terms: Terms
    counts: tuple[tuple[str, Decimal], ...] = ()
    measure: str = TOTAL
    included: Decimal | None = Decimal(0)
    minimum_per_service: Decimal | None = None

    @property
    def unit_amount(self) -> Decimal | None:
        """List price of ``per`` units in major units of the book's currency; None where a model has several."""
        return self.terms.unit_amount

    @property
    def per(self) -> Decimal:
        """How many units ``unit_amount`` buys."""
        return self.terms.per


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
            model="flat",
            terms=Terms(unit_amount=self.base_fee),
        )
        return (fee, *self.prices)

    @property
    def peak_meters(self) -> tuple[str, ...]:
        """Meters of which rating needs the team's peak beside the total."""
        return tuple(meter for price in self.prices if price.measure == PEAK for meter, _ in price.counts)


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """A price book: plans in one currency. ``version`` is a hash of what the file says, comments and layout apart."""

    name: str
    title: str
    version: str
    currency: str
    plans: dict[str, Plan]


def model_named(name: str) -> Model:
    """Return the pricing model a book calls ``name``. Raises KeyError when no module of ``MODELS`` has it."""
    return _BY_NAME[name]


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
        raise BookError(file, "", "syntax", str(error), "write valid TOML 1.0") from error
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
    _refuse_overlaps(plan, table)
    return plan


def _refuse_overlaps(plan: Plan, table: Table) -> None:
    """Each meter is paid for at most once per measure, and never both priced and unbilled."""
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
    model = table.choice("model", tuple(_BY_NAME), per_unit.NAME)
    price = _metered(name, table, currency) if _BY_NAME[model].METERED else _flat(name, table)
    table.finish()
    return price


def _flat(name: str, table: Table) -> Price:
    model = table.text("model")
    terms = _BY_NAME[model].read(table)
    return Price(
        id=name, title=table.text("title"), meter="", unit=table.text("unit", "month"), model=model, terms=terms
    )


def _metered(name: str, table: Table, currency: str) -> Price:
    model = table.text("model", per_unit.NAME)
    included = _included(table)
    meter = table.text("meter")
    price = Price(
        id=name,
        title=table.text("title"),
        meter=meter,
        unit=table.text("unit"),
        model=model,
        # What is free without limit has no price to read; writing one as well is refused as an unknown field.
        terms=per_unit.Terms(unit_amount=Decimal(0)) if included is None else _BY_NAME[model].read(table),
        counts=_counts(table, meter),
        measure=table.choice("measure", MEASURES, TOTAL),
        included=included,
        minimum_per_service=_minimum(table, currency),
    )
    if price.measure == PEAK and price.minimum_per_service is not None:
        table.refuse("minimum_per_service", "a peak belongs to no service", "leave one of the two out")
    if price.measure == PEAK and len(price.counts) > 1:
        table.refuse("counts", "peaks of several meters do not add up", "write one price per meter")
    return price


def _included(table: Table) -> Decimal | None:
    return None if table.says("included", UNLIMITED) else table.number("included", Decimal(0))


def _counts(table: Table, meter: str) -> tuple[tuple[str, Decimal], ...]:
    """A pool's meters with their weights; without ``counts`` a price counts its own meter, one for one."""
    if not table.has("counts"):
        return ((meter, _ONE),)
    pool = Table(table.file, f"{table.path}.counts", table.table("counts"))
    return tuple((name, pool.number(name, positive=True)) for name in table.table("counts"))


def _minimum(table: Table, currency: str) -> Decimal | None:
    if not table.has("minimum_per_service"):
        return None
    minimum = table.money("minimum_per_service")
    unit = minor_unit(currency)
    # Part of a cent per service would be rounded with the number of services, and more usage could then cost less.
    if not minimum or minimum % unit:
        table.refuse("minimum_per_service", f"{minimum} is not a multiple of {unit}", f'write "{plain(unit)}" or more')
    return minimum
