"""One price, as a book or a request writes it: which fields there are, and what is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from meter.rating.adjust.convert import DIVIDE, NONE, OPERATIONS, ROUNDINGS
from meter.rating.models import DIVIDED, LEVELS, flat, per_unit, seats
from meter.rating.money import exact, minor_unit, plain
from meter.rating.price import FREE_LEVEL, LEVEL_UNITS, Conversion, Price, model_named, model_names
from meter.rating.proration import NEVER, RULES
from meter.rating.table import Table
from meter.rating.usage import MEASURES, TOTAL, is_measure

if TYPE_CHECKING:
    from meter.rating.charge import Model

UNLIMITED: Final = "unlimited"
# Fields that tell which model was meant, for whoever forgets to write it.
_TELLING: Final = {
    "tiers": '"graduated" or model = "volume"',
    "rates": '"matrix" or model = "time_of_day"',
    "percent": '"percentage"',
    "multiplier": '"dynamic"',
}
# Fields that mean the same whatever the model is.
SHARED_FIELDS: Final = frozenset(
    {
        *("title", "meter", "unit", "counts", "measure", "included", "minimum_per_service", "conversion"),
        *("discount", "maximum", "minimum", "prorate", "category"),
    }
)
_ONE: Final = Decimal(1)
_HUNDRED: Final = Decimal(100)


def read_price(name: str, table: Table, currency: str) -> Price:
    """Read the price called ``name``; its model reads the fields of its own. Raises BookError at the first mistake."""
    _refuse_no_model(table)
    model = model_named(table.choice("model", model_names(), per_unit.NAME))
    price = _metered(name, table, model, currency) if model.METERED else _flat(name, table, model, currency)
    table.finish()
    _refuse_contradictions(price, model, table)
    return price


def _refuse_no_model(table: Table) -> None:
    telling = next((field for field in _TELLING if field in table.fields), None)
    if telling is not None and not table.has("model"):
        table.refuse("model", f"is missing, and {per_unit.NAME} has no {telling}", f"write model = {_TELLING[telling]}")


def _flat(name: str, table: Table, model: Model, currency: str) -> Price:
    times = table.text("times") if table.has("times") else ""
    return Price(
        id=name,
        title=table.text("title"),
        meter="",
        unit=table.text("unit") if times else table.text("unit", "month"),
        model=model.NAME,
        terms=model.read(table),
        included=_free(table, times),
        discount=_percent(table),
        maximum=bound(table, "maximum", currency),
        minimum=bound(table, "minimum", currency),
        prorate=table.choice("prorate", RULES, NEVER),
        category=_category(table),
        times=times,
        quantity=Decimal(0) if times else _ONE,
    )


def _free(table: Table, times: str) -> Decimal:
    """How many of a quantity are free: whole ones, as quantities are."""
    if not table.has("included"):
        return Decimal(0)
    if not times:
        table.refuse("included", "nothing is counted that could be free", 'write times = "seats", or leave it out')
    included = table.number("included", such="2")
    if plain(included) % 1:
        table.refuse("included", f"{included} is not a whole number", "write included = 2")
    return included


def _metered(name: str, table: Table, model: Model, currency: str) -> Price:
    if table.has("times"):
        table.refuse("times", "is for a fee, not for what is measured", f'write model = "{flat.NAME}", without meter')
    included = _included(table)
    if included is None and table.has("unit_amount"):
        table.refuse("unit_amount", f"is of no use, as included is {UNLIMITED}", "leave out one of the two")
    meter = table.text("meter")
    return Price(
        id=name,
        title=table.text("title"),
        meter=meter,
        unit=table.text("unit"),
        # What is free without limit has no price to read; writing one as well is refused as an unknown field.
        model=per_unit.NAME if included is None else model.NAME,
        terms=per_unit.Terms(unit_amount=Decimal(0)) if included is None else model.read(table),
        counts=_counts(table, meter),
        measure=_measure(table),
        included=included,
        minimum_per_service=bound(table, "minimum_per_service", currency),
        conversion=_conversion(table),
        discount=_percent(table),
        maximum=bound(table, "maximum", currency),
        minimum=bound(table, "minimum", currency),
        prorate=table.choice("prorate", RULES, NEVER),
        category=_category(table),
    )


def _refuse_contradictions(price: Price, model: Model, table: Table) -> None:
    """Fields that could not both be kept are told before anybody relies on them."""
    if price.measure != TOTAL and price.minimum_per_service is not None:
        table.refuse("minimum_per_service", f"a {price.measure} belongs to no service", "leave one of the two out")
    if price.measure != TOTAL and len(price.counts) > 1:
        table.refuse("counts", f"{price.measure}s of several meters do not add up", "write one price per meter")
    if price.measure != TOTAL and model.NAME in DIVIDED:
        table.refuse("measure", f"a {price.measure} has no labels to go by", "leave it out, or choose another model")
    if price.minimum is not None and price.maximum is not None and price.minimum > price.maximum:
        table.refuse("minimum", f"{price.minimum} is above the maximum, {price.maximum}", "write a smaller one")
    if price.minimum_per_service is not None and price.maximum is not None:
        table.refuse("minimum_per_service", "lifts services above the maximum", "leave one of the two out")
    if model.BY_ROW and (price.included or price.conversion is not None):
        field = "included" if price.included else "conversion"
        if model.NAME == seats.NAME:
            free = 'for free seats write model = "graduated" with a first tier at unit_amount = "0"'
            table.refuse(field, f"a {model.NAME} price looks at single changes", f"leave it out; {free}")
        table.refuse(field, f"a {model.NAME} price looks at single events", "leave it out; it has fields of its own")
    if model.NAME in LEVELS and price.prorate != NEVER and price.by_units:
        table.refuse("prorate", LEVEL_UNITS, FREE_LEVEL)


def _included(table: Table) -> Decimal | None:
    return None if table.says("included", UNLIMITED) else table.number("included", Decimal(0))


def _measure(table: Table) -> str:
    measure = table.text("measure", TOTAL)
    if not is_measure(measure):
        table.refuse("measure", f"{measure!r} is unknown", f"write {MEASURES}")
    return measure


def _counts(table: Table, meter: str) -> tuple[tuple[str, Decimal], ...]:
    """A pool's meters with their weights; without ``counts`` a price counts its own meter, one for one."""
    if not table.has("counts"):
        return ((meter, _ONE),)
    if not table.table("counts"):
        table.refuse("counts", "is empty, so nothing would ever be billed", "write counts = { requests = 1 }")
    pool = table.inner("counts")
    return tuple((name, pool.number(name, positive=True)) for name in table.table("counts"))


def _conversion(table: Table) -> Conversion | None:
    if not table.has("conversion"):
        return None
    inner = table.inner("conversion")
    conversion = Conversion(
        operation=inner.choice("operation", OPERATIONS, DIVIDE),
        factor=inner.number("factor", positive=True),
        rounding=inner.choice("rounding", (NONE, *ROUNDINGS), NONE),
    )
    inner.finish()
    return conversion


def _percent(table: Table) -> Decimal:
    percent = table.number("discount", Decimal(0))
    if percent > _HUNDRED:
        table.refuse("discount", f"{percent} percent is more than all", "write 0 to 100")
    return percent


@exact()
def bound(table: Table, field: str, currency: str) -> Decimal | None:
    """Read an amount of whole minor units above zero; None where there is none. Raises BookError."""
    if not table.has(field):
        return None
    amount = table.money(field)
    unit = minor_unit(currency)
    # Part of a cent would be rounded with the line (per service: with their number), and more usage could cost less.
    if not amount or amount % unit:
        above = "" if amount else " above zero"
        table.refuse(field, f"{amount} is not a multiple of {unit}{above}", f'write "{plain(unit)}" or more')
    return amount


def _category(table: Table) -> str:
    return table.text("category") if table.has("category") else ""
