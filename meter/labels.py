"""Which usage is meant? Filters on what a series is labelled with: member, service, key and declared dimensions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Literal, NamedTuple

from psycopg.types.json import Jsonb

from meter.errors import InvalidParameter
from meter.model import Meter, SeriesKey

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
    """The filters as SQL takes them: a jsonpath over the labels for the function `passes`, an empty list for none."""
    found = [_path(each) for each in filters]
    return Jsonb(" && ".join(found) if found else [])


def _path(filter_: Filter) -> str:
    label = f"$.{_quoted(filter_.name)}"
    comparison = "starts with" if filter_.op == "prefix" else "=="
    matches = [
        f"!exists({label})" if value is None else f"{label} {comparison} {_quoted(value)}" for value in filter_.values
    ]
    return f"{'!' if filter_.op == 'not' else ''}({' || '.join(matches)})"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a jsonpath string is written as a JSON one


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


def passes(filters: Iterable[Filter], key: SeriesKey) -> bool:
    """Whether labels pass every filter, as `as_parameter` has the database decide; not for filters on keys."""
    own = {name: value for name, value in (("member", key.member), ("service", key.service)) if value is not None}
    labels = dict(key.dimensions) | own
    return all(_matches(each, labels.get(each.name)) == (each.op != "not") for each in filters)


def _matches(filter_: Filter, label: str | None) -> bool:
    if filter_.op == "prefix":
        return label is not None and any(value is not None and label.startswith(value) for value in filter_.values)
    return label in filter_.values
