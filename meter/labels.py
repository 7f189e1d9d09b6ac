"""Which usage is meant? Filters on what a series is labelled with: member, service, key and declared dimensions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from psycopg.types.json import Jsonb

from meter.errors import InvalidParameter
from meter.model import Meter

Op = Literal["in", "not", "prefix"]
BUILT_IN = ("member", "service", "key")
MAX_FILTERS = 20
MAX_VALUES = 1_000


class Filter(NamedTuple):
    """Lets usage pass whose label `name` is one of the values ("in"), none of them ("not"), or begins with one.

    A value of None means: has no such label.
    """

    name: str
    op: Op
    values: tuple[str | None, ...]


def only_of(member: str | None, filters: tuple[Filter, ...]) -> tuple[Filter, ...]:
    """The filters, and one more where a single member's usage may be seen."""
    return filters if member is None else (*filters, Filter("member", "in", (member,)))


def as_parameter(filters: Iterable[Filter]) -> Jsonb:
    """The filters as the SQL function `passes` takes them."""
    return Jsonb([{"name": each.name, "op": each.op, "listed": each.values} for each in filters])


def check_known(names: Iterable[str], meter: Meter) -> None:
    """Refuses labels that the meter's usage can't have. Raises InvalidParameter."""
    known = meter.dimensions.union(BUILT_IN)
    for name in names:
        if name not in known:
            raise InvalidParameter(
                f"{name[:64]!r} is not a dimension of {meter.slug}; it has {', '.join(sorted(known))}"
            )


def check_bounded(filters: tuple[Filter, ...]) -> None:
    """Refuses more filters or values than a question needs. Raises InvalidParameter."""
    if len(filters) > MAX_FILTERS or sum(len(each.values) for each in filters) > MAX_VALUES:
        raise InvalidParameter(f"at most {MAX_FILTERS} filters with {MAX_VALUES} values together")
