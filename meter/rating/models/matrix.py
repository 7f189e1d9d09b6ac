"""Matrix model: what a unit costs depends on the labels of its usage, e.g. which model made which kind of token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from meter.rating import charge
from meter.rating.charge import Cells, Charge, Measured
from meter.rating.models import per_unit
from meter.rating.models.rates import Rate, read_rate, refuse_twins, sort

if TYPE_CHECKING:
    from meter.rating.periods import Period
    from meter.rating.table import Table
    from meter.rating.usage import Usage

NAME = "matrix"
KIND = "usage"
METERED = True
BY_ROW = False
OTHERS: Final = "others"
# Labels that any usage has, beside its dimensions.
OWN: Final = ("member", "service", "meter")
# Each set of names is looked up once for every row.
MAX_SETS: Final = 16


class Labelled(Rate, frozen=True, kw_only=True):
    """What usage costs of which all labels of ``when`` are as written; without any, it is for all usage."""

    when: tuple[tuple[str, str], ...]


class Terms(charge.Terms, frozen=True, kw_only=True):
    """The rates as written; the first that fits a row is its price."""

    rates: tuple[Labelled, ...]


Index = dict[tuple[str, ...], dict[tuple[str, ...], int]]


def read(table: Table) -> Terms:
    """Read ``rates``: of each ``when``, ``unit_amount``, ``per`` (default 1) and ``title``. Raises BookError."""
    read = [(each, _rate(each)) for each in table.rows("rates")]
    refuse_twins(read)
    _refuse_unreached(read)
    return Terms(rates=tuple(rate for _, rate in read))


def divide(terms: Terms, rows: tuple[Usage, ...], _period: Period) -> Cells:
    """Sort rows by the first rate that fits their labels; ``member``, ``service`` and ``meter`` are labels too."""
    index: Index = {}
    for place, rate in enumerate(terms.rates):
        names, values = _split(dict(rate.when))
        index.setdefault(names, {}).setdefault(values, place)
    return sort(terms.rates, rows, lambda row: _found(index, _labels(row)))


def price(terms: per_unit.Terms, measured: Measured) -> Charge:
    """Charge the units of one cell."""
    return per_unit.price(terms, measured)


def _rate(table: Table) -> Labelled:
    if not table.has("when"):
        table.refuse("when", "is missing", 'write when = { model = "gpt-4" }, or { } for all other usage')
    labels = table.inner("when")
    when = tuple((name, labels.text(name)) for name in labels.fields)
    rate = read_rate(table, ", ".join(value for _, value in when) or OTHERS)
    table.finish()
    return Labelled(label=rate.label, terms=rate.terms, when=when)


def _refuse_unreached(read: list[tuple[Table, Labelled]]) -> None:
    """A rate behind one that fits all of its usage would be a price that nobody ever pays."""
    index: Index = {}
    for place, (table, rate) in enumerate(read):
        if (first := _found(index, dict(rate.when))) is not None:
            said = f"never counts, as the rate {read[first][1].label!r} before it fits the same usage"
            table.refuse("when", said, "write the narrower one first, or leave it out")
        names, values = _split(dict(rate.when))
        index.setdefault(names, {})[values] = place
        if len(index) > MAX_SETS:
            table.refuse("when", f"is the {len(index)}th set of names", f"write rates by at most {MAX_SETS} sets")


def _labels(row: Usage) -> dict[str, str]:
    own = zip(OWN, (row.member, row.service, row.meter), strict=True)
    return dict(row.dimensions) | {name: value for name, value in own if value is not None}


def _split(labels: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names = tuple(sorted(labels))
    return names, tuple(labels[name] for name in names)


def _found(index: Index, labels: Mapping[str, str]) -> int | None:
    """The first rate whose labels are among these: one look-up for each set of names that rates go by."""
    places = (
        places.get(tuple(labels[name] for name in names))
        for names, places in index.items()
        if all(name in labels for name in names)
    )
    return min((place for place in places if place is not None), default=None)
